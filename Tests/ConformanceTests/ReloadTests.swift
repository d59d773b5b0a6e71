import MockLLM
import Settings
import TestKit
import Testing

@Suite("A new configuration")
struct ReloadTests {
    private static let get = "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n"

    private static func ok(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Answers on one connection as often as it is asked, `count` times.
    private static func answers(_ body: String, _ count: Int) -> [ScriptStep] {
        (0..<count).flatMap { _ in [.readHead, .send(Self.ok(body))] }
    }

    /// Waits until the endpoint takes requests.
    private static func isUp(_ world: World, _ name: String) async throws {
        try await world.metrics { $0.count("glasspot_endpoint_up", ["endpoint": name]) == 1 }
    }

    @Test("cuts no stream: its endpoint leaves when the stream has ended", arguments: Engine.allCases)
    func streams(engine: Engine) async throws {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
        let old = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(head), .wait("reloaded"), .send("3\r\ntwo\r\n0\r\n\r\n"), .awaitClose]
        ])
        let new = try await ScriptedBackend.start(scripts: [Self.answers("new", 4)])
        try await World.with(engine, [Place(old)]) { world in
            let stream = try await world.connect()
            try await stream.send(Self.get)
            let beginning = try await stream.read(until: "one\r\n")
            #expect(beginning.contains("X-Olla-Endpoint: alpha"))
            #expect(try await world.reload([Place(new, name: "beta")]))
            try await Self.isUp(world, "beta")
            // What begins now goes to the new endpoint, what runs stays where it is.
            for _ in 0..<3 { #expect(try await world.get("/olla/proxy/a").text == "new") }
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_requests_in_flight", ["endpoint": "alpha"]) == 1)
            old.signal("reloaded")
            #expect(try await stream.read(until: "0\r\n\r\n").contains("two"))
            // The connection it came by is closed, not kept: nobody will need it.
            #expect(await old.closed(1))
            // The next request of the same client follows the new configuration.
            try await stream.send(Self.get)
            #expect(try await stream.answer().value(of: "X-Olla-Endpoint") == "beta")
            try await stream.close()
            try await world.metrics { page in
                !page["glasspot_endpoint_up"].contains { $0.label("endpoint") == "alpha" }
            }
            try await world.metrics { page in
                page.count("glasspot_config_reloads_total", ["result": "ok"]) == 1
                    && page.count("glasspot_config_last_reload_successful") == 1
            }
            let log = try await world.logAfterStop()
            let line = try #require(log.first { $0["msg"] as? String == "Configuration reloaded" })
            #expect(line["endpoints_added"] as? String == "beta")
            #expect(line["endpoints_removed"] as? String == "alpha")
            #expect(log.contains { $0["msg"] as? String == "Endpoint removed" })
        }
        try await old.stop()
        try await new.stop()
    }

    @Test("keeps the idle connections of endpoints that stay, wherever they stand now", arguments: Engine.allCases)
    func connections(engine: Engine) async throws {
        let kept = try await ScriptedBackend.start(scripts: [Self.answers("kept", 3)])
        let gone = try await ScriptedBackend.start(scripts: [Self.answers("gone", 1) + [.awaitClose]])
        let new = try await ScriptedBackend.start(scripts: [Self.answers("new", 1)])
        let order = Tuning { $0.proxy.loadBalancer = .priority }
        let first = Place(gone, name: "gone", lines: ["priority: 200"])
        let second = Place(kept, name: "kept", lines: ["priority: 1"])
        try await World.with(engine, [first, second], tuned: order) { world in
            #expect(try await world.get("/olla/proxy/a").text == "gone")
            try await world.reload([second], yaml: "")
            #expect(try await world.get("/olla/proxy/a").text == "kept")
            // The endpoint that stays moves from the first to the second place, another takes the first.
            try await world.reload([Place(new, name: "new", lines: ["priority: 0"]), second])
            try await Self.isUp(world, "new")
            for _ in 0..<2 { #expect(try await world.get("/olla/proxy/a").text.isEmpty == false) }
            #expect(kept.connectionCount <= 1)
            #expect(await gone.closed(1))
        }
        for backend in [kept, gone, new] { try await backend.stop() }
    }

    @Test("that cannot be used changes nothing, and is logged and counted", arguments: Engine.allCases)
    func broken(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.answers("ok", 2)])
        try await World.with(engine, [Place(backend)]) { world in
            #expect(try await world.get("/olla/proxy/a").text == "ok")
            let reloaded = try await world.reload(
                [Place(port: 1, name: "beta", lines: ["priority: -1", "check_timeout: 99s"])])
            #expect(!reloaded)
            #expect(try await world.get("/olla/proxy/a").value(of: "X-Olla-Endpoint") == "alpha")
            let page = try await world.metrics()
            #expect(page.count("glasspot_config_reloads_total", ["result": "fail"]) == 1)
            #expect(page.count("glasspot_config_last_reload_successful") == 0)
            let log = try await world.logAfterStop()
            let problems = log.filter { $0["msg"] as? String == "Configuration problem" }
                .compactMap { $0["problem"] as? String }
            #expect(problems.count >= 2)
            #expect(problems.contains { $0.contains("priority") && $0.contains("config.yaml:") })
            #expect(problems.contains { $0.contains("check_timeout") })
        }
        try await backend.stop()
    }

    @Test("brings its aliases, level and the rest into force", arguments: Engine.allCases)
    func rules(engine: Engine) async throws {
        let backend = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("real-model")]))
        try await World.with(engine, [Place(backend)]) { world in
            let body = #"{"model":"small","messages":[{"role":"user","content":"Hello"}]}"#
            let path = "/olla/openai/v1/chat/completions"
            #expect(try await world.post(path, body).status == 404)
            let yaml = """
                model_aliases: {small: [real-model]}
                logging: {level: error, format: text}
                """
            #expect(try await world.reload([Place(backend)], yaml: yaml))
            let answer = try await world.post(path, body)
            #expect(answer.status == 200)
            #expect(answer.value(of: "X-Olla-Routing-Strategy") == "alias")
            let page = try await world.metrics()
            #expect(page.count("glasspot_model_endpoints", ["model": "real-model"]) == 1)
            let log = try await world.logAfterStop()
            // The level holds from the reload on; the first request was logged, the second was not.
            #expect(log.count { $0["msg"] as? String == "Access log" && $0["path"] as? String == path } == 1)
        }
        try await backend.stop()
    }

    @Test("lets those who wait for a place look for one under its limits", arguments: Engine.allCases)
    func queue(engine: Engine) async throws {
        let script: [ScriptStep] = [.readHead, .announce("busy"), .wait("done"), .send(Self.ok("ok"))]
        let backend = try await ScriptedBackend.start(scripts: [script, Self.answers("other", 1)])
        let limited = Place(backend, lines: ["max_concurrent_requests: 1"])
        try await World.with(engine, [limited]) { world in
            let first = try await world.connect()
            try await first.send(Self.get)
            #expect(await backend.reached("busy"))
            let second = try await world.connect()
            try await second.send(Self.get)
            try await world.metrics { $0.count("glasspot_queue_depth") == 1 }
            // The limit stays, and with it the line: nobody waits for less time or for more.
            #expect(try await world.reload([limited], yaml: "model_aliases: {small: [real-model]}"))
            #expect(try await world.metrics().count("glasspot_queue_depth") == 1)
            #expect(try await world.reload([Place(backend, lines: ["max_concurrent_requests: 2"])]))
            #expect(try await second.answer().text == "other")
            // From now on nobody waits where there is no place.
            #expect(try await world.reload([limited], proxy: "queue: {length: 0}"))
            #expect(try await world.get("/olla/proxy/a").status == 503)
            backend.signal("done")
            #expect(try await first.answer().text == "ok")
            let page = try await world.metrics()
            #expect(page.count("glasspot_queue_depth") == 0)
            #expect(page.count("glasspot_admission_total", ["decision": "queue_full"]) == 1)
        }
        try await backend.stop()
    }

    @Test("keeps sessions where they are, unless it says how they stick", arguments: Engine.allCases)
    func sessions(engine: Engine) async throws {
        let backends = [
            try await ScriptedBackend.start(scripts: [Self.answers("one", 8)]),
            try await ScriptedBackend.start(scripts: [Self.answers("two", 8)]),
        ]
        let places = [Place(backends[0], name: "one"), Place(backends[1], name: "two")]
        let sticky = "sticky_sessions: {enabled: true}"
        let session = "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nX-Olla-Session-ID: mine\r\n\r\n"
        try await World.with(engine, places) { world in
            for place in places { try await Self.isUp(world, place.name) }
            let client = try await world.connect()
            func ask() async throws -> (outcome: String?, endpoint: String?) {
                try await client.send(session)
                let answer = try await client.answer()
                return (answer.value(of: "X-Olla-Sticky-Session"), answer.value(of: "X-Olla-Endpoint"))
            }
            #expect(try await ask().outcome == nil)
            #expect(try await world.reload(places, proxy: sticky))
            let pinned = try await ask()
            #expect(pinned.outcome == "miss")
            // The endpoints change places, and an alias comes: the session stays.
            #expect(try await world.reload(places.reversed(), proxy: sticky, yaml: "model_aliases: {small: [a]}"))
            let again = try await ask()
            #expect(again.outcome == "hit")
            #expect(again.endpoint == pinned.endpoint)
            let page = try await world.metrics()
            #expect(page.count("glasspot_sticky_sessions") == 1)
            let shorter = "sticky_sessions: {enabled: true, idle_ttl_seconds: 5}"
            #expect(try await world.reload(places, proxy: shorter))
            #expect(try await ask().outcome == "miss")
        }
        for backend in backends { try await backend.stop() }
    }
}
