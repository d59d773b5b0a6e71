public import Domain

/// One GET of supervision: a health check or a model list.
public struct ProbeRequest: Sendable {
    /// A header field.
    public typealias Field = (name: String, value: String)

    /// The absolute URL.
    public var url: String
    /// The header fields, credentials included where they may be sent.
    public var fields: [Field]
    /// How long the exchange may take, from name resolution to the last byte of the body.
    public var timeout: Nanoseconds
    /// What becomes of the body.
    public var body: BodyUse

    /// What becomes of an answer's body.
    public enum BodyUse: Equatable, Sendable {
        /// It is read and kept; a longer one is a failure.
        case keep(bytesMax: Int)
        /// It is read and dropped; a longer one is cut off, which costs the connection.
        case drain(bytesMax: Int)
    }

    /// A request with every part given.
    public init(url: String, fields: [Field], timeout: Nanoseconds, body: BodyUse) {
        self.url = url
        self.fields = fields
        self.timeout = timeout
        self.body = body
    }
}

/// What a server answered.
public struct ProbeAnswer: Sendable {
    /// The HTTP status code.
    public var status: Int
    /// The header fields in the order received.
    public var fields: [ProbeRequest.Field]
    /// The body; empty when it was drained.
    public var body: [UInt8]

    /// An answer with every part given.
    public init(status: Int, fields: [ProbeRequest.Field] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The first value of a field; names are compared without regard to ASCII case.
    func value(of name: String) -> String? {
        self.fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why no usable answer came.
public enum ProbeFailure: Error, Equatable, Sendable {
    /// The time limit passed.
    case timedOut
    /// The exchange broke: name resolution, connection, TLS, a broken answer. The text is for the log.
    case network(String)
    /// The body is longer than allowed.
    case bodyTooLong
    /// More than ten redirects, or one without a usable target.
    case redirects
    /// The task was cancelled.
    case cancelled

    /// The failure in words, for the log.
    public var message: String {
        switch self {
        case .timedOut: "time limit passed"
        case .network(let text): text
        case .bodyTooLong: "the body is too long"
        case .redirects: "too many or unusable redirects"
        case .cancelled: "cancelled"
        }
    }
}

/// Carries one exchange; redirects are not followed.
///
/// A protocol so that tests script the servers.
public protocol ProbeTransport: Sendable {
    /// Sends a GET and reads the whole answer.
    ///
    /// - Throws: ``ProbeFailure``.
    func exchange(_ request: ProbeRequest) async throws(ProbeFailure) -> ProbeAnswer
}
