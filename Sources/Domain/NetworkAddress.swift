/// An IP address as 128 bits; IPv4 stands in its mapped form (RFC 4291 section 2.5.5.2).
///
/// So an IPv4 client of a listener on both families compares equal however its address was written.
public struct NetworkAddress: Hashable, Sendable {
    /// The upper 64 bits.
    let high: UInt64
    /// The lower 64 bits.
    let low: UInt64

    /// Reads an address: dotted decimal without leading zeros, or any form of RFC 4291 section 2.2.
    ///
    /// A zone (`%eth0`, RFC 4007 section 11) is ignored: it names an interface of this host. Nil when the text is no
    /// address.
    ///
    /// - Parameter text: the address, without brackets and port.
    public init?(_ text: some StringProtocol) {
        let address = text.utf8.prefix { $0 != UInt8(ascii: "%") }
        if let value = Self.dotted(address) {
            self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(value))
            return
        }
        guard let groups = Self.groups(Array(address)) else { return nil }
        self.init(
            high: groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) })
    }

    /// The upper and the lower 64 bits.
    public var words: (high: UInt64, low: UInt64) { (self.high, self.low) }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    private static func dotted(_ text: some Collection<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard (0x30...0x39).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - 0x30)
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    /// The eight groups; `::` stands for at least one group of zeros.
    private static func groups(_ text: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        let gap = text.indices.first { $0 + 1 < text.count && text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else {
            guard let groups = Self.list(text[...]), groups.count == 8 else { return nil }
            return groups
        }
        guard let head = Self.list(text[..<gap]), let tail = Self.list(text[(gap + 2)...]),
            head.count + tail.count <= 7
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func list(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (position, part) in parts.enumerated() {
            if position == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let value = Self.dotted(part) else { return nil }
                groups += [UInt16(value >> 16), UInt16(value & 0xFFFF)]
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var group: UInt16 = 0
            for byte in part {
                guard let digit = Self.hexadecimal(byte) else { return nil }
                group = group << 4 | digit
            }
            groups.append(group)
        }
        return groups
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case 0x30...0x39: UInt16(byte - 0x30)
        case 0x41...0x46: UInt16(byte - 0x37)
        case 0x61...0x66: UInt16(byte - 0x57)
        default: nil
        }
    }
}

/// A block of addresses such as `10.0.0.0/8` or `fd00::/8` (RFC 4632 section 3.1, RFC 4291 section 2.3).
public struct NetworkBlock: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64
    private let highMask: UInt64
    private let lowMask: UInt64

    /// Reads a block; bits beyond the prefix are ignored, nil when the text is no block.
    ///
    /// - Parameter text: an address, a slash and the number of leading bits that all its addresses share.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = NetworkAddress(parts[0]), (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(parts[1])
        else { return nil }
        let isDotted = !parts[0].utf8.contains(UInt8(ascii: ":"))
        guard given <= (isDotted ? 32 : 128) else { return nil }
        let length = isDotted ? given + 96 : given
        self.highMask = Self.mask(min(length, 64))
        self.lowMask = Self.mask(max(0, length - 64))
        self.high = address.high & self.highMask
        self.low = address.low & self.lowMask
    }

    private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : UInt64.max << UInt64(64 - bits) }

    /// Whether an address lies in the block.
    public func contains(_ address: NetworkAddress) -> Bool {
        address.high & self.highMask == self.high && address.low & self.lowMask == self.low
    }
}
