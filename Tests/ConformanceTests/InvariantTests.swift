import Domain
import Foundation
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Under a mixed load with faults")
struct InvariantTests {
    /// How long the load lasts; `GLASSPOT_SOAK_SECONDS` makes it longer.
    private static func seconds(_ engine: Engine) -> Int {
        let wanted = ProcessInfo.processInfo.environment["GLASSPOT_SOAK_SECONDS"].flatMap { Int($0) }
        return wanted ?? (engine == .olla ? 20 : 10)
    }

    private static func behaviour(_ models: [String], seed: UInt64, fails: Bool) -> MockBehaviour {
        let odds: [FaultPlan.Odds] = [
            .init(.status(503), probability: 0.05), .init(.tooManyRequests(retryAfter: 1), probability: 0.02),
            .init(.cut(afterChunks: 3, ending: .fin, place: .betweenChunks), probability: 0.04),
            .init(.cut(afterChunks: 2, ending: .reset, place: .midChunk), probability: 0.04),
            .init(.refuse, probability: 0.03), .init(.garbage, probability: 0.02),
            .init(.badChunk(afterChunks: 2), probability: 0.02), .init(.closeOnReuse, probability: 0.05),
            .init(.stall(afterChunks: 2, duration: .milliseconds(150)), probability: 0.03),
            .init(.slowHead(.milliseconds(60)), probability: 0.05), .init(.interim(103), probability: 0.05),
        ]
        return MockBehaviour(
            models: models.map { MockModel($0) },
            pacing: TokenPacing(firstToken: .milliseconds(8), gap: .milliseconds(2), jitter: 0.5),
            faults: FaultPlan(odds: fails ? odds : [], seed: seed), seed: seed)
    }

    @Test("every scrape adds up, also when two scrape at once", arguments: Engine.allCases)
    func load(engine: Engine) async throws {
        let vllm = try await MockBackend.start(
            kind: .vllm, behaviour: Self.behaviour(["shared", "mine-embed"], seed: 11, fails: true))
        let studio = try await MockBackend.start(
            kind: .lmStudio, behaviour: Self.behaviour(["shared", "only"], seed: 12, fails: false))
        let ollama = try await MockBackend.start(
            kind: .ollama, behaviour: Self.behaviour(["shared", "mine-embed"], seed: 13, fails: true))
        let places = [Place(vllm), Place(studio, name: "beta"), Place(ollama, name: "gamma")]
        try await World.with(
            engine, places, alone: true,
            tuned: Tuning {
                $0.server.eventLoops = 2
                $0.proxy.readTimeout = .milliseconds(100)
                $0.proxy.breaker.open = .milliseconds(300)
            }
        ) { world in
            let load = LoadMaker(
                configuration: .init(
                    port: world.port,
                    targets: [
                        LoadTarget(
                            prefix: "/olla/openai", dialect: .openAI, chatModels: ["shared", "only"],
                            embeddingModels: ["mine-embed"]),
                        LoadTarget(
                            prefix: "/olla/ollama", dialect: .ollama, chatModels: ["shared"],
                            embeddingModels: ["mine-embed"]),
                    ], requestsPerSecond: 150, concurrencyMax: 48, seed: 20_261_122))
            let port = world.port
            let end = ContinuousClock.now + .seconds(Self.seconds(engine))
            load.start()
            let pages = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let scraper = Scraper(port: port)
                        var count = 0
                        while ContinuousClock.now < end {
                            _ = try await scraper.scrape()
                            count += 1
                        }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            let summary = try await load.stop()
            #expect(pages > 4)
            let page = try await world.metrics { page in
                page.sums("glasspot_requests_in_flight", by: "route").allSatisfy {
                    $0.key == "internal" || $0.value == 0
                }
            }
            // What the clients saw is what was counted: every request arrived, and each has one end.
            let asked = summary.sum { $0.operation != .listing && $0.outcome != .unreachable }.requests
            #expect(asked > 20 * Self.seconds(engine))
            let counted = page.count("glasspot_requests_total", ["route": "provider"])
            #expect(abs(counted - asked) <= 48, "\(counted) counted, \(asked) asked")
            #expect(page.count("glasspot_requests_total", ["outcome": "gateway_error"]) == 0)
            #expect(page.count("glasspot_bugs_total") == 0)
            #expect(page.count("glasspot_retries_total") > 0)
            #expect(page.count("glasspot_stream_aborts_total", ["reason": "upstream"]) > 0)
            #expect(page.count("glasspot_client_cancellations_total") > 0)
            #expect(page.count("glasspot_upstream_requests_in_flight") == 0)
            #expect(page.count("glasspot_streams_in_flight") == 0)
            // The scraper's own is the only connection left; one counted out twice would hide behind it.
            try await world.metrics { $0.count("glasspot_client_connections_open") == 1 }
        }
        for backend in [vllm, studio, ollama] { try await backend.stop() }
    }
}
