import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Log lines")
struct LogTests {
    /// What every request's line holds.
    private static let always: Set<String> = [
        "timestamp", "level", "msg", "request_id", "trace_id", "span_id", "remote_addr", "method", "path", "status",
        "outcome", "route", "request_bytes", "response_bytes", "duration_ms", "attempts", "stream", "stages_us",
    ]

    private static let question =
        #"{"model":"mock","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#

    @Test("of a streamed answer hold every field of the contract, and no other", arguments: Engine.allCases)
    func everything(engine: Engine) async throws {
        let backend = try await MockBackend.start(
            kind: .openAI,
            behaviour: MockBehaviour(models: [MockModel("mock")], pacing: TokenPacing(gap: .milliseconds(1))))
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.post(
                "/olla/openai/v1/chat/completions?a=1&api_key=hunter2",
                Self.question,
                "User-Agent: test/1\r\nReferer: http://r\r\nAccept: */*\r\n")
            #expect(answer.status == 200)
            let lines = try await world.logAfterStop()
            let line = try #require(lines.first { $0["method"] as? String == "POST" })
            #expect(
                Set(line.keys)
                    == Self.always.union([
                        "query", "user_agent", "referer", "content_type", "accept", "model", "endpoint", "ttfb_ms",
                        "ttft_ms", "longest_stall_ms", "input_tokens", "output_tokens", "finish_reason",
                        "routing_strategy", "routing_action", "routing_reason",
                    ]))
            #expect(line["msg"] as? String == "Access log" && line["level"] as? String == "INFO")
            #expect(line["query"] as? String == "a=1&api_key=[REDACTED]")
            #expect(line["request_id"] as? String == answer.value(of: "X-Olla-Request-ID"))
            #expect(line["outcome"] as? String == "ok" && line["route"] as? String == "provider")
            #expect(line["model"] as? String == "mock" && line["endpoint"] as? String == "alpha")
            #expect(line["attempts"] as? Int == 1 && line["stream"] as? Bool == true)
            #expect(line["response_bytes"] as? Int == answer.body.count)
            #expect(lines.count { $0["request_id"] as? String == line["request_id"] as? String } == 1)
        }
        try await backend.stop()
    }

    @Test("name the breaker that let a trial through or refused", arguments: Engine.allCases)
    func breaker(engine: Engine) async throws {
        let broken: [ScriptStep] = [
            .readHead, .send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"), .close,
        ]
        let backend = try await ScriptedBackend.start(scripts: [broken])
        let tuning = Tuning {
            $0.proxy.breaker.consecutiveFailures = 2
            // Longer than the third request can be held up on a busy machine.
            $0.proxy.breaker.open = .seconds(3)
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await world.get("/olla/proxy/v1/x").status) }
            #expect(statuses == [500, 500, 503])
            // The breaker lets one trial through when its time is over, which its own log line tells.
            try await World.eventually("a trial") { try await world.get("/olla/proxy/v1/trial").status == 500 }
            let lines = try await world.logAfterStop()
            let first = lines.filter { $0["path"] as? String == "/olla/proxy/v1/x" }
            #expect(first.map { $0["breaker"] as? String } == [nil, nil, "open"])
            let trial = try #require(
                lines.first { $0["path"] as? String == "/olla/proxy/v1/trial" && $0["status"] as? Int == 500 })
            #expect(trial["breaker"] as? String == "half_open")
        }
        try await backend.stop()
    }

    @Test("at debug tell every step of a request under its ids", arguments: Engine.allCases)
    func steps(engine: Engine) async throws {
        let busy: [ScriptStep] = [
            .readHead, .send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        ]
        let first = try await ScriptedBackend.start(scripts: [busy])
        let second = try await ScriptedBackend.start(scripts: [busy])
        let places = [Place(first), Place(second, name: "beta")]
        try await World.with(engine, places, tuned: Tuning { $0.logging.level = .debug }) { world in
            let answer = try await world.get("/olla/proxy/v1/x")
            #expect(answer.status == 503)
            _ = try await world.get("/nowhere")
            let lines = try await world.logAfterStop()
            let id = answer.value(of: "X-Olla-Request-ID")
            let steps = lines.filter { $0["request_id"] as? String == id }
            #expect(
                steps.map { $0["msg"] as? String } == [
                    "Request started", "Request dispatching", "Request dispatching", "Access log", "Request failed",
                    "Request metrics",
                ])
            #expect(steps.map { $0["level"] as? String } == ["DEBUG", "DEBUG", "DEBUG", "INFO", "DEBUG", "DEBUG"])
            #expect(Set(steps.compactMap { $0["trace_id"] as? String }).count == 1)
            #expect(steps.compactMap { $0["attempt"] as? Int } == [1, 2])
            let spans = Set(steps.compactMap { $0["attempt_span_id"] as? String })
            let told = [first, second].map { String(decoding: $0.received(), as: UTF8.self) }
            #expect(spans.count == 2 && spans.allSatisfy { span in told.contains { $0.contains("-\(span)-") } })
            #expect(
                lines.contains { $0["msg"] as? String == "Request rejected" && $0["path"] as? String == "/nowhere" })
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("of a request that the gateway itself cut are an error beside it", arguments: Engine.allCases)
    func cut(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .pause(.seconds(30))]])
        let tuning = Tuning { $0.server.shutdownTimeout = .milliseconds(50) }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/v1/x HTTP/1.1\r\nHost: gateway\r\n\r\n")
            try await World.eventually("the backend has the request") { !backend.received().isEmpty }
            let lines = try await world.logAfterStop().filter { $0["path"] as? String == "/olla/proxy/v1/x" }
            #expect(lines.map { $0["level"] as? String } == ["INFO", "ERROR"])
            #expect(lines.map { $0["outcome"] as? String } == ["gateway_error", "gateway_error"])
            #expect(Set(lines.compactMap { $0["request_id"] as? String }).count == 1)
            try? await client.close()
        }
        try await backend.stop()
    }
}
