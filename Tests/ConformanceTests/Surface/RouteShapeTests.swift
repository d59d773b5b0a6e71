import MockLLM
import Settings
import TestKit
import Testing

/// Every JSON route of the gateway beside what `docs/HTTP.md` says about it (http-surface 1.2 and 1.7).
@Suite("A JSON route")
struct RouteShapeTests {
    /// A fleet in several states, with traffic of all kinds behind it.
    private struct Fleet {
        let ollama: MockBackend
        let vllm: MockBackend
        let studio: MockBackend
        let plain: MockBackend
        let registry: MockBackend
        let broken: ScriptedBackend
        let down: ScriptedBackend

        static let model = "llama3.2:3b"

        init() async throws {
            func mock(_ kind: MockKind, _ models: String...) async throws -> MockBackend {
                try await MockBackend.start(kind: kind, behaviour: MockBehaviour(models: models.map { MockModel($0) }))
            }
            self.ollama = try await mock(.ollama, Self.model, "nomic-embed-text")
            // The same model under a spelling of its own.
            self.vllm = try await mock(.vllm, "Llama3.2:3B", "org/qwen-long")
            self.studio = try await mock(.lmStudio, "phi-4")
            self.plain = try await mock(.openAI, "plain-chat")
            self.registry = try await mock(.openAI, "fragile")
            self.broken = try await ScriptedBackend.start(scripts: [
                [.readHead, .announce("asked"), .awaitClose], [.readHead, .close],
            ])
            self.down = try await ScriptedBackend.start(scripts: [])
            try await self.down.stop()
        }

        var places: [Place] {
            var down = Place(self.down, name: "down")
            down.type = "ollama"
            down.isAskedItself = true
            return [
                Place(self.ollama, name: "ollama"), Place(self.vllm, name: "vllm"), Place(self.studio, name: "studio"),
                Place(self.plain, name: "plain"),
                Place(self.broken, knownFrom: self.registry, name: "broken", type: "llamacpp"), down,
            ]
        }

        func stop() async throws {
            for mock in [self.ollama, self.vllm, self.studio, self.plain, self.registry] { try await mock.stop() }
            try await self.broken.stop()
        }

        /// Requests that leave their traces on every page.
        func traffic(_ world: World) async throws {
            let chat = #"{"model":"MODEL","messages":[{"role":"user","content":"hi"}]MORE}"#
            func body(_ model: String, _ more: String = "") -> String {
                chat.replacing("MODEL", with: model).replacing("MORE", with: more)
            }
            let path = "/olla/openai/v1/chat/completions"
            for (model, more) in [(Self.model, ""), ("phi-4", #","stream":true"#), ("org/qwen-long", "")] {
                let answer = try await world.post(path, body(model, more), "X-Olla-Session-ID: s\r\n")
                #expect(answer.status == 200)
            }
            #expect(try await world.post(path, body("unknown")).status == 404)
            for model in ["plain-chat", "org/qwen-long"] {
                let answer = try await world.post("/olla/anthropic/v1/messages", body(model, #","max_tokens":5"#))
                #expect(answer.status == 200)
            }
            let gone = try await world.connect()
            try await gone.send("GET /olla/llamacpp/props HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(await self.broken.reached("asked"))
            try await gone.close()
            try await world.metrics { $0.count("glasspot_client_cancellations_total") == 1 }
            #expect(try await world.get("/olla/llamacpp/props").status == 502)
        }
    }

    @Test("has exactly the names and types of the documentation", arguments: Engine.allCases)
    func shapes(engine: Engine) async throws {
        let fleet = try await Fleet()
        let tuning = Tuning {
            $0.proxy.stickySessions.enabled = true
            // One failure is enough to see an open breaker on the pages.
            $0.proxy.breaker.consecutiveFailures = 1
        }
        try await World.with(engine, fleet.places, tuned: tuning) { world in
            try await fleet.traffic(world)
            var unseen: Set<String> = []
            for shape in try Shape.all() {
                var check = ShapeCheck()
                for target in shape.targets {
                    let answer = try await Self.ask(world, target)
                    #expect(answer.status == 200, "\(target)")
                    #expect(answer.values(of: "Content-Type") == ["application/json"], "\(target)")
                    #expect(answer.value(of: "X-Olla-Request-ID") != nil, "\(target)")
                    let document = try JSONTree(answer.body)
                    check.compare(document, with: shape)
                }
                #expect(check.faults.isEmpty, "\(shape.targets[0]): \(check.faults.joined(separator: "; "))")
                unseen.formUnion(shape.paths.subtracting(check.seen).map { "\(shape.targets[0]) \($0)" })
            }
            // Whatever may be absent has been there, or nothing would have been compared.
            #expect(unseen.isEmpty)
        }
        try await fleet.stop()
    }

    private static func ask(_ world: World, _ target: String) async throws -> WireMessage {
        let words = target.split(separator: " ").map(String.init)
        let path = words[1].replacing("{id}", with: Fleet.model)
        return words[0] == "GET" ? try await world.get(path) : try await world.post(path, "{}")
    }

    @Test("is in the documentation, every one")
    func documented() throws {
        let documented = Set(try Shape.all().flatMap(\.targets).map { $0.components("?")[0] })
        let openAI = [
            "proxy", "ollama", "lmstudio", "lm-studio", "lm_studio", "openai", "openai-compatible", "vllm", "vllm-mlx",
            "sglang", "lmdeploy", "llamacpp", "litellm", "omlx", "lemonade", "dmr",
        ]
        let studios = ["lmstudio", "lm-studio", "lm_studio"]
        let routes =
            [
                "/internal/health", "/internal/ready", "/internal/status", "/internal/status/endpoints",
                "/internal/status/models", "/internal/stats/models", "/internal/stats/translators",
                "/internal/stats/sticky", "/internal/process", "/internal/requests", "/internal/routing/explain",
                "/version", "/olla/models", "/olla/models/{id}", "/olla/anthropic/v1/models", "/olla/ollama/api/tags",
                "/olla/lemonade/api/v1/models", "/olla/dmr/engines/v1/models",
            ] + openAI.map { "/olla/\($0)/v1/models" } + studios.map { "/olla/\($0)/api/v1/models" }
            + studios.map { "/olla/\($0)/api/v0/models" }
        let wanted = Set(routes.map { "GET \($0)" }).union(["POST /olla/anthropic/v1/messages/count_tokens"])
        #expect(documented == wanted)
        let formats = Set(try Shape.all().flatMap(\.targets).compactMap { $0.components("format=").dropFirst().first })
            .map { $0.components("&")[0] }
        #expect(
            Set(formats) == [
                "unified", "openai", "ollama", "lmstudio", "vllm", "sglang", "lmdeploy", "llamacpp", "lemonade",
                "docker-model-runner", "vllm-mlx",
            ])
    }

    @Test("of what does not happen says so", arguments: Engine.allCases)
    func nothing(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            #expect(try await world.get("/internal/stats/sticky").text == "{\"enabled\":false}\n")
            let translators = try await world.get("/internal/stats/translators")
            #expect(translators.text.contains(#""translators":[]"#))
            for path in ["/olla/models", "/olla/proxy/v1/models", "/olla/sglang/v1/models"] {
                #expect(try await world.get(path).text == "{\"object\":\"list\",\"data\":[]}\n")
            }
            let status = try await world.get("/internal/status")
            #expect(status.text.contains(#""endpoints":[]"#))
            #expect(status.text.contains(#""success_rate":"N/A""#))
            #expect(status.text.contains(#""has_traffic":false"#))
        }
    }

    @Test("of the status is known by its tag and compressed on demand, no other is", arguments: Engine.allCases)
    func conditional(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        try await World.with(engine, [Place(backend)]) { world in
            for path in ["/internal/status", "/internal/status/endpoints", "/internal/status/models"] {
                let whole = try await world.get(path)
                let tag = try #require(whole.value(of: "ETag"))
                #expect(tag.wholeMatch(of: /W\/"[0-9a-z]+"/) != nil)
                #expect(whole.value(of: "Cache-Control") == "private, no-cache")
                #expect(whole.value(of: "Vary") == "Accept-Encoding")
                #expect(whole.value(of: "Content-Encoding") == nil)
                let head = try await world.exchange("HEAD \(path) HTTP/1.1\r\nHost: g\r\n\r\n", isHead: true)
                #expect(head.value(of: "ETag") == tag)
                #expect(head.value(of: "Content-Type") == "application/json")
                for known in [tag, "*", "\"other\", \(tag.dropFirst(2))"] {
                    let same = try await world.get(path, "If-None-Match: \(known)\r\nAccept-Encoding: gzip\r\n")
                    #expect(same.status == 304)
                    #expect(same.body.isEmpty)
                    #expect(same.value(of: "ETag") == tag)
                    #expect(same.value(of: "Cache-Control") == "private, no-cache")
                    #expect(same.value(of: "Vary") == "Accept-Encoding")
                    #expect(same.value(of: "Content-Encoding") == nil)
                }
                let packed = try await world.get(path, "Accept-Encoding: br, gzip;q=0.5\r\n")
                #expect(packed.value(of: "Content-Encoding") == "gzip")
                #expect(packed.body.starts(with: [0x1F, 0x8B]))
                let plain = try await world.get(path, "Accept-Encoding: gzip;q=0, *\r\n")
                #expect(plain.value(of: "Content-Encoding") == nil)
                #expect(plain.text.hasPrefix("{\"timestamp\":"))
            }
            for path in ["/version", "/olla/models", "/internal/process", "/internal/stats/models"] {
                let answer = try await world.get(path, "Accept-Encoding: gzip\r\n")
                #expect(answer.value(of: "ETag") == nil)
                #expect(answer.value(of: "Content-Encoding") == nil)
            }
        }
        try await backend.stop()
    }

    @Test("says what the gateway can do", arguments: Engine.allCases)
    func capabilities(engine: Engine) async throws {
        let plain = ["load_balancing", "health_checking", "rate_limiting", "model_unification", "endpoint_discovery"]
        let table: [(yaml: String, more: [String], experimental: [String])] = [
            (
                "", ["message_translation", "translation_anthropic", "passthrough_anthropic"],
                ["translation_anthropic", "passthrough_anthropic"]
            ),
            (
                "translators: {anthropic: {passthrough_enabled: false}}\n",
                ["message_translation", "translation_anthropic"], ["translation_anthropic"]
            ),
            ("translators: {anthropic: {enabled: false}}\n", [], []),
        ]
        for row in table {
            try await World.with(engine, [], yaml: row.yaml) { world in
                let page = try JSONTree(try await world.get("/version").body)
                guard case .object(let members) = page else {
                    Issue.record("no object")
                    return
                }
                #expect(members["capabilities"] == .array((plain + row.more).map { .string($0) }))
                #expect(members["capabilities_experimental"] == .array(row.experimental.map { .string($0) }))
            }
        }
    }

    @Test("that would manage models is refused, unless the operator allows it", arguments: Engine.allCases)
    func management(engine: Engine) async throws {
        let ollama = ["pull", "push", "create", "copy"].map { ("POST", "/api/\($0)") }
        let lemonade = ["pull", "load", "unload", "delete"].map { ("POST", "/api/v1/\($0)") }
        let all = ollama + lemonade + [("DELETE", "/api/delete"), ("POST", "/api/show"), ("GET", "/api/list")]
        let backend = try await Witness.start()
        var place = Place(port: backend.port)
        place.type = "ollama"
        for isAllowed in [false, true] {
            try await World.with(
                engine, [place], tuned: Tuning { $0.server.allowModelManagement = isAllowed }
            ) { world in
                for (method, path) in all {
                    let head = "\(method) /olla/proxy\(path) HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"
                    let answer = try await world.exchange(head)
                    #expect(answer.status == (isAllowed ? 200 : 501), "\(path)")
                    if !isAllowed { #expect(answer.text.contains("not supported")) }
                }
            }
            #expect(backend.requests.count == (isAllowed ? all.count : 0))
        }
        try await backend.stop()
    }
}
