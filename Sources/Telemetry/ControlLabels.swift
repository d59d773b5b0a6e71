import Domain

/// How a health check ended; the `result` label of `health_checks_total`.
public enum HealthCheckResult: UInt8, MetricLabel {
    case ok
    case fail
    case timeout

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .ok: "ok"
        case .fail: "fail"
        case .timeout: "timeout"
        }
    }
}

/// Whether something worked; the `result` label of discovery runs and configuration reloads.
public enum RunResult: UInt8, MetricLabel {
    case ok
    case fail

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .ok: "ok"
        case .fail: "fail"
        }
    }
}

/// The family of format a scrape was answered in; the `format` label.
public enum ScrapeFormat: UInt8, MetricLabel {
    case text
    case openmetrics
    case protobuf

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .text: "text"
        case .openmetrics: "openmetrics"
        case .protobuf: "protobuf"
        }
    }
}

/// How a scrape body was coded; the `encoding` label.
public enum ScrapeEncoding: UInt8, MetricLabel {
    case identity
    case gzip

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        }
    }
}

/// Which engine carries the traffic; the `engine` label of `config_info`.
public enum EngineLabel: UInt8, MetricLabel {
    case olla
    case sherpa

    /// The word used as metric label and configuration value.
    public var label: StaticString {
        switch self {
        case .olla: "olla"
        case .sherpa: "sherpa"
        }
    }
}

/// The proxy profile; the `profile` label of `config_info`.
public enum ProxyProfileLabel: UInt8, MetricLabel {
    case auto
    case streaming
    case standard

    /// The word used as metric label and configuration value.
    public var label: StaticString {
        switch self {
        case .auto: "auto"
        case .streaming: "streaming"
        case .standard: "standard"
        }
    }
}

/// How long a request has been running; the `age` label.
enum AgeClass: UInt8, MetricLabel {
    case below1s
    case below10s
    case below60s
    case below300s
    case atLeast300s

    var label: StaticString {
        switch self {
        case .below1s: "lt_1s"
        case .below10s: "lt_10s"
        case .below60s: "lt_60s"
        case .below300s: "lt_300s"
        case .atLeast300s: "ge_300s"
        }
    }

    init(age: Nanoseconds) {
        switch age.rawValue {
        case ..<1_000_000_000: self = .below1s
        case ..<10_000_000_000: self = .below10s
        case ..<60_000_000_000: self = .below60s
        case ..<300_000_000_000: self = .below300s
        default: self = .atLeast300s
        }
    }
}

/// Whether an endpoint may be given requests; the `state` label of `endpoints`.
enum EndpointHealthLabel: UInt8, MetricLabel {
    case healthy
    case unhealthy

    var label: StaticString {
        switch self {
        case .healthy: "healthy"
        case .unhealthy: "unhealthy"
        }
    }
}

/// Which bounded label was full; the `label` label.
enum BoundedLabel: UInt8, MetricLabel {
    case model
    case endpoint
    case key

    var label: StaticString {
        switch self {
        case .model: "model"
        case .endpoint: "endpoint"
        case .key: "key"
        }
    }
}

/// Why series were removed; the `reason` label of `metrics_series_evicted_total`.
enum EvictionReason: UInt8, MetricLabel {
    case endpointRemoved
    case modelRemoved
    case keyRemoved

    var label: StaticString {
        switch self {
        case .endpointRemoved: "endpoint_removed"
        case .modelRemoved: "model_removed"
        case .keyRemoved: "key_removed"
        }
    }
}

/// Whether a client connection was taken; the `result` label of `client_connections_total`.
enum AcceptResult: UInt8, MetricLabel {
    case accepted
    case rejected

    var label: StaticString {
        switch self {
        case .accepted: "accepted"
        case .rejected: "rejected"
        }
    }
}

/// Which way bytes went; the `direction` label.
enum ByteDirection: UInt8, MetricLabel {
    case sent
    case received

    var label: StaticString {
        switch self {
        case .sent: "sent"
        case .received: "received"
        }
    }
}

/// Which tokens; the `token_type` label of the totals.
enum TokenType: UInt8, MetricLabel {
    case input
    case output

    var label: StaticString {
        switch self {
        case .input: "input"
        case .output: "output"
        }
    }
}

/// Which subset of the tokens; the `token_type` label of the details.
enum TokenDetail: UInt8, MetricLabel {
    case inputCached
    case inputCacheCreation
    case outputReasoning

    var label: StaticString {
        switch self {
        case .inputCached: "input_cached"
        case .inputCacheCreation: "input_cache_creation"
        case .outputReasoning: "output_reasoning"
        }
    }
}

/// Whether the response was a stream; the `stream` label.
enum StreamFlag: UInt8, MetricLabel {
    case no
    case yes

    var label: StaticString {
        switch self {
        case .no: "false"
        case .yes: "true"
        }
    }
}
