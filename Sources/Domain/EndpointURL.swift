/// Why a text is not a usable endpoint URL.
///
/// No case carries the text, because it may contain credentials.
public enum EndpointURLError: Error, Equatable, Sendable {
    /// The text is empty.
    case empty
    /// A blank, a control character or a byte above 127 stands at the given offset.
    case illegalCharacter(at: Int)
    /// There is no `scheme://`.
    case missingScheme
    /// The scheme is neither `http` nor `https`.
    case unsupportedScheme
    /// User name or password stand before the host; they belong in the `auth` block.
    case userInfo
    /// There is no host.
    case missingHost
    /// The host is neither a name nor an IPv4 nor a bracketed IPv6 address.
    case invalidHost
    /// The port is not a number from 1 to 65535.
    case invalidPort
    /// A `%` in the path is not followed by two hexadecimal digits.
    case invalidEscape

    /// The problem in words.
    public var message: String {
        switch self {
        case .empty: "the URL is empty"
        case .illegalCharacter(let offset): "the URL has an illegal character at offset \(offset)"
        case .missingScheme: "the URL has no scheme; write http://host:port or https://host:port"
        case .unsupportedScheme: "the URL scheme must be http or https"
        case .userInfo: "the URL contains credentials; use the auth block instead"
        case .missingHost: "the URL has no host"
        case .invalidHost: "the URL host is neither a name nor an IP address"
        case .invalidPort: "the URL port must be a number from 1 to 65535"
        case .invalidEscape: "the URL path has a % without two hexadecimal digits"
        }
    }
}

/// An `http` or `https` URL of an endpoint, taken apart once at load (RFC 3986).
///
/// Query and fragment are accepted and have no meaning.
public struct EndpointURL: Hashable, Sendable {
    /// How the endpoint is spoken to.
    public enum Scheme: UInt8, Sendable {
        case http
        case https

        /// The scheme as it stands in a URL.
        public var text: String { self == .http ? "http" : "https" }

        /// The port when the URL names none.
        public var defaultPort: UInt16 { self == .http ? 80 : 443 }
    }

    /// What kind of host it is, for name resolution and TLS server names.
    public enum HostKind: UInt8, Sendable {
        case name
        case ipv4
        case ipv6
    }

    /// The URL as written.
    public let text: String
    /// How the endpoint is spoken to.
    public let scheme: Scheme
    /// The host to connect to, an IPv6 address without brackets and with its zone.
    public let host: String
    /// What ``host`` is.
    public let hostKind: HostKind
    /// The port, at least 1.
    public let port: UInt16
    /// The path as written without trailing slashes; empty for none or `/`.
    public let basePath: String
    /// The value of the `Host` field: host and port as written, an IPv6 address without its zone (RFC 6874).
    public let hostHeader: String
    /// The URL without credentials, query and fragment: what may be shown.
    public let sanitised: String

    /// Parses a URL strictly.
    public init(_ text: String) throws(EndpointURLError) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        if let offset = bytes.firstIndex(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x5C }) {
            throw .illegalCharacter(at: offset)
        }
        guard let colon = bytes.firstIndex(of: 0x3A), bytes[colon...].starts(with: "://".utf8) else {
            throw .missingScheme
        }
        let scheme: Scheme
        switch String(decoding: bytes[..<colon], as: UTF8.self).lowercased() {
        case "http": scheme = .http
        case "https": scheme = .https
        default: throw .unsupportedScheme
        }
        let rest = bytes[(colon + 3)...]
        let authorityEnd = rest.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        guard !authority.contains(0x40) else { throw .userInfo }
        let (host, port) = try Self.split(authority)
        let parsed = try HostText(host)
        let pathEnd = rest[authorityEnd...].firstIndex { $0 == 0x3F || $0 == 0x23 } ?? rest.endIndex
        let path = rest[authorityEnd..<pathEnd]
        try Self.checkEscapes(path)

        self.text = text
        self.scheme = scheme
        self.host = parsed.host
        self.hostKind = parsed.kind
        self.port = port ?? scheme.defaultPort
        self.hostHeader = parsed.header + (port.map { ":\($0)" } ?? "")
        var baseEnd = path.endIndex
        while baseEnd > path.startIndex, path[baseEnd - 1] == 0x2F { baseEnd -= 1 }
        self.basePath = String(decoding: path[..<baseEnd], as: UTF8.self)
        self.sanitised = "\(scheme.text)://" + String(decoding: rest[..<pathEnd], as: UTF8.self)
    }

    /// Scheme, host and port: what credentials may be sent to.
    public func hasSameOrigin(as other: EndpointURL) -> Bool {
        self.scheme == other.scheme && self.port == other.port
            && self.host.lowercased() == other.host.lowercased()
    }

    private static func split(
        _ authority: ArraySlice<UInt8>
    ) throws(EndpointURLError) -> (host: ArraySlice<UInt8>, port: UInt16?) {
        var hostEnd = authority.endIndex
        if authority.first == 0x5B {
            guard let bracket = authority.firstIndex(of: 0x5D) else { throw .invalidHost }
            hostEnd = bracket + 1
            guard hostEnd == authority.endIndex || authority[hostEnd] == 0x3A else { throw .invalidHost }
        } else if let colon = authority.firstIndex(of: 0x3A) {
            hostEnd = colon
        }
        let host = authority[..<hostEnd]
        guard !host.isEmpty else { throw .missingHost }
        let digits = authority[hostEnd...].dropFirst()
        // An empty port is legal (RFC 3986 section 3.2.3) and means the default.
        guard !digits.isEmpty else { return (host, nil) }
        guard digits.count <= 5, digits.allSatisfy(ASCII.isDigit),
            let port = UInt16(String(decoding: digits, as: UTF8.self)), port > 0
        else { throw .invalidPort }
        return (host, port)
    }

    private static func checkEscapes(_ path: ArraySlice<UInt8>) throws(EndpointURLError) {
        for offset in path.indices where path[offset] == 0x25 {
            guard offset + 2 < path.endIndex, ASCII.hexadecimalValue(path[offset + 1]) != nil,
                ASCII.hexadecimalValue(path[offset + 2]) != nil
            else { throw .invalidEscape }
        }
    }
}

/// The host part of a URL, checked.
private struct HostText {
    let host: String
    let header: String
    let kind: EndpointURL.HostKind

    init(_ bytes: ArraySlice<UInt8>) throws(EndpointURLError) {
        let text = String(decoding: bytes, as: UTF8.self)
        if bytes.first == 0x5B {
            let inner = text.dropFirst().dropLast()
            let parts = inner.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = parts.first, IPAddressText.isIPv6(address) else { throw .invalidHost }
            self.kind = .ipv6
            self.header = "[\(address)]"
            guard parts.count == 2 else {
                self.host = String(address)
                return
            }
            // RFC 6874: the zone follows "%25".
            let zone = parts[1].dropFirst(2)
            guard parts[1].hasPrefix("25"), !zone.isEmpty, zone.utf8.allSatisfy(Self.isNameByte) else {
                throw .invalidHost
            }
            self.host = "\(address)%\(zone)"
            return
        }
        guard bytes.count <= 253, bytes.allSatisfy(Self.isNameByte) else { throw .invalidHost }
        var labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.last?.isEmpty == true { labels.removeLast() }
        guard let last = labels.last, labels.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 63 }) else {
            throw .invalidHost
        }
        self.host = text
        self.header = text
        // No top-level domain is a number, so a host that ends in one is meant as an address.
        guard last.utf8.allSatisfy(ASCII.isDigit) else {
            self.kind = .name
            return
        }
        guard IPAddressText.isIPv4(text[...]) else { throw .invalidHost }
        self.kind = .ipv4
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }
}

/// The textual forms of IP addresses (RFC 3986 section 3.2.2).
enum IPAddressText {
    /// Four decimal numbers up to 255 without leading zeros.
    static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy(ASCII.isDigit) && (part.count == 1 || part.first != "0")
                    && UInt8(part) != nil
            }
    }

    /// Up to eight groups of hexadecimal digits with at most one `::`, the last two optionally an IPv4 address.
    static func isIPv6(_ text: Substring) -> Bool {
        guard let gap = self.firstGap(in: text) else { return self.groupCount(text) == 8 }
        let before = text[..<gap.lowerBound]
        let after = text[gap.upperBound...]
        // The IPv4 form may only end the whole address, hence not the part before the gap.
        guard self.firstGap(in: after) == nil, !before.contains("."),
            let left = before.isEmpty ? 0 : self.groupCount(before),
            let right = after.isEmpty ? 0 : self.groupCount(after)
        else { return false }
        return left + right <= 7
    }

    private static func firstGap(in text: Substring) -> Range<Substring.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == ":", next < text.endIndex, text[next] == ":" {
                return index..<text.index(after: next)
            }
            index = next
        }
        return nil
    }

    private static func groupCount(_ text: Substring) -> Int? {
        let groups = text.split(separator: ":", omittingEmptySubsequences: false)
        var count = 0
        for (position, group) in groups.enumerated() {
            if position == groups.count - 1, group.contains(".") {
                guard self.isIPv4(group) else { return nil }
                count += 2
            } else {
                guard (1...4).contains(group.count),
                    group.utf8.allSatisfy({ ASCII.hexadecimalValue($0) != nil })
                else { return nil }
                count += 1
            }
        }
        return count
    }
}
