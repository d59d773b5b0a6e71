import AdminAPI
import Catalog
import ClientSide
import Domain
import FlightRecorder
import Journal
import MetricKernel
import Pipeline
import Routing
import Supervision
import Synchronization
import Telemetry
import Transport

/// Brings the parts of a scrape together: a copy of each loop's shard, and the facts of the moment.
///
/// - Isolation: thread-safe.
/// - Bounds: a loop that does not answer within ``answerTimeMax`` is read from outside.
final class Scrape: Sendable {
    /// How long a loop may take to copy its shard (telemetry.md 1.9).
    static let answerTimeMax = Nanoseconds.milliseconds(50)

    private let metrics: MetricStore
    private let logbook: Logbook
    private let fleet: FleetPublisher
    private let engine = Mutex<Engine?>(nil)
    private let router = Mutex<Router?>(nil)
    private let admission = Mutex<Admission?>(nil)
    /// What each loop's thread had used when it last answered: a counter goes on while its loop is stuck.
    private let cpuTimes: Mutex<[Nanoseconds]>

    init(_ metrics: MetricStore, logbook: Logbook, fleet: FleetPublisher) {
        self.metrics = metrics
        self.logbook = logbook
        self.fleet = fleet
        self.cpuTimes = Mutex(Array(repeating: .zero, count: metrics.loops.count))
    }

    /// Tells where the loops are; the routes exist before the engine does.
    func attach(_ engine: Engine) { self.engine.withLock { $0 = engine } }

    /// Tells where sessions and the rates of clients are kept.
    func attach(_ shared: EngineShared) {
        self.router.withLock { $0 = shared.router }
        self.admission.withLock { $0 = shared.admission }
    }

    /// Lets go of both: they refer to routes that refer to this.
    func detach() {
        self.engine.withLock { $0 = nil }
        self.router.withLock { $0 = nil }
    }

    /// What the routes read from.
    func sources(isReady: @escaping @Sendable () -> Bool) -> AdminRoutes.Sources {
        var sources = AdminRoutes.Sources(
            isReady: isReady, status: { await self.status() }, collect: { await self.collect(by: $0) },
            now: { Clock.now() }, wallTime: { Nanoseconds(rawValue: Clock.wallNanoseconds()) })
        sources.requests = { await self.requests() }
        let logbook = self.logbook
        sources.warn = { message, fields in
            logbook.log(.warn, message, fields.map { ($0.key, .string($0.value)) })
        }
        return sources
    }

    /// What every loop remembers; a loop that does not answer in time is left out.
    private func requests() async -> [FlightRecord] {
        guard let engine = self.engine.withLock({ $0 }) else { return [] }
        var records: [FlightRecord] = []
        for loop in 0..<engine.loopCount {
            records += await engine.copyRequests(ofLoop: loop, within: Self.answerTimeMax) ?? []
        }
        return records
    }

    private func collect(by deadline: MonotonicTime) async -> (shards: [ShardSnapshot], facts: ScrapeFacts) {
        var facts = ScrapeFacts()
        var shards: [ShardSnapshot] = []
        let copies = await self.copies(by: deadline)
        let offset = Clock.wallNanoseconds() - Clock.now().rawValue
        for (loop, copy) in copies.enumerated() {
            guard let copy else {
                shards.append(self.metrics.fallbackCopy(ofLoop: loop))
                continue
            }
            shards.append(copy.shard)
            self.cpuTimes.withLock { $0[loop] = max($0[loop], copy.cpuTime) }
            let now = Nanoseconds(rawValue: Clock.now().rawValue + offset)
            for start in copy.activeSince {
                facts.addRequest(startedAt: Nanoseconds(rawValue: start.rawValue + offset), now: now)
            }
        }
        facts.eventLoopCPU = self.cpuTimes.withLock { $0 }
        facts.wallTime = Nanoseconds(rawValue: Clock.wallNanoseconds())
        facts.process = ProcessFacts.read()
        facts.log = self.logbook.facts
        if let admission = self.admission.withLock({ $0 }) {
            let now = Clock.now()
            facts.rateLimitTrackedClients = admission.trackedClients(at: now)
            facts.rateLimitedClients = admission.refusedClients(at: now)
        }
        let snapshot = self.fleet.handle.snapshot
        if let sessions = self.router.withLock({ $0 })?.sessions {
            // What has expired counts until somebody looks; a scrape does.
            let evictions = sessions.sweep(snapshot, at: Clock.now())
            self.metrics.control.stickyEvicted(.ttl, count: evictions.expired)
            self.metrics.control.stickyEvicted(.endpointDown, count: evictions.endpointDown)
            facts.stickySessions = sessions.count
        }
        facts.endpoints = (snapshot.routable.count, snapshot.endpoints.count - snapshot.routable.count)
        for endpoint in snapshot.endpoints {
            facts.endpointPriorities[EndpointSlot(rawValue: endpoint.metricSlot)] = endpoint.spec.priority
        }
        return (shards, facts)
    }

    /// Each loop's own copy, or nil where it did not answer in time; all loops are asked at once, so that several
    /// stuck ones cost no more than one.
    private func copies(by deadline: MonotonicTime) async -> [LoopMetrics?] {
        await withTaskGroup(of: (Int, LoopMetrics?).self) { group in
            for loop in self.metrics.loops.indices {
                group.addTask { (loop, await self.copy(loop, by: deadline)) }
            }
            var copies: [LoopMetrics?] = Array(repeating: nil, count: self.metrics.loops.count)
            for await (loop, copy) in group { copies[loop] = copy }
            return copies
        }
    }

    /// A loop's own copy, or nil when it does not answer in time.
    private func copy(_ loop: Int, by deadline: MonotonicTime) async -> LoopMetrics? {
        guard let engine = self.engine.withLock({ $0 }) else { return nil }
        let limit = min(Self.answerTimeMax, deadline - Clock.now())
        guard limit > .zero else { return nil }
        return await engine.copyMetrics(ofLoop: loop, within: limit)
    }

    private func status() async -> StatusReport {
        let collected = await self.collect(by: Clock.now() + .seconds(1))
        let totals = EndpointTotals(
            self.metrics.snapshot(shards: collected.shards, facts: collected.facts, for: .look))
        let (snapshot, conditions) = await self.fleet.report()
        var report = StatusReport(fleet: snapshot)
        report.traffic = snapshot.endpoints.map { endpoint in
            let total = totals[EndpointSlot(rawValue: endpoint.metricSlot)]
            return EndpointTraffic(
                requests: total.attempts, failures: total.failures, timed: total.successes,
                latencySum: total.duration, latencyMin: total.quickest, latencyMax: total.slowest,
                bytes: total.bytesReceived)
        }
        report.health = conditions.map {
            EndpointHealth(
                lastCheck: $0.lastCheck, nextCheck: $0.nextCheck, lastDuration: $0.lastDuration,
                failuresInRow: $0.failuresInRow, lastModelSync: $0.lastModelSync)
        }
        report.blockedAddresses = collected.facts.rateLimitedClients
        report.activeConnections = totals.openClientConnections
        return report
    }
}
