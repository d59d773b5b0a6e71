import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("An endpoint's answer")
struct AnswerBodyTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let get = "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n"

    /// Everything behind the head, as it stood on the wire.
    private static func bodyBytes(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).components("\r\n\r\n").dropFirst()
            .joined(separator: "\r\n\r\n")
    }

    @Test("in chunks goes through byte for byte", arguments: Engine.allCases)
    func chunksVerbatim(engine: Engine) async throws {
        let body = "5\r\nhello\r\n06\r\n world\r\nA\r\n0123456789\r\n0\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(body)")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
            let (bytes, _) = try await client.rest()
            let anew = "5\r\nhello\r\n6\r\n world\r\na\r\n0123456789\r\n0\r\n\r\n"
            #expect(Self.bodyBytes(bytes) == (engine.seesAnswersAsBytes ? body : anew))
        }
        try await backend.stop()
    }

    @Test("in chunks with extensions and trailers keeps its content", arguments: Engine.allCases)
    func extensions(engine: Engine) async throws {
        let answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Api-Key\r\n\r\n"
            + "5;a=1;b=\"x;y\"\r\nhello\r\n6;c\r\n world\r\n0;last\r\nX-Sum: 11\r\nX-Api-Key: k\r\nConnection: x\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(answer), .readHead, .send(answer.replacing("Trailer: X-Sum, X-Api-Key\r\n", with: ""))]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            let announced = try await client.answer()
            #expect(announced.text == "hello world")
            let passes = engine.seesAnswersAsBytes
            #expect(announced.value(of: "Trailer") == (passes ? "X-Sum, X-Api-Key" : nil))
            #expect(announced.trailers == (passes ? [.init(name: "X-Sum", value: "11")] : []))
            try await client.send(Self.get)
            let silent = try await client.answer()
            #expect(silent.text == "hello world")
            #expect(silent.trailers == [])
        }
        try await backend.stop()
    }

    @Test("without a length ends with its connection and gets chunks", arguments: Engine.allCases)
    func untilClose(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the"), .wait("go"),
                .send(" end"), .close,
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            try await client.read(until: "until the")
            backend.signal("go")
            try await client.read(until: " end\r\n0\r\n\r\n")
            // The connection to the client is none the worse for it.
            try await client.send("GET /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await client.answer().status == 200)
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["route": "proxy", "outcome": "ok"]) == 1)
        }
        try await backend.stop()
    }

    @Test("is the same wherever it is split", arguments: Engine.allCases)
    func splits(engine: Engine) async throws {
        let texts = [
            "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;e=f\r\n \r\n5\r\nworld\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 11\r\n\r\nhello world",
        ]
        for text in texts {
            let bytes = Array(text.utf8)
            let script = (1..<bytes.count).flatMap { split -> [ScriptStep] in
                [.readHead, .send(Array(bytes[..<split])), .wait("\(split)"), .send(Array(bytes[split...]))]
            }
            let backend = try await ScriptedBackend.start(scripts: [script])
            try await World.with(engine, [Place(backend)]) { world in
                let client = try await world.connect()
                for split in 1..<bytes.count {
                    try await client.send("GET /olla/proxy/\(split) HTTP/1.1\r\nHost: gateway\r\n\r\n")
                    // The second part follows when the gateway has taken the first: it counts what it received.
                    backend.signal("\(split)")
                    let answer = try await client.answer()
                    #expect(answer.text == "hello world", "split at \(split)")
                    #expect(answer.value(of: "X-A") == "b")
                }
                #expect(backend.connectionCount == 1)
            }
            try await backend.stop()
        }
    }

    @Test("may come one byte at a time", arguments: Engine.allCases)
    func byteByByte(engine: Engine) async throws {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        let script = text.utf8.flatMap { [ScriptStep.send([$0]), .pause(.microseconds(200))] }
        let backend = try await ScriptedBackend.start(scripts: [[.readHead] + script])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.get("/olla/proxy/a")
            #expect(answer.text == "hello world")
        }
        try await backend.stop()
    }

    @Test("may have interim answers before it, which stay with the gateway", arguments: Engine.allCases)
    func interim(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                .send(Self.ok),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.get("/olla/proxy/a")
            #expect(answer.status == 200)
            #expect(answer.value(of: "Link") == nil)
            #expect(answer.text == "ok")
        }
        try await backend.stop()
    }

    @Test("with a blank before a colon is cleaned", arguments: Engine.allCases)
    func blankBeforeColon(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\nok")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            // RFC 9112 section 5.1: a proxy removes the blank from an answer, and refuses a request that has one.
            let answer = try await world.get("/olla/proxy/a")
            guard engine.seesAnswersAsBytes else { return #expect(answer.status == 502) }
            #expect(answer.fields.contains(.init(name: "X-A", value: "b")))
            #expect(answer.text == "ok")
        }
        try await backend.stop()
    }

    @Test("without a body leaves the connections usable", arguments: Engine.allCases)
    func bodiless(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"),
                .readHead, .send("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: t\r\n\r\n"),
                .readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), .readHead, .send(Self.ok),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            let empty = try await client.answer()
            #expect(empty.status == 204)
            #expect(empty.value(of: "Content-Length") == nil)
            #expect(empty.value(of: "Transfer-Encoding") == nil)
            try await client.send(Self.get)
            let unchanged = try await client.answer()
            #expect(unchanged.status == 304)
            #expect(unchanged.value(of: "ETag") == "t")
            #expect(unchanged.value(of: "Content-Length") == "77")
            try await client.send(Self.get)
            #expect(try await client.answer().value(of: "Content-Length") == "0")
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            #expect(backend.connectionCount == 1)
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "304", "outcome": "ok"]) == 1)
        }
        try await backend.stop()
    }

    @Test(
        "that is longer than it says ends where it says, and its connection is not used again",
        arguments: Engine.allCases)
    func tooLong(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.ok + "surplus"), .awaitClose], [.readHead, .send(Self.ok)],
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            #expect(client.unread.isEmpty)
            #expect(backend.connectionCount == 2)
        }
        try await backend.stop()
    }

    @Test("that is shorter than it says ends as a broken one", arguments: Engine.allCases)
    func tooShort(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), .close]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(Self.get)
            let (bytes, _) = try await client.rest()
            #expect(Self.bodyBytes(bytes) == "half")
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "200", "outcome": "upstream_error"]) == 1)
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "closed"]) == 1)
        }
        try await backend.stop()
    }

    @Test(
        "that is no HTTP gives 502", arguments: Engine.allCases,
        [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 82_000))\r\n\r\n",
        ])
    func garbage(engine: Engine, answer: String) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(answer), .awaitClose]])
        try await World.with(engine, [Place(backend)]) { world in
            let relayed = try await world.get("/olla/proxy/a")
            #expect(relayed.status == 502)
            #expect(relayed.text.hasPrefix("Proxy error: "))
            #expect(!relayed.text.contains("127.0.0.1"))
            #expect(await backend.closed(1))
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "protocol"]) == 1)
            #expect(page.count("glasspot_upstream_requests_total", ["code": "none", "outcome": "upstream_error"]) == 1)
            #expect(page.count("glasspot_requests_total", ["code": "502", "outcome": "upstream_error"]) == 1)
        }
        try await backend.stop()
    }

    @Test("of 4 MiB waits for a slow client", arguments: Engine.allCases)
    func slowClient(engine: Engine) async throws {
        let size = 4 * 1_048_576
        let piece = [UInt8](repeating: 0x2A, count: 65_536)
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(size)\r\n\r\n"
        let sends = [ScriptStep](repeating: .send(piece), count: size / piece.count)
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(head)] + sends])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect(receiveBytes: 8_192)
            try await client.setReading(false)
            try await client.send(Self.get)
            let page = try await world.metrics {
                $0.count("glasspot_backpressure_pauses_total", ["side": "client"]) > 0
            }
            #expect(page.count("glasspot_requests_in_flight", ["route": "proxy"]) == 1)
            try await client.setReading(true)
            let answer = try await client.answer()
            #expect(answer.body.count == size)
            #expect(answer.body.allSatisfy { $0 == 0x2A })
            let after = try await world.metrics()
            #expect(after.count("glasspot_response_body_bytes_sum", ["route": "proxy"]) == size)
            // The client was waited for, and nobody else.
            let waited = after.nanoseconds(
                "glasspot_request_party_seconds_total", ["route": "proxy", "party": "client"])
            let gateway = after.nanoseconds(
                "glasspot_request_party_seconds_total", ["route": "proxy", "party": "gateway"])
            #expect(waited > gateway)
        }
        try await backend.stop()
    }

    @Test("that has a coding goes through untouched", arguments: Engine.allCases)
    func coded(engine: Engine) async throws {
        let coded: [UInt8] = [0x1F, 0x8B, 0x08, 0x00, 0xFF, 0x00, 0x0D, 0x0A]
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead,
                .send(
                    Array("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\n".utf8) + coded),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.get("/olla/proxy/a", "Accept-Encoding: gzip, br\r\n")
            #expect(answer.value(of: "Content-Encoding") == "gzip")
            #expect(answer.body == coded)
            #expect(String(decoding: backend.received(), as: UTF8.self).contains("Accept-Encoding: gzip, br\r\n"))
        }
        try await backend.stop()
    }
}
