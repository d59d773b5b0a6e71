public import Domain
import MetricKernel
import Synchronization

/// Records what happens off the event loops: health, breakers, discovery, configuration, scrapes.
///
/// Its shard is owned by a lock. A loop may call it for an event as rare as a breaker's change of
/// state, never per request.
///
/// - Isolation: any thread.
public final class ControlRecorder: Sendable {
    /// The running configuration as labels of `config_info`.
    private struct Running {
        var engine: EngineLabel
        var balancer: Balancer
        var profile: ProxyProfileLabel
    }

    private struct State {
        let shard: MetricShard
        var running: Running?
    }

    private let state: Mutex<State>

    init(schema: MetricSchema) {
        self.state = Mutex(State(shard: MetricShard(schema: schema), running: nil))
        self.update { shard in
            shard.set(.buildInfo, to: 1)
            for row in MetricCatalog.rows {
                switch row.start {
                case .zero:
                    for labels in Self.combinations(row, endpoint: nil) {
                        shard.create(row, labels)
                    }
                case .exactly(let series):
                    for labels in series { shard.create(row, labels) }
                case .perEndpoint, .firstSight: break
                }
            }
        }
    }

    func update(_ body: (MetricShard) -> Void) {
        self.state.withLock { $0.shard.update(body) }
    }

    /// Copies the shard and gives the values that are facts rather than counts.
    func copy(into snapshot: inout ShardSnapshot) -> [ComputedValue] {
        self.state.withLock { state in
            state.shard.copy(into: &snapshot)
            guard let running = state.running else { return [] }
            return [
                ComputedValue(
                    Metric.configInfo.family,
                    .init(
                        running.engine.position, running.balancer.position,
                        running.profile.position),
                    value: 1)
            ]
        }
    }

    /// Every combination of the row's closed label values, with a given endpoint where it has one.
    private static func combinations(_ row: CatalogRow, endpoint: EndpointSlot?) -> [LabelIndexes] {
        var combinations: [[UInt16]] = [[]]
        for label in row.labels {
            let positions: [UInt16]
            switch label.values {
            case .closed(let values): positions = values.indices.map { UInt16($0) }
            case .endpoints: positions = endpoint.map { [$0.rawValue] } ?? []
            case .models, .clientKeys, .loops, .version, .revision, .swiftVersion: positions = []
            }
            combinations = combinations.flatMap { head in positions.map { head + [$0] } }
        }
        return combinations.map { positions in
            let all = positions + [0, 0, 0, 0]
            return LabelIndexes(all[0], all[1], all[2], all[3])
        }
    }
}

// MARK: - Endpoints

extension ControlRecorder {
    /// A new endpoint is on the page: at zero, its state unknown, its breaker closed.
    func endpointKnown(_ endpoint: EndpointSlot) {
        self.update { shard in
            for row in MetricCatalog.rows {
                guard case .perEndpoint = row.start else { continue }
                for labels in Self.combinations(row, endpoint: endpoint) {
                    shard.create(row, labels)
                }
            }
            guard shard.isNew(Metric.endpointUp.family, .init(endpoint.rawValue)) else { return }
            Self.show(.unknown, of: endpoint, in: shard)
            Self.show(.closed, of: endpoint, in: shard)
        }
    }

    /// Another endpoint took a name over: its state is unknown and its breaker closed.
    public func endpointReplaced(_ endpoint: EndpointSlot) {
        self.update { shard in
            Self.show(.unknown, of: endpoint, in: shard)
            Self.show(.closed, of: endpoint, in: shard)
        }
    }

    /// Health checking changed its mind about an endpoint.
    public func endpointStateChanged(_ endpoint: EndpointSlot, to state: EndpointState) {
        self.update { shard in
            Self.show(state, of: endpoint, in: shard)
            shard.count(.endpointStateChangesTotal, .init(endpoint.rawValue))
        }
    }

    /// A health check ended; `unixTime` is the moment, in nanoseconds since the Unix epoch.
    public func healthChecked(
        _ endpoint: EndpointSlot, _ result: HealthCheckResult, duration: Nanoseconds,
        unixTime: Nanoseconds
    ) {
        self.update { shard in
            shard.count(.healthChecksTotal, .init(endpoint.rawValue, result.position))
            shard.observe(.healthCheckDurationSeconds, .init(endpoint.rawValue), duration)
            if result == .ok {
                shard.set(
                    .healthLastSuccessTimestampSeconds, .init(endpoint.rawValue),
                    to: unixTime.rawValue)
            }
        }
    }

    /// An endpoint's request breaker changed its state.
    public func breakerChanged(_ endpoint: EndpointSlot, to state: BreakerState) {
        self.update { shard in
            Self.show(state, of: endpoint, in: shard)
            shard.count(.breakerTransitionsTotal, .init(endpoint.rawValue, state.position))
        }
    }

    private static func show(
        _ state: EndpointState, of endpoint: EndpointSlot, in shard: MetricShard
    ) {
        shard.set(.endpointUp, .init(endpoint.rawValue), to: state.isRoutable ? 1 : 0)
        for other in EndpointState.allCases {
            shard.set(
                .endpointState, .init(endpoint.rawValue, other.position), to: other == state ? 1 : 0
            )
        }
    }

    private static func show(
        _ state: BreakerState, of endpoint: EndpointSlot, in shard: MetricShard
    ) {
        for other in BreakerState.allCases {
            shard.set(
                .breakerState, .init(endpoint.rawValue, other.position), to: other == state ? 1 : 0)
        }
    }
}

// MARK: - Discovery

extension ControlRecorder {
    /// A discovery run ended; `unixTime` is the moment, in nanoseconds since the Unix epoch.
    public func discoveryFinished(
        _ endpoint: EndpointSlot, _ result: RunResult, duration: Nanoseconds, unixTime: Nanoseconds
    ) {
        self.update { shard in
            shard.count(.discoveryRunsTotal, .init(endpoint.rawValue, result.position))
            shard.observe(.discoveryDurationSeconds, .init(endpoint.rawValue), duration)
            if result == .ok {
                shard.set(
                    .discoveryLastSuccessTimestampSeconds, .init(endpoint.rawValue),
                    to: unixTime.rawValue)
            }
        }
    }

    /// An endpoint has this many models.
    public func endpointModels(_ endpoint: EndpointSlot, _ count: Int) {
        self.update { $0.set(.endpointModels, .init(endpoint.rawValue), to: Int64(count)) }
    }

    /// This many healthy endpoints serve a model.
    ///
    /// The reserved values are not recorded: many models share them, so no number would be right.
    public func modelEndpoints(_ model: ModelSlot, _ count: Int) {
        guard model != .none, model != .other else { return }
        self.update { $0.set(.modelEndpoints, .init(model.rawValue), to: Int64(count)) }
    }
}

// MARK: - Configuration and log

extension ControlRecorder {
    /// The configuration that runs from now on.
    public func configured(
        engine: EngineLabel, balancer: Balancer, profile: ProxyProfileLabel
    ) {
        self.state.withLock {
            $0.running = Running(engine: engine, balancer: balancer, profile: profile)
        }
    }

    /// The configuration was loaded again; `unixTime` is the moment, in nanoseconds since the
    /// epoch.
    public func configReloaded(_ result: RunResult, unixTime: Nanoseconds) {
        self.update { shard in
            shard.count(.configReloadsTotal, .init(result.position))
            self.showLoad(result, unixTime, in: shard)
        }
    }

    /// The configuration was loaded at start: shown as the last success, not counted as a reload.
    public func configLoaded(unixTime: Nanoseconds) {
        self.update { self.showLoad(.ok, unixTime, in: $0) }
    }

    private func showLoad(_ result: RunResult, _ unixTime: Nanoseconds, in shard: MetricShard) {
        shard.set(.configLastReloadSuccessful, to: result == .ok ? 1 : 0)
        if result == .ok {
            shard.set(.configLastReloadSuccessTimestampSeconds, to: unixTime.rawValue)
        }
    }

    /// A log record of the control plane was queued.
    public func logQueued(_ level: LogLevelLabel) {
        self.update { $0.count(.logRecordsTotal, .init(level.position)) }
    }

    /// A log record was dropped.
    public func logDropped(_ reason: LogDropReason) {
        self.update { $0.count(.logDroppedTotal, .init(reason.position)) }
    }

    /// Log bytes were written.
    public func logWritten(bytes: Int) {
        self.update { $0.count(.logWrittenBytesTotal, by: UInt64(max(bytes, 0))) }
    }

    /// Something was seen that only a bug of the gateway explains.
    public func bug(_ site: BugSite) {
        self.update { $0.count(.bugsTotal, .init(site.position)) }
    }
}

// MARK: - The pipeline itself

extension ControlRecorder {
    /// A scrape was answered with `code` and a body of `bodyBytes`, in `duration`.
    public func scrapeFinished(
        _ format: ScrapeFormat, _ encoding: ScrapeEncoding, code: Int, bodyBytes: Int,
        duration: Nanoseconds
    ) {
        self.update { shard in
            shard.count(
                .metricsScrapesTotal, .init(format.position, StatusCode.position(code)))
            shard.observe(.metricsScrapeDurationSeconds, .init(format.position), duration)
            // An error's text is no page.
            guard code == 200 else { return }
            shard.set(.metricsScrapeBodyBytes, .init(encoding.position), to: Int64(bodyBytes))
        }
    }

    func shardFallbackRead() { self.update { $0.count(.metricsShardFallbackReadsTotal) } }

    func seriesEvicted(_ reason: EvictionReason, _ count: Int) {
        guard count > 0 else { return }
        self.update {
            $0.count(.metricsSeriesEvictedTotal, .init(reason.position), by: UInt64(count))
        }
    }
}
