/// How a client request ended.
///
/// Exactly one per request.
public enum RequestOutcome: UInt8, CaseIterable, Sendable {
    /// The answer was relayed whole; status below 400, or 304.
    case ok
    /// The client's fault: a backend's 4xx other than 429, or a refusal by the gateway.
    case clientError
    /// The client left before the last byte.
    case clientCancelled
    /// Refused by a rate limit of the gateway.
    case rateLimited
    /// No endpoint could take the request.
    case noEndpoint
    /// A backend failed, or answered 429 or 5xx.
    case upstreamError
    /// A time limit towards the backend passed.
    case upstreamTimeout
    /// Cut by the gateway's own shutdown, or a bug of ours.
    case gatewayError

    /// The word used as metric label and log value.
    public var label: StaticString {
        switch self {
        case .ok: "ok"
        case .clientError: "client_error"
        case .clientCancelled: "client_cancelled"
        case .rateLimited: "rate_limited"
        case .noEndpoint: "no_endpoint"
        case .upstreamError: "upstream_error"
        case .upstreamTimeout: "upstream_timeout"
        case .gatewayError: "gateway_error"
        }
    }
}

/// How one attempt on one endpoint ended.
///
/// Exactly one per attempt.
public enum AttemptOutcome: UInt8, CaseIterable, Sendable {
    /// An answer other than 429 and 5xx was received whole.
    case ok
    /// A transport failure, a broken answer, 429 or 5xx.
    case upstreamError
    /// A time limit passed.
    case upstreamTimeout
    /// The client left first; the endpoint is not blamed.
    case clientCancelled
    /// Cut by the gateway.
    case gatewayError

    /// The word used as metric label and log value.
    public var label: StaticString {
        switch self {
        case .ok: "ok"
        case .upstreamError: "upstream_error"
        case .upstreamTimeout: "upstream_timeout"
        case .clientCancelled: "client_cancelled"
        case .gatewayError: "gateway_error"
        }
    }
}

/// The class of the path a request came in on.
public enum RouteClass: UInt8, CaseIterable, Sendable {
    /// `/olla/proxy/*`
    case proxy
    /// `/olla/{prefix}/*`
    case provider
    /// `/olla/anthropic/*`
    case translator
    /// A model listing answered by the gateway.
    case models
    /// `/internal/*` and `/version`
    case `internal`
    /// Everything else.
    case other

    /// The word used as metric label and log value.
    public var label: StaticString {
        switch self {
        case .proxy: "proxy"
        case .provider: "provider"
        case .translator: "translator"
        case .models: "models"
        case .internal: "internal"
        case .other: "other"
        }
    }
}

/// Why an attempt failed; the `error_type` label.
public enum UpstreamErrorType: UInt8, CaseIterable, Sendable {
    case dns
    case connectRefused
    case unreachable
    case connectTimeout
    case tls
    case reset
    case closed
    case firstByteTimeout
    case idleTimeout
    case `protocol`
    case http429
    case http5xx

    /// The word used as metric label and log value.
    public var label: StaticString {
        switch self {
        case .dns: "dns"
        case .connectRefused: "connect_refused"
        case .unreachable: "unreachable"
        case .connectTimeout: "connect_timeout"
        case .tls: "tls"
        case .reset: "reset"
        case .closed: "closed"
        case .firstByteTimeout: "first_byte_timeout"
        case .idleTimeout: "idle_timeout"
        case .protocol: "protocol"
        case .http429: "http_429"
        case .http5xx: "http_5xx"
        }
    }
}

/// The failure that led to a retry; the `reason` label of `retries_total`.
public enum RetryReason: UInt8, CaseIterable, Sendable {
    case connect
    case tls
    case timeout
    case reset
    case closed
    case http429
    case http5xx

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .connect: "connect"
        case .tls: "tls"
        case .timeout: "timeout"
        case .reset: "reset"
        case .closed: "closed"
        case .http429: "http_429"
        case .http5xx: "http_5xx"
        }
    }
}

/// Why a request was dropped before its head was parsed.
public enum ParseFailureReason: UInt8, CaseIterable, Sendable {
    case badHead
    case headTooLarge
    case timeout
    case closedEarly
    /// The TLS handshake failed.
    case tls

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .badHead: "bad_head"
        case .headTooLarge: "head_too_large"
        case .timeout: "timeout"
        case .closedEarly: "closed_early"
        case .tls: "tls"
        }
    }
}

/// Why no endpoint could be chosen.
public enum RoutingFailure: UInt8, CaseIterable, Sendable {
    case noModel
    case noHealthy
    case allBreakersOpen
    case capability

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .noModel: "no_model"
        case .noHealthy: "no_healthy"
        case .allBreakersOpen: "all_breakers_open"
        case .capability: "capability"
        }
    }
}

/// Why this endpoint was chosen.
public enum RoutingReason: UInt8, CaseIterable, Sendable {
    case model
    case alias
    case sticky
    case fallback
    case any

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .model: "model"
        case .alias: "alias"
        case .sticky: "sticky"
        case .fallback: "fallback"
        case .any: "any"
        }
    }
}

/// Why a stream ended before its end marker.
public enum StreamAbortReason: UInt8, CaseIterable, Sendable {
    case client
    case upstream
    case idleTimeout
    case gateway

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .client: "client"
        case .upstream: "upstream"
        case .idleTimeout: "idle_timeout"
        case .gateway: "gateway"
        }
    }
}
