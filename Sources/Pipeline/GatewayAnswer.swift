public import Domain

/// An answer the gateway gives by itself instead of a backend's.
///
/// Statuses and wordings are those of http-surface 3.1 and 3.2.
public struct GatewayAnswer: Equatable, Sendable {
    /// What the answer is about.
    public enum Kind: Equatable, Sendable {
        /// The request line or a header field breaks RFC 9112; the reason is for the log.
        case malformed
        /// No route.
        case notFound
        /// A local route was asked with another method.
        case methodNotAllowed
        /// The declared or streamed body is larger than `max_body_size`.
        case bodyTooLarge
        /// The header fields are larger than `max_header_size`.
        case headersTooLarge
        /// No client key, or one that is not known.
        case unauthorized
        /// A limit of requests or tokens a minute is used up.
        case rateLimited
        /// The client did not finish its request in time.
        case requestTimeout
        /// The body's chunked coding is broken.
        case malformedBody
        /// The body is not what the route needs; the text names the field and the rule.
        case invalidRequest
        /// A protocol upgrade was asked for.
        case upgradeRefused
        /// Routing named a status and a reason code.
        case modelRejected
        /// The provider of the path has no healthy endpoint.
        case noProviderEndpoint
        /// No healthy endpoint at all.
        case noHealthyEndpoint
        /// The breakers of all candidates are open.
        case allBreakersOpen
        /// Every candidate is at its limit, and so is the queue.
        case queueFull
        /// No candidate had a free place for as long as a request may wait.
        case queueTimedOut
        /// Every candidate failed to connect.
        case connectFailed
        /// The server's certificate was refused.
        case certificateRefused
        /// The backend closed the connection before answering.
        case closedEarly
        /// A time limit towards the backend passed before its answer began.
        case upstreamTimedOut
        /// The backend's answer is no HTTP.
        case badUpstreamAnswer
        /// The gateway is shutting down.
        case shuttingDown
    }

    /// What the answer is about.
    public var kind: Kind
    /// The HTTP status code.
    public var status: Int
    /// The outcome the request is counted with.
    public var outcome: RequestOutcome

    /// An answer with an explicit status, for refusals whose status depends on the reason.
    public init(_ kind: Kind, status: Int, outcome: RequestOutcome) {
        self.kind = kind
        self.status = status
        self.outcome = outcome
    }

    /// An answer whose status follows from its kind.
    public init(_ kind: Kind) {
        self.kind = kind
        switch kind {
        case .malformed, .malformedBody, .invalidRequest: (self.status, self.outcome) = (400, .clientError)
        case .unauthorized: (self.status, self.outcome) = (401, .clientError)
        case .rateLimited: (self.status, self.outcome) = (429, .rateLimited)
        case .notFound: (self.status, self.outcome) = (404, .clientError)
        case .methodNotAllowed: (self.status, self.outcome) = (405, .clientError)
        case .requestTimeout: (self.status, self.outcome) = (408, .clientError)
        case .bodyTooLarge: (self.status, self.outcome) = (413, .clientError)
        case .upgradeRefused: (self.status, self.outcome) = (426, .clientError)
        case .headersTooLarge: (self.status, self.outcome) = (431, .clientError)
        case .modelRejected: (self.status, self.outcome) = (404, .clientError)
        case .noProviderEndpoint: (self.status, self.outcome) = (404, .noEndpoint)
        case .noHealthyEndpoint, .allBreakersOpen, .queueFull, .queueTimedOut:
            (self.status, self.outcome) = (503, .noEndpoint)
        case .connectFailed, .certificateRefused, .closedEarly, .badUpstreamAnswer:
            (self.status, self.outcome) = (502, .upstreamError)
        case .upstreamTimedOut: (self.status, self.outcome) = (504, .upstreamTimeout)
        case .shuttingDown: (self.status, self.outcome) = (503, .gatewayError)
        }
    }

    /// The answer when the last candidate failed too; 429 and 5xx that were retried count as a broken answer.
    public static func afterLastAttempt(_ failure: UpstreamFailure) -> GatewayAnswer { .failed(failure) }

    /// The answer to a failure that no further attempt can mend.
    static func failed(_ failure: UpstreamFailure) -> GatewayAnswer {
        switch failure.type {
        case .dns, .connectRefused, .unreachable: .init(.connectFailed)
        case .connectTimeout, .firstByteTimeout, .idleTimeout: .init(.upstreamTimedOut)
        case .tls: .init(failure.isCertificate ? .certificateRefused : .connectFailed)
        case .reset, .closed: .init(.closedEarly)
        case .protocol, .http429, .http5xx: .init(.badUpstreamAnswer)
        }
    }
}
