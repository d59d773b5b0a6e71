import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A request body")
struct RequestBodyTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// What the endpoint got, as messages.
    private static func received(_ backend: ScriptedBackend, connection: Int = 1) throws -> WireMessage {
        try #require(try WireMessage.parse(backend.received(connection: connection)[...], as: .request))
    }

    @Test("of known length goes on with its length, whatever it holds", arguments: Engine.allCases)
    func byLength(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readUntil("\"end\"}"), .send(Self.ok)]])
        try await World.with(engine, [Place(backend)]) { world in
            let body = "{\"stream\": false, \"x\":\"\u{1F600}\\u0000\", \"last\":\"end\"}"
            let answer = try await world.post("/olla/proxy/v1/other", body)
            #expect(answer.text == "ok")
            let request = try Self.received(backend)
            #expect(request.values(of: "Content-Length") == ["\(body.utf8.count)"])
            #expect(request.values(of: "Transfer-Encoding") == [])
            #expect(request.text == body)
            let page = try await world.metrics()
            #expect(page.count("glasspot_request_body_bytes_sum", ["route": "proxy"]) == body.utf8.count)
        }
        try await backend.stop()
    }

    @Test("that is no JSON, or names no model, goes on as it is", arguments: Engine.allCases)
    func unreadable(engine: Engine) async throws {
        let backend = try await Witness.start()
        try await World.with(engine, [Place(port: backend.port)]) { world in
            let bodies = [
                #"{"model":"#, "nonsense", "{}", "[1,2", #"{"model":7}"#, #"{"model":""}"#, "\u{0}",
                #"{"a":1}{"model":"x"}"#,
            ]
            for body in bodies {
                let answer = try await world.post("/olla/openai/v1/chat/completions", body)
                #expect(answer.text == "ok", "\(body)")
                #expect(answer.value(of: "X-Olla-Routing-Decision") == nil, "\(body)")
                #expect(backend.requests.last?.body == Array(body.utf8), "\(body)")
            }
        }
        try await backend.stop()
    }

    @Test("of the largest length there is survives a longer name for its model", arguments: Engine.allCases)
    func longest(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .announce("head"), .awaitClose]])
        let aliases = "model_aliases: {m: [a-model-with-a-longer-name]}\n"
        let registry = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("a-model-with-a-longer-name")]))
        let place = Place(backend, knownFrom: registry, type: "openai-compatible")
        let unlimited = Tuning { $0.server.requestLimits.maxBodySize = 0 }
        try await World.with(engine, [place], yaml: aliases, tuned: unlimited) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/openai/v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"
                    + "Content-Type: application/json\r\nContent-Length: \(Int.max)\r\n\r\n"
                    + #"{"model":"m","messages":[{"role":"user","content":"hi"}],"user":""#)
            #expect(await backend.reached("head"))
            #expect(String(decoding: backend.received(), as: UTF8.self).contains("\r\nContent-Length: \(Int.max)\r\n"))
            try await client.close()
            #expect(await backend.closed(1))
        }
        try await registry.stop()
        try await backend.stop()
    }

    @Test("that is empty goes on as one", arguments: Engine.allCases)
    func empty(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(Self.ok), .readHead, .send(Self.ok)]])
        try await World.with(engine, [Place(backend)]) { world in
            #expect(try await world.post("/olla/proxy/a", "").text == "ok")
            let request = try Self.received(backend)
            #expect(request.values(of: "Content-Length") == ["0"])
            let chunked = "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            #expect(try await world.exchange(chunked).text == "ok")
        }
        try await backend.stop()
    }

    @Test("in chunks gets a length when it is whole before it is routed", arguments: Engine.allCases)
    func chunkedToLength(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readUntil("world"), .send(Self.ok)]])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.exchange(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n"
                    + "6;a=b\r\nhello \r\n5\r\nworld\r\n0\r\nX-Trailer: t\r\n\r\n")
            #expect(answer.text == "ok")
            let request = try Self.received(backend)
            #expect(request.values(of: "Content-Length") == ["11"])
            #expect(request.values(of: "Transfer-Encoding") == [])
            #expect(request.text == "hello world")
        }
        try await backend.stop()
    }

    /// A name has to be looked up, so that the connection is not there at once.
    @Test(
        "in chunks stays in chunks when it is routed before its end", arguments: Engine.allCases,
        ["127.0.0.1", "localhost"])
    func chunkedThrough(engine: Engine, host: String) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("first"), .announce("first"), .readUntil("0\r\n\r\n"), .send(Self.ok)]
        ])
        var place = Place(backend)
        place.url = "http://\(host):\(backend.port)"
        try await World.with(engine, [place]) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            // The endpoint has the first piece before the client has sent the second.
            #expect(await backend.reached("first"))
            try await client.send("6\r\nsecond\r\n0\r\n\r\n")
            #expect(try await client.answer().text == "ok")
            let request = try Self.received(backend)
            #expect(request.isChunked)
            #expect(request.values(of: "Content-Length") == [])
            #expect(request.text == "firstsecond")
            let page = try await world.metrics()
            #expect(page.count("glasspot_backpressure_pauses_total", ["side": "endpoint"]) == 0)
        }
        try await backend.stop()
    }

    @Test("goes on when an endpoint refuses while it is still coming", arguments: Engine.allCases)
    func refusedMeanwhile(engine: Engine) async throws {
        let first = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")]
        ])
        let second = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok), .readUntil("first"), .announce("first"), .readUntil("second"), .send(Self.ok)]
        ])
        // A name has to be looked up, so that the refusal comes after the client's bytes have been read.
        var place = Place(first, lines: ["priority: 200"])
        place.url = "http://localhost:\(first.port)"
        let places = [place, Place(second, name: "beta", lines: ["priority: 1"])]
        try await World.with(engine, places, tuned: Tuning { $0.proxy.loadBalancer = .priority }) { world in
            #expect(try await world.get("/olla/proxy/a").text == "ok")
            try await first.stop()
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: 11\r\n\r\nfirst")
            #expect(await second.reached("first"))
            try await client.send("second")
            #expect(try await client.answer().text == "ok")
            #expect(second.connectionCount == 1)
        }
        try await second.stop()
    }

    @Test("is found at every split of its chunks", arguments: Engine.allCases)
    func splitChunks(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        let text = "5;x=\"y\"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n"
        try await World.with(engine, [Place(port: backend.port)]) { world in
            let client = try await world.connect()
            for split in 1..<text.utf8.count {
                let bytes = Array(text.utf8)
                try await client.send(
                    "POST /olla/proxy/split/\(split) HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n")
                try await client.send(Array(bytes[..<split]))
                try await client.send(Array(bytes[split...]))
                #expect(try await client.answer().status == 404)
                let seen = try #require(backend.requests.last { $0.target == "/split/\(split)" })
                #expect(seen.body == Array("hello world".utf8), "split at \(split)")
            }
        }
        try await backend.stop()
    }

    @Test("of 5 MiB streams through a slow endpoint", arguments: Engine.allCases, [true, false])
    func large(engine: Engine, chunked: Bool) async throws {
        let size = 5 * 1_048_576
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .stopReading, .announce("head"), .wait("go"), .resumeReading]
                + (chunked ? [.readUntil("\r\n0\r\n\r\n")] : [.read(size)]) + [.send(Self.ok)]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            // Before connecting: making so many bytes takes longer than a client may stay silent, under a sanitizer.
            let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            var body: [UInt8] = []
            while body.count < size { body += block.prefix(size - body.count) }
            let client = try await world.connect()
            let head = "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
            if chunked {
                var bytes = Array("\(head)Transfer-Encoding: chunked\r\n\r\n".utf8)
                for start in stride(from: 0, to: size, by: 1_048_576) {
                    bytes += Array("100000\r\n".utf8) + body[start..<start + 1_048_576] + Array("\r\n".utf8)
                }
                client.post(bytes + Array("0\r\n\r\n".utf8))
            } else {
                client.post(Array("\(head)Content-Length: \(size)\r\n\r\n".utf8) + body)
            }
            #expect(await backend.reached("head"))
            try await world.metrics { $0.count("glasspot_backpressure_pauses_total", ["side": "endpoint"]) > 0 }
            backend.signal("go")
            #expect(try await client.answer().text == "ok")
            let request = try Self.received(backend)
            #expect(request.isChunked == chunked)
            #expect(request.body == body)
            let page = try await world.metrics()
            #expect(page.count("glasspot_request_body_bytes_sum", ["route": "proxy"]) == size)
            #expect(page.count("glasspot_upstream_bytes_total", ["direction": "sent"]) >= size)
        }
        try await backend.stop()
    }

    @Test("larger than the replay buffer is sent once", arguments: Engine.allCases)
    func beyondReplay(engine: Engine) async throws {
        let size = 200_000
        let first = try await ScriptedBackend.start(scripts: [[.readHead, .read(size), .close]])
        let second = try await ScriptedBackend.start(scripts: [[.readHead, .read(size), .send(Self.ok)]])
        let places = [
            Place(first, name: "alpha", lines: ["priority: 200"]), Place(second, name: "beta", lines: ["priority: 1"]),
        ]
        for (buffer, status) in [(1_048_576, 200), (100_000, 502)] {
            try await World.with(
                engine, places,
                tuned: Tuning {
                    $0.proxy.loadBalancer = .priority
                    $0.proxy.replayBuffer = buffer
                }
            ) { world in
                let client = try await world.connect()
                try await client.send(
                    "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                        + "Content-Length: \(size)\r\n\r\n")
                // In pieces, so that the body cannot be whole when the request is routed.
                let piece = [UInt8](repeating: 0x61, count: 50_000)
                for _ in 0..<4 { try await client.send(piece) }
                #expect(try await client.answer().status == status)
                let page = try await world.metrics()
                #expect(page.count("glasspot_retries_total", ["reason": "closed"]) == (status == 200 ? 1 : 0))
            }
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("is asked for with 100 Continue when it is wanted", arguments: Engine.allCases)
    func expectation(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readUntil("{\"a\":1}"), .send(Self.ok)]])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
                    + "Expect: 100-continue\r\nContent-Length: 7\r\n\r\n")
            let interim = try await client.read(until: "\r\n\r\n")
            #expect(interim == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("{\"a\":1}")
            #expect(try await client.answer().text == "ok")
            #expect(try Self.received(backend).values(of: "Expect") == [])
        }
        try await backend.stop()
    }

    @Test(
        "is not asked for when the request is refused", arguments: Engine.allCases,
        [
            ("POST /olla/proxy/a", "Content-Length: 2000", 413), ("POST /nowhere", "Content-Length: 5", 404),
            ("POST /version", "Content-Length: 5", 405),
            ("POST /olla/proxy/a", "Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 5", 426),
        ])
    func refusedExpectation(engine: Engine, row: (line: String, fields: String, status: Int)) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(Self.ok)]])
        try await World.with(
            engine, [Place(backend)], tuned: Tuning { $0.server.requestLimits.maxBodySize = 1_000 }
        ) { world in
            let client = try await world.connect()
            try await client.send(
                "\(row.line) HTTP/1.1\r\nHost: gateway\r\nExpect: 100-continue\r\n\(row.fields)\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == row.status)
            #expect(answer.value(of: "Connection") == "close")
            #expect(try await client.rest().ending == .closed)
            #expect(backend.connectionCount == 0)
        }
        try await backend.stop()
    }

    @Test("may be answered before it is complete", arguments: Engine.allCases)
    func earlyAnswer(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("part"), .send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"), .awaitClose]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: 1000000\r\n\r\npart")
            let answer = try await client.answer()
            #expect(answer.status == 413)
            #expect(answer.text == "big")
            #expect(answer.value(of: "Connection") == "close")
            #expect(try await client.rest().ending == .closed)
            // Neither side stands at a message boundary, so neither connection is used again.
            #expect(await backend.closed(1))
            let page = try await world.metrics { $0.count("glasspot_upstream_connections_open") == 0 }
            #expect(page.count("glasspot_requests_total", ["code": "413", "outcome": "client_error"]) == 1)
            #expect(page.count("glasspot_upstream_requests_total", ["code": "413", "outcome": "ok"]) == 1)
        }
        try await backend.stop()
    }

    @Test("in broken chunks is refused, and the endpoint never gets a whole request", arguments: Engine.allCases)
    func brokenChunks(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .awaitClose]])
        try await World.with(engine, [Place(backend)]) { world in
            for (type, body) in [
                ("application/json", "zz\r\n"), ("application/json", "5\r\nhelloX\r\n"),
                ("application/octet-stream", "5\r\nhello\r\n-1\r\n"), ("application/octet-stream", "5\nhello\r\n"),
            ] {
                let client = try await world.connect()
                try await client.send(
                    "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: \(type)\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n\(body)")
                let answer = try await client.answer()
                #expect(answer.status == 400, "\(body)")
                #expect(answer.value(of: "Connection") == "close")
                #expect(try await client.rest().ending == .closed)
            }
            #expect(!String(decoding: backend.received(), as: UTF8.self).hasSuffix("0\r\n\r\n"))
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "400", "outcome": "client_error"]) == 4)
            #expect(page.count("glasspot_upstream_requests_total", ["outcome": "upstream_error"]) == 0)
        }
        try await backend.stop()
    }
}
