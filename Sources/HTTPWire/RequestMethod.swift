/// The request methods of RFC 9110 and RFC 5789; any other method is forwarded by its bytes.
public enum RequestMethod: UInt8, CaseIterable, Sendable {
    case other
    case get
    case head
    case post
    case put
    case delete
    case connect
    case options
    case trace
    case patch

    /// The method as written on the wire; empty for ``other``.
    public var name: StaticString {
        switch self {
        case .other: ""
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        }
    }

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 section
    /// 9.2.2).
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// Resolves a method, whose letter case matters (RFC 9110 section 9.1).
    @inline(__always)
    static func recognised(_ bytes: RawSpan, start: Int, end: Int) -> Self {
        switch end - start {
        case 3: return Self.exactly(bytes, start, .get) ?? Self.exactly(bytes, start, .put) ?? .other
        case 4: return Self.exactly(bytes, start, .post) ?? Self.exactly(bytes, start, .head) ?? .other
        case 5: return Self.exactly(bytes, start, .patch) ?? Self.exactly(bytes, start, .trace) ?? .other
        case 6: return Self.exactly(bytes, start, .delete) ?? .other
        case 7:
            return Self.exactly(bytes, start, .options) ?? Self.exactly(bytes, start, .connect) ?? .other
        default: return .other
        }
    }

    @inline(__always)
    private static func exactly(_ bytes: RawSpan, _ start: Int, _ method: Self) -> Self? {
        bytes.equalsExactly(method.name, at: start) ? method : nil
    }
}
