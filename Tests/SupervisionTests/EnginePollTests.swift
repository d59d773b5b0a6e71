import Catalog
import Domain
import Supervision
import Testing

@Suite("Supervisor: engine load")
struct EnginePollTests {
    private static let running = "glasspot_backend_requests_running"
    private static let page = "http://a:1000/metrics"

    private func busy(_ running: Int, _ waiting: Int) -> ScriptedTransport.Script {
        .answer(
            status: 200,
            body: "vllm:num_requests_running \(running)\nvllm:num_requests_waiting \(waiting)\n"
                + "vllm:kv_cache_usage_perc 0.5\n")
    }

    private func makeHarness(
        _ type: String = "vllm", every interval: Nanoseconds = .seconds(15)
    ) async throws -> Harness {
        var policy = SupervisionPolicy(version: "1.2.3", discoversModels: false)
        policy.enginePollInterval = interval
        let spec = try makeSpec("a", type: type) { $0.auth = HeaderField(name: "Authorization", value: "Bearer t") }
        let harness = try await Harness([spec], policy: policy)
        harness.transport.set("http://a:1000/health", .answer(status: 200))
        return harness
    }

    @Test("is asked for every interval and shown, with the endpoint's own credentials")
    func load() async throws {
        let harness = try await self.makeHarness()
        harness.transport.set(Self.page, self.busy(3, 1), self.busy(0, 0))
        try await harness.run { harness in
            #expect(harness.metric(Self.running, "a") == nil)
            await harness.advance(by: .seconds(15))
            #expect(harness.metric(Self.running, "a") == 3)
            #expect(harness.metric("glasspot_backend_requests_waiting", "a") == 1)
            #expect(harness.metric("glasspot_backend_kv_cache_usage_ratio", "a") == 500)
            await harness.advance(by: .seconds(15))
            #expect(harness.metric(Self.running, "a") == 0)
        }
        #expect(harness.transport.times(Self.page) == [15, 30])
        let fields = try #require(harness.transport.requests(Self.page).first).fields
        #expect(fields.contains { $0.name == "Authorization" && $0.value == "Bearer t" })
        #expect(harness.metric("glasspot_backend_poll_failures_total", "a") == 0)
    }

    @Test("that cannot be had is counted; the figures stay")
    func failures() async throws {
        let harness = try await self.makeHarness()
        harness.transport.set(
            Self.page, self.busy(3, 1), .answer(status: 500), .failure(.network("reset")), .slow(.seconds(60)))
        try await harness.run { harness in
            await harness.advance(by: .seconds(62))
            #expect(harness.metric("glasspot_backend_poll_failures_total", "a") == 3)
            #expect(harness.metric(Self.running, "a") == 3)
            #expect(harness.states == [.healthy])
        }
    }

    @Test(
        "that a server does not offer is no failure, and is asked for less often",
        arguments: [
            ScriptedTransport.Script.answer(status: 404), .answer(status: 501), .answer(status: 401),
            .answer(status: 200, body: "python_gc_objects_collected_total 1\n"),
        ])
    func notOffered(script: ScriptedTransport.Script) async throws {
        let harness = try await self.makeHarness()
        harness.transport.set(Self.page, script)
        try await harness.run { harness in await harness.advance(by: .seconds(200)) }
        #expect(harness.transport.times(Self.page) == [15, 165])
        #expect(harness.metric("glasspot_backend_poll_failures_total", "a") == 0)
        #expect(harness.metric(Self.running, "a") == nil)
    }

    @Test("of an endpoint that is down is taken back, and asked for again when it is up")
    func down() async throws {
        let harness = try await self.makeHarness()
        harness.transport.set(
            "http://a:1000/health", .answer(status: 200), .answer(status: 200), .answer(status: 200),
            .answer(status: 500), .answer(status: 200))
        harness.transport.set(Self.page, self.busy(3, 1), self.busy(2, 2))
        try await harness.run { harness in
            await harness.advance(by: .seconds(15))
            #expect(harness.metric(Self.running, "a") == 3)
            harness.transport.set("http://a:1000/health", .answer(status: 500))
            await harness.advance(by: .seconds(15))
            #expect(harness.states == [.unhealthy])
            #expect(harness.metric(Self.running, "a") == 0)
            #expect(harness.metric("glasspot_backend_kv_cache_usage_ratio", "a") == 0)
            harness.transport.set("http://a:1000/health", .answer(status: 200))
            await harness.advance(by: .seconds(120))
            #expect(harness.metric(Self.running, "a") == 2)
        }
    }

    @Test("of kinds that tell none, or with polls turned off, is not asked for")
    func silence() async throws {
        for harness in [try await self.makeHarness("ollama"), try await self.makeHarness(every: .zero)] {
            harness.transport.set("http://a:1000/", .answer(status: 200))
            try await harness.run { harness in await harness.advance(by: .seconds(100)) }
            #expect(harness.transport.times(Self.page).isEmpty)
        }
    }
}
