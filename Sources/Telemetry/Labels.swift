public import Domain

/// A closed set of label values, one case each.
///
/// The raw values count from zero without gaps: a raw value is the position in the label's domain.
public protocol MetricLabel: CaseIterable, RawRepresentable, Sendable where RawValue == UInt8 {
    /// The label value.
    var label: StaticString { get }
}

extension MetricLabel {
    /// All values in the order of their positions.
    static var values: [String] { Self.allCases.map { "\($0.label)" } }

    /// The value's position in the label's domain.
    @inlinable
    var position: UInt16 { UInt16(self.rawValue) }
}

extension Stage: MetricLabel {}
extension Party: MetricLabel {}
extension RouteClass: MetricLabel {}
extension RequestOutcome: MetricLabel {}
extension AttemptOutcome: MetricLabel {}
extension UpstreamErrorType: MetricLabel {}
extension RetryReason: MetricLabel {}
extension ParseFailureReason: MetricLabel {}
extension RoutingFailure: MetricLabel {}
extension RoutingReason: MetricLabel {}
extension StreamAbortReason: MetricLabel {}
extension FinishReason: MetricLabel {}
extension LLMOperation: MetricLabel {}
extension EndpointState: MetricLabel {}
extension BreakerState: MetricLabel {}
extension Balancer: MetricLabel {}
extension StickyOutcome: MetricLabel {}

/// The method of a request, cut down to a closed set; the `method` label.
public enum MethodLabel: UInt8, MetricLabel {
    case get
    case post
    case put
    case patch
    case delete
    case head
    case options
    case other

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .get: "GET"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .head: "HEAD"
        case .options: "OPTIONS"
        case .other: "OTHER"
        }
    }

    /// Classifies a method token; methods are case-sensitive (RFC 9110, 9.1).
    public init(token: Span<UInt8>) {
        self = Self.allCases.first { $0 != .other && Self.matches($0.label, token) } ?? .other
    }

    private static func matches(_ word: StaticString, _ token: Span<UInt8>) -> Bool {
        guard word.utf8CodeUnitCount == token.count else { return false }
        return word.withUTF8Buffer { bytes in
            for place in 0..<token.count where unsafe bytes[place] != token[place] { return false }
            return true
        }
    }
}

/// What became of a request at admission; the `decision` label.
public enum AdmissionDecision: UInt8, MetricLabel {
    case admitted
    case queueFull
    case queueTimeout
    case rateLimited
    case bodyTooLarge
    case unauthorized

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .admitted: "admitted"
        case .queueFull: "queue_full"
        case .queueTimeout: "queue_timeout"
        case .rateLimited: "rate_limited"
        case .bodyTooLarge: "body_too_large"
        case .unauthorized: "unauthorized"
        }
    }
}

/// How an attempt got its connection; the `result` label of `upstream_connections_total`.
public enum ConnectionResult: UInt8, MetricLabel {
    case reused
    case opened
    case failed

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .reused: "reused"
        case .opened: "opened"
        case .failed: "failed"
        }
    }
}

/// One step of opening a connection; the `step` label.
public enum ConnectStep: UInt8, MetricLabel {
    case dns
    case tcp
    case tls

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .dns: "dns"
        case .tcp: "tcp"
        case .tls: "tls"
        }
    }
}

/// Whether an open endpoint connection carries an attempt; the `state` label.
public enum ConnectionState: UInt8, MetricLabel {
    case active
    case idle

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .active: "active"
        case .idle: "idle"
        }
    }
}

/// Which peer was too slow; the `side` label of `backpressure_pauses_total`.
public enum BackpressureSide: UInt8, MetricLabel {
    /// The client does not take the response as fast as it comes.
    case client
    /// The endpoint does not take the request as fast as it comes.
    case endpoint

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .client: "client"
        case .endpoint: "endpoint"
        }
    }
}

/// Where a doubtful thing was seen that only a bug of ours explains; the `site` label.
public enum BugSite: UInt8, MetricLabel {
    case requestMachine
    case transport
    case upstreamPool
    case engine
    case streamObserver
    case routing
    case supervision
    case journal
    case admin
    case metricShardFull
    case other

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .requestMachine: "request_machine"
        case .transport: "transport"
        case .upstreamPool: "upstream_pool"
        case .engine: "engine"
        case .streamObserver: "stream_observer"
        case .routing: "routing"
        case .supervision: "supervision"
        case .journal: "journal"
        case .admin: "admin"
        case .metricShardFull: "metric_shard_full"
        case .other: "other"
        }
    }
}

/// The level of a log record; the `level` label.
public enum LogLevelLabel: UInt8, MetricLabel {
    case debug
    case info
    case warn
    case error

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warn: "warn"
        case .error: "error"
        }
    }
}

/// Why a log record was not written; the `reason` label of `log_dropped_total`.
public enum LogDropReason: UInt8, MetricLabel {
    case queueFull
    case sampled
    case sinkError
    case tooLarge

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .queueFull: "queue_full"
        case .sampled: "sampled"
        case .sinkError: "sink_error"
        case .tooLarge: "too_large"
        }
    }
}

/// Why a trace span was not delivered; the `reason` label of `trace_spans_dropped_total`.
public enum SpanDropReason: UInt8, MetricLabel {
    case queueFull
    case exportFailed

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .queueFull: "queue_full"
        case .exportFailed: "export_failed"
        }
    }
}
