import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A client connection")
struct ConnectionTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let get = "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n"

    @Test("serves one request after another, over one connection to the endpoint", arguments: Engine.allCases)
    func keepAlive(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .readHead, .send(Self.ok), .readHead, .send(Self.ok)]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            for _ in 0..<3 {
                try await client.send(Self.get)
                let answer = try await client.answer()
                #expect(answer.status == 200)
                #expect(answer.text == "ok")
                #expect(answer.value(of: "Connection") == nil)
            }
            #expect(backend.connectionCount == 1)
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["route": "proxy", "code": "200", "outcome": "ok"]) == 3)
            #expect(page.count("glasspot_upstream_connections_total", ["result": "opened"]) == 1)
            #expect(page.count("glasspot_upstream_connections_total", ["result": "reused"]) == 2)
            #expect(page.count("glasspot_upstream_connections_open", ["state": "idle"]) == 1)
            #expect(page.count("glasspot_upstream_connections_open", ["state": "active"]) == 0)
        }
        try await backend.stop()
    }

    @Test("answers pipelined requests in order, also behind a slow answer", arguments: Engine.allCases)
    func pipelining(engine: Engine) async throws {
        let first: [ScriptStep] = [
            .readUntil("first"), .announce("first"), .wait("go"),
            .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
        ]
        let second: [ScriptStep] = [.readHead, .send("HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nsecond")]
        let third: [ScriptStep] = [
            .readUntil("third"), .send("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nthird"),
        ]
        // AsyncHTTPClient may find a request with a body complete after its answer, and opens a connection for the next.
        let scripts = [first + second + third, second + third, third]
        let backend = try await ScriptedBackend.start(scripts: scripts)
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/1 HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\n\r\nfirst"
                    + "GET /olla/proxy/2 HTTP/1.1\r\nHost: gateway\r\n\r\n"
                    + "POST /olla/proxy/3 HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\nthird\r\n0\r\n\r\nGET /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(await backend.reached("first"))
            #expect(client.unread.isEmpty)
            #expect(!String(decoding: backend.received(), as: UTF8.self).contains("GET /2"))
            backend.signal("go")
            #expect(try await client.answer().text == "first")
            #expect(try await client.answer().text == "second")
            #expect(try await client.answer().text == "third")
            #expect(try await client.answer().text.contains("Glasspot"))
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["route": "proxy", "outcome": "ok"]) == 3)
            #expect(page.count("glasspot_client_connections_open") == 2)
        }
        try await backend.stop()
    }

    @Test("that pipelines without end is held back", arguments: Engine.allCases)
    func pipelineBound(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .announce("asked"), .wait("go"), .reset]])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            #expect(await backend.reached("asked"))
            // Far more than the sockets and the gateway's input together hold.
            let flood = Array(String(repeating: Self.get, count: 600_000).utf8)
            client.post(flood)
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_started_total", ["route": "proxy"]) == 1)
            #expect(page.count("glasspot_requests_in_flight", ["route": "proxy"]) == 1)
            try await client.reset()
            try await world.metrics { $0.count("glasspot_client_cancellations_total", ["stage": "wait"]) == 1 }
            backend.signal("go")
        }
        try await backend.stop()
    }

    @Test("gets the fields of GET and no body when it asks with HEAD", arguments: Engine.allCases)
    func head(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: x\r\n\r\n"),
                .readHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), .readHead, .send(Self.ok),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("HEAD /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let sized = try await client.answer(toHead: true)
            #expect(sized.value(of: "Content-Length") == "1234")
            #expect(sized.value(of: "ETag") == "x")
            try await client.send("HEAD /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await client.answer(toHead: true).value(of: "Content-Length") == nil)
            try await client.send("HEAD /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let local = try await client.answer(toHead: true)
            let length = try #require(local.value(of: "Content-Length").flatMap { Int($0) })
            #expect(length > 10)
            // The connection stands at a message boundary after each of them.
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            #expect(backend.connectionCount == 1)
            #expect(String(decoding: backend.received(), as: UTF8.self).hasPrefix("HEAD /a HTTP/1.1\r\n"))
        }
        try await backend.stop()
    }

    @Test("of HTTP/1.0 is closed after the answer, which has no chunks", arguments: Engine.allCases)
    func oldClient(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead,
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.0\r\n\r\n")
            let (bytes, ending) = try await client.rest()
            let answer = try #require(try WireMessage.parse(bytes[...], as: .answer, hasEnded: true))
            #expect(answer.startLine == "HTTP/1.1 200 OK")
            #expect(answer.value(of: "Transfer-Encoding") == nil)
            #expect(answer.value(of: "Connection") == "close")
            #expect(answer.text == "hello world")
            #expect(ending == .closed)
            let request = String(decoding: backend.received(), as: UTF8.self)
            #expect(request.hasPrefix("GET /a HTTP/1.1\r\nHost: 127.0.0.1:\(backend.port)\r\n"))
        }
        try await backend.stop()
    }

    @Test("of HTTP/1.0 stays open when it asks for that and the length is known", arguments: Engine.allCases)
    func oldClientKeepAlive(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send(Self.ok), .readHead,
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let first = try await client.answer()
            #expect(first.value(of: "Connection") == "keep-alive")
            #expect(first.text == "ok")
            try await client.send("GET /olla/proxy/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let (bytes, _) = try await client.rest()
            let second = try #require(try WireMessage.parse(bytes[...], as: .answer, hasEnded: true))
            #expect(second.value(of: "Connection") == "close")
            #expect(second.text == "ok")
        }
        try await backend.stop()
    }

    @Test("is closed when the client says so", arguments: Engine.allCases)
    func closeByClient(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(Self.ok)]])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
            #expect(try await client.answer().value(of: "Connection") == "close")
            #expect(try await client.rest().ending == .closed)
        }
        try await backend.stop()
    }

    @Test("that idles is closed after idle_timeout", arguments: Engine.allCases)
    func idleClient(engine: Engine) async throws {
        try await World.with(engine, [], tuned: Tuning { $0.server.idleTimeout = .milliseconds(200) }) { world in
            let client = try await world.connect()
            try await client.send("GET /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await client.answer().status == 200)
            let (bytes, ending) = try await client.rest()
            #expect(bytes.isEmpty)
            #expect(ending == .closed)
        }
    }

    @Test("that does not finish its head in time gets 408", arguments: Engine.allCases)
    func slowHead(engine: Engine) async throws {
        try await World.with(engine, [], tuned: Tuning { $0.server.readHeaderTimeout = .seconds(3) }) { world in
            let client = try await world.connect()
            try await client.send("GET /version HTTP/1.1\r\nHost: gat")
            let answer = try await client.answer()
            #expect(answer.status == 408)
            #expect(answer.value(of: "Connection") == "close")
            #expect(try await client.rest().ending == .closed)
            let page = try await world.metrics()
            #expect(page.count("glasspot_request_parse_failures_total", ["reason": "timeout"]) == 1)
        }
    }

    @Test("that does not finish its body in time gets 408", arguments: Engine.allCases)
    func slowBody(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .awaitClose]])
        let tuning = Tuning {
            $0.server.readTimeout = .milliseconds(200)
            // Else the connection that scrapes would have no more time between two requests.
            $0.server.idleTimeout = .seconds(30)
        }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            for type in ["application/json", "application/octet-stream"] {
                let client = try await world.connect()
                try await client.send(
                    "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: \(type)\r\n"
                        + "Content-Length: 100\r\n\r\n{\"model\"")
                let answer = try await client.answer()
                #expect(answer.status == 408)
                #expect(answer.value(of: "Connection") == "close")
                #expect(try await client.rest().ending == .closed)
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "408", "outcome": "client_error"]) == 2)
            // Whoever waits for the client is not to blame.
            #expect(page.count("glasspot_upstream_requests_total", ["outcome": "upstream_error"]) == 0)
            #expect(page.count("glasspot_upstream_requests_total", ["outcome": "upstream_timeout"]) == 0)
        }
        try await backend.stop()
    }

    @Test("that vanishes in the middle of a head is counted", arguments: Engine.allCases)
    func closedEarly(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            try await client.send("GET /version HTT")
            try await client.close()
            try await world.metrics {
                $0.count("glasspot_request_parse_failures_total", ["reason": "closed_early"]) == 1
            }
        }
    }
}
