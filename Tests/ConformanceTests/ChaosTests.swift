import Domain
import Foundation
import MockLLM
import SeededRandomness
import Settings
import TestKit
import Testing

@Suite("In chaos")
struct ChaosTests {
    /// How long it lasts; `GLASSPOT_CHAOS_SECONDS` makes it longer.
    private static func seconds(_ engine: Engine) -> Int {
        let wanted = ProcessInfo.processInfo.environment["GLASSPOT_CHAOS_SECONDS"].flatMap { Int($0) }
        return wanted ?? (engine == .olla ? 30 : 10)
    }
    private static let seed: UInt64 = 20_261_122
    private static let models = ["shared", "one", "two"]

    /// Does one bad or good thing after another to a fleet, the same ones for the same seed.
    private actor Saboteur {
        private let backends: [MockBackend]
        private var random: SeededGenerator

        init(_ backends: [MockBackend], seed: UInt64) {
            self.backends = backends
            self.random = SeededGenerator(seed: seed)
        }

        private func draw(_ count: Int) -> Int { self.random.below(count) }

        /// The next thing.
        func strike() async throws {
            let backend = self.backends[self.draw(self.backends.count)]
            // Nobody stays away for long: after three failed checks the next one comes half a minute later.
            if !backend.isListening { return try await backend.resumeListening() }
            switch self.draw(6) {
            case 0: try await backend.stopListening()
            case 1: backend.update { $0.faults = FaultPlan() }
            case 2:
                // A model moves away, or back.
                let kept = self.draw(8)
                let names = ChaosTests.models.enumerated().filter { kept >> $0.offset & 1 == 1 }.map(\.element)
                backend.update { $0.models = (names + ["shared"]).map { MockModel($0) } }
            default: self.poison(backend)
            }
        }

        private func poison(_ backend: MockBackend) {
            let faults: [Fault] = [
                .refuse, .hang, .slowHead(.milliseconds(150)), .stall(afterChunks: 2, duration: nil),
                .stall(afterChunks: 1, duration: .milliseconds(120)), .tooManyRequests(retryAfter: 1),
                .cut(afterChunks: 2, ending: .fin, place: .betweenChunks),
                .cut(afterChunks: 1, ending: .reset, place: .midChunk), .status(500), .status(503), .status(502),
                .garbage, .contentLength(5), .contentLength(-5), .closeOnReuse, .hugeHeader(40_000), .interim(103),
                .badChunk(afterChunks: 1),
            ]
            let fault = faults[self.draw(faults.count)]
            let odds = FaultPlan.Odds(fault, probability: self.draw(3) == 0 ? 1 : 0.3)
            let seed = self.random.next()
            backend.update { $0.faults = FaultPlan(odds: [odds], seed: seed) }
        }

        /// Nobody does anything right any more.
        func ruin() async throws {
            for backend in self.backends {
                if !backend.isListening { try await backend.resumeListening() }
                backend.update { $0.faults = FaultPlan(always: .status(500)) }
            }
        }

        /// Everything is well again.
        func makePeace() async throws {
            for backend in self.backends {
                if !backend.isListening { try await backend.resumeListening() }
                backend.update {
                    $0.faults = FaultPlan()
                    $0.models = ChaosTests.models.map { MockModel($0) }
                }
            }
        }
    }

    private static func fleet() async throws -> [MockBackend] {
        var backends: [MockBackend] = []
        for (position, kind) in MockKind.allCases.enumerated() {
            let behaviour = MockBehaviour(
                models: self.models.map { MockModel($0) },
                pacing: TokenPacing(firstToken: .milliseconds(5), gap: .milliseconds(2), jitter: 0.5),
                answerTokens: 4...12, seed: UInt64(position))
            backends.append(try await MockBackend.start(kind: kind, behaviour: behaviour))
        }
        return backends
    }

    private static func tune(_ settings: inout Configuration) {
        settings.server.eventLoops = 2
        settings.proxy.loadBalancer = .powerOfTwoChoices
        settings.proxy.stickySessions.enabled = true
        settings.proxy.connectionTimeout = .milliseconds(500)
        settings.proxy.responseHeaderTimeout = .milliseconds(400)
        settings.proxy.readTimeout = .milliseconds(300)
        settings.proxy.responseTimeout = .seconds(3)
        settings.proxy.queue.timeout = .seconds(1)
        settings.proxy.breaker.open = .milliseconds(400)
        settings.discovery.modelDiscovery.interval = .seconds(1)
    }

    private static func places(_ backends: [MockBackend]) -> [Place] {
        zip(["alpha", "beta", "gamma", "delta", "epsilon"], backends).map { name, backend in
            Place(
                backend, name: name,
                lines: ["check_interval: 1s", "check_timeout: 500ms"]
                    + (name == "alpha" || name == "delta" ? ["max_concurrent_requests: 4"] : []))
        }
    }

    private static func load(_ world: World, seed: UInt64) -> LoadMaker {
        // Longer than all time limits of the gateway together: whoever waits so long has been forgotten.
        LoadMaker(
            configuration: .init(
                port: world.port,
                targets: [
                    LoadTarget(prefix: "/olla/openai", dialect: .openAI, chatModels: self.models),
                    LoadTarget(prefix: "/olla/proxy", dialect: .openAI, chatModels: self.models),
                    LoadTarget(prefix: "/olla/ollama", dialect: .ollama, chatModels: self.models),
                ], requestsPerSecond: 80, concurrencyMax: 64, timeLimit: .seconds(20), seed: seed))
    }

    @Test("every request comes to one end in time, and nothing stays behind", arguments: Engine.allCases)
    func chaos(engine: Engine) async throws {
        let backends = try await Self.fleet()
        try await World.with(engine, Self.places(backends), alone: true, tuned: Tuning(Self.tune)) { world in
            let saboteur = Saboteur(backends, seed: Self.seed)
            let load = Self.load(world, seed: Self.seed)
            let end = ContinuousClock.now + .seconds(Self.seconds(engine))
            var answered = 0
            load.start()
            while ContinuousClock.now < end {
                try await saboteur.strike()
                // The load gives the rhythm, ten answers a strike; the invariants hold on every page.
                let next = answered + 10
                let page = try await world.metrics { Self.counted($0) >= next }
                answered = Self.counted(page)
            }
            // Whatever the strikes came to on a slow machine: endpoints that only fail are taken out.
            try await saboteur.ruin()
            try await world.metrics(within: .seconds(30)) {
                $0.count("glasspot_breaker_transitions_total", ["to": "open"]) > 0
            }
            try await saboteur.makePeace()
            let summary = try await load.stop()
            #expect(summary.sum { $0.outcome == .timedOut }.requests == 0, "seed \(Self.seed)")
            let asked = Self.asked(summary)
            #expect(asked > 10 * Self.seconds(engine))
            let page = try await world.metrics { page in
                page.count("glasspot_upstream_requests_in_flight") == 0
                    && page.sums("glasspot_requests_in_flight", by: "route").allSatisfy {
                        $0.key == "internal" || $0.value == 0
                    }
            }
            Self.check(page, asked: asked)
            try await Self.heals(world)
        }
        for backend in backends { try await backend.stop() }
    }

    /// How many requests reached the gateway that it passes on.
    private static func asked(_ summary: LoadSummary) -> Int {
        summary.sum { $0.operation != .listing && $0.outcome != .unreachable }.requests
    }

    /// How many of them the gateway has answered.
    private static func counted(_ page: MetricsPage) -> Int {
        page.count("glasspot_requests_total", ["route": "provider"])
            + page.count("glasspot_requests_total", ["route": "proxy"])
    }

    private static func check(_ page: MetricsPage, asked: Int) {
        let counted = Self.counted(page)
        // Those under way at the end may not have reached the gateway.
        #expect(abs(counted - asked) <= 64, "\(counted) counted, \(asked) asked, seed \(self.seed)")
        #expect(page.count("glasspot_requests_total", ["outcome": "gateway_error"]) == 0)
        #expect(page.count("glasspot_bugs_total") == 0)
        #expect(page.count("glasspot_requests_total", ["outcome": "ok"]) > 0)
        #expect(page.count("glasspot_retries_total") > 0)
        #expect(page.count("glasspot_queue_depth") == 0)
        #expect(page.count("glasspot_streams_in_flight") == 0)
        // No more connections than the pools of two loops may keep.
        #expect(page.count("glasspot_upstream_connections_open", ["state": "active"]) == 0)
        #expect(page.count("glasspot_upstream_connections_open") <= 100)
    }

    /// When the chaos is over every endpoint and every model answers again.
    private static func heals(_ world: World) async throws {
        // A health breaker that has just opened takes 30 s, and the next check up to twelve intervals.
        try await world.metrics(within: .seconds(60)) { page in
            page["glasspot_endpoint_up"].allSatisfy { $0.value == 1 }
        }
        for model in self.models {
            try await World.eventually("\(model) answers again") {
                let body = #"{"model":"\#(model)","messages":[{"role":"user","content":"hi"}]}"#
                return try await world.post("/olla/proxy/v1/chat/completions", body).status == 200
            }
        }
    }
}

@Suite("With one endpoint that answers 503 at once and one that takes its time")
struct UnevenFleetTests {
    @Test(
        "200 requests get 200 answers, the breaker opens, and the counters say what happened",
        arguments: Engine.allCases)
    func uneven(engine: Engine) async throws {
        let bad = try await MockBackend.start(
            kind: .openAI,
            behaviour: MockBehaviour(models: [MockModel("m")], faults: FaultPlan(always: .status(503))))
        let good = try await MockBackend.start(
            kind: .openAI,
            behaviour: MockBehaviour(
                models: [MockModel("m")], faults: FaultPlan(always: .slowHead(.milliseconds(200)))))
        try await World.with(engine, [Place(bad), Place(good, name: "beta")], alone: true) { world in
            let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let client = try await world.connect()
                        let text = World.postText(
                            "/olla/openai/v1/chat/completions",
                            #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#)
                        var statuses: [Int] = []
                        for _ in 0..<25 {
                            try await client.send(text)
                            statuses.append(try await client.answer().status)
                        }
                        try await client.close()
                        return statuses
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(statuses == [Int](repeating: 200, count: 200))
            let page = try await world.metrics()
            let failed = page.count("glasspot_upstream_requests_total", ["endpoint": "alpha", "code": "503"])
            // Five open the breaker; up to seven more were under way.
            #expect((5...12).contains(failed))
            #expect(page.count("glasspot_upstream_requests_total", ["endpoint": "beta", "code": "200"]) == 200)
            #expect(page.count("glasspot_retries_total", ["reason": "http_5xx"]) == failed)
            #expect(page.count("glasspot_requests_total", ["outcome": "ok", "route": "provider"]) == 200)
            #expect(page.count("glasspot_breaker_state", ["endpoint": "alpha", "state": "open"]) == 1)
            #expect(page.count("glasspot_breaker_transitions_total", ["endpoint": "alpha", "to": "open"]) == 1)
            #expect(page.count("glasspot_retry_budget_exhausted_total") == 0)
        }
        try await bad.stop()
        try await good.stop()
    }
}
