public import Domain

/// The retry rules of one configuration generation.
///
/// Keys `proxy.retry.*`. The budget itself is shared by all loops and asked through a closure.
public struct RetryPolicy: Sendable {
    /// Whether any failure leads to another attempt.
    public var isEnabled: Bool
    /// The most attempts for one request; 0 means every candidate once.
    public var maxAttempts: Int
    /// Whether a request that may have side effects is sent again after a response-head timeout.
    public var retriesUnsafeOnHeaderTimeout: Bool
    /// Whether 429 leads to the next candidate.
    public var on429: Bool
    /// Whether 502 leads to the next candidate.
    public var on502: Bool
    /// Whether 503 leads to the next candidate.
    public var on503: Bool
    /// Whether 504 leads to the next candidate.
    public var on504: Bool

    /// The documented defaults.
    public init(
        isEnabled: Bool = true, maxAttempts: Int = 0, retriesUnsafeOnHeaderTimeout: Bool = false,
        statuses: [Int] = [429, 502, 503, 504]
    ) {
        self.isEnabled = isEnabled
        self.maxAttempts = maxAttempts
        self.retriesUnsafeOnHeaderTimeout = retriesUnsafeOnHeaderTimeout
        self.on429 = statuses.contains(429)
        self.on502 = statuses.contains(502)
        self.on503 = statuses.contains(503)
        self.on504 = statuses.contains(504)
    }

    /// The reason a status is retried for, or nil when it is relayed.
    func reason(forStatus status: Int) -> RetryReason? {
        switch status {
        case 429: self.on429 ? .http429 : nil
        case 502: self.on502 ? .http5xx : nil
        case 503: self.on503 ? .http5xx : nil
        case 504: self.on504 ? .http5xx : nil
        default: nil
        }
    }
}

/// What befell an attempt before its answer was complete.
public struct UpstreamFailure: Equatable, Sendable {
    /// The cause; also its metric label.
    public var type: UpstreamErrorType
    /// The server's certificate was refused: another attempt would fail alike, and the operator must act.
    public var isCertificate: Bool

    /// A failure of the given cause.
    public init(_ type: UpstreamErrorType, isCertificate: Bool = false) {
        self.type = type
        self.isCertificate = isCertificate
    }

    /// What the endpoint is charged with.
    public enum Charge: Equatable, Sendable {
        /// Nothing.
        case none
        /// A failure on its request breaker.
        case breaker
        /// A failure on its request breaker, and no traffic until a health check succeeds.
        case offline
    }

    /// What the endpoint is charged with for this failure.
    ///
    /// A connection that cannot be made takes the endpoint offline at once; a connection that breaks does not,
    /// because servers also close connections they have tired of.
    public var charge: Charge {
        switch self.type {
        case .dns, .connectRefused, .unreachable, .connectTimeout: .offline
        case .tls: self.isCertificate ? .breaker : .offline
        case .reset, .closed, .firstByteTimeout, .idleTimeout, .protocol, .http429, .http5xx: .breaker
        }
    }

    /// The outcome of an attempt that failed so.
    public var attemptOutcome: AttemptOutcome {
        switch self.type {
        case .connectTimeout, .firstByteTimeout, .idleTimeout: .upstreamTimeout
        case .dns, .connectRefused, .unreachable, .tls, .reset, .closed, .protocol, .http429, .http5xx:
            .upstreamError
        }
    }

    /// The outcome of a request that ends with this failure.
    var requestOutcome: RequestOutcome {
        self.attemptOutcome == .upstreamTimeout ? .upstreamTimeout : .upstreamError
    }
}
