import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("When every candidate is at its limit")
struct QueueTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// Serves one request at a time, each when it is told to.
    private static func script(_ names: String...) -> [ScriptStep] {
        names.flatMap { name -> [ScriptStep] in
            [
                .readUntil("\(name) HTTP"), .readUntil("\r\n\r\n"), .announce(name), .wait("\(name) done"),
                .send(self.ok),
            ]
        }
    }

    private static func get(_ name: String) -> String { "GET /olla/proxy/\(name) HTTP/1.1\r\nHost: gateway\r\n\r\n" }

    private static let refusal = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"

    private static let limited = ["max_concurrent_requests: 1"]

    @Test("requests wait in the order they came", arguments: Engine.allCases)
    func order(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.script("a", "b", "c")])
        try await World.with(engine, [Place(backend, lines: Self.limited)]) { world in
            var clients: [ByteClient] = []
            for (position, name) in ["a", "b", "c"].enumerated() {
                let client = try await world.connect()
                try await client.send(Self.get(name))
                clients.append(client)
                if position == 0 { #expect(await backend.reached("a")) }
                try await world.metrics { $0.count("glasspot_queue_depth") == position }
            }
            #expect(backend.connectionCount == 1)
            for (name, client) in zip(["a", "b", "c"], clients) {
                #expect(await backend.reached(name))
                backend.signal("\(name) done")
                #expect(try await client.answer().text == "ok")
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_queue_depth") == 0)
            #expect(page.count("glasspot_admission_total", ["decision": "admitted"]) == 3)
            #expect(page.nanoseconds("glasspot_request_stage_duration_seconds_sum", ["stage": "queue"]) > 0)
            #expect(page.count("glasspot_requests_total", ["outcome": "ok", "route": "proxy"]) == 3)
        }
        try await backend.stop()
    }

    @Test("one more than may wait is refused, and one that waits too long", arguments: Engine.allCases)
    func limits(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.script("a")])
        try await World.with(
            engine, [Place(backend, lines: Self.limited)],
            tuned: Tuning {
                $0.proxy.queue.length = 1
                // Long enough for one more to come meanwhile, on a busy machine too.
                $0.proxy.queue.timeout = .seconds(2)
            }
        ) { world in
            let first = try await world.connect()
            try await first.send(Self.get("a"))
            #expect(await backend.reached("a"))
            let second = try await world.connect()
            try await second.send(Self.get("b"))
            try await world.metrics { $0.count("glasspot_queue_depth") == 1 }
            let full = try await world.get("/olla/proxy/c")
            #expect(full.status == 503)
            #expect(full.text.contains("as many requests as may wait"))
            #expect(full.value(of: "Retry-After").flatMap { Int($0) } ?? 0 >= 1)
            let late = try await second.answer()
            #expect(late.status == 503)
            #expect(late.text.contains("this request waited"))
            // What the one who was next in the line has waited.
            #expect((2...60).contains(late.value(of: "Retry-After").flatMap { Int($0) } ?? 0))
            backend.signal("a done")
            #expect(try await first.answer().status == 200)
            let page = try await world.metrics()
            #expect(page.count("glasspot_admission_total", ["decision": "queue_full"]) == 1)
            #expect(page.count("glasspot_admission_total", ["decision": "queue_timeout"]) == 1)
            #expect(page.count("glasspot_requests_total", ["code": "503", "outcome": "no_endpoint"]) == 2)
            #expect(page.count("glasspot_routing_failures_total", ["reason": "no_healthy"]) == 2)
            #expect(page.count("glasspot_queue_depth") == 0)
        }
        try await backend.stop()
    }

    @Test("a fleet that changes all the time makes nobody wait longer", arguments: Engine.allCases)
    func changes(engine: Engine) async throws {
        func backend(_ faults: FaultPlan) async throws -> MockBackend {
            try await MockBackend.start(
                kind: .openAI, behaviour: MockBehaviour(models: [MockModel("m")], faults: faults))
        }
        let busy = try await backend(FaultPlan(script: [nil], always: .hang))
        // Asks for a minute of rest: a candidate that cannot be taken, so its coming and going only moves the line.
        let moving = try await backend(FaultPlan(always: .tooManyRequests(retryAfter: 60)))
        let places = [
            Place(busy, lines: ["priority: 1"] + Self.limited),
            Place(moving, name: "beta", lines: ["priority: 200", "check_interval: 1s", "check_timeout: 500ms"]),
        ]
        let tuning = Tuning {
            $0.proxy.loadBalancer = .priority
            $0.proxy.queue.timeout = .seconds(3)
        }
        let text = World.postText(
            "/olla/proxy/v1/chat/completions", #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#)
        try await World.with(engine, places, tuned: tuning) { world in
            let first = try await world.connect()
            try await first.send(text)
            #expect(try await first.answer().value(of: "X-Olla-Endpoint") == "alpha")
            try await first.send(text)
            try await world.metrics { $0.count("glasspot_upstream_requests_in_flight") == 1 }
            let second = try await world.connect()
            try await second.send(text)
            try await world.metrics { $0.count("glasspot_queue_depth") == 1 }
            var turns = 0
            while try await world.metrics().count("glasspot_admission_total", ["decision": "queue_timeout"]) == 0 {
                turns += 1
                try #require(turns <= 12, "it still waits")
                let isUp = turns.isMultiple(of: 2)
                if isUp { try await moving.resumeListening() } else { try await moving.stopListening() }
                try await world.metrics {
                    $0.count("glasspot_endpoint_up", ["endpoint": "beta"]) == (isUp ? 1 : 0)
                        || $0.count("glasspot_queue_depth") == 0
                }
            }
            #expect(try await second.answer().status == 503)
            try await first.close()
        }
        try await busy.stop()
        try await moving.stop()
    }

    @Test("a client that leaves gives its place in the queue up", arguments: Engine.allCases)
    func cancellation(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.script("a", "c")])
        try await World.with(engine, [Place(backend, lines: Self.limited)]) { world in
            let first = try await world.connect()
            try await first.send(Self.get("a"))
            #expect(await backend.reached("a"))
            let second = try await world.connect()
            try await second.send(Self.get("b"))
            try await world.metrics { $0.count("glasspot_queue_depth") == 1 }
            let third = try await world.connect()
            try await third.send(Self.get("c"))
            try await world.metrics { $0.count("glasspot_queue_depth") == 2 }
            try await second.reset()
            try await world.metrics { $0.count("glasspot_queue_depth") == 1 }
            backend.signal("a done")
            #expect(await backend.reached("c"))
            backend.signal("c done")
            #expect(try await third.answer().text == "ok")
            let page = try await world.metrics()
            #expect(page.count("glasspot_client_cancellations_total", ["stage": "queue"]) == 1)
        }
        try await backend.stop()
    }

    @Test("a retry waits as well", arguments: Engine.allCases)
    func retry(engine: Engine) async throws {
        let busy = try await ScriptedBackend.start(scripts: [Self.script("a", "b")])
        let broken = try await ScriptedBackend.start(scripts: [
            // An engine may use the connection again: the answer was whole.
            [.readHead, .send(Self.refusal), .readHead, .send(Self.refusal)]
        ])
        let places = [
            Place(broken, lines: ["priority: 200"]),
            Place(busy, name: "beta", lines: ["priority: 1"] + Self.limited),
        ]
        try await World.with(engine, places, tuned: Tuning { $0.proxy.loadBalancer = .priority }) { world in
            let first = try await world.connect()
            try await first.send(Self.get("a"))
            #expect(await busy.reached("a"))
            let second = try await world.connect()
            try await second.send(Self.get("b"))
            try await world.metrics { $0.count("glasspot_queue_depth") == 1 }
            busy.signal("a done")
            #expect(await busy.reached("b"))
            busy.signal("b done")
            let answer = try await second.answer()
            #expect(answer.text == "ok")
            #expect(answer.value(of: "X-Olla-Endpoint") == "beta")
            #expect(try await world.metrics().count("glasspot_retries_total") == 2)
        }
        try await busy.stop()
        try await broken.stop()
    }
}
