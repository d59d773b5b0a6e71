public import Domain
public import MetricKernel

/// What the status pages say about traffic, read off one snapshot of the metrics.
///
/// - Bounds: one entry per endpoint that was ever used.
public struct EndpointTotals: Sendable {
    /// The attempts made on one endpoint.
    public struct Total: Sendable {
        /// Attempts that have ended.
        public var attempts = 0
        /// Those that failed; cancellations by clients are no failures.
        public var failures = 0
        /// The time of all of them.
        public var duration = Nanoseconds.zero
        /// Bytes received from the endpoint.
        public var bytesReceived = 0
    }

    private var totals: [Int: Total] = [:]
    /// Client connections now open.
    public private(set) var openClientConnections = 0

    /// Reads a snapshot.
    public init(_ snapshot: MetricsSnapshot) {
        self.addAttempts(snapshot)
        if let family = snapshot.family(Self.name(.upstreamAttemptDurationSeconds)) {
            for series in 0..<family.seriesCount {
                let time = Nanoseconds(rawValue: Int64(clamping: family.sum(of: series)))
                self.totals[family.labels(of: series)[0], default: .init()].duration += time
            }
        }
        if let family = snapshot.family(Self.name(.upstreamBytesTotal)) {
            for series in 0..<family.seriesCount {
                let labels = family.labels(of: series)
                guard labels[1] == Int(ByteDirection.received.position) else { continue }
                self.totals[labels[0], default: .init()].bytesReceived += Int(clamping: family.total(of: series))
            }
        }
        if let family = snapshot.family(Self.name(.clientConnectionsOpen)) {
            for series in 0..<family.seriesCount { self.openClientConnections += Int(family.level(of: series)) }
        }
    }

    private static func name(_ metric: Metric) -> String { MetricCatalog.rows[Int(metric.rawValue)].name }

    private mutating func addAttempts(_ snapshot: MetricsSnapshot) {
        guard let family = snapshot.family(Self.name(.upstreamRequestsTotal)) else { return }
        for series in 0..<family.seriesCount {
            let labels = family.labels(of: series)
            let count = Int(clamping: family.total(of: series))
            self.totals[labels[0], default: .init()].attempts += count
            let isFailure =
                labels[2] == Int(AttemptOutcome.upstreamError.position)
                || labels[2] == Int(AttemptOutcome.upstreamTimeout.position)
            if isFailure { self.totals[labels[0], default: .init()].failures += count }
        }
    }

    /// The attempts made on an endpoint.
    public subscript(endpoint: EndpointSlot) -> Total { self.totals[Int(endpoint.rawValue)] ?? Total() }
}
