import HTTPWire
import Testing

@Suite("A known header")
struct KnownHeaderTests {
    private func resolve(_ name: String) -> KnownHeader {
        // The name ends the buffer, so that a read past it is a read past the end.
        let bytes = latin1(name)
        return KnownHeader(nameIn: bytes.span.bytes, 0..<bytes.count)
    }

    @Test("is found by its name in any case", arguments: KnownHeader.allCases)
    func names(_ header: KnownHeader) {
        let name = "\(header.lowerCasedName)"
        switch header {
        case .other: #expect(self.resolve("x-unknown") == .other)
        case .xOllaOther, .accessControlOther:
            #expect(self.resolve(name + "anything") == header)
            #expect(self.resolve(name.uppercased() + "X") == header)
            #expect(self.resolve(name) == .other)
        default:
            #expect(self.resolve(name) == header)
            #expect(self.resolve(name.uppercased()) == header)
            let mixed = name.enumerated().map { $0.offset % 2 == 0 ? $0.element.uppercased() : "\($0.element)" }
            #expect(self.resolve(mixed.joined()) == header)
        }
    }

    @Test("is not found by a name that differs in one byte", arguments: KnownHeader.allCases)
    func mutations(_ header: KnownHeader) {
        let known = Set(KnownHeader.allCases.map { "\($0.lowerCasedName)" })
        let name = latin1("\(header.lowerCasedName)")
        for index in name.indices {
            for replacement in latin1("abcxyz019-_~^!") where replacement != name[index] {
                var mutated = name
                mutated[index] = replacement
                let string = text(mutated, 0..<mutated.count)
                if known.contains(string) { continue }
                let expected = self.prefixed(string)
                #expect(self.resolve(string) == expected, "\(string)")
            }
            var shorter = name
            shorter.remove(at: index)
            let string = text(shorter, 0..<shorter.count)
            if !known.contains(string) { #expect(self.resolve(string) == self.prefixed(string)) }
        }
    }

    private func prefixed(_ name: String) -> KnownHeader {
        if name.hasPrefix("x-olla-"), name.count > 7 { return .xOllaOther }
        if name.hasPrefix("access-control-"), name.count > 15 { return .accessControlOther }
        return .other
    }

    @Test("belongs to the classes of the contract")
    func classes() {
        let hopByHop = KnownHeader.allCases.filter(\.isHopByHop)
        #expect(
            Set(hopByHop) == [
                .connection, .keepAlive, .proxyAuthenticate, .proxyAuthorization, .proxyConnection, .te,
                .trailer, .transferEncoding, .upgrade,
            ])
        #expect(
            Set(KnownHeader.allCases.filter(\.isCredential)) == [
                .authorization, .cookie, .xApiKey, .xAuthToken, .proxyAuthorization,
            ])
        #expect(
            Set(KnownHeader.allCases.filter(\.isOlla)) == [
                .xOllaRequestID, .xOllaSessionID, .xOllaOther,
            ])
        #expect(KnownHeader.allCases.filter(\.isAccessControl).count == 3)
    }

    @Test("fits a set of 64 bits")
    func sets() {
        #expect(KnownHeader.allCases.count <= 64)
        var set = HeaderSet()
        #expect(set.isEmpty)
        set.insert(.accessControlOther)
        set.insert(.other)
        #expect(set == HeaderSet(.other, .accessControlOther) && !set.isEmpty)
        #expect(set.contains(.other) && !set.contains(.host))
        #expect(set.union(HeaderSet(.host)) == HeaderSet(.other, .host, .accessControlOther))
        #expect(set.intersection(HeaderSet(.host, .other)) == HeaderSet(.other))
    }
}
