import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A request is routed")
struct RoutingTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private static func expect(
        _ answer: WireMessage, _ status: Int, decision: String, reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == status, sourceLocation: sourceLocation)
        #expect(answer.value(of: "X-Olla-Routing-Strategy") == "strict", sourceLocation: sourceLocation)
        #expect(answer.value(of: "X-Olla-Routing-Decision") == decision, sourceLocation: sourceLocation)
        #expect(answer.value(of: "X-Olla-Routing-Reason") == reason, sourceLocation: sourceLocation)
    }

    @Test("by its model: found 200, unknown 404, only on an unhealthy endpoint 503", arguments: Engine.allCases)
    func models(engine: Engine) async throws {
        let first = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("One-Model")]))
        let second = try await MockBackend.start(
            kind: .vllm, behaviour: MockBehaviour(models: [MockModel("two-model")]))
        try await World.with(engine, [Place(first), Place(second, name: "beta")]) { world in
            let path = "/olla/openai/v1/chat/completions"
            let body = #"{"model":"NAME","messages":[{"role":"user","content":"hi"}]}"#
            let rows = [
                ("One-Model", "alpha", 200), ("two-model", "beta", 200),
                // Routed regardless of case and blanks; the backend, more particular, is told its own name.
                ("one-model", "alpha", 200), (" two-model ", "beta", 200),
            ]
            for (name, endpoint, status) in rows {
                let answer = try await world.post(path, body.replacing("NAME", with: name))
                Self.expect(answer, status, decision: "routed", reason: "model_found")
                #expect(answer.value(of: "X-Olla-Endpoint") == endpoint)
                #expect(answer.value(of: "X-Olla-Model") == name.trimmed)
            }
            #expect(first.requests.last?.value(of: "X-Model") == "one-model")
            let unknown = try await world.post(path, body.replacing("NAME", with: "three"))
            Self.expect(unknown, 404, decision: "rejected", reason: "model_not_found")
            #expect(unknown.text == "model_not_found\n")
            #expect(unknown.value(of: "Content-Type") == "text/plain; charset=utf-8")
            #expect(unknown.value(of: "X-Content-Type-Options") == "nosniff")
            try await second.stopListening()
            let refused = try await world.post(path, body.replacing("NAME", with: "two-model"))
            #expect(refused.status == 502)
            try await world.metrics { $0.count("glasspot_endpoint_up", ["endpoint": "beta"]) == 0 }
            let unavailable = try await world.post(path, body.replacing("NAME", with: "two-model"))
            Self.expect(unavailable, 503, decision: "rejected", reason: "model_unavailable")
            let page = try await world.metrics()
            #expect(page.count("glasspot_routing_failures_total", ["reason": "no_model"]) == 1)
            #expect(page.count("glasspot_routing_failures_total", ["reason": "no_healthy"]) == 1)
            #expect(page.count("glasspot_requests_total", ["code": "503", "outcome": "no_endpoint"]) == 1)
            #expect(page.count("glasspot_model_requests_total", ["model": "other"]) == 1)
            #expect(page.count("glasspot_model_requests_total", ["model": "two-model", "outcome": "ok"]) == 2)
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("by the provider of its path, never to another", arguments: Engine.allCases)
    func providers(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(Self.ok)]])
        try await World.with(engine, [Place(backend)]) { world in
            for (prefix, name) in [("vllm", "vllm"), ("lm_studio", "lm-studio"), ("dmr", "dmr")] {
                let answer = try await world.get("/olla/\(prefix)/v1/x")
                #expect(answer.status == 404)
                #expect(answer.text == "No \(name) endpoints available\n")
            }
            #expect(backend.connectionCount == 0)
            let page = try await world.metrics()
            #expect(
                page.count("glasspot_requests_total", ["route": "provider", "code": "404", "outcome": "no_endpoint"])
                    == 3)
        }
        try await World.with(engine, []) { world in
            let answer = try await world.get("/olla/proxy/v1/x")
            #expect(answer.status == 503)
            #expect(answer.text == "no healthy endpoints available\n")
        }
        try await backend.stop()
    }

    /// How the first of two endpoints fails, the reason counted for it, and whether it stays online.
    private static let failures: [(name: String, script: [ScriptStep]?, reason: String, isOnline: Bool)] = [
        ("refused", nil, "connect", false), ("reset", [.readHead, .reset], "reset", true),
        ("closed", [.readHead, .close], "closed", true),
        ("429", [.readHead, .send("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 1\r\n\r\nx")], "http_429", true),
        ("502", [.readHead, .send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1\r\n\r\nx")], "http_5xx", true),
        ("503", [.readHead, .send("HTTP/1.1 503 Unavailable\r\nContent-Length: 1\r\n\r\nx")], "http_5xx", true),
        (
            "504", [.readHead, .send("HTTP/1.1 504 Gateway Timeout\r\nTransfer-Encoding: chunked\r\n\r\n")], "http_5xx",
            true
        ),
    ]

    @Test("to the next endpoint when the first one fails", arguments: Engine.allCases, RoutingTests.failures.indices)
    func failover(engine: Engine, row: Int) async throws {
        let failure = Self.failures[row]
        let first = try await ScriptedBackend.start(scripts: [failure.script ?? []])
        let second = try await ScriptedBackend.start(scripts: [[.readUntil("{\"n\":1}"), .send(Self.ok)]])
        if failure.script == nil { try await first.stop() }
        let places = [Place(first, lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"])]
        try await World.with(engine, places, tuned: Tuning { $0.proxy.loadBalancer = .priority }) { world in
            let answer = try await world.post("/olla/proxy/v1/x", "{\"n\":1}")
            #expect(answer.status == 200)
            #expect(answer.text == "ok")
            #expect(answer.value(of: "X-Olla-Endpoint") == "beta")
            let page = try await world.metrics {
                ($0.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 1) == failure.isOnline
            }
            #expect(page.count("glasspot_retries_total", ["reason": failure.reason]) == 1)
            #expect(page.count("glasspot_retries_total") == 1)
            #expect(
                page.count("glasspot_upstream_requests_total", ["endpoint": "alpha", "outcome": "upstream_error"]) == 1)
            #expect(page.count("glasspot_upstream_requests_total", ["endpoint": "beta", "outcome": "ok"]) == 1)
            #expect(page.count("glasspot_requests_total", ["route": "proxy", "outcome": "ok"]) == 1)
            let log = try await world.logAfterStop()
            let line = try #require(log.first { $0["path"] as? String == "/olla/proxy/v1/x" })
            #expect(line["attempts"] as? Int == 2)
            #expect(line["endpoint"] as? String == "beta")
        }
        if failure.script != nil { try await first.stop() }
        try await second.stop()
    }

    @Test("once to each endpoint, and the last answer is relayed untouched", arguments: Engine.allCases)
    func lastAnswer(engine: Engine) async throws {
        func answer(_ body: String) -> String {
            "HTTP/1.1 503 Busy\r\nX-Mine: \(body)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let first = try await ScriptedBackend.start(scripts: [[.readHead, .send(answer("first"))]])
        let second = try await ScriptedBackend.start(scripts: [[.readHead, .send(answer("second"))]])
        let places = [Place(first, lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"])]
        try await World.with(engine, places, tuned: Tuning { $0.proxy.loadBalancer = .priority }) { world in
            let answer = try await world.get("/olla/proxy/a")
            #expect(answer.startLine == "HTTP/1.1 503 \(engine.seesAnswersAsBytes ? "Busy" : "Service Unavailable")")
            #expect(answer.value(of: "X-Mine") == "second")
            #expect(answer.text == "second")
            #expect(first.connectionCount == 1)
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "503", "outcome": "upstream_error"]) == 1)
            #expect(page.count("glasspot_upstream_requests_total", ["code": "503", "outcome": "upstream_error"]) == 2)
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("past every refused endpoint, and 502 says so without an address", arguments: Engine.allCases)
    func allRefused(engine: Engine) async throws {
        let first = try await ScriptedBackend.start(scripts: [[]])
        let second = try await ScriptedBackend.start(scripts: [[]])
        try await first.stop()
        try await second.stop()
        try await World.with(engine, [Place(first), Place(second, name: "beta")]) { world in
            let answer = try await world.get("/olla/proxy/a")
            #expect(answer.status == 502)
            #expect(answer.text.hasPrefix("Proxy error: all endpoints failed with connection errors"))
            #expect(!answer.text.contains("127.0.0.1"))
            let page = try await world.metrics { $0.count("glasspot_endpoint_up") == 0 }
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "connect_refused"]) == 2)
            #expect(page.count("glasspot_upstream_connections_total", ["result": "failed"]) == 2)
            #expect(try await world.get("/olla/proxy/a").status == 503)
        }
    }

    @Test("around an endpoint for as long as its Retry-After says", arguments: Engine.allCases)
    func retryAfter(engine: Engine) async throws {
        let first = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 429 Slow Down\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n")]
        ])
        let second = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .readHead, .send(Self.ok)], [.readHead, .send(Self.ok)],
        ])
        let places = [Place(first, lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"])]
        try await World.with(engine, places, tuned: Tuning { $0.proxy.loadBalancer = .priority }) { world in
            for _ in 0..<2 { #expect(try await world.get("/olla/proxy/a").text == "ok") }
            #expect(first.connectionCount == 1)
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_requests_total", ["endpoint": "alpha"]) == 1)
            #expect(page.count("glasspot_upstream_requests_total", ["endpoint": "beta"]) == 2)
        }
        try await World.with(engine, [places[0]]) { world in
            let relayed = try await world.get("/olla/proxy/a")
            #expect(relayed.status == 429)
            #expect(relayed.value(of: "Retry-After") == "30")
            let held = try await world.get("/olla/proxy/a")
            #expect(held.status == 503)
            let wait = try #require(held.value(of: "Retry-After").flatMap { Int($0) })
            #expect((1...30).contains(wait))
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("again only within the retry budget", arguments: Engine.allCases)
    func budget(engine: Engine) async throws {
        let busy = [ScriptStep.readHead, .send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")]
        let first = try await ScriptedBackend.start(scripts: [Array(repeatElement(busy, count: 3).joined())])
        let second = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .readHead, .send(Self.ok)]
        ])
        let places = [Place(first, lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"])]
        try await World.with(
            engine, places,
            tuned: Tuning {
                $0.proxy.loadBalancer = .priority
                $0.proxy.retry.budgetPercent = 0
                $0.proxy.retry.budgetFloor = 2
            }
        ) { world in
            let client = try await world.connect()
            for expected in ["ok", "ok", "busy"] {
                try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
                #expect(try await client.answer().text == expected)
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_retry_budget_exhausted_total") == 1)
            #expect(page.count("glasspot_retries_total", ["reason": "http_5xx"]) == 2)
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("past an endpoint that sends no head in time, when that is safe", arguments: Engine.allCases)
    func headTimeout(engine: Engine) async throws {
        let first = try await ScriptedBackend.start(scripts: [[.readHead, .awaitClose]])
        let second = try await ScriptedBackend.start(scripts: [[.readHead, .send(Self.ok)]])
        let places = [Place(first, lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"])]
        for (method, retriesPost, status) in [("GET", false, 200), ("POST", false, 504), ("POST", true, 200)] {
            try await World.with(
                engine, places,
                tuned: Tuning {
                    $0.proxy.loadBalancer = .priority
                    $0.proxy.responseHeaderTimeout = .milliseconds(150)
                    $0.proxy.retry.onHeaderTimeout = retriesPost
                }
            ) { world in
                let answer = try await world.exchange(
                    "\(method) /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n")
                #expect(answer.status == status, "\(method)")
                let page = try await world.metrics()
                #expect(page.count("glasspot_upstream_errors_total", ["error_type": "first_byte_timeout"]) == 1)
                #expect(
                    page.count(
                        "glasspot_upstream_requests_total", ["endpoint": "alpha", "outcome": "upstream_timeout"]) == 1)
                #expect(page.count("glasspot_retries_total", ["reason": "timeout"]) == (status == 200 ? 1 : 0))
                #expect(page.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 1)
                if status == 504 {
                    #expect(answer.text.hasPrefix("Proxy error: timeout after "))
                    #expect(page.count("glasspot_requests_total", ["code": "504", "outcome": "upstream_timeout"]) == 1)
                }
            }
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("past an endpoint that cannot be connected to in time", arguments: Engine.allCases)
    func connectTimeout(engine: Engine) async throws {
        let hole = try DeafPort()
        defer { hole.close() }
        let second = try await ScriptedBackend.start(scripts: [[.readHead, .send(Self.ok)]])
        let places = [
            Place(port: hole.port, lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"]),
        ]
        for count in [2, 1] {
            try await World.with(
                engine, Array(places.prefix(count)),
                tuned: Tuning {
                    $0.proxy.loadBalancer = .priority
                    $0.proxy.connectionTimeout = .milliseconds(200)
                }
            ) { world in
                let answer = try await world.post("/olla/proxy/a", "{}")
                #expect(answer.status == (count == 2 ? 200 : 504))
                let page = try await world.metrics { $0.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 0 }
                #expect(page.count("glasspot_upstream_errors_total", ["error_type": "connect_timeout"]) == 1)
            }
        }
        try await second.stop()
    }

    @Test("around an open breaker, and back when its trial succeeds", arguments: Engine.allCases)
    func breaker(engine: Engine) async throws {
        let broken = [[ScriptStep]](repeating: [.readHead, .close], count: 5)
        let backend = try await ScriptedBackend.start(scripts: broken + [[.readHead, .send(Self.ok)]])
        try await World.with(
            engine, [Place(backend)], alone: true, tuned: Tuning { $0.proxy.breaker.open = .milliseconds(1_500) }
        ) { world in
            for _ in 0..<5 { #expect(try await world.get("/olla/proxy/a").status == 502) }
            let open = try await world.get("/olla/proxy/a")
            #expect(open.status == 503)
            #expect(open.text.hasPrefix("Proxy error: circuit open"))
            #expect(open.value(of: "Retry-After") != nil)
            #expect(backend.connectionCount == 5)
            let page = try await world.metrics()
            #expect(page.count("glasspot_breaker_state", ["endpoint": "alpha", "state": "open"]) == 1)
            #expect(page.count("glasspot_routing_failures_total", ["reason": "all_breakers_open"]) == 1)
            #expect(page.count("glasspot_requests_total", ["code": "503", "outcome": "no_endpoint"]) == 1)
            try await World.eventually("the trial is let through") {
                try await world.get("/olla/proxy/a").status == 200
            }
            let closed = try await world.metrics {
                $0.count("glasspot_breaker_state", ["endpoint": "alpha", "state": "closed"]) == 1
            }
            #expect(closed.count("glasspot_breaker_transitions_total", ["to": "half_open"]) == 1)
            #expect(closed.count("glasspot_breaker_transitions_total", ["to": "closed"]) == 1)
        }
        try await backend.stop()
    }

    @Test("with an alias replaced by the name the endpoint knows", arguments: Engine.allCases)
    func alias(engine: Engine) async throws {
        let backend = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("real-model-7b")]))
        let yaml = "model_aliases:\n  short: [real-model-7b]\n"
        try await World.with(engine, [Place(backend)], yaml: yaml) { world in
            let answer = try await world.post(
                "/olla/openai/v1/chat/completions",
                #"{"x": 1, "model" : "short","messages":[{"role":"user","content":"hi"}]}"#)
            #expect(answer.status == 200)
            #expect(answer.value(of: "X-Olla-Model") == "short")
            #expect(answer.value(of: "X-Olla-Routing-Strategy") == "alias")
            let request = try #require(backend.requests.last)
            #expect(
                String(decoding: request.body, as: UTF8.self)
                    == #"{"x": 1, "model" : "real-model-7b","messages":[{"role":"user","content":"hi"}]}"#)
            #expect(request.value(of: "Content-Length") == "\(request.body.count)")
            let page = try await world.metrics()
            #expect(page.count("glasspot_model_alias_rewrites_total") == 1)
            #expect(page.count("glasspot_routing_decisions_total", ["reason": "alias"]) == 1)
        }
        try await backend.stop()
    }

    @Test("with the name of each endpoint in turn when the first fails", arguments: Engine.allCases)
    func aliasFailover(engine: Engine) async throws {
        let failing = try await MockBackend.start(
            kind: .openAI,
            behaviour: MockBehaviour(models: [MockModel("first-7b")], faults: FaultPlan(always: .status(503))))
        let serving = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("a-longer-name-of-the-second-7b")]))
        let places = [
            Place(failing, lines: ["priority: 100"]), Place(serving, name: "beta", lines: ["priority: 50"]),
        ]
        let yaml = "model_aliases:\n  short: [first-7b, a-longer-name-of-the-second-7b]\n"
        try await World.with(engine, places, yaml: yaml) { world in
            func body(_ model: String) -> String {
                #"{"x": 1, "model" : "\#(model)","messages":[{"role":"user","content":"hi"}]}"#
            }
            let answer = try await world.post("/olla/openai/v1/chat/completions", body("short"))
            #expect(answer.status == 200)
            #expect(answer.value(of: "X-Olla-Endpoint") == "beta")
            for (backend, name) in [(failing, "first-7b"), (serving, "a-longer-name-of-the-second-7b")] {
                let request = try #require(backend.requests.last(where: { $0.method == "POST" }))
                #expect(String(decoding: request.body, as: UTF8.self) == body(name))
                #expect(request.value(of: "Content-Length") == "\(request.body.count)")
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_model_alias_rewrites_total") == 2)
            #expect(page.count("glasspot_retries_total", ["reason": "http_5xx"]) == 1)
        }
        try await failing.stop()
        try await serving.stop()
    }
}

extension String {
    fileprivate var trimmed: String { String(self.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
