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
        /// Those that were answered whole.
        public var successes = 0
        /// The time of all successes.
        public var duration = Nanoseconds.zero
        /// The shortest success.
        public var quickest: Nanoseconds?
        /// The longest success.
        public var slowest: Nanoseconds?
        /// Bytes received from the endpoint.
        public var bytesReceived = 0
    }

    private var totals: [Int: Total] = [:]
    /// Client connections now open.
    public private(set) var openClientConnections = 0

    /// Reads a snapshot.
    public init(_ snapshot: MetricsSnapshot) {
        self.addAttempts(snapshot)
        self.addTimes(snapshot)
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

    private static func name(_ metric: Metric) -> String { MetricCatalog.row(metric).name }

    private mutating func addTimes(_ snapshot: MetricsSnapshot) {
        let reader = SnapshotReader(snapshot)
        reader.each(.viewEndpointSuccessSecondsTotal) { family, series, labels in
            let time = Nanoseconds(rawValue: Int64(clamping: family.total(of: series)))
            self.totals[labels[0], default: .init()].duration += time
        }
        reader.each(.viewQuickestSuccess) { family, series, labels in
            let time = Nanoseconds(rawValue: family.level(of: series))
            let known = self.totals[labels[0], default: .init()].quickest
            self.totals[labels[0], default: .init()].quickest = min(known ?? time, time)
        }
        reader.each(.viewSlowestSuccess) { family, series, labels in
            let time = Nanoseconds(rawValue: family.level(of: series))
            let known = self.totals[labels[0], default: .init()].slowest
            self.totals[labels[0], default: .init()].slowest = max(known ?? time, time)
        }
    }

    private mutating func addAttempts(_ snapshot: MetricsSnapshot) {
        guard let family = snapshot.family(Self.name(.upstreamRequestsTotal)) else { return }
        for series in 0..<family.seriesCount {
            let labels = family.labels(of: series)
            let count = Int(clamping: family.total(of: series))
            self.totals[labels[0], default: .init()].attempts += count
            let isFailure =
                labels[2] == Int(AttemptOutcome.upstreamError.position)
                || labels[2] == Int(AttemptOutcome.upstreamTimeout.position)
            if labels[2] == Int(AttemptOutcome.ok.position) {
                self.totals[labels[0], default: .init()].successes += count
            }
            if isFailure { self.totals[labels[0], default: .init()].failures += count }
        }
    }

    /// The attempts made on an endpoint.
    public subscript(endpoint: EndpointSlot) -> Total { self.totals[Int(endpoint.rawValue)] ?? Total() }
}
