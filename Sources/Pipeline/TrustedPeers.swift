public import Domain

/// Whose word about a client's address is believed (http-surface 6.2).
///
/// - Bounds: as many blocks as the configuration names.
public struct TrustedPeers: Sendable {
    private let blocks: [NetworkBlock]

    /// Peers in these blocks are proxies of ours.
    public init(_ blocks: [NetworkBlock]) { self.blocks = blocks }

    /// Whether an address is a proxy of ours.
    public func contains(_ address: NetworkAddress) -> Bool { self.blocks.contains { $0.contains(address) } }

    /// What a list of addresses says.
    public enum Finding: Equatable, Sendable {
        /// The client stands at these bytes of the list.
        case client(Range<Int>, NetworkAddress)
        /// Every entry is a proxy of ours: the field before this one, if any, tells more.
        case allTrusted
        /// An entry is no address: nobody we trust vouches for what stands left of it.
        case unknown
    }

    /// Reads a value of `X-Forwarded-For` from its right end, where the nearest proxy wrote.
    ///
    /// - Parameter list: the value of one field; empty entries are skipped (RFC 9110 section 5.6.1.2).
    /// - Returns: the right-most entry that is not a proxy of ours.
    public func client(in list: RawSpan) -> Finding {
        var end = list.byteCount
        while end > 0 {
            var start = end
            while start > 0, list.byte(start - 1) != UInt8(ascii: ",") { start -= 1 }
            var entry = start..<end
            while let first = entry.first, Self.isBlank(list.byte(first)) { entry = (first + 1)..<entry.upperBound }
            while let last = entry.last, Self.isBlank(list.byte(last)) { entry = entry.lowerBound..<last }
            end = max(0, start - 1)
            if entry.isEmpty { continue }
            guard let address = Self.address(list.extracting(entry)) else { return .unknown }
            if !self.contains(address) { return .client(entry, address) }
        }
        return .allTrusted
    }

    /// The address that a field value is; nil for anything else.
    public static func address(_ value: RawSpan) -> NetworkAddress? {
        // The longest form of an address has 45 characters (RFC 4291 section 2.2).
        guard (2...45).contains(value.byteCount) else { return nil }
        var text = ""
        for offset in 0..<value.byteCount { text.unicodeScalars.append(Unicode.Scalar(value.byte(offset))) }
        return NetworkAddress(text)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
