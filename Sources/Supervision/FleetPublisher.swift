public import Catalog
import Domain
public import Telemetry

/// Owns what changes about the fleet, and publishes every change as one immutable snapshot.
///
/// Changes that arrive together are published together. A method that changes something returns once its change is
/// published, so what was told last is what the loops see. An endpoint is known by its ``EndpointKey``, whatever its
/// place in the configuration becomes; what is told about one that has left is ignored.
///
/// - Isolation: an actor of the control plane; ``handle`` may be read from anywhere.
public actor FleetPublisher {
    /// How models are asked for.
    struct DiscoverySchedule {
        var nextRun: MonotonicTime
        var failures = 0
    }

    struct Entry {
        let key: EndpointKey
        var input: FleetBuilder.Input
        var slot: EndpointSlot
        var label: String
        var machine: HealthMachine
        var lastCheck: Nanoseconds?
        var lastModelSync: Nanoseconds?
        /// The moment of ``lastModelSync`` by the monotonic clock.
        var listedAt = MonotonicTime.zero
        var discovery: DiscoverySchedule
    }

    /// An endpoint that left the configuration while requests were running on it.
    private struct Leaver {
        let label: String
        let live: EndpointLive
        /// Looks in a row that found it idle.
        var idleLooks = 0
    }

    /// Where the loops find the newest snapshot.
    public nonisolated let handle: FleetHandle

    private let metrics: MetricStore
    private let clock: any SupervisionClock
    private let events: EventSink
    private var plan: FleetPlan
    private var entries: [Entry] = []
    private var positions: [EndpointKey: Int] = [:]
    private var lastKey: UInt32 = 0
    private var leavers: [Leaver] = []
    private var isDirty = false
    private var modelIDs: Set<String> = []
    private var droppedModelCount = 0
    private var lastCleanup = MonotonicTime.zero

    /// Publishes a first snapshot in which every endpoint is unknown.
    ///
    /// Label values and the metrics of health and discovery go to `metrics`.
    ///
    /// - Throws: `FleetBuilder.TooManyEndpoints`.
    public init(
        _ plan: FleetPlan, metrics: MetricStore, clock: any SupervisionClock, events: @escaping EventSink
    ) throws {
        let labels = FleetBuilder.labels(of: plan.specs)
        var entries: [Entry] = []
        for (spec, label) in zip(plan.specs, labels) {
            let key = EndpointKey(rawValue: UInt32(entries.count))
            entries.append(Self.newEntry(spec, label: label, key: key, plan: plan, metrics: metrics, now: clock.now()))
        }
        self.handle = FleetHandle(try plan.builder.build(generation: 1, endpoints: entries.map(\.input)))
        self.metrics = metrics
        self.clock = clock
        self.events = events
        self.plan = plan
        self.lastKey = UInt32(entries.count)
        for (position, entry) in entries.enumerated() { self.positions[entry.key] = position }
        self.entries = entries
    }

    private static func newEntry(
        _ spec: EndpointSpec, label: String, key: EndpointKey, plan: FleetPlan, metrics: MetricStore,
        now: MonotonicTime
    ) -> Entry {
        let slot = metrics.endpointSlot(forName: label)
        return Entry(
            key: key,
            input: .init(spec: spec, live: EndpointLive(breaker: plan.breaker), metricSlot: slot.rawValue),
            slot: slot, label: label, machine: HealthMachine(policy: spec.health, at: now),
            discovery: .init(nextRun: now))
    }

    /// An endpoint that is still configured.
    func entry(of key: EndpointKey) -> Entry? { self.positions[key].map { self.entries[$0] } }

    /// Records something about an endpoint that concerns no snapshot.
    nonisolated func record(_ body: (ControlRecorder) -> Void) { body(self.metrics.control) }

    /// What is to be watched now, in configuration order.
    func assignments() -> [Assignment] {
        self.entries.map { Assignment(key: $0.key, spec: $0.input.spec) }
    }

    /// The newest snapshot and the condition of each of its endpoints, in configuration order.
    public func report() -> (fleet: FleetSnapshot, conditions: [EndpointCondition]) {
        let now = self.clock.now()
        let wallTime = self.clock.wallTime()
        let conditions = self.entries.map { entry in
            EndpointCondition(
                lastCheck: entry.lastCheck,
                nextCheck: entry.lastCheck.map { _ in wallTime + (entry.machine.nextCheck - now) },
                lastDuration: entry.lastCheck.map { _ in entry.machine.lastDuration },
                failuresInRow: entry.machine.failuresInRow, lastModelSync: entry.lastModelSync)
        }
        return (self.handle.snapshot, conditions)
    }

    // MARK: Publishing

    /// Marks a change and returns once it is published.
    ///
    /// Steps aside first: whatever else waits to be told becomes part of the same snapshot.
    private func publishSoon() async {
        self.isDirty = true
        await Self.stepAside()
        guard self.isDirty else { return }
        // The number of endpoints was accepted when they were taken over, so this build cannot fail.
        guard let snapshot = try? self.build(self.entries, self.plan) else {
            self.isDirty = false
            return self.metrics.control.bug(.supervision)
        }
        self.publish(snapshot)
    }

    /// Leaves the actor and comes back behind those who wait for it, on the executor of the task.
    @concurrent @inline(never)
    private static func stepAside() async {}

    private func build(_ entries: [Entry], _ plan: FleetPlan) throws(FleetBuilder.TooManyEndpoints) -> FleetSnapshot {
        let metrics = self.metrics
        return try plan.builder.build(
            generation: self.handle.generation + 1, endpoints: entries.map(\.input),
            modelSlot: { metrics.modelSlot(forID: $0).rawValue })
    }

    private func publish(_ snapshot: FleetSnapshot) {
        self.isDirty = false
        self.handle.publish(snapshot)
        self.followModels(of: snapshot)
    }

    private func followModels(of snapshot: FleetSnapshot) {
        let ids = Set(snapshot.models.map(\.id))
        for gone in self.modelIDs.subtracting(ids) { self.metrics.removeModel(gone) }
        self.modelIDs = ids
        for model in snapshot.models {
            self.metrics.control.modelEndpoints(
                ModelSlot(rawValue: model.metricSlot), model.endpoints.intersection(snapshot.routable).count)
        }
        if snapshot.droppedModelCount > 0, snapshot.droppedModelCount != self.droppedModelCount {
            self.events(
                .warn, "Model table is full",
                [("dropped", String(snapshot.droppedModelCount)), ("limit", String(FleetBuilder.modelsMax))])
        }
        self.droppedModelCount = snapshot.droppedModelCount
    }
}

// MARK: - Reconfiguration

extension FleetPublisher {
    /// Replaces the configuration of the fleet and publishes it at once.
    ///
    /// An endpoint whose URL and trust stay keeps its load, breaker, health and models. One that leaves takes no new
    /// request; what runs on it ends in its own time, and ``forgetLeavers()`` takes it off the metrics then.
    ///
    /// - Returns: what was added, removed and changed, by label.
    /// - Throws: `FleetBuilder.TooManyEndpoints`; nothing has changed then.
    public func reconfigure(_ plan: FleetPlan) throws -> FleetChange {
        guard plan.specs.count <= EndpointSet.capacity else {
            throw FleetBuilder.TooManyEndpoints(count: plan.specs.count)
        }
        var rest = Dictionary(self.entries.map { (Identity($0.input.spec), $0) }) { first, _ in first }
        var change = FleetChange()
        var entries: [Entry] = []
        for (spec, label) in zip(plan.specs, FleetBuilder.labels(of: plan.specs)) {
            if let entry = rest.removeValue(forKey: Identity(spec)) {
                entries.append(self.adopting(spec, label: label, into: entry, plan: plan, change: &change))
            } else {
                self.lastKey += 1
                let key = EndpointKey(rawValue: self.lastKey)
                entries.append(
                    Self.newEntry(
                        spec, label: label, key: key, plan: plan, metrics: self.metrics, now: self.clock.now()))
                self.metrics.control.endpointReplaced(entries[entries.count - 1].slot)
                change.added.append(label)
            }
        }
        let snapshot = try self.build(entries, plan)
        for gone in self.entries where rest[Identity(gone.input.spec)] != nil {
            change.removed.append(gone.label)
            self.leavers.append(Leaver(label: gone.label, live: gone.input.live))
        }
        self.plan = plan
        self.entries = entries
        self.positions = [:]
        for (position, entry) in entries.enumerated() { self.positions[entry.key] = position }
        self.publish(snapshot)
        return change
    }

    /// What makes an endpoint the same one in two configurations (routing-and-config 9, W5): not its name.
    private struct Identity: Hashable {
        let url: String
        let trust: EndpointTrust

        init(_ spec: EndpointSpec) {
            self.url = spec.url.text
            self.trust = spec.trust
        }
    }

    private func adopting(
        _ spec: EndpointSpec, label: String, into old: Entry, plan: FleetPlan, change: inout FleetChange
    ) -> Entry {
        var entry = old
        let before = old.input.spec
        let now = self.clock.now()
        if before != spec || old.label != label { change.changed.append(label) }
        entry.input.spec = spec
        if old.label != label {
            self.leavers.append(Leaver(label: old.label, live: old.input.live))
            entry.label = label
            entry.slot = self.metrics.endpointSlot(forName: label)
            entry.input.metricSlot = entry.slot.rawValue
            self.metrics.control.endpointReplaced(entry.slot)
            self.metrics.control.endpointStateChanged(entry.slot, to: entry.input.state)
            self.metrics.control.breakerChanged(entry.slot, to: entry.input.live.breaker.state)
            self.metrics.control.endpointModels(entry.slot, entry.input.models.count)
        }
        if before.health != spec.health { entry.machine.adopt(spec.health, at: now) }
        if let detected = old.input.detectedProfile {
            let name = self.plan.builder.profiles[detected].name
            entry.input.detectedProfile = plan.builder.profiles.index(ofProfile: name)
        }
        let keepsModels = before.typeText == spec.typeText && before.modelsURL == spec.modelsURL
        if !keepsModels {
            entry.input.detectedProfile = nil
            entry.input.models = []
        }
        if !keepsModels || before.modelFilter != spec.modelFilter {
            // What the new filter keeps out is gone at once; what it lets in comes with the next listing.
            entry.input.models.removeAll { !spec.modelFilter.admits($0.name) }
            entry.discovery = .init(nextRun: now)
        }
        if plan.modelRules != self.plan.modelRules {
            entry.input.models = entry.input.models.map { $0.following(plan.modelRules) }
        }
        return entry
    }

    /// Takes endpoints that left off the metrics once nothing runs on them any more.
    ///
    /// Two idle looks in a row are needed: the loops close their connections a moment after a request has ended.
    ///
    /// - Returns: whether some are still busy.
    func forgetLeavers() -> Bool {
        let labels = Set(self.entries.map(\.label))
        self.leavers.removeAll { labels.contains($0.label) }
        for position in self.leavers.indices.reversed() {
            guard self.leavers[position].live.active == 0 || self.isShared(self.leavers[position]) else {
                self.leavers[position].idleLooks = 0
                continue
            }
            self.leavers[position].idleLooks += 1
            guard self.leavers[position].idleLooks > 1 else { continue }
            let leaver = self.leavers.remove(at: position)
            self.metrics.removeEndpoint(leaver.label)
            self.events(.info, "Endpoint removed", [("endpoint", leaver.label)])
        }
        return !self.leavers.isEmpty
    }

    /// Whether the endpoint goes on under another name, so that its load says nothing about the old one.
    private func isShared(_ leaver: Leaver) -> Bool {
        self.entries.contains { $0.input.live === leaver.live }
    }
}

// MARK: - Health

extension FleetPublisher {
    /// When an endpoint's next check is due.
    func nextCheck(of key: EndpointKey) -> (moment: MonotonicTime, isRateLimited: Bool)? {
        guard let position = self.positions[key] else { return nil }
        let machine = self.entries[position].machine
        return (machine.nextCheck, machine.state == .rateLimited)
    }

    /// Whether an endpoint has been checked since the process started.
    func wasChecked(_ key: EndpointKey) -> Bool {
        self.positions[key].map { self.entries[$0].lastCheck != nil } ?? true
    }

    /// A check is due: asks the machine whether to make it.
    func probeDue(_ key: EndpointKey) async -> HealthMachine.Probe? {
        guard let position = self.positions[key] else { return nil }
        switch self.entries[position].machine.probeDue(at: self.clock.now()) {
        case .probe(let probe): return probe
        case .refuse(let change):
            await self.apply(change, at: position, cause: "health breaker open")
            return nil
        }
    }

    /// What a check means for who waits for models.
    enum DiscoveryNeed: Equatable {
        /// The endpoint came up: ask now.
        case now
        /// Ask if a run is due.
        case ifDue
        /// The endpoint is down.
        case none
    }

    /// A check ended.
    func probeFinished(
        _ key: EndpointKey, _ probe: HealthMachine.Probe, result: ProbeResult, label: HealthCheckResult,
        duration: Nanoseconds, cause: String
    ) async -> DiscoveryNeed {
        guard let position = self.positions[key] else { return .none }
        let wallTime = self.clock.wallTime()
        self.metrics.control.healthChecked(
            self.entries[position].slot, label, duration: duration, unixTime: wallTime)
        self.entries[position].lastCheck = wallTime
        guard
            let change = self.entries[position].machine.probeFinished(
                probe, result: result, duration: duration, at: self.clock.now())
        else { return .none }
        if change.state.isRoutable { self.entries[position].input.live.reinstate() }
        let hasModels = !self.entries[position].input.models.isEmpty
        await self.apply(change, at: position, cause: cause)
        if change.isRecovery || (change.isFirstSuccess && !hasModels) { return .now }
        return change.state.isRoutable ? .ifDue : .none
    }

    /// A check was called off.
    func probeAbandoned(_ key: EndpointKey, _ probe: HealthMachine.Probe) {
        guard let position = self.positions[key] else { return }
        self.entries[position].machine.probeAbandoned(probe, at: self.clock.now())
    }

    /// A request could not connect to the endpoint that shares `live` with the loops.
    func connectFailed(_ live: EndpointLive) async {
        guard let position = self.entries.firstIndex(where: { $0.input.live === live }) else { return }
        let change = self.entries[position].machine.connectFailed(at: self.clock.now())
        await self.apply(change, at: position, cause: "a request could not connect")
    }

    private func apply(_ change: HealthChange, at position: Int, cause: String) async {
        guard change.isChanged else { return }
        self.entries[position].input.state = change.state
        self.metrics.control.endpointStateChanged(self.entries[position].slot, to: change.state)
        self.events(
            change.state.isRoutable ? .info : .warn, "Endpoint state changed",
            [
                ("endpoint", self.entries[position].label), ("state", change.state.label.description),
                ("previous", change.previous.label.description), ("cause", cause),
                ("failures", String(self.entries[position].machine.failuresInRow)),
            ])
        await self.publishSoon()
    }
}

// MARK: - Discovery

extension FleetPublisher {
    /// When an endpoint's models are to be listed next.
    func nextDiscovery(of key: EndpointKey) -> MonotonicTime? {
        self.positions[key].map { self.entries[$0].discovery.nextRun }
    }

    /// An endpoint came up: its models are wanted at once, whatever was planned.
    func expectDiscovery(_ key: EndpointKey) {
        guard let position = self.positions[key] else { return }
        self.entries[position].discovery.nextRun = self.clock.now()
    }

    /// The right to list an endpoint's models.
    struct DiscoveryTurn {
        /// The profile found out by an earlier run.
        var detected: ProfileIndex?
    }

    /// Takes the turn to list an endpoint's models, if a run is due and the endpoint is up.
    ///
    /// The next regular run is set to follow after `interval`.
    func takeDiscovery(_ key: EndpointKey, interval: Nanoseconds) -> DiscoveryTurn? {
        guard let position = self.positions[key] else { return nil }
        let now = self.clock.now()
        guard self.entries[position].discovery.nextRun <= now else { return nil }
        self.entries[position].discovery.nextRun = now + interval
        guard self.entries[position].input.state.isRoutable else { return nil }
        return DiscoveryTurn(detected: self.entries[position].input.detectedProfile)
    }

    /// The endpoints that are up, and what is known of their kinds: those that a refresh asks.
    func refreshTurns() -> [(assignment: Assignment, turn: DiscoveryTurn)] {
        self.entries.filter(\.input.state.isRoutable).map { entry in
            (
                Assignment(key: entry.key, spec: entry.input.spec),
                DiscoveryTurn(detected: entry.input.detectedProfile)
            )
        }
    }

    /// An endpoint's models were listed.
    func discovered(
        _ key: EndpointKey, _ outcome: ModelDiscovery.Outcome, duration: Nanoseconds,
        interval: Nanoseconds
    ) async {
        guard let position = self.positions[key] else { return }
        let wallTime = self.clock.wallTime()
        let entry = self.entries[position]
        let models = outcome.reading.models.filter { entry.input.spec.modelFilter.admits($0.name) }
            .map { $0.following(self.plan.modelRules) }
        self.metrics.control.discoveryFinished(entry.slot, .ok, duration: duration, unixTime: wallTime)
        self.metrics.control.endpointModels(entry.slot, models.count)
        self.entries[position].lastModelSync = wallTime
        self.entries[position].listedAt = self.clock.now()
        self.entries[position].discovery = .init(nextRun: self.clock.now() + interval)
        if outcome.reading.skipped > 0 {
            self.events(
                .debug, "Models skipped",
                [("endpoint", entry.label), ("skipped", String(outcome.reading.skipped))])
        }
        let isNew = models != entry.input.models || outcome.profile != entry.input.detectedProfile
        if isNew {
            self.entries[position].input.models = models
            self.entries[position].input.detectedProfile = outcome.profile
            self.events(
                .info, "Models discovered", [("endpoint", entry.label), ("models", String(models.count))])
        }
        if self.forgetStaleModels() || isNew { await self.publishSoon() }
    }

    /// An endpoint's models could not be listed; what was known stays.
    ///
    /// The next run waits for a check interval, doubled with each failure, at most ten regular intervals; it is
    /// made when a health check succeeds after that (routing-and-config 4.5).
    func discoveryFailed(
        _ key: EndpointKey, message: String, forgetsProfile: Bool, duration: Nanoseconds,
        interval: Nanoseconds
    ) async {
        guard let position = self.positions[key] else { return }
        let entry = self.entries[position]
        self.metrics.control.discoveryFinished(
            entry.slot, .fail, duration: duration, unixTime: self.clock.wallTime())
        let failures = entry.discovery.failures + 1
        let (product, overflow) = interval.rawValue.multipliedReportingOverflow(by: 10)
        let longest = overflow ? interval : Nanoseconds(rawValue: product)
        var wait = entry.input.spec.health.checkInterval
        for _ in 1..<failures where wait < longest { wait += wait }
        self.entries[position].discovery = .init(
            nextRun: self.clock.now() + min(wait, longest), failures: failures)
        if forgetsProfile { self.entries[position].input.detectedProfile = nil }
        self.events(
            failures == 1 ? .warn : .debug, "Model discovery failed",
            [("endpoint", entry.label), ("error", message), ("failures", String(failures))])
        if self.forgetStaleModels() { await self.publishSoon() }
    }

    /// Forgets the models of endpoints that have not listed them for too long.
    ///
    /// Returns whether there were any.
    private func forgetStaleModels() -> Bool {
        let now = self.clock.now()
        let rules = self.plan.staleness
        guard now - self.lastCleanup >= rules.cleanupInterval else { return false }
        self.lastCleanup = now
        var hasAny = false
        for (position, entry) in self.entries.enumerated()
        where !entry.input.models.isEmpty && now - entry.listedAt > rules.threshold {
            self.entries[position].input.models = []
            self.metrics.control.endpointModels(entry.slot, 0)
            self.events(
                .info, "Stale models forgotten",
                [("endpoint", entry.label), ("models", String(entry.input.models.count))])
            hasAny = true
        }
        return hasAny
    }

    /// A run was called off before its end.
    func discoveryAbandoned(_ key: EndpointKey) { self.expectDiscovery(key) }
}

extension FleetPublisher {
    /// Publishes the fleet once more without what the configuration attached to it; nothing is served any more.
    public func detach() async {
        self.plan.builder = self.plan.builder.detached
        await self.publishSoon()
    }
}
