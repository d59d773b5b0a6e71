import AdminAPI
import Catalog
import ClientSide
import Domain
import Journal
import Pipeline
import Routing
public import Settings
import Supervision
import Synchronization
import Telemetry
import Transport

/// Makes what the engine's loops share out of a configuration.
struct Assembly: Sendable {
    let loops: Int
    let sources: AdminRoutes.Sources
    let metrics: MetricStore
    let logbook: Logbook
    let fleet: FleetPublisher
    let supervisor: Supervisor
    let tls: EndpointTLS
    let sampler: TraceSampler?
    /// Writes calls of the Messages API to files; nil when nobody asked for that.
    var inspector: MessageFiles?

    /// What the loops share under a configuration.
    ///
    /// What remembers something is handed on from the configuration before while the keys that decide about it stay.
    ///
    /// - Throws: ``StartFailure`` for a client key without a value.
    func shared(_ settings: Configuration, following previous: Gateway.Running?) throws -> EngineShared {
        let router = self.router(settings, following: previous?.shared.router)
        let paths = PathRouter(
            profiles: settings.profiles, allowsManagement: settings.server.allowModelManagement,
            servesAnthropic: settings.translators.anthropic.enabled)
        let messages = previous?.shared.messages ?? TranslatorTally()
        let routes = AdminRoutes(
            configuration: AdminRoutes.Configuration(settings), sources: self.sources, fleet: self.fleet.handle,
            metrics: self.metrics, router: router, paths: paths, messages: messages)
        var configuration = EngineConfiguration(settings, loops: self.loops, version: Version.number)
        configuration.traceSampler = self.sampler
        let (supervisor, metrics, logbook, tls) = (self.supervisor, self.metrics, self.logbook, self.tls)
        var shared = EngineShared(
            configuration: configuration, paths: paths, router: router, fleet: self.fleet.handle,
            budget: self.budget(settings, following: previous), routes: routes, tls: { tls.settings(for: $0) },
            breakerChanged: { endpoint, state in
                metrics.control.breakerChanged(EndpointSlot(rawValue: endpoint.metricSlot), to: state)
                logbook.log(
                    state == .open ? .warn : .info, "Circuit breaker changed",
                    [("endpoint", .string(endpoint.label)), ("breaker", .string("\(state.label)"))])
            },
            endpointUnreachable: { supervisor.endpointFailedToConnect($0.live) })
        shared.messages = messages
        shared.inspector = self.inspector
        shared.admission = try Admission(settings.server, following: previous?.shared.admission)
        shared.cors = CORSPolicy(settings.server.cors)
        shared.clientKeySlots = settings.server.auth.keys.map { metrics.clientKeySlot(forName: $0.name) }
        shared.refreshModels = ModelRefreshing.closure(settings, supervisor: supervisor)
        return shared
    }

    /// Requests that wait keep their place under every configuration, so the room is the same for the life of a process;
    /// sessions stay pinned unless what decides about them has changed.
    private func router(_ settings: Configuration, following previous: Router?) -> Router {
        let rules = RoutingRules(settings)
        let room = previous?.room ?? WaitingRoom(policy: .init(settings.proxy.queue))
        guard let policy = StickySessions.Policy(settings.proxy.stickySessions) else {
            return Router(rules: rules, room: room)
        }
        if let sessions = previous?.sessions, sessions.policy == policy {
            return Router(rules: rules, sessions: sessions, room: room)
        }
        return Router(rules: rules, sessions: StickySessions(policy: policy), room: room)
    }

    private func budget(_ settings: Configuration, following previous: Gateway.Running?) -> RetryBudget {
        let retry = settings.proxy.retry
        if let before = previous?.settings.proxy.retry, let previous, before.budgetPercent == retry.budgetPercent,
            before.budgetFloor == retry.budgetFloor
        {
            return previous.shared.budget
        }
        return RetryBudget(policy: .init(percent: retry.budgetPercent, floor: retry.budgetFloor))
    }
}

extension Gateway {
    /// What is in force now.
    struct Running: Sendable {
        var settings: Configuration
        var shared: EngineShared
        /// Counts the configurations of this process.
        var revision: UInt32 = 0
    }

    /// Takes a configuration over that was loaded anew; calls must not overlap.
    ///
    /// Requests that run go on under the rules they began with. One that cannot be used changes nothing; either way the
    /// log and the metrics tell.
    ///
    /// - Returns: whether the new configuration is in force.
    @discardableResult
    public func reload(_ loaded: LoadedConfiguration) async -> Bool {
        guard let configuration = loaded.configuration else {
            self.refuseReload(loaded.errors.map(\.description))
            return false
        }
        do {
            try await self.takeOver(configuration)
        } catch {
            self.refuseReload(["\(error)"])
            return false
        }
        for remark in loaded.remarks { self.warn("\(remark)") }
        return true
    }

    private func takeOver(_ loaded: Configuration) async throws {
        let previous = self.running.withLock { $0 }
        let change = ConfigurationChange(from: previous.settings, to: loaded)
        let settings = change.configuration
        let shared = try self.assembly.shared(settings, following: previous)
        let revision = previous.revision + 1
        let contexts = try EndpointTLS.Contexts(settings.discovery.endpoints)
        let listenerContext = try ListenerCertificates.context(settings.server.tls)
        let plan = try FleetPlan(settings, revision: revision, attachment: EngineRules(shared))
        self.assembly.tls.replace(contexts)
        if let listenerContext { self.certificates?.replace(listenerContext) }
        let fleet = try await self.supervisor.reconfigure(
            plan, policy: SupervisionPolicy(settings.discovery))
        shared.router.room.policy = .init(settings.proxy.queue)
        self.scrape.attach(shared)
        self.running.withLock { $0 = Running(settings: settings, shared: shared, revision: revision) }
        await self.engine.adoptFleet()
        let keys = Set(settings.server.auth.keys.map(\.name))
        for key in previous.settings.server.auth.keys where !keys.contains(key.name) {
            self.metrics.removeClientKey(key.name)
        }
        if let level = LogLevel(configured: settings.logging.level.rawValue) { self.logbook.setLevel(level) }
        self.metrics.control.configured(
            engine: settings.proxy.engine.label, balancer: settings.proxy.loadBalancer.balancer,
            profile: settings.proxy.profile.label)
        self.metrics.control.configReloaded(.ok, unixTime: Nanoseconds(rawValue: Clock.wallNanoseconds()))
        self.report(change, fleet)
    }

    private func report(_ change: ConfigurationChange, _ fleet: FleetChange) {
        let lists = [
            ("changed_keys", change.applied), ("endpoints_added", fleet.added),
            ("endpoints_removed", fleet.removed), ("endpoints_changed", fleet.changed),
        ]
        self.logbook.log(
            .info, "Configuration reloaded",
            lists.filter { !$0.1.isEmpty }.map { ($0.0, .string($0.1.joined(separator: ", "))) })
        if !change.deferred.isEmpty {
            self.logbook.log(
                .warn, "Changed keys need a restart to act",
                [("keys", .string(change.deferred.joined(separator: ", ")))])
        }
    }

    private func refuseReload(_ problems: [String]) {
        self.metrics.control.configReloaded(.fail, unixTime: Nanoseconds(rawValue: Clock.wallNanoseconds()))
        self.logbook.log(
            .error, "Configuration not reloaded; the running one stays", [("problems", .integer(Int64(problems.count)))]
        )
        for problem in problems { self.logbook.log(.error, "Configuration problem", [("problem", .string(problem))]) }
    }
}
