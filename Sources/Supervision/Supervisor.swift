import Catalog
public import Domain
public import ServiceLifecycle
import Synchronization
import Telemetry

/// The rules of supervision that are the same for all endpoints.
public struct SupervisionPolicy: Equatable, Sendable {
    /// The version shown in `User-Agent`.
    public var version: String
    /// Whether models are asked for; key `discovery.model_discovery.enabled`.
    public var discoversModels: Bool
    /// The time between two listings; key `interval`.
    public var discoveryInterval: Nanoseconds
    /// The time limit of one listing of one endpoint, repeats included; key `timeout`.
    public var discoveryTimeout: Nanoseconds
    /// How many endpoints are listed at once; key `concurrent_workers`.
    public var discoveryWorkers: Int
    /// Extra attempts after network errors and 5xx; key `retry_attempts`.
    public var discoveryRetries: Int
    /// The wait before the first extra attempt, doubled with each; key `retry_backoff`.
    public var discoveryBackoff: Nanoseconds
    /// The time between two questions for an engine's load; zero for none; key `discovery.engine_poll_interval`.
    public var enginePollInterval: Nanoseconds
    /// How many endpoints the first health pass asks at once.
    public var firstPassWidth: Int

    /// The documented defaults.
    public init(
        version: String, discoversModels: Bool = true, discoveryInterval: Nanoseconds = .seconds(300),
        discoveryTimeout: Nanoseconds = .seconds(30), discoveryWorkers: Int = 5, discoveryRetries: Int = 3,
        discoveryBackoff: Nanoseconds = .seconds(1), enginePollInterval: Nanoseconds = .seconds(15),
        firstPassWidth: Int = 10
    ) {
        self.version = version
        self.discoversModels = discoversModels
        self.discoveryInterval = discoveryInterval
        self.discoveryTimeout = discoveryTimeout
        self.discoveryWorkers = discoveryWorkers
        self.discoveryRetries = discoveryRetries
        self.discoveryBackoff = discoveryBackoff
        self.enginePollInterval = enginePollInterval
        self.firstPassWidth = firstPassWidth
    }
}

/// Keeps asking every endpoint how it is and which models it has.
///
/// Every endpoint has tasks of its own, so a slow or broken one never delays another: one makes the health checks, one
/// keeps the time of model listings, one makes the listings, one asks the engine for its load. What they learn goes to the ``FleetPublisher``. A new
/// configuration starts and stops the tasks of the endpoints it concerns and leaves the others alone.
///
/// - Isolation: ``run()`` once, anywhere; the other members from any thread.
/// - Bounds: four tasks per endpoint; the first health pass and the listings run a bounded number at once.
public final class Supervisor: Service {
    /// What is watched, and by which rules.
    struct Orders: Sendable {
        let assignments: [Assignment]
        let rules: Rules
    }

    /// The rules of one configuration, and what they bound.
    final class Rules: Sendable {
        let policy: SupervisionPolicy
        let discovery: ModelDiscovery
        let permits: Permits

        init(_ policy: SupervisionPolicy, profiles: ProfileSet, client: ProbeClient) {
            self.policy = policy
            self.discovery = ModelDiscovery(client: client, profiles: profiles, policy: policy)
            self.permits = Permits(count: policy.discoveryWorkers)
        }
    }

    private struct State {
        var rules: Rules
        /// Endpoints of the first configuration that have not been checked yet.
        var unchecked: Set<EndpointKey>
        var refresh = RefreshQueue()
    }

    let fleet: FleetPublisher
    let clock: any SupervisionClock
    let jitter: Jitter
    let client: ProbeClient
    let firstPassPermits: Permits
    private let state: Mutex<State>
    private let ready: Atomic<Bool>
    private let orders: AsyncStream<Orders>
    private let ordersSink: AsyncStream<Orders>.Continuation
    private let refreshes: AsyncStream<Void>
    private let refreshSink: AsyncStream<Void>.Continuation
    private let connectFailures: AsyncStream<EndpointLive>
    private let connectFailureSink: AsyncStream<EndpointLive>.Continuation

    /// A supervisor of the fleet's endpoints.
    ///
    /// The transport carries the checks and listings; the jitter spreads the checks, by at most a tenth of the wait and
    /// never beyond it.
    public init(
        fleet: FleetPublisher, policy: SupervisionPolicy, transport: any ProbeTransport,
        clock: any SupervisionClock, jitter: Jitter = Jitter()
    ) async {
        self.fleet = fleet
        self.clock = clock
        self.jitter = jitter
        self.client = ProbeClient(transport: transport, clock: clock, jitter: jitter)
        self.firstPassPermits = Permits(count: policy.firstPassWidth)
        let rules = Rules(policy, profiles: fleet.handle.snapshot.profiles, client: self.client)
        let assignments = await fleet.assignments()
        self.state = Mutex(State(rules: rules, unchecked: Set(assignments.map(\.key))))
        self.ready = Atomic(assignments.isEmpty)
        (self.orders, self.ordersSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.connectFailures, self.connectFailureSink) = AsyncStream.makeStream()
        (self.refreshes, self.refreshSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.ordersSink.yield(Orders(assignments: assignments, rules: rules))
    }

    /// Whether every endpoint of the first configuration has been checked once, or has left it.
    public var isReady: Bool { self.ready.load(ordering: .acquiring) }

    /// A request could not connect to an endpoint: it takes no more requests, on any loop, from now on.
    ///
    /// Cheap for all but the first of many concurrent failures; at most one report per endpoint and outage waits to be
    /// taken up.
    public func endpointFailedToConnect(_ live: EndpointLive) {
        if live.demote() { self.connectFailureSink.yield(live) }
    }

    /// Takes another configuration over: publishes it, then watches what it says by the rules it says.
    ///
    /// - Returns: what became of the endpoints.
    /// - Throws: `FleetBuilder.TooManyEndpoints`; nothing has changed then.
    public func reconfigure(_ plan: FleetPlan, policy: SupervisionPolicy) async throws -> FleetChange {
        let change = try await self.fleet.reconfigure(plan)
        let assignments = await self.fleet.assignments()
        let rules = self.state.withLock { state in
            if state.rules.policy != policy || state.rules.discovery.profiles != plan.builder.profiles {
                state.rules = Rules(policy, profiles: plan.builder.profiles, client: self.client)
            }
            state.unchecked.formIntersection(assignments.map(\.key))
            if state.unchecked.isEmpty { self.ready.store(true, ordering: .releasing) }
            return state.rules
        }
        self.ordersSink.yield(Orders(assignments: assignments, rules: rules))
        return change
    }

    /// An endpoint has been checked once.
    func firstCheckDone(_ key: EndpointKey) {
        self.state.withLock { state in
            state.unchecked.remove(key)
            if state.unchecked.isEmpty { self.ready.store(true, ordering: .releasing) }
        }
    }

    /// Supervises until cancelled or asked to shut down.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    for await live in self.connectFailures { await self.fleet.connectFailed(live) }
                }
                group.addTask { await self.serveRefreshes() }
                var watches: [EndpointKey: Watch] = [:]
                for await orders in self.orders {
                    for watch in self.renew(&watches, by: orders) {
                        group.addTask { await self.keep(watch) }
                    }
                    // Whoever left is looked after beside the next orders.
                    group.addTask { await self.seeLeaversOff() }
                }
            }
        }
    }

    /// Stops the watches that the orders end or change.
    ///
    /// Returns the watches to begin.
    private func renew(_ watches: inout [EndpointKey: Watch], by orders: Orders) -> [Watch] {
        let wanted = Dictionary(orders.assignments.map { ($0.key, $0) }) { first, _ in first }
        for (key, watch) in watches where wanted[key] != watch.assignment || watch.rules !== orders.rules {
            watch.stop.finish()
            watches[key] = nil
        }
        return orders.assignments.compactMap { assignment in
            guard watches[assignment.key] == nil else { return nil }
            let watch = Watch(assignment, rules: orders.rules)
            watches[assignment.key] = watch
            return watch
        }
    }

    private func seeLeaversOff() async {
        while await self.fleet.forgetLeavers() {
            guard (try? await self.clock.sleep(until: self.clock.now() + .seconds(1))) != nil else { return }
        }
    }
}

// MARK: - Refresh

/// What came of asking every healthy endpoint for its models at once.
public enum RefreshResult: Sendable {
    /// At least one endpoint answered with its list, or there was none to ask.
    case refreshed
    /// None did.
    case failed
}

extension Supervisor {
    /// Who waits for the refresh that runs, or for the next one.
    struct RefreshQueue {
        var waiting: [CheckedContinuation<RefreshResult, Never>] = []
        var limit = Nanoseconds.zero
        var isClosed = false
    }

    /// Lists the models of every healthy endpoint now: for a request whose model nobody is known to have.
    ///
    /// Calls that come while a refresh runs share it. All endpoints are asked at once, whatever bounds the regular
    /// listings: a request is waiting.
    ///
    /// - Parameter limit: the time for one endpoint's list; what is not there by then counts as failed.
    /// - Returns: once every list is there and published; failed when nobody supervises.
    public func refreshModels(within limit: Nanoseconds) async -> RefreshResult {
        await withCheckedContinuation { continuation in
            let isClosed = self.state.withLock { state in
                guard !state.refresh.isClosed else { return true }
                if state.refresh.waiting.isEmpty { state.refresh.limit = limit }
                state.refresh.waiting.append(continuation)
                return false
            }
            if isClosed { continuation.resume(returning: .failed) } else { self.refreshSink.yield() }
        }
    }

    private func serveRefreshes() async {
        for await _ in self.refreshes {
            let (limit, rules) = self.state.withLock { state in
                (state.refresh.waiting.isEmpty ? nil : state.refresh.limit, state.rules)
            }
            // Calls that shared the last refresh have left their signal behind.
            guard let limit else { continue }
            self.answerRefreshes(await self.refresh(by: rules, within: limit), closes: false)
        }
        self.answerRefreshes(.failed, closes: true)
    }

    private func answerRefreshes(_ result: RefreshResult, closes: Bool) {
        let waiting = self.state.withLock { state in
            defer { state.refresh.waiting = [] }
            if closes { state.refresh.isClosed = true }
            return state.refresh.waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }

    private func refresh(by rules: Rules, within limit: Nanoseconds) async -> RefreshResult {
        guard rules.policy.discoversModels else { return .failed }
        let turns = await self.fleet.refreshTurns()
        guard !turns.isEmpty else { return .refreshed }
        let isAnyDone = await withTaskGroup(of: Bool.self) { group in
            for (assignment, turn) in turns {
                group.addTask {
                    await self.list(assignment, detected: turn.detected, rules: rules, limit: limit)
                }
            }
            return await group.reduce(false) { $0 || $1 }
        }
        return isAnyDone ? .refreshed : .failed
    }
}
