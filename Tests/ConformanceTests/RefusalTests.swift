import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A broken request")
struct RefusalTests {
    /// Bytes, the status that refuses them, and the reason they are counted under (http-surface 3.1).
    private static let rows: [(bytes: String, status: Int, reason: String)] = [
        ("\u{16}\u{03}\u{01}\u{00}\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a\r\n\r\n", 400, "bad_head"),
        ("GET  /olla/proxy/a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1 \r\nHost: x\r\n\r\n", 400, "bad_head"),
        ("GET /olla/pro xy HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_head"),
        ("G@T /olla/proxy/a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\nHost: x\n\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost : x\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\nA: \u{01}\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, "bad_head"),
        ("GET /olla/proxy/a HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, "bad_head"),
        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "bad_head"),
        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, "bad_head"),
        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400, "bad_head"),
        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na", 400, "bad_head"),
        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "bad_head"),
        (
            "POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400, "bad_head"
        ),
        ("POST /olla/proxy/a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_head"),
        (
            "POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
            "bad_head"
        ),
        (
            "POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400,
            "bad_head"
        ),
        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417, "bad_head"),
        ("GET /olla/proxy/a HTTP/2.0\r\nHost: x\r\n\r\n", 505, "bad_head"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "bad_head"),
        (
            "GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: 8_200))\r\n\r\n", 431,
            "head_too_large"
        ),
    ]

    @Test(
        "gets its refusal, a closed connection, and never reaches an endpoint", arguments: Engine.allCases,
        RefusalTests.rows)
    func refused(engine: Engine, row: (bytes: String, status: Int, reason: String)) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .awaitClose]])
        try await World.with(
            engine, [Place(backend)], tuned: Tuning { $0.server.requestLimits.maxHeaderSize = 4_096 }
        ) { world in
            let client = try await world.connect()
            try await client.send(row.bytes)
            let (bytes, ending) = try await client.rest()
            let answer = try #require(try WireMessage.parse(bytes[...], as: .answer, hasEnded: true))
            #expect(answer.status == row.status)
            #expect(answer.length == bytes.count)
            #expect(answer.value(of: "Connection") == "close")
            if row.status == 417 {
                #expect(answer.text == "")
            } else {
                #expect(answer.text.hasPrefix("\(row.status) "))
            }
            #expect(ending == .closed)
            #expect(backend.connectionCount == 0)
            let page = try await world.metrics()
            #expect(page.count("glasspot_request_parse_failures_total", ["reason": row.reason]) == 1)
            #expect(page.count("glasspot_requests_started_total", ["route": "proxy"]) == 0)
            let id = try #require(answer.value(of: "X-Olla-Request-ID"))
            let lines = try await world.logAfterStop().filter { $0["request_id"] as? String == id }
            #expect(lines.count == 1)
            #expect(lines.first?["msg"] as? String == "Access log" && lines.first?["status"] as? Int == row.status)
            #expect(lines.first?["refusal"] is String && lines.first?["response_bytes"] as? Int == answer.body.count)
        }
        try await backend.stop()
    }

    @Test("behind a good one is refused after the good one is answered", arguments: Engine.allCases)
    func smuggling(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .announce("asked"), .wait("go"), .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(
                "GET /olla/proxy/a HTTP/1.1\r\nHost: x\r\n\r\nGET /olla/proxy/b HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
                    + "GET /olla/proxy/c HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await backend.reached("asked"))
            backend.signal("go")
            #expect(try await client.answer().text == "ok")
            #expect(try await client.answer().status == 400)
            #expect(try await client.rest().bytes.isEmpty)
            #expect(!String(decoding: backend.received(), as: UTF8.self).contains("/b"))
            #expect(!String(decoding: backend.received(), as: UTF8.self).contains("/c"))
        }
        try await backend.stop()
    }

    @Test("is told from a good one at every split of its head", arguments: Engine.allCases)
    func splits(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let good = Array("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            let bad = Array("GET /version HTTP/1.1\r\nHost : x\r\n\r\n".utf8)
            let kept = try await world.connect()
            for split in 1..<good.count {
                try await kept.send(Array(good[..<split]))
                try await kept.send(Array(good[split...]))
                #expect(try await kept.answer().status == 200)
            }
            for split in stride(from: 1, to: bad.count, by: 5) {
                let client = try await world.connect()
                try await client.send(Array(bad[..<split]))
                client.post(Array(bad[split...]))
                #expect(try await client.answer().status == 400)
            }
        }
    }

    @Test("with too much body is refused by its length or where it outgrows the limit", arguments: Engine.allCases)
    func bodyLimit(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .awaitClose]])
        try await World.with(
            engine, [Place(backend)], tuned: Tuning { $0.server.requestLimits.maxBodySize = 1_000 }
        ) { world in
            let declared = try await world.exchange(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
            #expect(declared.status == 413)
            #expect(declared.text == "Request body too large\n")
            #expect(declared.value(of: "Connection") == "close")
            #expect(declared.value(of: "X-Olla-Request-ID") != nil)
            #expect(backend.connectionCount == 0)
            for type in ["application/json", "application/octet-stream"] {
                let client = try await world.connect()
                client.post(
                    Array(
                        ("POST /olla/proxy/a HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\n"
                            + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n\(String(repeating: "a", count: 500))\r\n"
                            + "1f5\r\n\(String(repeating: "a", count: 501))\r\n").utf8))
                let streamed = try await client.answer()
                #expect(streamed.status == 413)
                #expect(try await client.rest().ending == .closed)
            }
            let local = try await world.exchange("GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
            #expect(local.status == 413)
            let page = try await world.metrics()
            #expect(page.count("glasspot_admission_total", ["decision": "body_too_large"]) == 4)
            #expect(page.count("glasspot_requests_total", ["code": "413", "outcome": "client_error"]) == 4)
            #expect(page.count("glasspot_upstream_requests_total", ["outcome": "upstream_error"]) == 0)
            let exact = try await world.connect()
            try await exact.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            try await exact.send([UInt8](repeating: 0x61, count: 1_000))
            #expect(try await exact.answer().status == 404)
        }
        try await backend.stop()
    }

    @Test("with header fields over the estimate gets the routed 431", arguments: Engine.allCases)
    func headerEstimate(engine: Engine) async throws {
        try await World.with(engine, [], tuned: Tuning { $0.server.requestLimits.maxHeaderSize = 4_096 }) { world in
            let answer = try await world.get("/olla/proxy/a", "A: \(String(repeating: "a", count: 4_100))\r\n")
            #expect(answer.status == 431)
            #expect(answer.text == "Request headers too large\n")
            #expect(answer.value(of: "X-Olla-Request-ID") != nil)
        }
    }

    @Test("for an upgrade gets 426", arguments: Engine.allCases)
    func upgrade(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .awaitClose]])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.get(
                "/olla/proxy/a", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
            #expect(answer.status == 426)
            #expect(answer.value(of: "Upgrade") == "HTTP/1.1")
            #expect(backend.connectionCount == 0)
        }
        try await backend.stop()
    }
}
