import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Who is let in")
struct AdmissionTests {
    private static let served: [ScriptStep] = [
        .readUntil("\r\n\r\n"), .announce("served"), .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ]

    private static func get(_ path: String = "/olla/proxy/x", _ fields: String...) -> String {
        "GET \(path) HTTP/1.1\r\nHost: gateway\r\n" + fields.map { "\($0)\r\n" }.joined() + "\r\n"
    }

    /// Far more time than a test takes passes before a token comes back.
    private static func limits(
        global: Int = 0, client: Int = 0, burst: Int,
        _ more: @escaping @Sendable (inout Configuration) -> Void = { _ in }
    ) -> Tuning {
        Tuning {
            $0.server.rateLimits.globalRequestsPerMinute = global
            $0.server.rateLimits.perIPRequestsPerMinute = client
            $0.server.rateLimits.burstSize = burst
            more(&$0)
        }
    }

    @Test("an address that asks too often is refused, and the backend hears nothing", arguments: Engine.allCases)
    func limitsAddresses(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served + Self.served])
        try await World.with(engine, [Place(backend)], tuned: Self.limits(client: 1, burst: 2)) { world in
            let client = try await world.connect()
            for left in ["1", "0"] {
                try await client.send(Self.get())
                let answer = try await client.answer()
                #expect(answer.text == "ok")
                #expect(answer.value(of: "x-ratelimit-limit") == "1")
                #expect(answer.value(of: "x-ratelimit-remaining") == left)
                #expect(answer.value(of: "x-ratelimit-reset") != nil)
            }
            try await client.send(Self.get())
            let refused = try await client.answer()
            #expect(refused.status == 429)
            #expect(refused.text == "Too Many Requests\n")
            let wait = try #require(refused.value(of: "retry-after").flatMap { Int($0) })
            #expect((1...60).contains(wait))
            #expect(refused.value(of: "x-ratelimit-remaining") == "0")
            #expect(refused.value(of: "x-olla-request-id") != nil)
            // Local routes are never limited, and the connection lives on.
            try await client.send(Self.get("/internal/health"))
            #expect(try await client.answer().status == 200)
            let page = try await world.metrics()
            let decisions = "glasspot_rate_limit_decisions_total"
            #expect(page.count(decisions, ["limit": "per_ip", "decision": "allowed"]) == 2)
            #expect(page.count(decisions, ["limit": "per_ip", "decision": "rejected"]) == 1)
            #expect(page.count("glasspot_admission_total", ["decision": "rate_limited"]) == 1)
            #expect(page.count("glasspot_requests_total", ["outcome": "rate_limited", "code": "429"]) == 1)
            #expect(page.count("glasspot_rate_limit_tracked_clients") == 1)
        }
        try await backend.stop()
    }

    @Test("where the address stands is said on every answer, once", arguments: Engine.allCases)
    func saysWhere(engine: Engine) async throws {
        let registry = try await MockBackend.start(kind: .openAI)
        let json = #"{"model":"q","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-RateLimit-Limit: 7\r\nX-RateLimit-Remaining: 6\r\n"
            + "X-RateLimit-Reset: 5\r\nContent-Length: \(json.utf8.count)\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [
            // Over one connection or two: an answer may end before its connection is free again.
            [
                .readUntil("}]"), .readUntil("}"), .send(head + json), .readUntil("}]"), .readUntil("}"),
                .send(head + json),
            ]
        ])
        let place = Place(backend, knownFrom: registry, type: "openai-compatible")
        try await World.with(engine, [place], tuned: Self.limits(client: 1, burst: 20)) { world in
            let message = #"{"model":"mock-chat","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#
            let rows = [
                ("/olla/proxy/v1/chat/completions", message), ("/olla/anthropic/v1/messages", message),
                ("/olla/anthropic/v1/messages/count_tokens", message), ("/olla/anthropic/v1/messages", "{}"),
            ]
            for (position, row) in rows.enumerated() {
                let answer = try await world.post(row.0, row.1)
                #expect(answer.status == (row.1 == "{}" ? 400 : 200), "\(row.0): \(answer.text)")
                #expect(answer.values(of: "X-RateLimit-Limit") == ["1"], "\(row.0)")
                #expect(answer.values(of: "X-RateLimit-Remaining") == ["\(19 - position)"], "\(row.0)")
                #expect(answer.values(of: "X-RateLimit-Reset").count == 1, "\(row.0)")
            }
        }
        // Without limits of its own the gateway passes the backend's on.
        let other = try await ScriptedBackend.start(scripts: [[.readHead, .send(head + json)]])
        try await World.with(engine, [Place(other)]) { world in
            let answer = try await world.get("/olla/proxy/x")
            #expect(answer.values(of: "X-RateLimit-Limit") == ["7"])
        }
        try await other.stop()
        try await backend.stop()
        try await registry.stop()
    }

    @Test("the limit of all clients refuses too, and gives the address its token back", arguments: Engine.allCases)
    func limitsAll(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served])
        try await World.with(engine, [Place(backend)], tuned: Self.limits(global: 1, burst: 1)) { world in
            let client = try await world.connect()
            try await client.send(Self.get())
            let first = try await client.answer()
            #expect(first.status == 200)
            #expect(first.value(of: "x-ratelimit-limit") == "0")
            try await client.send(Self.get())
            #expect(try await client.answer().status == 429)
            let page = try await world.metrics()
            let decisions = "glasspot_rate_limit_decisions_total"
            #expect(page.count(decisions, ["limit": "global", "decision": "rejected"]) == 1)
        }
        try await backend.stop()
    }

    @Test("behind a trusted proxy each client has its own bucket, named from the right", arguments: Engine.allCases)
    func trustsProxies(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served + Self.served])
        let tuning = Self.limits(client: 1, burst: 1) { $0.server.rateLimits.trustProxyHeaders = true }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            let asked: [(String, Int)] = [
                ("6.6.6.6, 203.0.113.1, 10.0.0.1", 200), ("7.7.7.7, 203.0.113.1", 429), ("203.0.113.2", 200),
                ("8.8.8.8,203.0.113.2,127.0.0.1", 429),
            ]
            for (list, status) in asked {
                try await client.send(Self.get("/olla/proxy/x", "X-Forwarded-For: \(list)"))
                #expect(try await client.answer().status == status, "\(list)")
            }
            let lines = try await world.logAfterStop()
            #expect(lines.filter { $0["remote_addr"] as? String == "203.0.113.1" }.count == 2)
        }
        try await backend.stop()
    }

    @Test("a reload changes keys and limits, and what was used up stays used up", arguments: Engine.allCases)
    func reloads(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served + Self.served])
        let tuning = Self.limits(client: 1, burst: 9) {
            var key = Configuration.ClientKey()
            key.name = "team-a"
            key.value = Secret("sk-a")
            $0.server.auth.keys = [key]
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            try await client.send(Self.get("/olla/proxy/x", "x-api-key: sk-a"))
            #expect(try await client.answer().status == 200)
            let server = """
                rate_limits: {global_requests_per_minute: 0, per_ip_requests_per_minute: 1, burst_size: 3}, \
                auth: {keys: [{name: team-b, key: sk-b}]}
                """
            #expect(try await world.reload([Place(backend)], server: server))
            // One token went before the reload; a key that is not known costs one too.
            for (key, status) in [("sk-a", 401), ("sk-b", 200), ("sk-b", 429)] {
                try await client.send(Self.get("/olla/proxy/x", "x-api-key: \(key)"))
                #expect(try await client.answer().status == status, "\(key)")
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_client_key_requests_total", ["key": "team-b", "outcome": "ok"]) == 1)
        }
        try await backend.stop()
    }

    @Test("only a known key is let in, its name is told and its value never", arguments: Engine.allCases)
    func keys(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served + Self.served + Self.served])
        let tuning = Tuning {
            var first = Configuration.ClientKey()
            first.name = "team-a"
            first.value = Secret("sk-planted-a")
            var second = Configuration.ClientKey()
            second.name = "team-b"
            // printf sk-planted-b | sha256sum
            second.sha256 = "976daf0b34cf088b88ab20affe764e3263a3a351671680428628af1125f5cabf"
            second.requestsPerMinute = 1
            $0.server.auth.keys = [first, second]
            $0.server.auth.header = "X-Team-Key"
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            let asked: [(String, Int)] = [
                ("Authorization: Bearer sk-planted-a", 200), ("x-api-key: sk-planted-a", 200),
                ("X-Team-Key: sk-planted-b", 200), ("X-Team-Key: sk-planted-b", 429),
                ("Authorization: Bearer sk-planted-wrong", 401), ("Accept: */*", 401),
            ]
            var heads: [String] = []
            for (field, status) in asked {
                try await client.send(Self.get("/olla/proxy/x", field))
                let answer = try await client.answer()
                #expect(answer.status == status, "\(field)")
                if status == 401 { #expect(answer.value(of: "www-authenticate") == "Bearer") }
                heads.append(answer.text)
            }
            try await client.send(Self.get("/olla/models"))
            #expect(try await client.answer().status == 401)
            try await client.send(Self.get("/internal/health"))
            #expect(try await client.answer().status == 200)
            let page = try await world.metrics()
            let used = "glasspot_client_key_requests_total"
            #expect(page.count(used, ["key": "team-a", "outcome": "ok"]) == 2)
            #expect(page.count(used, ["key": "team-b", "outcome": "rate_limited"]) == 1)
            #expect(page.count("glasspot_admission_total", ["decision": "unauthorized"]) == 3)
            for path in ["/internal/metrics", "/internal/status", "/internal/requests", "/internal/process"] {
                try await client.send(Self.get(path))
                heads.append(try await client.answer().text)
            }
            let lines = try await world.logAfterStop()
            #expect(lines.filter { $0["client_key"] as? String == "team-a" }.count == 2)
            heads += lines.map { "\($0)" }
            heads.append(String(decoding: backend.received(), as: UTF8.self))
            for text in heads { #expect(!text.contains("sk-planted")) }
        }
        try await backend.stop()
    }
}
