/// How the end of a message body is found (RFC 9112 section 6.3).
public enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// The body is this many bytes; never more than `Int.max`, and possibly 0.
    case length(UInt64)
    /// The body is chunked.
    case chunked
    /// The body ends with the connection; responses only.
    case untilClose
}

/// The minor version of an HTTP/1 message.
public enum MinorVersion: UInt8, Comparable, Sendable {
    /// HTTP/1.0.
    case zero = 0
    /// HTTP/1.1.
    case one = 1

    /// Orders HTTP/1.0 before HTTP/1.1.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
