import AdminAPI
import Catalog
import ClientSide
import Domain
import Foundation
import Journal
import Logging
import MetricKernel
import NIOCore
import NIOPosix
import Pipeline
import Routing
public import ServiceLifecycle
public import Settings
import Supervision
import Synchronization
import Telemetry
import TraceExport
import Transport
public import UnixSignals

#if canImport(Glibc)
import Glibc
#endif

/// The whole gateway: builds the graph from a configuration, runs it, and takes it down in order.
///
/// - Isolation: thread-safe.
public final class Gateway: Sendable {
    /// How the gateway was started; ``running`` is what it has become since.
    let settings: Configuration
    let running: Mutex<Running>
    let assembly: Assembly
    let scrape: Scrape
    let group: MultiThreadedEventLoopGroup
    let logbook: Logbook
    let metrics: MetricStore
    let fleet: FleetPublisher
    let supervisor: Supervisor
    let transport: HTTPProbeTransport
    let engine: Engine
    let spans: SpanExport
    let listener: Listener
    /// The listener for `/internal/*` and `/version`; nil when ``listener`` has them.
    let adminListener: Listener?
    /// What ``listener`` shakes hands by; nil for plain HTTP.
    let certificates: ListenerCertificates?
    private let stopping: Stopping
    private let stopAsked = Stopping()
    private let services = Mutex<ServiceGroup?>(nil)

    /// Whether the gateway has been asked to stop; shared with the readiness route.
    final class Stopping: Sendable {
        private let flag = Atomic<Bool>(false)
        var isSet: Bool { self.flag.load(ordering: .acquiring) }
        func set() { self.flag.store(true, ordering: .releasing) }
    }

    /// The port in use, also when the configuration asked for any free one.
    public var port: Int { self.listener.localAddress?.port ?? self.settings.server.port }

    /// The port in use for `/internal/*` and `/version` alone; nil when they are found at ``port``.
    public var adminPort: Int? { self.adminListener.flatMap { $0.localAddress?.port } }

    /// Builds everything and starts to listen.
    ///
    /// Health checks begin with ``run()``; until their first pass is over the gateway says it is not ready.
    ///
    /// - Parameters:
    ///   - settings: a validated configuration.
    ///   - environment: the variables that decide about the log.
    ///   - output: the descriptor that log lines go to; it is not closed.
    /// - Returns: a gateway that listens.
    /// - Throws: ``StartFailure`` or an error of the system, such as a port in use.
    public static func start(
        _ settings: Configuration, environment: [String: String], output: Int32 = 1
    ) async throws -> Gateway {
        let loopCount = settings.server.eventLoops > 0 ? settings.server.eventLoops : System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
        do {
            let logbook = try Self.openLogbook(
                settings, environment: environment, loops: loopCount, output: output)
            return try await self.assemble(settings, logbook: logbook, group: group, loopCount: loopCount)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func assemble(
        _ settings: Configuration, logbook: Logbook, group: MultiThreadedEventLoopGroup, loopCount: Int
    ) async throws -> Gateway {
        let plan = try FleetPlan(settings, revision: 0)
        let tls = EndpointTLS(try EndpointTLS.Contexts(settings.discovery.endpoints))
        let metrics = settings.metrics.store(loops: loopCount, endpoints: FleetBuilder.labels(of: plan.specs))
        for name in MetricCatalog.histograms(named: settings.metrics.nativeHistograms).unknown {
            logbook.log(
                .warn, "No histogram has this name; see docs/METRICS.md",
                [("key", .string("metrics.native_histograms")), ("name", .string(name))])
        }
        metrics.control.configured(
            engine: settings.proxy.engine.label, balancer: settings.proxy.loadBalancer.balancer,
            profile: settings.proxy.profile.label)
        metrics.control.configLoaded(unixTime: Nanoseconds(rawValue: Clock.wallNanoseconds()))
        let clock = SystemSupervisionClock(
            now: { Clock.now() }, wallTime: { Nanoseconds(rawValue: Clock.wallNanoseconds()) })
        let fleet = try FleetPublisher(
            plan, metrics: metrics, clock: clock,
            events: { level, message, fields in
                logbook.log(LogLevel(level), message, fields.map { ($0.key, .string($0.value)) })
            })
        let transport = HTTPProbeTransport(eventLoopGroup: group) { tls.configuration(forProbe: $0) }
        let supervisor = await Supervisor(
            fleet: fleet, policy: SupervisionPolicy(settings.discovery), transport: transport,
            clock: clock)
        let parts = Parts(
            settings: settings, group: group, logbook: logbook, metrics: metrics, fleet: fleet, supervisor: supervisor,
            transport: transport, tls: tls)
        do {
            return try await Self.open(parts, loopCount: loopCount)
        } catch {
            try? await transport.shutdown()
            throw error
        }
    }

    /// What is built before the engine.
    private struct Parts {
        var settings: Configuration
        var group: MultiThreadedEventLoopGroup
        var logbook: Logbook
        var metrics: MetricStore
        var fleet: FleetPublisher
        var supervisor: Supervisor
        var transport: HTTPProbeTransport
        var tls: EndpointTLS
    }

    private static func open(_ parts: Parts, loopCount: Int) async throws -> Gateway {
        let settings = parts.settings
        let stopping = Stopping()
        let certificates = try ListenerCertificates.context(settings.server.tls).map { ListenerCertificates($0) }
        let scrape = Scrape(parts.metrics, logbook: parts.logbook, fleet: parts.fleet)
        let spans = try SpanExport(
            settings.tracing, loops: loopCount, group: parts.group, control: parts.metrics.control,
            logbook: parts.logbook)
        let assembly = Assembly(
            loops: loopCount, sources: scrape.sources { parts.supervisor.isReady && !stopping.isSet },
            metrics: parts.metrics, logbook: parts.logbook, fleet: parts.fleet, supervisor: parts.supervisor,
            tls: parts.tls, sampler: spans.sampler,
            inspector: try MessageFiles.open(settings.translators.anthropic.inspector, logbook: parts.logbook))
        let shared = try assembly.shared(settings, following: nil)
        scrape.attach(shared)
        let eventLoops = Array(parts.group.makeIterator())
        let engine = try await Engine.start(
            eventLoops: eventLoops, upstreams: settings.proxy.engine.upstreams, shared: shared,
            recorders: parts.metrics.loops, logbook: parts.logbook, spans: spans.queues)
        scrape.attach(engine)
        let listeners = try await Listeners.open(
            settings, group: parts.group, engine: engine, certificates: certificates)
        return Gateway(
            parts, assembly, shared: shared, engine: engine, scrape: scrape, spans: spans, listeners: listeners,
            stopping: stopping)
    }

    private init(
        _ parts: Parts, _ assembly: Assembly, shared: EngineShared, engine: Engine, scrape: Scrape,
        spans: SpanExport, listeners: Listeners, stopping: Stopping
    ) {
        self.settings = parts.settings
        self.running = Mutex(Running(settings: parts.settings, shared: shared))
        self.assembly = assembly
        self.scrape = scrape
        self.group = parts.group
        self.logbook = parts.logbook
        self.metrics = parts.metrics
        self.fleet = parts.fleet
        self.supervisor = parts.supervisor
        self.transport = parts.transport
        self.engine = engine
        self.spans = spans
        self.listener = listeners.main
        self.adminListener = listeners.admin
        self.certificates = listeners.certificates
        self.stopping = stopping
    }

    private static func openLogbook(
        _ settings: Configuration, environment: [String: String], loops: Int, output: Int32
    ) throws -> Logbook {
        var warnings: [String] = []
        let configuration = Logbook.Configuration(
            level: settings.logging.level.rawValue, format: settings.logging.format.rawValue,
            output: settings.logging.output.rawValue, environment: environment, isTerminal: isatty(output) == 1,
            warnings: &warnings)
        let logbook = try Logbook(loops: loops, configuration: configuration, descriptor: output)
        for warning in warnings { logbook.log(.warn, warning) }
        return logbook
    }

    /// The host that is listened on, as configured.
    public var host: String { self.settings.server.host }

    /// The host of ``adminPort``, as configured.
    public var adminHost: String { self.settings.server.admin.host ?? self.host }

    /// Writes a record of the gateway itself.
    public func log(_ message: String, _ fields: [(key: String, value: String)] = []) {
        self.logbook.log(.info, message, fields.map { ($0.key, .string($0.value)) })
    }

    /// Writes something the operator should look at.
    public func warn(_ message: String) { self.logbook.log(.warn, message) }

    // MARK: Running

    /// Runs until asked to shut down, then drains (http-surface 6.7) and returns.
    ///
    /// - Parameters:
    ///   - others: what runs beside the gateway and stops before it, such as the demo's traffic.
    ///   - signals: the signals that ask for shutdown.
    ///   - reloading: how the configuration is loaded anew; nil for a configuration that stays.
    /// - Throws: what a service throws; a drained gateway throws nothing.
    public func run(
        beside others: [any Service] = [], signals: [UnixSignal] = [.sigterm, .sigint], reloading: Reloading? = nil
    ) async throws {
        let drain = DrainService(gateway: self)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: self.supervisor)]
        // Services stop in the opposite order: what is drained still leaves its spans.
        if let exporter = self.spans.exporter {
            services.append(.init(service: exporter, successTerminationBehavior: .ignore))
        }
        services.append(.init(service: drain))
        if let reloading {
            let reloader = ReloadService(gateway: self, reloading: reloading)
            services.append(.init(service: reloader, successTerminationBehavior: .ignore))
        }
        services += others.map { .init(service: $0, successTerminationBehavior: .ignore) }
        let configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: signals,
            logger: Logger(label: "glasspot") { _ in SwiftLogNoOpLogHandler() })
        let group = ServiceGroup(configuration: configuration)
        self.services.withLock { $0 = group }
        let watch = Task { await self.watch(signals) }
        defer { watch.cancel() }
        try await group.run()
        self.services.withLock { $0 = nil }
        // The last snapshot refers to rules that refer to the fleet.
        await self.fleet.detach()
        try? await self.transport.shutdown()
        try? await self.group.shutdownGracefully()
        self.scrape.detach()
        await self.assembly.inspector?.close()
        if self.settings.engineering.showNerdStats { self.logProcessStatistics() }
        self.logbook.log(.info, "Stopped")
        self.logbook.shutdown(within: .seconds(2))
    }

    /// Says at the first signal that the gateway isn't ready any more, and ends the process at once at the second: the
    /// drain takes too long for the operator.
    private func watch(_ signals: [UnixSignal]) async {
        guard !signals.isEmpty else { return }
        var isFirst = true
        for await _ in await UnixSignalsSequence(trapping: signals) {
            if !isFirst { _exit(1) }
            isFirst = false
            self.stopping.set()
        }
    }

    /// Asks a running gateway to shut down, as a signal would; ``run(beside:signals:)`` returns when it has.
    ///
    /// Takes effect also when the group of services has not begun to run yet.
    public func stop() async {
        self.stopAsked.set()
        self.stopping.set()
        await self.triggerShutdown()
    }

    private func triggerShutdown() async { await self.services.withLock { $0 }?.triggerGracefulShutdown() }

    /// Returns when shutdown is asked for; call once the group of services runs.
    fileprivate func shutdownAsked() async {
        // A trigger is lost on a group that does not run yet; now it does.
        if self.stopAsked.isSet { await self.triggerShutdown() }
        try? await gracefulShutdown()
    }

    /// Sends clients elsewhere with their next answer.
    func announceDrain() async { await self.engine.announceDrain() }

    /// Stops taking work, lets what runs end, and cuts what does not end in time.
    func drain() async {
        self.stopping.set()
        let server = self.running.withLock { $0.settings.server }
        let limit = min(server.shutdownTimeout, .seconds(30))
        self.logbook.log(.info, "Draining", [("limit_seconds", .double(limit.seconds))])
        await self.announceDrain()
        if server.drainDelay > .zero {
            try? await Task.sleep(for: .nanoseconds(server.drainDelay.rawValue))
        }
        await self.listener.close()
        let deadline = Clock.now() + limit
        await self.engine.drain()
        while Clock.now() < deadline, await !self.engine.isEmpty() {
            try? await Task.sleep(for: .milliseconds(10))
        }
        await self.adminListener?.close()
        await self.engine.cut()
        await self.engine.stop()
    }
}

/// Holds the service group open until shutdown is asked for, then drains the gateway.
private struct DrainService: Service {
    let gateway: Gateway

    func run() async throws {
        await self.gateway.shutdownAsked()
        // The group cancels nothing before this returns, so the supervisor still serves what is being drained.
        await Task { await self.gateway.drain() }.value
    }
}

extension LogLevel {
    /// The level of an event of the control plane.
    init(_ level: EventLevel) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warn: .warn
            case .error: .error
            }
    }
}

extension SupervisionPolicy {
    /// The discovery rules of a configuration.
    init(_ settings: Configuration.Discovery) {
        let models = settings.modelDiscovery
        self.init(
            version: Version.number, discoversModels: models.enabled, discoveryInterval: models.interval,
            discoveryTimeout: models.timeout, discoveryWorkers: models.concurrentWorkers,
            discoveryRetries: models.retryAttempts, discoveryBackoff: models.retryBackoff,
            enginePollInterval: settings.enginePollInterval > .zero
                ? max(settings.enginePollInterval, .seconds(1)) : .zero)
    }
}

extension AdminRoutes.Configuration {
    /// What the routes tell about this process.
    init(_ settings: Configuration) {
        self.init(
            version: Version.number, revision: Version.revision, buildDate: Version.buildDate,
            swiftVersion: Version.swift, platform: Version.platform, engine: settings.proxy.engine.rawValue,
            proxyProfile: settings.proxy.profile.rawValue, balancer: settings.proxy.loadBalancer.rawValue,
            startTime: ProcessFacts.startTime)
        self.offersOpenMetrics2 = settings.metrics.openMetrics2
        self.passesMessagesThrough = settings.translators.anthropic.passthroughEnabled
        self.dashboard = DashboardPolicy(
            isEnabled: settings.dashboard.enabled, allowedBlocks: settings.dashboard.allowedCIDRs,
            allowedHosts: settings.dashboard.allowedHosts, gatesInternalRoutes: settings.dashboard.gateInternalAPI)
    }
}

extension Configuration.Metrics {
    /// The store that these settings ask for.
    fileprivate func store(loops: Int, endpoints: [String]) -> MetricStore {
        var configuration = MetricStore.Configuration(
            loops: loops, endpoints: endpoints, maxModels: self.maxModels,
            splitsModelEndpointPairs: self.modelEndpointPairs, views: Set(self.views.map { $0.metricView }),
            version: Version.number, revision: Version.revision, swiftVersion: Version.swift)
        configuration.nativeHistograms = self.nativeHistograms
        return MetricStore(configuration)
    }
}
