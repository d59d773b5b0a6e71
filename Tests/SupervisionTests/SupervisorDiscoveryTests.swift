import Catalog
import Domain
import Supervision
import Testing

@Suite("Supervisor: model discovery")
struct SupervisorDiscoveryTests {
    private func ollamaList(_ names: String...) -> ScriptedTransport.Script {
        .answer(status: 200, body: "{\"models\":[\(names.map { "{\"name\":\"\($0)\"}" }.joined(separator: ","))]}")
    }

    private func policy(_ adjust: (inout SupervisionPolicy) -> Void = { _ in }) -> SupervisionPolicy {
        var policy = SupervisionPolicy(version: "1.2.3")
        adjust(&policy)
        return policy
    }

    @Test("The first healthy check brings the models, with the agreed headers and the filter applied")
    func firstDiscovery() async throws {
        let spec = try makeSpec("a") {
            $0.headers = [HeaderField(name: "X-Team", value: "blue")]
            $0.auth = HeaderField(name: "X-Api-Key", value: "secret")
            if let filter = try? ModelFilter(include: [], exclude: ["*embed*"]) { $0.modelFilter = filter }
        }
        let harness = try await Harness([spec])
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://a:1000/api/tags", self.ollamaList("llama3.2:3b", "nomic-embed-text", "phi"))
        try await harness.run { harness in
            #expect(harness.modelNames(0) == ["llama3.2:3b", "phi"])
        }
        let fields = try #require(harness.transport.requests("http://a:1000/api/tags").first).fields
        #expect(
            fields.map { "\($0.name): \($0.value)" } == [
                "User-Agent: olla-Discovery/1.2.3", "Accept: application/json", "X-Team: blue", "X-Api-Key: secret",
            ])
        #expect(harness.snapshot.models.map(\.id) == ["llama3.2:3b", "phi"])
        #expect(harness.metric("glasspot_endpoint_models", "a") == 2)
        #expect(harness.metric("glasspot_model_endpoints", "phi") == 1)
        #expect(harness.metric("glasspot_discovery_runs_total", "a", "ok") == 1)
        #expect(await harness.conditions[0].lastModelSync == ManualClock.epoch)
    }

    @Test("Models are listed again every interval, and vanished ones are forgotten")
    func interval() async throws {
        let harness = try await Harness([makeSpec("a")], policy: self.policy { $0.discoveryInterval = .seconds(60) })
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://a:1000/api/tags", self.ollamaList("one"), self.ollamaList("two"))
        try await harness.run { harness in
            #expect(harness.modelNames(0) == ["one"])
            await harness.advance(by: .seconds(59))
            #expect(harness.transport.times("http://a:1000/api/tags") == [0])
            await harness.advance(by: .seconds(62))
            #expect(harness.modelNames(0) == ["two"])
            #expect(harness.transport.times("http://a:1000/api/tags").count == 3)
        }
        #expect(harness.transport.times("http://a:1000/api/tags") == [0, 60, 120])
        #expect(harness.snapshot.models.map(\.id) == ["two"])
    }

    @Test("Models that nobody has listed for long are forgotten when another endpoint is asked")
    func staleness() async throws {
        let rules = ModelStaleness(threshold: .seconds(600), cleanupInterval: .seconds(120))
        let harness = try await Harness(
            [makeSpec("a"), makeSpec("b")], policy: self.policy { $0.discoveryInterval = .seconds(60) },
            staleness: rules)
        for name in ["a", "b"] { harness.transport.set("http://\(name):1000/", .answer(status: 200)) }
        harness.transport.set("http://a:1000/api/tags", self.ollamaList("one"))
        harness.transport.set("http://b:1000/api/tags", self.ollamaList("two"))
        try await harness.run { harness in
            #expect(harness.snapshot.models.map(\.id) == ["one", "two"])
            harness.transport.set("http://b:1000/", .failure(.network("connection refused")))
            await harness.advance(by: .seconds(599))
            #expect(harness.snapshot.models.map(\.id) == ["one", "two"])
            await harness.advance(by: .seconds(200))
            #expect(harness.snapshot.models.map(\.id) == ["one"])
            #expect(harness.metric("glasspot_endpoint_models", "b") == 0)
            #expect(harness.log.count { $0.contains("Stale models forgotten endpoint=b models=1") } == 1)
            harness.transport.set("http://b:1000/", .answer(status: 200))
            await harness.advance(by: .seconds(120))
            #expect(harness.snapshot.models.map(\.id) == ["one", "two"])
        }
    }

    @Test("A recovered endpoint is asked at once; meanwhile its models stay known")
    func recovery() async throws {
        let harness = try await Harness([makeSpec("a")])
        harness.transport.set(
            "http://a:1000/", .answer(status: 200), .answer(status: 500), .answer(status: 200))
        harness.transport.set("http://a:1000/api/tags", self.ollamaList("one"), self.ollamaList("one", "two"))
        try await harness.run { harness in
            #expect(harness.modelNames(0) == ["one"])
            await harness.advance(by: .seconds(5))
            #expect(harness.states == [.unhealthy])
            #expect(harness.snapshot.models.map(\.id) == ["one"])
            #expect(harness.metric("glasspot_model_endpoints", "one") == 0)
            await harness.advance(by: .seconds(5))
            #expect(harness.modelNames(0) == ["one", "two"])
        }
        #expect(harness.transport.times("http://a:1000/api/tags") == [0, 10])
        #expect(harness.metric("glasspot_model_endpoints", "one") == 1)
    }

    @Test("Network errors and 5xx are repeated with doubling waits, 4xx are not")
    func repeats() async throws {
        let harness = try await Harness([makeSpec("a"), makeSpec("b"), makeSpec("c")])
        for name in ["a", "b", "c"] { harness.transport.set("http://\(name):1000/", .answer(status: 200)) }
        harness.transport.set(
            "http://a:1000/api/tags", .failure(.network("reset")), .answer(status: 503), .answer(status: 500),
            self.ollamaList("late"))
        harness.transport.set("http://b:1000/api/tags", .answer(status: 502))
        harness.transport.set("http://c:1000/api/tags", .answer(status: 404))
        try await harness.run { harness in
            // Each endpoint has a check and a timer asleep, and a and b a repeat.
            await harness.advance(by: .milliseconds(4_900))
            #expect(harness.transport.times("http://a:1000/api/tags") == [0, 1, 3])
            #expect(harness.transport.times("http://c:1000/api/tags") == [0])
            await harness.advance(by: .milliseconds(100))
            #expect(harness.transport.times("http://c:1000/api/tags") == [0, 5])
            await harness.advance(by: .milliseconds(1_900))
            await harness.advance(by: .milliseconds(100))
            #expect(harness.modelNames(0) == ["late"])
            #expect(harness.metric("glasspot_discovery_runs_total", "c", "fail") == 2)
        }
        #expect(harness.transport.times("http://a:1000/api/tags") == [0, 1, 3, 7])
        #expect(harness.transport.times("http://b:1000/api/tags").prefix(4) == [0, 1, 3, 7])
        #expect(harness.metric("glasspot_discovery_runs_total", "a", "ok") == 1)
        #expect(harness.metric("glasspot_discovery_runs_total", "c", "fail") == 2)
    }

    @Test("A failing listing is tried again when checks succeed, ever more rarely, at most ten intervals apart")
    func backoff() async throws {
        let harness = try await Harness(
            [makeSpec("a", interval: .seconds(1), timeout: .milliseconds(500))],
            policy: self.policy { $0.discoveryInterval = .seconds(4) })
        harness.transport.set("http://a:1000/", .answer(status: 200))
        harness.transport.set("http://a:1000/api/tags", .answer(status: 400))
        try await harness.run { harness in
            for _ in 0..<1_500 {
                await harness.advance(by: .milliseconds(100))
                let due = harness.transport.times("http://a:1000/api/tags").count
                #expect(harness.metric("glasspot_discovery_runs_total", "a", "fail") == UInt64(due))
            }
        }
        let times = harness.transport.times("http://a:1000/api/tags")
        let gaps = zip(times.dropFirst(), times).map { ($0 - $1).rounded() }
        // A listing waits for the next check, a second apart, when the check before it came a moment too early.
        for (gap, least) in zip(gaps, [1.0, 2, 4, 8, 16, 32, 40]) { #expect((least...least + 1).contains(gap)) }
        #expect(gaps.count >= 7)
        #expect(harness.states == [.healthy])
        #expect(harness.log.filter { $0.hasPrefix("warn Model discovery failed") }.count == 1)
    }

    @Test("An endpoint that is down is not asked")
    func down() async throws {
        let harness = try await Harness([makeSpec("a")], policy: self.policy { $0.discoveryInterval = .seconds(10) })
        harness.transport.set("http://a:1000/", .answer(status: 503))
        try await harness.run { harness in
            await harness.advance(by: .seconds(100))
        }
        #expect(!harness.transport.urls.contains("http://a:1000/api/tags"))
    }

    @Test("Listings run a bounded number at once, and a hanging one fails alone")
    func workers() async throws {
        let specs = try (0..<6).map { try makeSpec("e\($0)", interval: .seconds(1_000), timeout: .seconds(2)) }
        let harness = try await Harness(
            specs,
            policy: self.policy {
                $0.discoveryWorkers = 2
                $0.discoveryTimeout = .seconds(30)
                $0.discoveryInterval = .seconds(10_000)
            })
        for spec in specs {
            harness.transport.set(spec.healthURL.text, .answer(status: 200))
            harness.transport.set(spec.modelsURL.text, self.ollamaList("m-\(spec.name)"))
        }
        harness.transport.set(specs[0].modelsURL.text, .slow(.seconds(1_000)))
        try await harness.run { harness in
            #expect((1..<6).allSatisfy { harness.modelNames($0) == ["m-e\($0)"] })
            #expect(harness.modelNames(0).isEmpty)
            await harness.advance(by: .seconds(29))
            await harness.advance(by: .seconds(1))
            #expect(harness.metric("glasspot_discovery_runs_total", "e0", "fail") == 1)
        }
        #expect(harness.states.allSatisfy { $0 == .healthy })
    }

    @Test("Without discovery nobody is asked for models")
    func disabled() async throws {
        let harness = try await Harness([makeSpec("a")], policy: healthOnly)
        harness.transport.set("http://a:1000/", .answer(status: 200))
        try await harness.run { harness in
            await harness.advance(by: .seconds(600))
        }
        #expect(Set(harness.transport.urls) == ["http://a:1000/"])
    }
}

@Suite("Supervisor: detection of a backend's kind")
struct SupervisorDetectionTests {
    /// Discovers an endpoint of type `auto` and names the profile found.
    private func detect(
        port: Int = 9_999, _ answers: [String: ScriptedTransport.Script], explicit: String? = nil
    ) async throws -> (profile: String?, models: [String]) {
        let url = try EndpointURL("http://x:\(port)")
        let resolved = try EndpointSpec.resolving(
            name: "x", url: url, typeText: "auto", modelsValue: explicit, profiles: .builtIn)
        let harness = try await Harness([try #require(resolved)])
        harness.transport.set("http://x:\(port)/", .answer(status: 200))
        for path in ["/api/tags", "/api/v0/models", "/v1/models", "/api/v1/models", "/engines/v1/models"] {
            harness.transport.set(
                "http://x:\(port)\(path)", answers[path] ?? .answer(status: 404, body: "{\"data\":[]}"))
        }
        for (path, script) in answers { harness.transport.set("http://x:\(port)\(path)", script) }
        try await harness.run { harness in
            let runs = ["ok", "fail"].map { harness.metric("glasspot_discovery_runs_total", "x", $0) }
            #expect(runs.filter { $0 == 1 }.count == 1)
        }
        let endpoint = harness.snapshot.endpoints[0]
        return (endpoint.profile.map { harness.snapshot.profiles[$0].name }, endpoint.models.map(\.name))
    }

    private static func list(_ owner: String, server: String? = nil) -> ScriptedTransport.Script {
        .answer(
            status: 200, body: "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"owned_by\":\"\(owner)\"}]}",
            fields: server.map { [("Server", $0)] } ?? [])
    }

    @Test("Each kind is known by its own path")
    func ownPaths() async throws {
        let ollama = try await self.detect(["/api/tags": .answer(status: 200, body: "{\"models\":[{\"name\":\"l\"}]}")])
        #expect(ollama.profile == "ollama" && ollama.models == ["l"])
        let studio = try await self.detect([
            "/api/tags": .answer(status: 200, body: "{\"error\":\"Unexpected endpoint or method.\"}"),
            "/api/v0/models": Self.list("organization_owner"), "/v1/models": Self.list("organization_owner"),
        ])
        #expect(studio.profile == "lm-studio" && studio.models == ["m"])
        let lemonade = try await self.detect(["/api/v1/models": Self.list("lemonade")])
        #expect(lemonade.profile == "lemonade")
        let docker = try await self.detect(["/engines/v1/models": Self.list("docker")])
        #expect(docker.profile == "docker-model-runner")
    }

    @Test(
        "Servers of the OpenAI shape are told apart by owner, header and port",
        arguments: [
            ("vllm", nil as String?, 9_999, "vllm"), ("sglang", nil, 9_999, "sglang"),
            ("lmdeploy", nil, 9_999, "lmdeploy"), ("llamacpp", nil, 9_999, "llamacpp"),
            ("vllm-mlx", nil, 9_999, "vllm-mlx"), ("someone", "llama.cpp", 9_999, "llamacpp"),
            ("someone", nil, 30_000, "sglang"), ("someone", nil, 23_333, "lmdeploy"),
            ("someone", nil, 8_000, "openai-compatible"), ("openai", nil, 9_999, "openai-compatible"),
        ])
    func openAIShaped(owner: String, server: String?, port: Int, profile: String) async throws {
        let found = try await self.detect(port: port, ["/v1/models": Self.list(owner, server: server)])
        #expect(found.profile == profile)
        #expect(found.models == ["m"])
    }

    @Test("llama.cpp is not taken for Ollama although it answers Ollama's path")
    func llamaCpp() async throws {
        let both = ScriptedTransport.Script.answer(
            status: 200, body: "{\"models\":[{\"name\":\"m\"}],\"data\":[{\"id\":\"m\",\"owned_by\":\"llamacpp\"}]}")
        let found = try await self.detect(["/api/tags": both, "/v1/models": both])
        #expect(found.profile == "llamacpp")
    }

    @Test("A configured model URL is the only one asked")
    func explicit() async throws {
        let found = try await self.detect(
            ["/my/list": .answer(status: 200, body: "{\"models\":[{\"name\":\"l\"}]}")], explicit: "/my/list")
        #expect(found.profile == "ollama" && found.models == ["l"])
    }

    @Test("Where nothing is recognised nothing is invented")
    func unknown() async throws {
        let found = try await self.detect([:])
        #expect(found.profile == nil && found.models.isEmpty)
    }
}
