import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A connection to an endpoint")
struct EndpointConnectionTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let get = "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n"

    @Test("that was closed while it idled is not used", arguments: Engine.allCases)
    func closedWhileIdle(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .wait("go"), .close], [.readHead, .send(Self.ok)],
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            backend.signal("go")
            try await world.metrics { $0.count("glasspot_upstream_connections_open") == 0 }
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_requests_total") == 2)
            #expect(page.count("glasspot_retries_total") == 0)
        }
        try await backend.stop()
    }

    @Test(
        "that had grown stale is followed by one fresh one to the same endpoint", arguments: Engine.allCases,
        [(ScriptStep.close, "closed"), (.reset, "reset")])
    func stale(engine: Engine, end: (step: ScriptStep, reason: String)) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .readUntil("{\"again\":1}"), end.step],
            [.readUntil("{\"again\":1}"), .send(Self.ok)],
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            try await client.send(World.postText("/olla/proxy/a", "{\"again\":1}"))
            #expect(try await client.answer().text == "ok")
            #expect(backend.connectionCount == 2)
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_requests_total") == 3)
            #expect(page.count("glasspot_upstream_requests_total", ["outcome": "upstream_error"]) == 1)
            #expect(page.count("glasspot_retries_total", ["reason": end.reason]) == 1)
            #expect(page.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 1)
            #expect(page.count("glasspot_request_attempts_sum") == 3)
        }
        try await backend.stop()
    }

    @Test(
        "that is fresh and closed without an answer gives 502 and leaves the endpoint online",
        arguments: Engine.allCases)
    func freshClosed(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .close]])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.get("/olla/proxy/a")
            #expect(answer.status == 502)
            #expect(answer.text.hasPrefix("Proxy error: "))
            #expect(answer.value(of: "X-Olla-Endpoint") == "alpha")
            #expect(backend.connectionCount == 1)
            let page = try await world.metrics()
            #expect(page.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 1)
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "closed"]) == 1)
        }
        try await backend.stop()
    }

    @Test("is not kept when the endpoint says close", arguments: Engine.allCases)
    func closeByEndpoint(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), .awaitClose]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            for _ in 0..<2 {
                try await client.send(Self.get)
                let answer = try await client.answer()
                #expect(answer.text == "ok")
                #expect(answer.value(of: "Connection") == nil)
            }
            #expect(backend.connectionCount == 2)
            #expect(await backend.closed(2))
        }
        try await backend.stop()
    }

    @Test("that speaks unasked while it idles is closed", arguments: Engine.allCases)
    func unasked(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .wait("go"), .send("HTTP/1.1 408 Request Timeout\r\n\r\n"), .awaitClose],
            [.readHead, .send(Self.ok)],
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            backend.signal("go")
            #expect(await backend.closed(1))
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
        }
        try await backend.stop()
    }

    @Test("is one of at most so many that idle", arguments: Engine.allCases)
    func poolBound(engine: Engine) async throws {
        let count = 30
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .wait("go"), .send(Self.ok), .readHead, .send(Self.ok)]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            var clients: [ByteClient] = []
            for _ in 0..<count {
                let client = try await world.connect()
                try await client.send(Self.get)
                clients.append(client)
            }
            #expect(await backend.accepted(count))
            let busy = try await world.metrics {
                $0.count("glasspot_upstream_connections_open", ["state": "active"]) == count
            }
            #expect(busy.count("glasspot_upstream_requests_in_flight", ["endpoint": "alpha"]) == count)
            backend.signal("go")
            for client in clients { #expect(try await client.answer().text == "ok") }
            #expect(await backend.closed(count - engine.idleConnectionsMax))
            let page = try await world.metrics {
                $0.count("glasspot_upstream_connections_open", ["state": "active"]) == 0
            }
            #expect(page.count("glasspot_upstream_connections_open", ["state": "idle"]) == engine.idleConnectionsMax)
        }
        try await backend.stop()
    }

    @Test("opened for a client that left is kept for the next", arguments: Engine.allCases)
    func clientDisconnectsWhileConnecting(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .announce("asked"), .awaitClose]])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            #expect(await backend.reached("asked"))
            try await client.close()
            #expect(await backend.closed(1))
            let page = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0 }
            #expect(page.count("glasspot_upstream_connections_open") == 0)
        }
        try await backend.stop()
    }
}
