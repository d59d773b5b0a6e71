import Domain
import MockLLM
import Settings
import TestKit
import Testing

/// Anthropic's Messages API through the whole gateway: passed through, translated, refused, broken.
@Suite("The Messages API")
struct AnthropicTests {
    private static let model = "mock-chat"
    private static let path = "/olla/anthropic/v1/messages"

    private static func body(_ more: String = "", model: String = AnthropicTests.model) -> String {
        #"{"model":"\#(model)","max_tokens":20,"messages":[{"role":"user","content":"hi"}]\#(more)}"#
    }

    private static let completion =
        #"{"model":"q","choices":[{"message":{"content":"Grüezi"},"finish_reason":"stop"}],"#
        + #""usage":{"prompt_tokens":11,"completion_tokens":4}}"#

    private static func ok(_ json: String, _ fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(fields)Content-Length: \(json.utf8.count)\r\n\r\n\(json)"
    }

    private static func chunked(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

    private static let streamHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func delta(_ text: String, _ finish: String = "null") -> String {
        #"data: {"choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":\#(finish)}]}"# + "\n\n"
    }

    /// A world with one scripted endpoint of a type, which is known to have the model.
    private static func scripted(
        _ engine: Engine, type: String = "openai-compatible", yaml: String = "", _ scripts: [[ScriptStep]],
        _ body: (World, ScriptedBackend) async throws -> Void
    ) async throws {
        let registry = try await MockBackend.start(kind: .openAI)
        let backend = try await ScriptedBackend.start(scripts: scripts)
        try await World.with(engine, [Place(backend, knownFrom: registry, type: type)], yaml: yaml) { world in
            try await body(world, backend)
        }
        try await backend.stop()
        try await registry.stop()
    }

    private static func received(_ backend: ScriptedBackend, connection: Int = 1) throws -> WireMessage {
        try #require(try WireMessage.parse(backend.received(connection: connection)[...], as: .request))
    }

    // MARK: Passthrough

    @Test("is passed through byte for byte where the endpoint speaks it", arguments: Engine.allCases)
    func passthrough(engine: Engine) async throws {
        let answer = #"{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":2}}"#
        let scripts: [[ScriptStep]] = [
            [.readUntil("}]}"), .send(Self.ok(answer, "request-id: backend\r\nX-Thing: 1\r\n"))]
        ]
        try await Self.scripted(engine, type: "vllm", scripts) { world, backend in
            let sent = Self.body()
            let message = try await world.post(
                Self.path + "?beta=true", sent,
                "anthropic-version: 2023-06-01\r\nx-api-key: secret\r\nX-Request-ID: r-1\r\n")
            #expect(message.status == 200)
            #expect(message.text == answer)
            #expect(message.value(of: "X-Olla-Mode") == "passthrough")
            #expect(message.values(of: "request-id") == ["r-1"])
            #expect(message.value(of: "X-Olla-Request-ID") == "r-1")
            #expect(message.value(of: "X-Olla-Model") == Self.model)
            #expect(message.value(of: "X-Thing") == "1")
            #expect(message.value(of: "X-Served-By")?.hasPrefix("Olla/") == true)
            let request = try Self.received(backend)
            #expect(request.startLine == "POST /v1/messages?beta=true HTTP/1.1")
            #expect(request.text == sent)
            #expect(request.value(of: "anthropic-version") == "2023-06-01")
            #expect(request.value(of: "x-api-key") == nil)
            let page = try await world.metrics()
            #expect(
                page.count(
                    "glasspot_translator_requests_total",
                    ["translator": "anthropic", "mode": "passthrough", "result": "ok"]) == 1)
            #expect(page.count("glasspot_translator_fallbacks_total") == 0)
            #expect(page.count("glasspot_requests_total", ["route": "translator", "outcome": "ok"]) == 1)
            #expect(page.count("glasspot_tokens_total", ["token_type": "output"]) == 2)
        }
    }

    @Test("is passed through although its body has no type", arguments: Engine.allCases)
    func untyped(engine: Engine) async throws {
        let mock = try await MockBackend.start(kind: .vllm)
        let other = try await MockBackend.start(kind: .openAI)
        try await World.with(engine, [Place(other, name: "beta"), Place(mock)]) { world in
            let body = Self.body()
            for _ in 0..<3 {
                let message = try await world.exchange(
                    "POST \(Self.path) HTTP/1.1\r\nHost: gateway\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                #expect(message.status == 200)
                // Of a mixed fleet only those that speak it are asked.
                #expect(message.value(of: "X-Olla-Endpoint") == "alpha")
            }
            let page = try await world.get("/internal/routing/explain?path=\(Self.path)&model=\(Self.model)")
            #expect(page.text.contains(#""translator_mode":"passthrough""#))
            #expect(page.text.contains(#""excluded_because":"other_dialect""#))
            #expect(page.text.contains(#""endpoint":"alpha""#))
        }
        try await mock.stop()
        try await other.stop()
    }

    @Test("is passed through under the name an alias has on the endpoint", arguments: Engine.allCases)
    func alias(engine: Engine) async throws {
        let scripts: [[ScriptStep]] = [[.readUntil("\"end\"}"), .send(Self.ok("{}"))]]
        let yaml = "model_aliases: {Fable: [\"\(Self.model)\"]}\n"
        try await Self.scripted(engine, type: "vllm", yaml: yaml, scripts) { world, backend in
            let message = try await world.post(Self.path, Self.body(#","x":"end""#, model: "Fable"))
            #expect(message.value(of: "X-Olla-Model") == "Fable")
            #expect(message.value(of: "X-Olla-Routing-Strategy") == "alias")
            #expect(try Self.received(backend).text == Self.body(#","x":"end""#))
        }
    }

    // MARK: Translation

    @Test("is translated where the endpoint does not speak it", arguments: Engine.allCases)
    func translation(engine: Engine) async throws {
        let scripts: [[ScriptStep]] = [[.readUntil("}]"), .readUntil("}"), .send(Self.ok(Self.completion))]]
        try await Self.scripted(engine, scripts) { world, backend in
            let message = try await world.post(
                Self.path, Self.body(#","system":"be brief""#), "Accept-Encoding: gzip\r\nX-Request-ID: r-2\r\n")
            #expect(message.status == 200)
            #expect(message.value(of: "Content-Type") == "application/json")
            #expect(message.value(of: "X-Olla-Mode") == nil)
            #expect(message.value(of: "X-Served-By") == nil)
            #expect(message.value(of: "Via") == nil)
            #expect(message.values(of: "request-id") == ["r-2"])
            #expect(message.value(of: "X-Olla-Endpoint") == "alpha")
            #expect(message.value(of: "X-Olla-Routing-Reason") == "model_found")
            #expect(message.text.contains(#""content":[{"type":"text","text":"Grüezi"}],"stop_reason":"end_turn""#))
            #expect(message.text.contains(#""usage":{"input_tokens":11,"output_tokens":4}"#))
            let request = try Self.received(backend)
            #expect(request.startLine == "POST /v1/chat/completions HTTP/1.1")
            #expect(request.values(of: "Accept-Encoding") == ["identity"])
            #expect(request.values(of: "Content-Type") == ["application/json"])
            #expect(
                request.text
                    == #"{"model":"\#(Self.model)","messages":[{"role":"system","content":"be brief"},"#
                    + #"{"role":"user","content":"hi"}],"max_tokens":20}"#)
            let page = try await world.metrics()
            #expect(
                page.count(
                    "glasspot_translator_requests_total",
                    ["translator": "anthropic", "mode": "translate", "result": "ok"]) == 1)
            #expect(
                page.count("glasspot_translator_fallbacks_total", ["reason": "no_compatible_endpoints"]) == 1)
            #expect(page.count("glasspot_tokens_total", ["token_type": "output"]) == 4)
            for stage in ["translate_request", "translate_response"] {
                #expect(page.count("glasspot_request_stage_duration_seconds_count", ["stage": stage]) == 1)
            }
            #expect(page.count("glasspot_response_body_bytes_sum", ["route": "translator"]) == message.body.count)
        }
    }

    @Test("is translated when passthrough is off, or the endpoint lacks what it needs", arguments: Engine.allCases)
    func off(engine: Engine) async throws {
        let mock = try await MockBackend.start(kind: .vllm)
        let yaml = "translators: {anthropic: {passthrough_enabled: false}}\n"
        try await World.with(engine, [Place(mock)], yaml: yaml) { world in
            let message = try await world.post(Self.path, Self.body())
            #expect(message.status == 200)
            #expect(message.value(of: "X-Olla-Mode") == nil)
            let page = try await world.metrics()
            #expect(page.count("glasspot_translator_requests_total", ["mode": "translate", "result": "ok"]) == 1)
            #expect(page.count("glasspot_translator_fallbacks_total") == 0)
        }
        try await mock.stop()
    }

    @Test("is streamed event by event", arguments: Engine.allCases)
    func stream(engine: Engine) async throws {
        let scripts: [[ScriptStep]] = [
            [
                .readUntil("include_usage"), .send(Self.streamHead), .wait("go"),
                .send(Self.chunked(Self.delta("Gr") + "data: {\"choices\":[{\"delta\":{\"content\":\"ü")),
                .send(Self.chunked("ezi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n") + "0\r\n\r\n"),
            ]
        ]
        try await Self.scripted(engine, scripts) { world, backend in
            let client = try await world.connect()
            try await client.send(World.postText(Self.path, Self.body(#","stream":true"#)))
            // The client hears of the message before its first word.
            let begun = try await client.read(until: "event: ping\ndata: {\"type\":\"ping\"}\n\n")
            #expect(begun.contains("event: message_start"))
            backend.signal("go")
            let text = try await client.read(until: "0\r\n\r\n")
            #expect(text.contains(#""delta":{"type":"text_delta","text":"Gr"}"#))
            #expect(text.contains(#""delta":{"type":"text_delta","text":"üezi"}"#))
            #expect(text.contains("event: message_stop"))
            try await client.close()
            let page = try await world.metrics()
            #expect(page.count("glasspot_time_to_first_token_seconds_count") == 1)
            #expect(
                page.count("glasspot_request_duration_seconds_count", ["route": "translator", "stream": "true"]) == 1)
            #expect(page.count("glasspot_stream_chunks_total") == 2)
        }
    }

    @Test("has a stream although the endpoint gave all at once", arguments: Engine.allCases)
    func wholeForStream(engine: Engine) async throws {
        try await Self.scripted(engine, [[.readUntil("include_usage"), .send(Self.ok(Self.completion))]]) { world, _ in
            let message = try await world.post(Self.path, Self.body(#","stream":true"#))
            #expect(message.value(of: "Content-Type") == "text/event-stream")
            let names = StreamEvent.all(in: message.text).map(\.name)
            #expect(names.first == "message_start")
            #expect(names.last == "message_stop")
            #expect(message.text.contains("Grüezi"))
        }
    }

    @Test("keeps quiet streams alive with pings", arguments: Engine.allCases)
    func pings(engine: Engine) async throws {
        let scripts: [[ScriptStep]] = [
            [
                .readUntil("include_usage"), .send(Self.streamHead), .wait("go"),
                .send(Self.chunked(Self.delta("x", "\"stop\"")) + "0\r\n\r\n"),
            ]
        ]
        let yaml = "translators: {anthropic: {ping_interval: 50ms}}\n"
        try await Self.scripted(engine, yaml: yaml, scripts) { world, backend in
            let client = try await world.connect()
            try await client.send(World.postText(Self.path, Self.body(#","stream":true"#)))
            for _ in 0..<3 { _ = try await client.read(until: "event: ping\ndata: {\"type\":\"ping\"}\n\n") }
            backend.signal("go")
            _ = try await client.read(until: "event: message_stop")
            try await client.close()
        }
    }

    @Test("stays on its endpoint in both modes, and says so", arguments: Engine.allCases, [MockKind.vllm, .openAI])
    func sticky(engine: Engine, kind: MockKind) async throws {
        let (first, second) = (try await MockBackend.start(kind: kind), try await MockBackend.start(kind: kind))
        let tuned = Tuning {
            $0.proxy.loadBalancer = .roundRobin
            $0.proxy.stickySessions.enabled = true
        }
        try await World.with(engine, [Place(first), Place(second, name: "beta")], tuned: tuned) { world in
            var endpoints: Set<String?> = []
            for (result, more) in [("miss", ""), ("hit", ""), ("hit", #","stream":true"#), ("hit", "")] {
                let message = try await world.post(Self.path, Self.body(more))
                #expect(message.status == 200)
                #expect(message.value(of: "X-Olla-Sticky-Session") == result)
                #expect(message.value(of: "X-Olla-Sticky-Key-Source") == "prefix_hash")
                endpoints.insert(message.value(of: "X-Olla-Endpoint"))
            }
            #expect(endpoints.count == 1)
        }
        try await first.stop()
        try await second.stop()
    }

    // MARK: Failures

    @Test("moves on to another endpoint before anything was sent", arguments: Engine.allCases)
    func failover(engine: Engine) async throws {
        let registry = try await MockBackend.start(kind: .openAI)
        let first = try await ScriptedBackend.start(scripts: [[.readHead, .close]])
        let second = try await ScriptedBackend.start(scripts: [[.readUntil("}]"), .send(Self.ok(Self.completion))]])
        var one = Place(first, knownFrom: registry, type: "openai-compatible")
        one.lines.append("priority: 200")
        var two = Place(second, knownFrom: registry, name: "beta", type: "openai-compatible")
        two.lines.append("priority: 1")
        try await World.with(
            engine, [one, two], tuned: Tuning { $0.proxy.loadBalancer = .priority }
        ) { world in
            let message = try await world.post(Self.path, Self.body())
            #expect(message.status == 200)
            #expect(message.value(of: "X-Olla-Endpoint") == "beta")
            #expect(try await world.metrics().count("glasspot_retries_total") == 1)
        }
        try await first.stop()
        try await second.stop()
        try await registry.stop()
    }

    @Test(
        "tells an error of the endpoint in its own words", arguments: Engine.allCases,
        [
            ("400 Bad Request", #"{"error":{"message":"too long"}}"#, "invalid_request_error", "too long"),
            ("500 Oops", #"{"detail":"no memory"}"#, "api_error", "no memory"),
            ("401 No", "denied", "authentication_error", "Backend error"),
        ])
    func backendError(engine: Engine, row: (String, String, String, String)) async throws {
        let answer =
            "HTTP/1.1 \(row.0)\r\nRetry-After: 7\r\nContent-Length: \(row.1.utf8.count)\r\n\r\n\(row.1)"
        let script: [ScriptStep] = [.readUntil("}]"), .send(answer), .readUntil("include_usage"), .send(answer)]
        try await Self.scripted(engine, [script]) { world, _ in
            for more in ["", #","stream":true"#] {
                let message = try await world.post(Self.path, Self.body(more), "X-Request-ID: r-3\r\n")
                #expect(message.status == Int(row.0.prefix(3)))
                #expect(message.value(of: "Retry-After") == "7")
                #expect(message.value(of: "Content-Type") == "application/json")
                #expect(
                    message.text
                        == #"{"type":"error","error":{"type":"\#(row.2)","message":"\#(row.3)"},"request_id":"r-3"}"#)
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_translator_requests_total", ["mode": "translate", "result": "fail"]) == 2)
        }
    }

    @Test("answers 502 when the endpoint's answer cannot be used or breaks off", arguments: Engine.allCases)
    func unusable(engine: Engine) async throws {
        let answers: [[ScriptStep]] = [
            [.readUntil("}]"), .send(Self.ok("{\"choices\":[]}"))], [.readUntil("}]"), .send(Self.ok("<html>"))],
            [.readUntil("}]"), .send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"choices\":"), .close],
            [.readUntil("}]"), .send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx")],
        ]
        for script in answers {
            try await Self.scripted(engine, [script]) { world, _ in
                let message = try await world.post(Self.path, Self.body())
                #expect(message.status == 502)
                #expect(message.text.contains(#"{"type":"error","error":{"type":"api_error","message":"proxy error: "#))
                #expect(message.value(of: "X-Olla-Endpoint") == "alpha")
                let page = try await world.metrics()
                #expect(
                    page.count("glasspot_requests_total", ["route": "translator", "outcome": "upstream_error"]) == 1)
                #expect(page.count("glasspot_upstream_requests_total", ["outcome": "upstream_error"]) == 1)
            }
        }
    }

    @Test(
        "ends a stream that breaks with an error, and does not end it as if it were whole", arguments: Engine.allCases)
    func brokenStream(engine: Engine) async throws {
        let scripts: [(ScriptStep, String)] = [
            (.close, "the backend closed the connection before its answer was complete"),
            (.send(Self.chunked("data: {\"error\":{\"message\":\"boom\"}}\n\n")), "boom"),
        ]
        for (end, message) in scripts {
            let script: [ScriptStep] = [
                .readUntil("include_usage"), .send(Self.streamHead + Self.chunked(Self.delta("half"))),
                .wait("go"), end, .awaitClose,
            ]
            try await Self.scripted(engine, [script]) { world, backend in
                let client = try await world.connect()
                try await client.send(World.postText(Self.path, Self.body(#","stream":true"#)))
                _ = try await client.read(until: "half")
                backend.signal("go")
                let text = String(decoding: try await client.rest().bytes, as: UTF8.self)
                #expect(
                    text.contains(
                        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"\(message)\"}}"
                    ))
                #expect(!text.contains("message_stop"))
                #expect(!text.hasSuffix("0\r\n\r\n"))
                let page = try await world.metrics()
                #expect(
                    page.count("glasspot_requests_total", ["route": "translator", "outcome": "upstream_error"]) == 1)
                #expect(page.count("glasspot_translator_requests_total", ["mode": "translate", "result": "fail"]) == 1)
            }
        }
    }

    // MARK: Refusals

    @Test("refuses what it cannot serve in the form of its own errors", arguments: Engine.allCases)
    func refusals(engine: Engine) async throws {
        let mock = try await MockBackend.start(kind: .openAI)
        let yaml = "translators: {anthropic: {max_message_size: 2000}}\n"
        try await World.with(engine, [Place(mock)], yaml: yaml) { world in
            let long = Self.body(#","x":"\#(String(repeating: "x", count: 2000))""#)
            let rows: [(String, Int, String, String)] = [
                ("", 400, "invalid_request_error", "empty"), ("nonsense", 400, "invalid_request_error", "invalid JSON"),
                ("{}", 400, "invalid_request_error", "model is required"),
                (Self.body(#","top_p":7"#), 400, "invalid_request_error", "top_p"),
                (Self.body(model: "none such"), 404, "not_found_error", "model_not_found"),
                (
                    #"{"model":"\#(Self.model)","max_tokens":1,"messages":[{"role":"user"}]}"#, 400,
                    "invalid_request_error", "content"
                ),
                (long, 413, "request_too_large", "2000 bytes"),
            ]
            for (body, status, type, part) in rows {
                let message = try await world.post(Self.path, body, "X-Request-ID: r-4\r\n")
                #expect(message.status == status, "\(body.prefix(60))")
                #expect(message.value(of: "Content-Type") == "application/json")
                #expect(message.values(of: "request-id") == ["r-4"])
                #expect(
                    message.text.hasPrefix(#"{"type":"error","error":{"type":"\#(type)","message":""#),
                    "\(message.text)")
                #expect(message.text.contains(part), "\(message.text)")
            }
            let other = try await world.get(Self.path)
            #expect(other.status == 405)
            #expect(other.value(of: "Allow") == "POST")
            #expect(other.text.contains(#""type":"api_error""#))
            for path in ["/olla/anthropic/v1/complete", "/olla/anthropic/v1/models/x", "/olla/anthropic/"] {
                #expect(try await world.get(path).status == 404)
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_translator_requests_total") == 0)
        }
        try await mock.stop()
    }

    @Test("is not there when it is switched off", arguments: Engine.allCases)
    func disabled(engine: Engine) async throws {
        let mock = try await MockBackend.start(kind: .openAI)
        try await World.with(engine, [Place(mock)], yaml: "translators: {anthropic: {enabled: false}}\n") { world in
            let message = try await world.post(Self.path, Self.body())
            #expect(message.status == 404)
            #expect(message.text == "404 page not found\n")
        }
        try await mock.stop()
    }

    // MARK: Beside messages

    @Test("counts tokens without asking anybody", arguments: Engine.allCases)
    func counting(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let path = Self.path + "/count_tokens"
            #expect(try await world.post(path, #"{"system":"12345678901"}"#).text == #"{"input_tokens":2}"#)
            #expect(try await world.post(path, "{}").text == #"{"input_tokens":1}"#)
            #expect(try await world.post(path, "[").status == 400)
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_requests_total") == 0)
            #expect(page.count("glasspot_requests_total", ["route": "translator", "outcome": "ok"]) == 2)
        }
    }

    @Test("lists models in its own form, page by page", arguments: Engine.allCases)
    func listing(engine: Engine) async throws {
        var behaviour = MockBehaviour()
        behaviour.models = ["c", "a", "b"].map { MockModel($0) }
        let mock = try await MockBackend.start(kind: .openAI, behaviour: behaviour)
        try await World.with(engine, [Place(mock)]) { world in
            let path = "/olla/anthropic/v1/models"
            let all = try await world.get(path)
            #expect(all.value(of: "request-id") != nil)
            #expect(all.text.contains(#""has_more":false,"first_id":"a","last_id":"c"}"#))
            let one = try await world.get(path + "?limit=1&after_id=a")
            #expect(one.text.contains(#"{"data":[{"type":"model","id":"b","display_name":"b","created_at":""#))
            #expect(one.text.contains(#""has_more":true,"first_id":"b","last_id":"b"}"#))
            #expect(try await world.get(path + "?before_id=c&limit=1").text.contains(#""first_id":"b""#))
            #expect(try await world.get(path + "?limit=0").status == 400)
        }
        try await mock.stop()
    }
}
