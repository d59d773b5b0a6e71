/// Which scripts of other origins may use the gateway (Fetch standard section 3.3; http-surface 6.4).
///
/// A value that the configuration makes once; the lines it gives go into heads as they stand.
///
/// - Bounds: as many patterns as the configuration names; a preflight allocates its lines, another request nothing.
public struct CORSPolicy: Sendable {
    /// An origin: exact, everything, or with one `*` inside.
    private struct Origin: Sendable {
        let prefix: [UInt8]
        let suffix: [UInt8]
        let isExact: Bool

        init(_ text: String) {
            let parts = text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
            self.isExact = parts.count < 2
            self.prefix = Array(parts[0].utf8)
            self.suffix = parts.count < 2 ? [] : Array(parts[1].utf8)
        }

        func matches(_ origin: RawSpan) -> Bool {
            let fixed = self.prefix.count + self.suffix.count
            guard self.isExact ? origin.byteCount == fixed : origin.byteCount >= fixed else { return false }
            for (offset, byte) in self.prefix.enumerated() where origin.byte(offset) != byte { return false }
            let start = origin.byteCount - self.suffix.count
            for (offset, byte) in self.suffix.enumerated() where origin.byte(start + offset) != byte { return false }
            return true
        }
    }

    private let allowsAll: Bool
    private let origins: [Origin]
    private let methods: [[UInt8]]
    private let allowsAllHeaders: Bool
    private let headers: [[UInt8]]
    private let allowsCredentials: Bool
    private let maxAge: Int
    /// What an answer to an allowed origin says after its origin.
    private let answerLines: [UInt8]

    /// The headers that scripts may read when the operator names none: the gateway's own.
    public static let exposedByDefault = [
        "X-Olla-Request-ID", "X-Olla-Endpoint", "X-Olla-Backend-Type", "X-Olla-Model", "X-Olla-Response-Time",
        "X-Olla-Routing-Strategy", "X-Olla-Routing-Decision", "X-Olla-Routing-Reason", "X-Olla-Mode",
        "X-Olla-Sticky-Session", "X-Olla-Sticky-Key-Source", "X-Olla-Session-ID",
    ]

    /// The rules of `server.cors`, which the loader has checked.
    public init(
        origins: [String], methods: [String], headers: [String], exposed: [String], allowsCredentials: Bool, maxAge: Int
    ) {
        self.allowsAll = origins.contains("*")
        // Browsers send scheme and host in lower case (RFC 6454 section 6.2).
        self.origins = origins.map { Origin($0.lowercased()) }
        self.methods = (methods + ["OPTIONS"]).map { Array($0.utf8) }
        self.allowsAllHeaders = headers.contains("*")
        self.headers = headers.map { Array($0.lowercased().utf8) }
        self.allowsCredentials = allowsCredentials
        self.maxAge = maxAge
        let names = (exposed.isEmpty ? Self.exposedByDefault : exposed).joined(separator: ", ")
        var lines = allowsCredentials ? "Access-Control-Allow-Credentials: true\r\n" : ""
        lines += "Access-Control-Expose-Headers: \(names)\r\n"
        self.answerLines = Array(lines.utf8)
    }

    /// Appends the lines of an answer to a request that is no preflight: `Vary` always, the rest for an allowed origin.
    ///
    /// - Parameters:
    ///   - origin: the value of `Origin`; nil when the client sent none.
    ///   - method: the request's method.
    ///   - lines: where the lines go.
    public func appendAnswer(origin: RawSpan?, method: RawSpan, to lines: inout [UInt8]) {
        Self.append("Vary: Origin\r\n", to: &lines)
        guard let origin, self.allows(origin: origin), self.allows(method: method) else { return }
        self.appendOrigin(origin, to: &lines)
        lines.append(contentsOf: self.answerLines)
    }

    /// Appends the lines of the 204 to a preflight: `Vary` always, the rest when origin, method and headers are allowed.
    ///
    /// - Parameters:
    ///   - origin: the value of `Origin`; nil when the client sent none.
    ///   - method: the value of `Access-Control-Request-Method`.
    ///   - headers: the value of `Access-Control-Request-Headers`; nil when the client sent none.
    ///   - lines: where the lines go.
    public func appendPreflight(origin: RawSpan?, method: RawSpan, headers: RawSpan?, to lines: inout [UInt8]) {
        Self.append(
            "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n", to: &lines)
        guard let origin, self.allows(origin: origin), self.allows(method: method) else { return }
        if let headers, !self.allows(headers: headers) { return }
        self.appendOrigin(origin, to: &lines)
        Self.append("Access-Control-Allow-Methods: ", to: &lines)
        Self.append(method, to: &lines)
        Self.append("\r\n", to: &lines)
        if let headers, headers.byteCount > 0 {
            Self.append("Access-Control-Allow-Headers: ", to: &lines)
            Self.append(headers, to: &lines)
            Self.append("\r\n", to: &lines)
        }
        if self.allowsCredentials { Self.append("Access-Control-Allow-Credentials: true\r\n", to: &lines) }
        if self.maxAge > 0 { lines.append(contentsOf: "Access-Control-Max-Age: \(self.maxAge)\r\n".utf8) }
    }

    private func appendOrigin(_ origin: RawSpan, to lines: inout [UInt8]) {
        Self.append("Access-Control-Allow-Origin: ", to: &lines)
        if self.allowsAll { Self.append("*", to: &lines) } else { Self.append(origin, to: &lines) }
        Self.append("\r\n", to: &lines)
    }

    private func allows(origin: RawSpan) -> Bool { self.origins.contains { $0.matches(origin) } }

    /// Methods are compared as they stand (RFC 9110 section 9.1).
    private func allows(method: RawSpan) -> Bool {
        self.methods.contains { name in
            guard name.count == method.byteCount else { return false }
            for (offset, byte) in name.enumerated() where method.byte(offset) != byte { return false }
            return true
        }
    }

    private func allows(headers: RawSpan) -> Bool {
        if self.allowsAllHeaders { return true }
        var name: [UInt8] = []
        for offset in 0...headers.byteCount {
            let byte = offset < headers.byteCount ? headers.byte(offset) : UInt8(ascii: ",")
            switch byte {
            case UInt8(ascii: ","):
                if !name.isEmpty, !self.headers.contains(name) { return false }
                name.removeAll(keepingCapacity: true)
            case 0x20, 0x09: continue
            default: name.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
            }
        }
        return true
    }

    private static func append(_ text: StaticString, to lines: inout [UInt8]) {
        text.withUTF8Buffer { unsafe lines.append(contentsOf: $0) }
    }

    private static func append(_ bytes: RawSpan, to lines: inout [UInt8]) {
        for offset in 0..<bytes.byteCount { lines.append(bytes.byte(offset)) }
    }
}
