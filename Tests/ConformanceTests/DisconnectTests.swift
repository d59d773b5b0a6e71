import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A client that leaves")
struct DisconnectTests {
    private static let event = #"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}"# + "\n\n"
    private static let streamHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func chunk(_ text: String) -> String {
        String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n"
    }

    /// Where it leaves: what is sent, what the endpoint does, the stage it is counted in, and the status.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let request: String
        let script: [ScriptStep]
        let stage: String
        var code = "499"
        var attempts = 1
        var testDescription: String { self.name }
    }

    private static let rows = [
        Row(
            name: "before its body is whole, unrouted",
            request: "POST /olla/openai/v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"
                + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"model\":",
            script: [], stage: "read_body", attempts: 0),
        Row(
            name: "before its body is whole, routed",
            request: "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: 100\r\n\r\npart",
            script: [.readUntil("part"), .announce("there"), .awaitClose], stage: "read_body"),
        Row(
            name: "while it waits for the head",
            request: "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 4\r\n\r\nbody",
            script: [.readUntil("body"), .announce("there"), .awaitClose], stage: "wait"),
        Row(
            name: "with requests of its own still waiting",
            request: "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\nGET /olla/proxy/b HTTP/1.1\r\n"
                + "Host: gateway\r\n\r\n",
            script: [.readHead, .announce("there"), .awaitClose], stage: "wait"),
        Row(
            name: "in the middle of a stream",
            request: World.postText("/olla/openai/v1/chat/completions", #"{"stream":true,"messages":["hi"]}"#),
            script: [.readUntil("hi\"]}"), .send(streamHead + chunk(event)), .announce("there"), .awaitClose],
            stage: "stream", code: "200"),
    ]

    @Test("is noticed at once, and the endpoint's work is cancelled", arguments: Engine.allCases, rows)
    func leaves(engine: Engine, row: Row) async throws {
        for resets in [false, true] {
            let backend = try await ScriptedBackend.start(scripts: [row.script])
            try await World.with(engine, [Place(backend)]) { world in
                let client = try await world.connect()
                try await client.send(row.request)
                if row.attempts > 0 { #expect(await backend.reached("there")) }
                if row.code == "200" { try await client.read(until: Self.event) }
                try await world.metrics { page in
                    page.sums("glasspot_requests_started_total", by: "route").contains {
                        $0.key != "internal" && $0.value == 1
                    }
                }
                if resets { try await client.reset() } else { try await client.close() }
                let page = try await world.metrics { $0.count("glasspot_client_cancellations_total") == 1 }
                #expect(page.count("glasspot_client_cancellations_total", ["stage": row.stage]) == 1)
                #expect(page.count("glasspot_requests_total", ["code": row.code, "outcome": "client_cancelled"]) == 1)
                #expect(page.count("glasspot_upstream_requests_total", ["outcome": "client_cancelled"]) == row.attempts)
                #expect(page.count("glasspot_upstream_requests_total") == row.attempts)
                #expect(page.count("glasspot_breaker_state", ["endpoint": "alpha", "state": "closed"]) == 1)
                #expect(page.count("glasspot_stream_aborts_total", ["reason": "client"]) == (row.code == "200" ? 1 : 0))
                if row.attempts > 0 { #expect(await backend.closed(1)) }
                #expect(page.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 1)
                let log = try await world.logAfterStop()
                let line = try #require(log.first { $0["outcome"] as? String == "client_cancelled" })
                #expect(line["client_gone_stage"] as? String == row.stage)
                #expect(line["status"] as? Int == Int(row.code))
            }
            try await backend.stop()
        }
    }

    @Test("has its upstream request cancelled within 50 ms", arguments: Engine.allCases)
    func promptly(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("hi\"]}"), .send(Self.streamHead + Self.chunk(Self.event)), .awaitClose]
        ])
        try await World.with(engine, [Place(backend)], alone: true) { world in
            let request = World.postText(
                "/olla/openai/v1/chat/completions", #"{"stream":true,"messages":["hi"]}"#)
            var times: [Duration] = []
            for round in 1...9 {
                let client = try await world.connect()
                try await client.send(request)
                try await client.read(until: Self.event)
                let start = ContinuousClock.now
                try await client.close()
                #expect(await backend.closed(round))
                times.append(ContinuousClock.now - start)
            }
            // The machine may be busy with other things in some rounds, not in all of them.
            #expect(try #require(times.min()) < .milliseconds(50))
        }
        try await backend.stop()
    }

    @Test("while it is slow to read is noticed too", arguments: Engine.allCases)
    func slowClientLeaves(engine: Engine) async throws {
        let piece = ScriptStep.send([UInt8](repeating: 0x2A, count: 65_536))
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")]
                + repeatElement(piece, count: 200)
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect(receiveBytes: 8_192)
            try await client.setReading(false)
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            try await world.metrics { $0.count("glasspot_backpressure_pauses_total", ["side": "client"]) > 0 }
            try await client.reset()
            let page = try await world.metrics { $0.count("glasspot_client_cancellations_total") == 1 }
            #expect(page.count("glasspot_client_cancellations_total", ["stage": "write_response"]) == 1)
            #expect(await backend.closed(1))
        }
        try await backend.stop()
    }

    @Test("in the moment its stream breaks is counted out once", arguments: Engine.allCases)
    func leavesAsTheStreamBreaks(engine: Engine) async throws {
        let rounds = 20
        let backend = try await ScriptedBackend.start(
            scripts: (1...rounds).map { round in
                [
                    .readUntil("hi\"]}"), .send(Self.streamHead + Self.chunk(Self.event)), .wait("break \(round)"),
                    .reset,
                ]
            })
        try await World.with(engine, [Place(backend)], tuned: Tuning { $0.proxy.breaker.consecutiveFailures = 1_000 }) {
            world in
            for round in 1...rounds {
                let client = try await world.connect()
                try await client.send(
                    World.postText("/olla/openai/v1/chat/completions", #"{"stream":true,"messages":["hi"]}"#))
                try await client.read(until: Self.event)
                // Neither waits for the other: now one, now the other comes first.
                async let reset: Void = client.reset()
                backend.signal("break \(round)")
                try await reset
            }
            // The scraper's own is the only one left.
            try await world.metrics { $0.count("glasspot_client_connections_open") == 1 }
        }
        try await backend.stop()
    }

    @Test("in the moment its answer ends is not served any further", arguments: Engine.allCases)
    func leavesAsTheAnswerEnds(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"), .wait("end"), .send("cd"),
                .announce("ended"), .awaitClose,
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(
                "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\nGET /olla/proxy/next HTTP/1.1\r\nHost: gateway\r\n\r\n"
            )
            try await client.read(until: "ab")
            try await world.whileBusy {
                backend.signal("end")
                #expect(await backend.reached("ended"))
                try await client.reset()
            }
            let page = try await world.metrics { $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0 }
            #expect(page.count("glasspot_requests_started_total", ["route": "proxy"]) == 1)
            #expect(page.count("glasspot_client_cancellations_total") == 1)
            #expect(page.count("glasspot_bugs_total") == 0)
            try await world.metrics { $0.count("glasspot_client_connections_open") == 1 }
        }
        try await backend.stop()
    }

    @Test("five times does not open the breaker", arguments: Engine.allCases)
    func breakerUntouched(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(
            scripts: (1...8).map { [.readHead, .announce("asked \($0)"), .awaitClose] })
        try await World.with(engine, [Place(backend)]) { world in
            for count in 1...8 {
                let client = try await world.connect()
                try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
                #expect(await backend.reached("asked \(count)"))
                try await client.close()
                #expect(await backend.closed(count))
            }
            let page = try await world.metrics { $0.count("glasspot_client_cancellations_total") == 8 }
            #expect(page.count("glasspot_breaker_transitions_total") == 0)
            #expect(page.count("glasspot_breaker_state", ["endpoint": "alpha", "state": "closed"]) == 1)
        }
        try await backend.stop()
    }

    @Test("slow to read is cut after write_timeout", arguments: Engine.allCases)
    func writeTimeout(engine: Engine) async throws {
        let piece = ScriptStep.send([UInt8](repeating: 0x2A, count: 65_536))
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")]
                + repeatElement(piece, count: 200)
        ])
        try await World.with(
            engine, [Place(backend)], tuned: Tuning { $0.server.writeTimeout = .milliseconds(300) }
        ) { world in
            let client = try await world.connect(receiveBytes: 8_192)
            try await client.setReading(false)
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(await backend.closed(1))
            let page = try await world.metrics {
                $0.count("glasspot_requests_in_flight", ["route": "proxy"]) == 0
            }
            #expect(page.count("glasspot_requests_total", ["route": "proxy", "outcome": "client_cancelled"]) == 1)
        }
        try await backend.stop()
    }
}
