import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Cross-origin rules")
struct CORSTests {
    private static let origin = "https://app.example"
    private static let on = Tuning { $0.server.cors.enabled = true }
    private static let served: [ScriptStep] = [
        .readHead,
        .send(
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: http://backend\r\nAccess-Control-Max-Age: 9\r\n"
                + "Vary: Accept\r\nContent-Length: 2\r\n\r\nok"),
    ]

    private static func preflight(_ path: String, method: String = "POST", _ fields: String = "") -> String {
        "OPTIONS \(path) HTTP/1.1\r\nHost: gateway\r\nOrigin: \(Self.origin)\r\n"
            + "Access-Control-Request-Method: \(method)\r\n\(fields)\r\n"
    }

    @Test(
        "answer preflights everywhere, before limits and keys, and no endpoint hears of them",
        arguments: Engine.allCases)
    func preflights(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served])
        let tuning = Tuning {
            $0.server.cors.enabled = true
            $0.server.rateLimits.perIPRequestsPerMinute = 1
            $0.server.rateLimits.burstSize = 0
            var key = Configuration.ClientKey()
            key.name = "a"
            key.value = Secret("k")
            $0.server.auth.keys = [key]
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            let paths = [
                "/olla/proxy/x", "/olla/anthropic/v1/messages", "/internal/status", "/internal/ui/", "/olla/models",
                "/nowhere", "//unclean", "/olla/proxy/x",
            ]
            for path in paths {
                try await client.send(Self.preflight(path, "Access-Control-Request-Headers: X-A, authorization\r\n"))
                let answer = try await client.answer()
                #expect(answer.status == 204, "\(path)")
                #expect(answer.value(of: "access-control-allow-origin") == "*")
                #expect(answer.value(of: "access-control-allow-methods") == "POST")
                #expect(answer.value(of: "access-control-allow-headers") == "X-A, authorization")
                #expect(answer.value(of: "access-control-max-age") == "300")
                #expect(
                    answer.value(of: "vary")
                        == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
                #expect(answer.value(of: "content-length") == nil)
                #expect(answer.value(of: "x-olla-request-id") != nil)
            }
            // The body of one is read away, and the connection lives on.
            try await client.send(Self.preflight("/olla/proxy/x", "Content-Length: 3\r\n") + "abc")
            #expect(try await client.answer().status == 204)
            try await client.send(Self.preflight("/olla/proxy/x", method: "DELETE"))
            let refused = try await client.answer()
            #expect(refused.status == 204)
            #expect(!refused.fields.contains { $0.name.lowercased().hasPrefix("access-control-") })
            #expect(backend.connectionCount == 0)
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["method": "OPTIONS", "code": "204", "outcome": "ok"]) == 10)
            #expect(page.count("glasspot_admission_total", ["decision": "unauthorized"]) == 0)
            #expect(page.count("glasspot_admission_total", ["decision": "rate_limited"]) == 0)
            let lines = try await world.logAfterStop()
            #expect(lines.count { $0["method"] as? String == "OPTIONS" && $0["status"] as? Int == 204 } == 10)
        }
        try await backend.stop()
    }

    @Test(
        "stand in every answer: relayed, local, refused and unknown, and instead of the endpoint's",
        arguments: Engine.allCases)
    func answers(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.served])
        let tuning = Tuning {
            $0.server.cors.enabled = true
            $0.server.cors.allowedOrigins = ["https://*.example", "https://app.example"]
            $0.server.cors.allowCredentials = true
            $0.dashboard.allowedHosts = ["gateway"]
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            let asked: [(String, Int)] = [
                ("/olla/proxy/x", 200), ("/version", 200), ("/internal/status", 200), ("/internal/ui/", 200),
                ("/nowhere", 404), ("/olla/nosuch/v1/models", 404),
            ]
            for (path, status) in asked {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: gateway\r\nOrigin: \(Self.origin)\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == status, "\(path)")
                #expect(answer.values(of: "access-control-allow-origin") == [Self.origin], "\(path)")
                #expect(answer.values(of: "access-control-max-age") == [])
                #expect(answer.value(of: "access-control-allow-credentials") == "true")
                #expect(answer.value(of: "access-control-expose-headers")?.contains("X-Olla-Endpoint") == true)
                #expect(answer.values(of: "vary").last == "Origin")
                if status == 200, path == "/olla/proxy/x" {
                    #expect(answer.values(of: "vary") == ["Accept", "Origin"])
                }
            }
            // Others are served as ever, without the lines; so are methods that are not allowed.
            for (origin, method) in [("https://evil.test", "GET"), (Self.origin, "DELETE"), ("", "GET")] {
                let field = origin.isEmpty ? "" : "Origin: \(origin)\r\n"
                try await client.send("\(method) /version HTTP/1.1\r\nHost: gateway\r\n\(field)\r\n")
                let answer = try await client.answer()
                #expect(answer.status == (method == "GET" ? 200 : 405))
                #expect(!answer.fields.contains { $0.name.lowercased().hasPrefix("access-control-") })
                #expect(answer.value(of: "vary")?.hasSuffix("Origin") == true)
            }
        }
        try await backend.stop()
    }

    @Test("stand in a translated stream", arguments: Engine.allCases)
    func translated(engine: Engine) async throws {
        let backend = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("mock")], pacing: TokenPacing(gap: .zero)))
        try await World.with(engine, [Place(backend)], tuned: Self.on) { world in
            let body = #"{"model":"mock","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#
            let answer = try await world.post(
                "/olla/anthropic/v1/messages", body, "Origin: \(Self.origin)\r\nanthropic-version: 2023-06-01\r\n")
            #expect(answer.status == 200)
            #expect(answer.values(of: "access-control-allow-origin") == ["*"])
            #expect(answer.values(of: "vary") == ["Origin"])
        }
        try await backend.stop()
    }

    @Test("are absent without being asked for, and come and go with a reload", arguments: Engine.allCases)
    func reload(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: http://backend\r\n\r\n")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let off = try await world.exchange(Self.preflight("/olla/proxy/x"))
            #expect(off.value(of: "access-control-allow-origin") == "http://backend")
            #expect(off.value(of: "vary") == nil)
            #expect(try await world.reload([Place(backend)], server: "cors: {enabled: true}"))
            let on = try await world.exchange(Self.preflight("/olla/proxy/x"))
            #expect(on.status == 204)
            #expect(on.value(of: "access-control-allow-methods") == "POST")
            #expect(try await world.reload([Place(backend)]))
            #expect(try await world.get("/version", "Origin: \(Self.origin)\r\n").value(of: "vary") == nil)
        }
        try await backend.stop()
    }
}
