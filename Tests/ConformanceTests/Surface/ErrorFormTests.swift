import Domain
import MockLLM
import Settings
import TestKit
import Testing

/// Each error of the gateway (http-surface 3.2, 3.4 and 3.5): status, words, fields and outcome, in every form.
@Suite("An error of the gateway")
struct ErrorFormTests {
    /// How the client wants to hear of it.
    enum Form: CaseIterable, Sendable {
        case text
        case json
        case anthropic

        var path: String {
            self == .anthropic ? "/olla/anthropic/v1/messages" : "/olla/openai/v1/chat/completions"
        }

        var accept: String { self == .json ? "Accept: application/json\r\n" : "" }
        var route: String { self == .anthropic ? "translator" : "provider" }
    }

    /// What goes wrong.
    struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let code: String
        /// How the text begins.
        let text: String
        let outcome: String
        var anthropicType = "api_error"
        /// What the endpoint does on its connections; nil when nobody listens there.
        var scripts: [[ScriptStep]]? = []
        /// Further lines of the endpoint's entry.
        var lines: [String] = []
        var tuning: @Sendable (inout Configuration) -> Void = { _ in }
        /// Requests that go before: nil waits for no answer but for the endpoint to be asked.
        var before: [Int?] = []
        /// The endpoint has to be known as down.
        var isDown = false
        var model = ErrorFormTests.model
        /// Further fields of the request.
        var fields = ""
        /// The request's body and its framing, in place of whole JSON.
        var rest: String?
        /// Fields that the answer has.
        var has: [String] = []

        var testDescription: String { "\(self.status) \(self.code)" }
    }

    private static let model = "fragile"
    private static let routing = ["X-Olla-Routing-Strategy", "X-Olla-Routing-Decision", "X-Olla-Routing-Reason"]

    private static func body(_ model: String) -> String {
        #"{"model":"\#(model)","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#
    }

    private static let rows: [Row] = [
        Row(
            status: 502, code: "connect_failed",
            text: "Proxy error: all endpoints failed with connection errors", outcome: "upstream_error", scripts: nil,
            has: routing + ["X-Olla-Endpoint"]),
        Row(
            status: 502, code: "closed_early", text: "Proxy error: the endpoint closed the connection before answering",
            outcome: "upstream_error", scripts: [[.readHead, .close]], has: routing + ["X-Olla-Endpoint"]),
        Row(
            status: 502, code: "bad_upstream_answer", text: "Proxy error: the endpoint's answer was not usable",
            outcome: "upstream_error", scripts: [[.readHead, .send("this is no answer\r\n\r\n")]],
            has: routing + ["X-Olla-Endpoint"]),
        Row(
            status: 504, code: "upstream_timed_out", text: "Proxy error: timeout after ", outcome: "upstream_timeout",
            anthropicType: "timeout_error", scripts: [[.readHead, .awaitClose]],
            tuning: { $0.proxy.responseHeaderTimeout = .milliseconds(150) }, has: routing + ["X-Olla-Endpoint"]),
        Row(
            status: 503, code: "all_breakers_open", text: "Proxy error: circuit open", outcome: "no_endpoint",
            scripts: [[.readHead, .close]], tuning: { $0.proxy.breaker.consecutiveFailures = 1 }, before: [502],
            has: routing + ["Retry-After"]),
        Row(
            status: 503, code: "queue_full", text: "Proxy error: every candidate endpoint is at its request limit",
            outcome: "no_endpoint", scripts: [[.readHead, .announce("asked"), .awaitClose]],
            lines: ["max_concurrent_requests: 1"], tuning: { $0.proxy.queue.length = 0 }, before: [nil],
            has: routing + ["Retry-After"]),
        Row(
            status: 503, code: "queue_timed_out",
            text: "Proxy error: every candidate endpoint was at its request limit", outcome: "no_endpoint",
            scripts: [[.readHead, .announce("asked"), .awaitClose]],
            lines: ["max_concurrent_requests: 1"], tuning: { $0.proxy.queue.timeout = .milliseconds(150) },
            before: [nil], has: routing + ["Retry-After"]),
        Row(
            status: 503, code: "model_unavailable", text: "model_unavailable", outcome: "no_endpoint", scripts: nil,
            before: [502], isDown: true, has: routing),
        Row(
            status: 404, code: "model_not_found", text: "model_not_found", outcome: "client_error",
            anthropicType: "not_found_error", model: "nobody-has-it", has: routing),
        Row(
            status: 429, code: "rate_limited", text: "Too Many Requests", outcome: "rate_limited",
            anthropicType: "rate_limit_error", scripts: [[.readHead, .send("HTTP/1.1 204 No Content\r\n\r\n")]],
            tuning: {
                $0.server.rateLimits.perIPRequestsPerMinute = 1
                $0.server.rateLimits.burstSize = 1
            }, before: [204], has: ["Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]),
        Row(
            status: 401, code: "unauthorized", text: "Unauthorized: a known client key is required",
            outcome: "client_error", anthropicType: "authentication_error",
            tuning: {
                var key = Configuration.ClientKey()
                key.name = "team"
                key.value = Secret("sk-planted")
                $0.server.auth.keys = [key]
            }, has: ["WWW-Authenticate"]),
        Row(
            status: 408, code: "request_timeout", text: "Request Timeout", outcome: "client_error",
            anthropicType: "timeout_error", tuning: { $0.server.readTimeout = .seconds(1) },
            rest: "Content-Length: 10\r\n\r\n{", has: ["Connection"]),
        Row(
            status: 413, code: "body_too_large", text: "Request body too large", outcome: "client_error",
            anthropicType: "request_too_large", tuning: { $0.server.requestLimits.maxBodySize = 20 },
            has: ["Connection"]),
        Row(
            status: 431, code: "headers_too_large", text: "Request headers too large", outcome: "client_error",
            tuning: { $0.server.requestLimits.maxHeaderSize = 2_048 },
            fields: "A: \(String(repeating: "a", count: 2_100))\r\n"),
        Row(
            status: 400, code: "malformed_body", text: "400 Bad Request", outcome: "client_error",
            anthropicType: "invalid_request_error", rest: "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
            has: ["Connection"]),
    ]

    @Test("has one meaning in three forms", arguments: Engine.allCases, ErrorFormTests.rows)
    func forms(engine: Engine, row: Row) async throws {
        let registry = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel(Self.model)]))
        for form in Form.allCases {
            let backend = try await ScriptedBackend.start(scripts: row.scripts ?? [])
            if row.scripts == nil { try await backend.stop() }
            var place = Place(backend, knownFrom: registry, type: "openai-compatible")
            place.lines += row.lines
            try await World.with(engine, [place], tuned: Tuning { row.tuning(&$0) }) { world in
                let others = try await Self.prepare(row, form, world, backend)
                let answer = try await world.exchange(Self.request(row, form))
                try Self.check(answer, row, form)
                let page = try await world.metrics()
                let labels = ["code": "\(row.status)", "outcome": row.outcome, "route": form.route]
                #expect(page.count("glasspot_requests_total", labels) == 1)
                for client in others { try await client.close() }
            }
            if row.scripts != nil { try await backend.stop() }
        }
        try await registry.stop()
    }

    private static func request(_ row: Row, _ form: Form) -> String {
        let fields = form.accept + row.fields
        guard let rest = row.rest else { return World.postText(form.path, Self.body(row.model), fields) }
        return "POST \(form.path) HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n\(fields)\(rest)"
    }

    /// Sends what goes before; returns the clients whose requests are still under way.
    private static func prepare(
        _ row: Row, _ form: Form, _ world: World, _ backend: ScriptedBackend
    ) async throws -> [ByteClient] {
        var waiting: [ByteClient] = []
        for status in row.before {
            // By another route, so that it is counted apart.
            let request = World.postText("/olla/proxy/v1/chat/completions", Self.body(Self.model))
            if let status {
                #expect(try await world.exchange(request).status == status)
            } else {
                let client = try await world.connect()
                try await client.send(request)
                #expect(await backend.reached("asked"))
                waiting.append(client)
            }
        }
        if row.isDown { try await world.metrics { $0.count("glasspot_endpoint_up") == 0 } }
        return waiting
    }

    private static func check(_ answer: WireMessage, _ row: Row, _ form: Form) throws {
        #expect(answer.status == row.status, "\(form): \(answer.text)")
        for name in row.has { #expect(answer.value(of: name) != nil, "\(form): \(name)") }
        if row.has.contains("Connection") { #expect(answer.value(of: "Connection") == "close") }
        let id = try #require(answer.value(of: "X-Olla-Request-ID"))
        #expect(!answer.text.contains("127.0.0.1"), "\(answer.text)")
        switch form {
        case .text:
            #expect(answer.value(of: "Content-Type") == "text/plain; charset=utf-8")
            #expect(answer.value(of: "X-Content-Type-Options") == "nosniff")
            #expect(answer.text.hasPrefix(row.text) && answer.text.hasSuffix("\n"), "\(answer.text)")
        case .json:
            #expect(answer.value(of: "Content-Type") == "application/json")
            guard case .object(let document) = try JSONTree(answer.body), case .object(let error) = document["error"]
            else {
                Issue.record("no error object: \(answer.text)")
                return
            }
            #expect(document.count == 1 && error.count == 3)
            guard case .string(let message) = error["message"] else {
                Issue.record("no message")
                return
            }
            #expect(message.hasPrefix(row.text), "\(message)")
            #expect(error["code"] == .string(row.code))
            let type = row.status == 429 ? "rate_limit_error" : "invalid_request_error"
            #expect(error["type"] == .string(row.status >= 500 ? "upstream_error" : type))
        case .anthropic:
            #expect(answer.value(of: "Content-Type") == "application/json")
            #expect(answer.values(of: "request-id") == [id])
            guard case .object(let document) = try JSONTree(answer.body), case .object(let error) = document["error"]
            else {
                Issue.record("no error object: \(answer.text)")
                return
            }
            #expect(document["type"] == .string("error") && document["request_id"] == .string(id))
            guard case .string(let message) = error["message"] else {
                Issue.record("no message")
                return
            }
            let text = row.text.hasPrefix("Proxy") ? "p" + row.text.dropFirst() : row.text
            #expect(message.hasPrefix(text), "\(message)")
            #expect(error["type"] == .string(row.anthropicType), "\(answer.text)")
        }
    }

    @Test("of Anthropic's routes names the model that nobody can serve", arguments: Engine.allCases)
    func nobody(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let answer = try await world.post(Form.anthropic.path, Self.body("m-1"))
            #expect(answer.status == 404)
            #expect(answer.text.contains(#""error":{"type":"not_found_error","message":"no healthy endpoint"#))
            #expect(answer.text.contains("m-1"))
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "404", "outcome": "no_endpoint"]) == 1)
        }
    }

    // MARK: Local routes

    private static let locals: [(line: String, status: Int, text: String, code: String)] = [
        ("GET /nowhere", 404, "404 page not found", "not_found"),
        ("GET /olla/anthropic/v1/complete", 404, "404 page not found", "not_found"),
        ("POST /version", 405, "Method Not Allowed", "method_not_allowed"),
        ("GET /olla/models?format=x%22y", 400, "Invalid value \"x\"y\" for parameter \"format\"", "invalid_request"),
        ("GET /olla/models?available=x", 400, "Invalid value for parameter \"available\"", "invalid_request"),
        ("GET /olla/models/", 400, "Model ID or alias required", "invalid_request"),
        ("GET /olla/models/none", 404, "Model not found", "not_found"),
        ("POST /olla/ollama/api/pull", 501, "Model management is not supported", "not_supported"),
        ("POST /olla/proxy/api/show", 501, "Model details are not supported", "not_supported"),
        ("GET /olla/openai/api/list", 501, "Listing running models is not supported", "not_supported"),
        ("GET /internal/routing/explain", 400, "path is missing", "invalid_request"),
        ("GET /internal/requests?limit=0", 400, "invalid limit \"0\"", "invalid_request"),
    ]

    @Test("of a local route is text, or JSON on demand", arguments: Engine.allCases)
    func localForms(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            for row in Self.locals {
                for accept in ["", "Accept: text/html, application/json, */*;q=0.8\r\n"] {
                    try await client.send("\(row.line) HTTP/1.1\r\nHost: gateway\r\n\(accept)\r\n")
                    let answer = try await client.answer()
                    #expect(answer.status == row.status, "\(row.line)")
                    #expect(answer.value(of: "Content-Type") == "text/plain; charset=utf-8")
                    #expect(answer.value(of: "X-Content-Type-Options") == "nosniff")
                    #expect(answer.text.hasPrefix(row.text), "\(row.line): \(answer.text)")
                    #expect((answer.value(of: "Allow") != nil) == (row.status == 405))
                }
                try await client.send("\(row.line) HTTP/1.1\r\nHost: gateway\r\nAccept: application/json\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == row.status, "\(row.line)")
                #expect(answer.values(of: "Content-Type") == ["application/json"])
                #expect(answer.value(of: "X-Olla-Request-ID") != nil)
                #expect((answer.value(of: "Allow") != nil) == (row.status == 405))
                guard case .object(let document) = try JSONTree(answer.body),
                    case .object(let error) = document["error"], case .string(let message) = error["message"]
                else {
                    Issue.record("\(row.line): \(answer.text)")
                    continue
                }
                #expect(message.hasPrefix(row.text), "\(row.line): \(message)")
                #expect(error["code"] == .string(row.code), "\(row.line)")
                #expect(error["type"] == .string("invalid_request_error"))
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["outcome": "client_error"]) == 3 * Self.locals.count)
        }
    }
}
