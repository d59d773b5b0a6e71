public import Catalog
public import Domain
public import FlightRecorder
public import MetricKernel
public import Pipeline
public import Routing
import Synchronization
public import Telemetry

/// Answers the gateway's own routes: health, metrics, status, version and model listings (http-surface 1.2 and 1.7).
///
/// - Isolation: any task; pages are built on the global pool, never on the caller's executor.
/// - Bounds: at most ``Configuration/scrapesMax`` metrics pages at once; a further one is answered 503.
public final class AdminRoutes: LocalRoutes {
    /// What the pages say about the process.
    public struct Configuration: Sendable {
        /// The version of this build.
        public var version: String
        /// The source revision of this build.
        public var revision: String
        /// When this build was made, as text.
        public var buildDate: String
        /// The compiler of this build.
        public var swiftVersion: String
        /// Operating system and architecture, such as `linux/amd64`.
        public var platform: String
        /// The configured engine.
        public var engine: String
        /// The configured proxy profile.
        public var proxyProfile: String
        /// The configured balancer.
        public var balancer: String
        /// When the process started, in nanoseconds since the Unix epoch.
        public var startTime: Nanoseconds
        /// How many metrics pages are made at once.
        public var scrapesMax: Int
        /// Whether scrapers are offered OpenMetrics 2.0, which is experimental.
        public var offersOpenMetrics2 = false
        /// Whether endpoints that speak Anthropic's API get its messages as they are.
        public var passesMessagesThrough = true
        /// Where people find the project; empty when there is no such place.
        public var homepage = ""
        /// Where people find its documentation.
        public var documentation = ""
        /// Where people find its releases.
        public var releases = ""
        /// Who may see the dashboard.
        public var dashboard = DashboardPolicy()

        /// A configuration with every part given.
        public init(
            version: String, revision: String, buildDate: String, swiftVersion: String, platform: String,
            engine: String, proxyProfile: String, balancer: String, startTime: Nanoseconds, scrapesMax: Int = 3
        ) {
            self.version = version
            self.revision = revision
            self.buildDate = buildDate
            self.swiftVersion = swiftVersion
            self.platform = platform
            self.engine = engine
            self.proxyProfile = proxyProfile
            self.balancer = balancer
            self.startTime = startTime
            self.scrapesMax = scrapesMax
        }
    }

    /// Where the pages get what changes.
    public struct Sources: Sendable {
        /// Whether the gateway takes traffic: after the first health pass and before shutdown.
        public var isReady: @Sendable () -> Bool
        /// The figures of the status pages.
        public var status: @Sendable () async -> StatusReport
        /// A copy of every loop's shard in loop order, and the facts of the moment; returns by the deadline.
        public var collect: @Sendable (_ deadline: MonotonicTime) async -> (shards: [ShardSnapshot], facts: ScrapeFacts)
        /// The monotonic clock.
        public var now: @Sendable () -> MonotonicTime
        /// Nanoseconds since the Unix epoch.
        public var wallTime: @Sendable () -> Nanoseconds

        /// What the loops remember of their requests, loop after loop.
        public var requests: @Sendable () async -> [FlightRecord] = { [] }
        /// Writes a warning for the operator, with its fields.
        public var warn: @Sendable (_ message: String, _ fields: [(key: String, value: String)]) -> Void = { _, _ in }

        /// Sources with every part given but ``requests`` and ``warn``, which begin as none.
        public init(
            isReady: @escaping @Sendable () -> Bool, status: @escaping @Sendable () async -> StatusReport,
            collect:
                @escaping @Sendable (_ deadline: MonotonicTime) async -> (
                    shards: [ShardSnapshot], facts: ScrapeFacts
                ),
            now: @escaping @Sendable () -> MonotonicTime, wallTime: @escaping @Sendable () -> Nanoseconds
        ) {
            self.isReady = isReady
            self.status = status
            self.collect = collect
            self.now = now
            self.wallTime = wallTime
        }
    }

    let configuration: Configuration
    let sources: Sources
    let fleet: FleetHandle
    let metrics: MetricStore
    let router: Router
    let paths: PathRouter
    /// The figures of the Messages API; the engine counts.
    public let messages: TranslatorTally
    let scrapes = Atomic<Int>(0)

    /// Routes over a fleet, its metrics, and what chooses its endpoints.
    public init(
        configuration: Configuration, sources: Sources, fleet: FleetHandle, metrics: MetricStore, router: Router,
        paths: PathRouter, messages: TranslatorTally = TranslatorTally()
    ) {
        self.messages = messages
        self.router = router
        self.paths = paths
        self.configuration = configuration
        self.sources = sources
        self.fleet = fleet
        self.metrics = metrics
    }

    /// The page or error a route's request gets.
    public func respond(to request: LocalRequest) async -> LocalResponse { await self.answer(request) }

    @concurrent
    private func answer(_ request: LocalRequest) async -> LocalResponse {
        if let refusal = self.refusal(of: request) { return refusal }
        switch request.route {
        case .health: return .json(.object([("status", "healthy")]))
        case .ready:
            let isReady = self.sources.isReady()
            return .json(
                .object([("status", .string(isReady ? "ready" : "not_ready"))]), status: isReady ? 200 : 503)
        case .metrics: return await self.metricsPage(request)
        case .status:
            let page = StatusPage(self, await self.sources.status())
            return ConditionalAnswer.make(page.overview, for: request)
        case .statusEndpoints:
            let page = StatusPage(self, await self.sources.status())
            return ConditionalAnswer.make(page.endpoints, for: request)
        case .statusModels:
            let report = await self.sources.status()
            let page = ModelInventory(
                fleet: report.fleet ?? self.fleet.snapshot, report: report, now: self.sources.wallTime())
            return ConditionalAnswer.make(page.document(Query(request.query)), for: request)
        case .requests:
            return RequestsPage(records: await self.sources.requests(), now: self.sources.wallTime())
                .answer(Query(request.query))
        case .dashboard: return DashboardPage.answer(request, startTime: self.configuration.startTime)
        case .modelStatistics: return await self.modelStatistics(request)
        case .process: return await self.processFigures()
        case .stickyStatistics: return .json(self.stickyStatistics())
        case .routingExplanation:
            return RoutingExplanationPage(
                router: self.router, paths: self.paths, fleet: request.fleet ?? self.fleet.snapshot,
                now: self.sources.now(), passesMessagesThrough: self.configuration.passesMessagesThrough
            ).answer(Query(request.query))
        case .translatorStatistics: return .json(self.translatorStatistics())
        case .version:
            return .json(
                VersionPage.document(self.configuration, servesAnthropic: self.paths.servesAnthropic))
        case .models:
            return ModelListing(fleet: self.fleet.snapshot, now: self.sources.wallTime())
                .answer(Query(request.query))
        case .model(let idStart):
            let report = await self.sources.status()
            return ModelDetail(fleet: report.fleet ?? self.fleet.snapshot, report: report, now: self.sources.wallTime())
                .answer(id: Query.decode(request.path.utf8.dropFirst(idStart), plusIsBlank: false))
        case .listing(let format, let provider):
            return ModelListing(fleet: request.fleet ?? self.fleet.snapshot, now: self.sources.wallTime())
                .answer(format, of: provider)
        case .anthropicModels:
            return AnthropicListing(fleet: request.fleet ?? self.fleet.snapshot, created: self.configuration.startTime)
                .answer(Query(request.query), requestID: request.requestID)
        case .refusedManagement(let call): return .textError(501, call.message.description)
        case .serverOptions: return LocalResponse(status: 200)
        }
    }
}

extension LocalResponse {
    /// A JSON answer.
    static func json(_ document: JSONValue, status: Int = 200) -> LocalResponse {
        LocalResponse(status: status, fields: [("Content-Type", "application/json")], body: document.bytes)
    }
}
