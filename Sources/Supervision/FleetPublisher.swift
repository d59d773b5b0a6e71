public import Catalog
public import Domain
public import Telemetry

/// What supervision knows about an endpoint beyond the fleet snapshot; for the status pages.
///
/// Moments are nanoseconds since the Unix epoch.
public struct EndpointCondition: Equatable, Sendable {
    /// When the last health check ended; nil before the first.
    public var lastCheck: Nanoseconds?
    /// When the next health check is due, without jitter; nil before the first check.
    public var nextCheck: Nanoseconds?
    /// How long the last health check took; nil before the first.
    public var lastDuration: Nanoseconds?
    /// Failed checks and connect failures since the last success.
    public var failuresInRow: Int
    /// When the models were last listed with success; nil before that.
    public var lastModelSync: Nanoseconds?
}

/// Owns what changes about the fleet, and publishes every change as one immutable snapshot.
///
/// Changes that arrive together are published together. A method that changes something returns once its change is
/// published, so what was told last is what the loops see.
///
/// - Isolation: an actor of the control plane; ``handle`` and ``lives`` may be read from anywhere.
public actor FleetPublisher {
    /// How models are asked for.
    struct DiscoverySchedule {
        var nextRun: MonotonicTime
        var failures = 0
    }

    struct Entry {
        var input: FleetBuilder.Input
        let slot: EndpointSlot
        let label: String
        var machine: HealthMachine
        var lastCheck: Nanoseconds?
        var lastModelSync: Nanoseconds?
        var discovery: DiscoverySchedule
    }

    /// Where the loops find the newest snapshot.
    public nonisolated let handle: FleetHandle
    /// What the loops share about each endpoint, in configuration order.
    public nonisolated let lives: [EndpointLive]
    nonisolated let specs: [EndpointSpec]
    nonisolated let profiles: ProfileSet

    private let builder: FleetBuilder
    private let metrics: MetricStore
    private let clock: any SupervisionClock
    private let events: EventSink
    private var entries: [Entry]
    private var isDirty = false
    private var modelIDs: Set<String> = []
    private var droppedModelCount = 0

    /// Publishes a first snapshot in which every endpoint is unknown.
    ///
    /// The specs stand in configuration order; the builder holds the profiles and aliases in force; `breaker` rules the
    /// request breakers; label values and the metrics of health and discovery go to `metrics`.
    ///
    /// - Throws: `FleetBuilder.TooManyEndpoints`.
    public init(
        specs: [EndpointSpec], builder: FleetBuilder, breaker: BreakerPolicy = .init(), metrics: MetricStore,
        clock: any SupervisionClock, events: @escaping EventSink
    ) throws {
        let now = clock.now()
        let labels = FleetBuilder.labels(of: specs)
        self.entries = zip(specs, labels).map { spec, label in
            let slot = metrics.endpointSlot(forName: label)
            return Entry(
                input: .init(spec: spec, live: EndpointLive(breaker: breaker), metricSlot: slot.rawValue),
                slot: slot, label: label, machine: HealthMachine(policy: spec.health, at: now),
                discovery: .init(nextRun: now))
        }
        self.specs = specs
        self.profiles = builder.profiles
        self.lives = self.entries.map(\.input.live)
        self.handle = FleetHandle(try builder.build(generation: 1, endpoints: self.entries.map(\.input)))
        self.builder = builder
        self.metrics = metrics
        self.clock = clock
        self.events = events
    }

    /// The condition of every endpoint, in configuration order.
    public func conditions() -> [EndpointCondition] {
        let now = self.clock.now()
        let wallTime = self.clock.wallTime()
        return self.entries.map { entry in
            EndpointCondition(
                lastCheck: entry.lastCheck,
                nextCheck: entry.lastCheck.map { _ in wallTime + (entry.machine.nextCheck - now) },
                lastDuration: entry.lastCheck.map { _ in entry.machine.lastDuration },
                failuresInRow: entry.machine.failuresInRow, lastModelSync: entry.lastModelSync)
        }
    }

    // MARK: Publishing

    /// Marks a change and returns once it is published.
    ///
    /// Yields first: whatever else waits to be told becomes part of the same snapshot.
    private func publishSoon() async {
        self.isDirty = true
        await Task.yield()
        guard self.isDirty else { return }
        self.isDirty = false
        let metrics = self.metrics
        let built = try? self.builder.build(
            generation: self.handle.generation + 1, endpoints: self.entries.map(\.input),
            modelSlot: { metrics.modelSlot(forID: $0).rawValue })
        // The number of endpoints is fixed since the first build, so this build cannot fail either.
        guard let snapshot = built else { return metrics.control.bug(.supervision) }
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

// MARK: - Health

extension FleetPublisher {
    /// When an endpoint's next check is due.
    func nextCheck(of index: EndpointIndex) -> (moment: MonotonicTime, isRateLimited: Bool) {
        let machine = self.entries[Int(index.rawValue)].machine
        return (machine.nextCheck, machine.state == .rateLimited)
    }

    /// A check is due: asks the machine whether to make it.
    func probeDue(_ index: EndpointIndex) async -> HealthMachine.Probe? {
        switch self.entries[Int(index.rawValue)].machine.probeDue(at: self.clock.now()) {
        case .probe(let probe): return probe
        case .refuse(let change):
            await self.apply(change, to: index, cause: "health breaker open")
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
        _ index: EndpointIndex, _ probe: HealthMachine.Probe, result: ProbeResult, label: HealthCheckResult,
        duration: Nanoseconds, cause: String
    ) async -> DiscoveryNeed {
        let position = Int(index.rawValue)
        let wallTime = self.clock.wallTime()
        self.metrics.control.healthChecked(
            self.entries[position].slot, label, duration: duration, unixTime: wallTime)
        self.entries[position].lastCheck = wallTime
        guard
            let change = self.entries[position].machine.probeFinished(
                probe, result: result, duration: duration, at: self.clock.now())
        else { return .none }
        if change.state.isRoutable { self.entries[position].input.live.reinstate() }
        await self.apply(change, to: index, cause: cause)
        if change.isRecovery || (change.isFirstSuccess && self.entries[position].input.models.isEmpty) {
            return .now
        }
        return change.state.isRoutable ? .ifDue : .none
    }

    /// A check was called off.
    func probeAbandoned(_ index: EndpointIndex, _ probe: HealthMachine.Probe) {
        self.entries[Int(index.rawValue)].machine.probeAbandoned(probe, at: self.clock.now())
    }

    /// A request could not connect.
    func connectFailed(_ index: EndpointIndex) async {
        let change = self.entries[Int(index.rawValue)].machine.connectFailed(at: self.clock.now())
        await self.apply(change, to: index, cause: "a request could not connect")
    }

    private func apply(_ change: HealthChange, to index: EndpointIndex, cause: String) async {
        guard change.isChanged else { return }
        let position = Int(index.rawValue)
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
    func nextDiscovery(of index: EndpointIndex) -> MonotonicTime {
        self.entries[Int(index.rawValue)].discovery.nextRun
    }

    /// An endpoint came up: its models are wanted at once, whatever was planned.
    func expectDiscovery(_ index: EndpointIndex) {
        self.entries[Int(index.rawValue)].discovery.nextRun = self.clock.now()
    }

    /// The right to list an endpoint's models.
    struct DiscoveryTurn {
        /// The profile found out by an earlier run.
        var detected: ProfileIndex?
    }

    /// Takes the turn to list an endpoint's models, if a run is due and the endpoint is up.
    ///
    /// The next regular run is set to follow after `interval`.
    func takeDiscovery(_ index: EndpointIndex, interval: Nanoseconds) -> DiscoveryTurn? {
        let position = Int(index.rawValue)
        let now = self.clock.now()
        guard self.entries[position].discovery.nextRun <= now else { return nil }
        self.entries[position].discovery.nextRun = now + interval
        guard self.entries[position].input.state.isRoutable else { return nil }
        return DiscoveryTurn(detected: self.entries[position].input.detectedProfile)
    }

    /// An endpoint's models were listed.
    func discovered(
        _ index: EndpointIndex, _ outcome: ModelDiscovery.Outcome, duration: Nanoseconds,
        interval: Nanoseconds
    ) async {
        let position = Int(index.rawValue)
        let wallTime = self.clock.wallTime()
        let entry = self.entries[position]
        let models = outcome.reading.models.filter { entry.input.spec.modelFilter.admits($0.name) }
        self.metrics.control.discoveryFinished(entry.slot, .ok, duration: duration, unixTime: wallTime)
        self.metrics.control.endpointModels(entry.slot, models.count)
        self.entries[position].lastModelSync = wallTime
        self.entries[position].discovery = .init(nextRun: self.clock.now() + interval)
        if outcome.reading.skipped > 0 {
            self.events(
                .debug, "Models skipped",
                [("endpoint", entry.label), ("skipped", String(outcome.reading.skipped))])
        }
        guard models != entry.input.models || outcome.profile != entry.input.detectedProfile else { return }
        self.entries[position].input.models = models
        self.entries[position].input.detectedProfile = outcome.profile
        self.events(
            .info, "Models discovered", [("endpoint", entry.label), ("models", String(models.count))])
        await self.publishSoon()
    }

    /// An endpoint's models could not be listed; what was known stays.
    ///
    /// The next run waits for a check interval, doubled with each failure, at most ten regular intervals; it is
    /// made when a health check succeeds after that (routing-and-config 4.5).
    func discoveryFailed(
        _ index: EndpointIndex, message: String, forgetsProfile: Bool, duration: Nanoseconds,
        interval: Nanoseconds
    ) {
        let position = Int(index.rawValue)
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
    }

    /// A run was called off before its end.
    func discoveryAbandoned(_ index: EndpointIndex) {
        self.entries[Int(index.rawValue)].discovery.nextRun = self.clock.now()
    }
}
