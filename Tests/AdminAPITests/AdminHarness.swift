import AdminAPI
import Catalog
import Domain
import FlightRecorder
import MetricKernel
import Pipeline
import Routing
import Synchronization
import Telemetry
import Testing

/// The administrative routes over a fleet of the test's making, at a fixed moment.
struct AdminHarness {
    /// 2026-01-01T00:00:00Z.
    static let now = Nanoseconds.seconds(1_767_225_600)

    let routes: AdminRoutes
    let metrics = MetricStore(.init(loops: 1, endpoints: ["alpha"], version: "1.2.3"))
    let clock = SteppingClock()
    let switches = Switches()

    /// What a test may change while requests run.
    final class Switches: Sendable {
        let isReady = Atomic<Bool>(true)
        /// How much of the clock a collection takes.
        let collectSeconds = Atomic<Int>(0)
        let deadlines = Mutex<[MonotonicTime]>([])
        let gate = Gate()
    }

    init(
        _ snapshot: FleetSnapshot, report: StatusReport = StatusReport(), wallShift: Nanoseconds = .zero,
        dashboard: DashboardPolicy = DashboardPolicy(), requests: [FlightRecord] = [],
        offersOpenMetrics2: Bool = false, router: Router = Router(balancer: .leastConnections),
        facts: ScrapeFacts = ScrapeFacts(),
        warn: @escaping @Sendable (String, [(key: String, value: String)]) -> Void = { _, _ in }
    ) {
        let (metrics, clock, switches) = (self.metrics, self.clock, self.switches)
        var configuration = AdminRoutes.Configuration(
            version: "1.2.3", revision: "abc123", buildDate: "2026-01-01", swiftVersion: "Swift 6.3",
            platform: "linux/amd64", engine: "olla", proxyProfile: "auto", balancer: "priority",
            startTime: Self.now - .seconds(7_500))
        configuration.offersOpenMetrics2 = offersOpenMetrics2
        configuration.dashboard = dashboard
        var sources = AdminRoutes.Sources(
            isReady: { switches.isReady.load(ordering: .relaxed) }, status: { report },
            collect: { deadline in
                switches.deadlines.withLock { $0.append(deadline) }
                await switches.gate.pass()
                clock.advance(.seconds(Int64(switches.collectSeconds.load(ordering: .relaxed))))
                let shards = metrics.loops.map { recorder in
                    var copy = ShardSnapshot()
                    _ = recorder.copyFromOutside(attempts: 8, into: &copy)
                    return copy
                }
                return (shards, facts)
            },
            now: { clock.now() }, wallTime: { Self.now + wallShift })
        sources.requests = { requests }
        sources.warn = warn
        self.routes = AdminRoutes(
            configuration: configuration, sources: sources, fleet: FleetHandle(snapshot), metrics: self.metrics,
            router: router, paths: PathRouter(profiles: .builtIn))
    }

    func get(
        _ path: String, _ fields: [LocalRequest.Field] = [], query: String = "", method: String = "GET",
        peer: String = "127.0.0.1", host: String = "localhost"
    ) async throws -> LocalResponse {
        let bytes = Array(path.utf8)
        let verb = Array(method.utf8)
        let match = PathRouter(profiles: .builtIn).match(path: bytes.span.bytes, method: verb.span.bytes)
        guard case .local(let route) = match.target else {
            Issue.record("\(path) is no local route")
            return .notFound
        }
        return await self.routes.respond(
            to: LocalRequest(
                route: route, method: method, path: path, query: query, fields: fields, peerAddress: peer, host: host))
    }

    func text(_ path: String, query: String = "") async throws -> String {
        String(decoding: try await self.get(path, query: query).body, as: UTF8.self)
    }
}

/// A clock that tests move.
final class SteppingClock: Sendable {
    private let reading = Atomic<Int64>(1_000)

    func now() -> MonotonicTime { MonotonicTime(rawValue: self.reading.load(ordering: .relaxed)) }

    func advance(_ span: Nanoseconds) { self.reading.add(span.rawValue, ordering: .relaxed) }
}

/// Lets tasks through, or holds them until it is opened.
final class Gate: Sendable {
    private struct State {
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func close() { self.state.withLock { $0.isClosed = true } }

    func open() {
        let waiting = self.state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    var waitingCount: Int { self.state.withLock { $0.waiting.count } }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = self.state.withLock { state in
                if state.isClosed { state.waiting.append(continuation) }
                return !state.isClosed
            }
            if isOpen { continuation.resume() }
        }
    }
}

extension LocalResponse {
    func value(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }

    var text: String { String(decoding: self.body, as: UTF8.self) }
}

/// A fleet of three: a healthy Ollama, a busy vLLM of higher priority, an offline LM Studio.
func makeFleet() throws -> FleetSnapshot {
    func input(
        _ name: String, _ url: String, _ type: String, priority: Int, _ state: EndpointState,
        _ models: [DiscoveredModel]
    ) throws -> FleetBuilder.Input {
        var spec = try #require(
            try EndpointSpec.resolving(
                name: name, url: EndpointURL(url), typeText: type, profiles: .builtIn))
        spec.priority = priority
        return .init(spec: spec, live: EndpointLive(), state: state, models: models)
    }
    var llama = DiscoveredModel(name: "llama3.2:3b")
    llama.sizeBytes = 2_019_393_189
    llama.digest = "a80c4f17acd5"
    llama.modifiedAt = 1_730_799_000
    llama.family = "llama"
    llama.parameterSize = "3.0B"
    llama.quantization = "Q4_K_M"
    llama.format = "gguf"
    var shared = DiscoveredModel(name: "Llama3.2:3B")
    shared.contextLength = 131_072
    shared.type = "vllm"
    var vision = DiscoveredModel(name: "org/qwen-vl")
    vision.type = "vllm"
    vision.contextLength = 32_768
    var studio = DiscoveredModel(name: "phi-4")
    studio.modelType = "llm"
    studio.family = "phi"
    studio.state = "loaded"
    studio.quantization = "fp16"
    return try FleetBuilder().build(
        generation: 1,
        endpoints: [
            input("alpha", "http://localhost:11434", "ollama", priority: 100, .healthy, [llama]),
            input("beta", "http://gpu-1:8000/v1", "vllm", priority: 200, .busy, [shared, vision]),
            input("gamma", "http://localhost:1234", "lm-studio", priority: 100, .offline, [studio]),
        ])
}

/// Figures to go with ``makeFleet()``.
func makeReport() -> StatusReport {
    let now = AdminHarness.now
    return StatusReport(
        traffic: [
            EndpointTraffic(
                requests: 20, failures: 3, timed: 17, latencySum: .milliseconds(17 * 120),
                latencyMin: .milliseconds(80), latencyMax: .milliseconds(400), bytes: 1_546),
            EndpointTraffic(requests: 80, timed: 80, latencySum: .milliseconds(80 * 1_500), bytes: 0),
        ],
        health: [
            EndpointHealth(
                lastCheck: now - .milliseconds(2_500), nextCheck: now + .seconds(3), lastDuration: .milliseconds(4),
                lastModelSync: now - .seconds(90)),
            EndpointHealth(lastCheck: now - .seconds(1), nextCheck: now + .seconds(4), failuresInRow: 5),
        ], activeConnections: 7, rateLimitViolations: 1, sizeLimitViolations: 2)
}
