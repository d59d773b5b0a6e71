/// Which limit was asked; the `limit` label of `rate_limit_decisions_total`.
public enum RateLimitKind: UInt8, MetricLabel {
    /// The limit all clients share.
    case global
    /// The limit of one client address.
    case perIP
    /// The limit of the health and status paths.
    case health

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .global: "global"
        case .perIP: "per_ip"
        case .health: "health"
        }
    }
}

/// What a rate limiter said; the `decision` label of `rate_limit_decisions_total`.
public enum RateLimitDecision: UInt8, MetricLabel {
    case allowed
    case rejected

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .allowed: "allowed"
        case .rejected: "rejected"
        }
    }
}

/// Why a sticky session was dropped; the `reason` label of `sticky_evictions_total`.
public enum StickyEviction: UInt8, MetricLabel {
    case ttl
    case capacity
    case endpointDown

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .ttl: "ttl"
        case .capacity: "capacity"
        case .endpointDown: "endpoint_down"
        }
    }
}

/// Which translator served; the `translator` label.
public enum TranslatorLabel: UInt8, MetricLabel {
    case anthropic

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .anthropic: "anthropic"
        }
    }
}

/// How a translator served a request; the `mode` label of `translator_requests_total`.
public enum TranslatorMode: UInt8, MetricLabel {
    /// The endpoint speaks the client's dialect: nothing was rewritten.
    case passthrough
    /// Request and answer were rewritten.
    case translate

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .passthrough: "passthrough"
        case .translate: "translate"
        }
    }
}

/// Why a request was translated although passthrough was wanted; the `reason` label of
/// `translator_fallbacks_total`.
public enum TranslatorFallback: UInt8, MetricLabel {
    /// No endpoint that serves the model speaks the client's dialect.
    case noCompatibleEndpoints
    /// The translator has no passthrough.
    case translatorDoesNotSupportPassthrough
    /// The request cannot be passed through as it is.
    case cannotPassthrough

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .noCompatibleEndpoints: "no_compatible_endpoints"
        case .translatorDoesNotSupportPassthrough: "translator_does_not_support_passthrough"
        case .cannotPassthrough: "cannot_passthrough"
        }
    }
}
