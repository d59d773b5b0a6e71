import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("The internal routes")
struct AdminListenerTests {
    private static func ask(_ client: ByteClient, _ path: String, method: String = "GET") async throws -> WireMessage {
        try await client.send("\(method) \(path) HTTP/1.1\r\nHost: gateway\r\n\r\n")
        return try await client.answer()
    }

    @Test("with a listener of their own are there and nowhere else", arguments: Engine.allCases)
    func own(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
        ])
        let tuning = Tuning {
            $0.server.admin.port = 0
            $0.dashboard.allowedHosts = ["gateway"]
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            #expect(world.internalPort != world.port)
            let main = try await world.connect()
            let admin = try await world.connectInternally()
            let routes = [
                "/internal/health", "/internal/ready", "/internal/metrics", "/internal/status", "/internal/ui/",
                "/internal/requests", "/internal/process", "/version",
            ]
            for path in routes {
                #expect(try await Self.ask(admin, path).status == 200, "\(path)")
                let hidden = try await Self.ask(main, path)
                #expect(hidden.status == 404, "\(path)")
                #expect(hidden.text == "404 page not found\n")
            }
            // Not even that another method would do is told.
            #expect(try await Self.ask(main, "/internal/status", method: "POST").status == 404)
            #expect(try await Self.ask(admin, "/internal/status", method: "POST").status == 405)
            for path in ["/olla/proxy/x", "/olla/models", "/olla/openai/v1/models", "/"] {
                #expect(try await Self.ask(admin, path).status == 404, "\(path)")
            }
            #expect(try await Self.ask(admin, "/internal//status").status == 307)
            #expect(try await Self.ask(main, "/olla/proxy/x").text == "ok")
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["route": "internal", "code": "404"]) == routes.count + 1)
        }
        try await backend.stop()
    }

    @Test("with a listener of their own answer while the gateway drains", arguments: Engine.allCases)
    func drain(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .announce("asked"), .wait("go"), .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
        ])
        try await World.with(engine, [Place(backend)], tuned: Tuning { $0.server.admin.port = 0 }) { world in
            let idle = try await world.connect()
            let busy = try await world.connect()
            try await busy.send("GET /olla/proxy/x HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(await backend.reached("asked"))
            await world.beginStop()
            #expect(try await idle.rest().ending == .closed)
            // Clients find nobody any more, probes and scrapers do.
            #expect((try? await world.connect()) == nil)
            let admin = try await world.connectInternally()
            #expect(try await Self.ask(admin, "/internal/ready").status == 503)
            let scraper = try await world.connectInternally()
            #expect(try await Self.ask(scraper, "/internal/metrics").status == 200)
            backend.signal("go")
            let answer = try await busy.answer()
            #expect(answer.text == "ok")
            #expect(answer.value(of: "connection") == "close")
            try await world.stop()
            #expect((try? await world.connectInternally()) == nil)
        }
        try await backend.stop()
    }

    @Test("are closed to strangers with gate_internal_api, whatever they ask for", arguments: Engine.allCases)
    func gate(engine: Engine) async throws {
        let tuning = Tuning {
            $0.dashboard.gateInternalAPI = true
            $0.dashboard.allowedHosts = ["gateway"]
        }
        try await World.with(engine, [], tuned: tuning) { world in
            let client = try await world.connect()
            let paths = [
                "/internal/health", "/internal/ready", "/internal/metrics", "/internal/status", "/internal/ui/",
                "/internal/nothing", "/version",
            ]
            for (path, method) in paths.map({ ($0, "GET") }) + [("/internal/status", "POST"), ("/version", "DELETE")] {
                try await client.send("\(method) \(path) HTTP/1.1\r\nHost: evil.example\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == 403, "\(method) \(path)")
                #expect(
                    answer.text.hasPrefix("403 forbidden: host not accepted (ip=127.0.0.1, host=evil.example)"))
                // Forwarded fields never count.
                try await client.send(
                    "\(method) \(path) HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: gateway\r\n\r\n")
                #expect(try await client.answer().status == 403)
            }
            // Clients' routes are not concerned.
            try await client.send("GET /olla/models HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            #expect(try await client.answer().status == 200)
            #expect(try await Self.ask(client, "/internal/nothing").status == 404)
            #expect(try await Self.ask(client, "/internal/status", method: "POST").status == 405)
            let lines = try await world.logAfterStop()
            let warnings = lines.filter { $0["msg"] as? String == "Access refused by dashboard.access_policy" }
            #expect(warnings.count == 18)
            #expect(
                warnings.allSatisfy {
                    $0["level"] as? String == "WARN"
                        && $0["key"] as? String == "dashboard.access_policy.allowed_hosts"
                })
        }
    }

    @Test("stay closed on a listener of their own", arguments: Engine.allCases)
    func gateOfAdmin(engine: Engine) async throws {
        let tuning = Tuning {
            $0.server.admin.port = 0
            $0.dashboard.gateInternalAPI = true
            $0.dashboard.allowedHosts = ["gateway"]
        }
        // The gate holds on a listener of their own, too; the main one knows nothing of these routes.
        try await World.with(engine, [], tuned: tuning) { world in
            let admin = try await world.connectInternally()
            try await admin.send("GET /version HTTP/1.1\r\nHost: other\r\n\r\n")
            #expect(try await admin.answer().status == 403)
            #expect(try await Self.ask(admin, "/version").status == 200)
            let main = try await world.connect()
            try await main.send("GET /version HTTP/1.1\r\nHost: other\r\n\r\n")
            #expect(try await main.answer().status == 404)
        }
    }
}
