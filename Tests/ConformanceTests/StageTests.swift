import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Time is charged to whom it was waited for")
struct StageTests {
    @Test("the client, while its body is awaited that no answer depends on", arguments: Engine.allCases)
    func discardedBody(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            try await client.send("POST /nowhere HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\n\r\n")
            try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "other"]) == 1 }
            let start = ContinuousClock.now
            try await world.metrics()
            let waited = ContinuousClock.now - start
            try await client.send("hello")
            #expect(try await client.answer().status == 404)
            let page = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "other"]) == 0 }
            let body = page.nanoseconds("glasspot_request_stage_duration_seconds_sum", ["stage": "read_body"])
            #expect(Duration.nanoseconds(body) >= waited)
        }
    }

    /// How a body comes in two parts: its field, the parts, and how the endpoint sees its end.
    private static let bodies = [
        (field: "Content-Length: 10", first: "hello", last: "world", end: "world"),
        (field: "Transfer-Encoding: chunked", first: "5\r\nhello\r\n", last: "0\r\n\r\n", end: "0\r\n\r\n"),
    ]

    @Test(
        "the endpoint, from the last byte of a body to the first of its answer", arguments: Engine.allCases,
        StageTests.bodies.indices)
    func waiting(engine: Engine, row: Int) async throws {
        let body = Self.bodies[row]
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hello"), .announce("begun"), .readUntil(body.end), .pause(.milliseconds(100)),
                .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            ]
        ])
        try await World.with(engine, [Place(backend)], alone: true) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                    + "\(body.field)\r\n\r\n\(body.first)")
            #expect(await backend.reached("begun"))
            try await client.send(body.last)
            #expect(try await client.answer().text == "ok")
            let page = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0 }
            #expect(page.count("glasspot_upstream_stage_duration_seconds_count", ["stage": "wait"]) == 1)
            let wait = page.nanoseconds("glasspot_upstream_stage_duration_seconds_sum", ["stage": "wait"])
            #expect(wait >= 90_000_000)
        }
        try await backend.stop()
    }

    @Test("the endpoint, when a read ends inside of a chunk's size", arguments: Engine.allCases)
    func brokenChunkSize(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHi\r\n"),
                .pause(.milliseconds(60)), .send("1"), .pause(.milliseconds(400)),
                .send("0\r\n0123456789abcdef\r\n0\r\n\r\n"),
            ]
        ])
        try await World.with(engine, [Place(backend)], alone: true) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await client.answer().text == "Hi0123456789abcdef")
            let page = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0 }
            let stream = page.nanoseconds("glasspot_upstream_stage_duration_seconds_sum", ["stage": "stream"])
            #expect(stream >= 440_000_000)
        }
        try await backend.stop()
    }

    @Test("and bytes of a long answer count while it goes on", arguments: Engine.allCases)
    func bytesOfALongAnswer(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789"), .awaitClose]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            _ = try await client.read(until: "0123456789")
            let direction = ["direction": "received"]
            try await world.metrics { $0.count("glasspot_upstream_bytes_total", direction) >= 10 }
            let page = try await world.metrics()
            let live = page.count("glasspot_upstream_bytes_total", direction)
            #expect(page.count("glasspot_upstream_requests_total") == 0)
            try await client.close()
            let end = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0 }
            #expect(end.count("glasspot_upstream_bytes_total", direction) == live)
        }
        try await backend.stop()
    }

    @Test("and both views tell the same numbers", arguments: Engine.allCases)
    func views(engine: Engine) async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(answer), .readHead, .send("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")]
        ])
        try await World.with(engine, [Place(backend)], tuned: Tuning { $0.metrics.views = [.olla, .otel] }) { world in
            let client = try await world.connect()
            for status in [200, 500] {
                try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
                #expect(try await client.answer().status == status)
            }
            let page = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0 }
            #expect(page.count("olla_requests_total") == 2)
            #expect(page.count("olla_failures_total") == 1)
            #expect(page.sum("olla_endpoint_success_rate_percent", ["endpoint": "alpha"]) == 50)
            #expect(page.count("olla_endpoint_up", ["endpoint": "alpha", "status": "healthy"]) == 1)
            #expect(page.sum("olla_uptime_seconds") >= 0)
            #expect(page.count("http_client_request_duration_seconds_count", ["server_address": "alpha"]) == 2)
        }
        try await backend.stop()
    }
}
