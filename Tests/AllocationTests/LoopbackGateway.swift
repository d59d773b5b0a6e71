import CMallocProbe
import Catalog
import ClientSide
import Dispatch
import Domain
import Glibc
import Journal
import NIOCore
import NIOPosix
import OllaEngine
import Pipeline
import Routing
import Synchronization
import Telemetry
import Testing
import Transport

/// A gateway on one event loop, between one client and one backend that are driven in turn by the calling thread.
///
/// All of the data path is there: metrics, the access log to `/dev/null`, routing by model. Health checks are not, so
/// the loop does nothing but relay, and every allocation on its thread belongs to what is being relayed.
final class LoopbackGateway {
    /// The route that no test asks for.
    private struct NoRoutes: LocalRoutes {
        func respond(to request: LocalRequest) async -> LocalResponse { .notFound }
    }

    private let group: MultiThreadedEventLoopGroup
    private let eventLoop: any EventLoop
    private let logbook: Logbook
    private let null: Int32
    private let listener: Listener
    private let engine: Engine
    private let backend: RawSocket
    let client: RawSocket
    private(set) var upstream: RawSocket?

    private init(
        group: MultiThreadedEventLoopGroup, logbook: Logbook, null: Int32, listener: Listener, engine: Engine,
        backend: RawSocket, client: RawSocket
    ) {
        self.group = group
        self.eventLoop = group.any()
        self.logbook = logbook
        self.null = null
        self.listener = listener
        self.engine = engine
        self.backend = backend
        self.client = client
    }

    /// Runs `body` with a gateway and takes it down.
    static func with(_ model: String, _ body: (LoopbackGateway) async throws -> Void) async throws {
        let gateway = try await self.start(model)
        do {
            try await body(gateway)
        } catch {
            try await gateway.stop()
            throw error
        }
        try await gateway.stop()
    }

    private static func start(_ model: String) async throws -> LoopbackGateway {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (backend, backendPort) = try RawSocket.listening()
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        let logbook = try Logbook(loops: 1, descriptor: null)
        let fleet = try self.fleet(backendPort: backendPort, model: model)
        let metrics = MetricStore(.init(loops: 1, endpoints: ["backend"]))
        _ = metrics.modelSlot(forID: model)
        var configuration = EngineConfiguration()
        configuration.version = "1.0.0"
        let shared = EngineShared(
            configuration: configuration, paths: PathRouter(profiles: .builtIn),
            router: Router(balancer: .leastConnections), fleet: fleet, budget: RetryBudget(), routes: NoRoutes(),
            tls: { _ in nil }, breakerChanged: { _, _ in }, endpointUnreachable: { _ in })
        let engine = try await Engine.start(
            eventLoops: [group.any()], upstreams: .olla, shared: shared, recorders: metrics.loops, logbook: logbook)
        let listener = try await Listener.bind(
            .init(host: "127.0.0.1", port: 0), group: group, attach: { try engine.attach($0, acceptedAt: $1) },
            rejected: {})
        let port = try #require(listener.localAddress?.port)
        return LoopbackGateway(
            group: group, logbook: logbook, null: null, listener: listener, engine: engine, backend: backend,
            client: try RawSocket.connected(to: port))
    }

    private static func fleet(backendPort: Int, model: String) throws -> FleetHandle {
        let builder = FleetBuilder()
        let spec = try EndpointSpec.resolving(
            name: "backend", url: EndpointURL("http://127.0.0.1:\(backendPort)"), typeText: "vllm",
            profiles: builder.profiles)
        let input = FleetBuilder.Input(
            spec: try #require(spec), live: EndpointLive(), state: .healthy, models: [DiscoveredModel(name: model)],
            metricSlot: 1)
        return FleetHandle(try builder.build(generation: 1, endpoints: [input], modelSlot: { _ in 2 }))
    }

    private func stop() async throws {
        await self.listener.close()
        await self.engine.cut()
        try await self.group.shutdownGracefully()
        self.logbook.shutdown(within: .seconds(1))
        close(self.null)
    }

    /// Takes the gateway's connection to the backend, once a request has made it open one.
    func acceptUpstream() throws -> RawSocket {
        if let upstream = self.upstream { return upstream }
        let upstream = try self.backend.accepted()
        self.upstream = upstream
        return upstream
    }

    /// The least allocations of the loop's thread during `body`, divided by `rounds`, after it ran warm.
    ///
    /// The loop's timer goes off every 20 ms and allocates: many short repetitions find one that it left alone.
    func allocations(rounds: Int, _ name: String, _ body: (_ rounds: Int) throws -> Void) throws -> Double {
        for _ in 0..<10 { try body(rounds) }
        let count = LoopCount(self.eventLoop)
        var least = Int64.max
        for _ in 0..<100 {
            count.begin { malloc_probe_begin() }
            try body(rounds)
            least = min(least, count.end())
        }
        if CallSites.areWanted {
            count.begin { malloc_probe_begin_tracing() }
            try body(rounds)
            _ = count.end()
            CallSites.report(name, rounds: rounds)
        }
        return Double(least) / Double(rounds)
    }
}

/// Begins and ends counting on the thread of an event loop without allocating there.
private final class LoopCount: Sendable {
    private let eventLoop: any EventLoop
    private let done = DispatchSemaphore(value: 0)
    private let allocations = Atomic<Int64>(0)

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func begin(_ body: @escaping @Sendable () -> Void) {
        self.eventLoop.execute {
            body()
            self.done.signal()
        }
        self.done.wait()
    }

    func end() -> Int64 {
        self.eventLoop.execute {
            self.allocations.store(malloc_probe_end().allocations, ordering: .relaxed)
            self.done.signal()
        }
        self.done.wait()
        return self.allocations.load(ordering: .relaxed)
    }
}
