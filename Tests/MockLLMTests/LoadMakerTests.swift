import SeededRandomness
import Testing

@testable import MockLLM

@Suite(.timeLimit(.minutes(1))) struct LoadMakerTests {
    private func summary(
        _ mock: MockBackend, dialect: LoadTarget.Dialect, mix: LoadMix = .everyday,
        requests: Int = 200, seed: UInt64 = 1
    ) async throws -> LoadSummary {
        let load = LoadMaker(
            configuration: LoadMaker.Configuration(
                port: mock.port,
                targets: [
                    LoadTarget(
                        dialect: dialect, chatModels: ["mock-chat"], embeddingModels: ["mock-embed"])
                ], mix: mix, requestsPerSecond: 100_000, concurrencyMax: 4, requestsMax: requests,
                seed: seed))
        load.start()
        let summary = try await load.finished()
        _ = try await load.stop()
        return summary
    }

    @Test(
        "the client and the backend count the same",
        arguments: [(MockKind.openAI, LoadTarget.Dialect.openAI), (.ollama, .ollama)])
    func agreement(kind: MockKind, dialect: LoadTarget.Dialect) async throws {
        try await MockBackendTests.with(kind) { mock in
            let mix = LoadMix([
                .chatStream: 4, .chatWhole: 2, .completion: 1, .embeddings: 1, .listing: 1,
                .unknownModel: 1,
            ])
            let summary = try await self.summary(mock, dialect: dialect, mix: mix)
            let sum = summary.sum()
            let counts = mock.counts
            #expect(sum.requests == 200)
            #expect(counts.requests == 200)
            #expect(counts.answersFinished == 200)
            #expect(sum.chunks == counts.chunks)
            #expect(sum.inputTokens == counts.inputTokens)
            #expect(sum.outputTokens == counts.outputTokens)
            #expect(summary.connections == counts.connectionsAccepted)
            #expect(summary.connections <= 4)
            let unknown = summary.sum { $0.operation == .unknownModel }.requests
            #expect(unknown > 0)
            #expect(summary.sum { $0.outcome == .clientError }.requests == unknown)
            #expect(summary.sum { $0.outcome == .ok }.requests == 200 - unknown)
            let streams = summary.sum {
                $0.operation == .chatStream || $0.operation == .completion
            }
            #expect(summary.timesToFirstToken.count == streams.requests)
        }
    }

    @Test("clients that leave are seen by both sides")
    func cancellations() async throws {
        let behaviour = MockBehaviour(
            pacing: TokenPacing(gap: .seconds(3600)))
        try await MockBackendTests.with(.openAI, behaviour) { mock in
            let summary = try await self.summary(
                mock, dialect: .openAI, mix: LoadMix([.cancelled: 1]), requests: 10)
            #expect(summary.sum { $0.outcome == .cancelled }.requests == 10)
            #expect(await mock.waitUntil { $0.cancellations == 10 })
        }
    }

    @Test(
        "every failure has its outcome",
        arguments: [
            ("500", LoadSummary.Outcome.serverError), ("429", .rateLimited), ("refuse", .broken),
            ("garbage", .broken), ("cut:2", .broken), ("cut:2:reset", .broken),
            ("content-length:+9", .broken), ("bad-chunk:1", .broken), ("400", .clientError),
        ])
    func failures(fault: String, outcome: LoadSummary.Outcome) async throws {
        let behaviour = MockBehaviour(faults: FaultPlan(always: Fault(spelling: fault)))
        try await MockBackendTests.with(.openAI, behaviour) { mock in
            let summary = try await self.summary(
                mock, dialect: .openAI, mix: LoadMix([.chatStream: 1]), requests: 5)
            #expect(summary.sum { $0.outcome == outcome }.requests == 5)
            #expect(summary.sum().requests == 5)
        }
    }

    @Test("a server that is gone is unreachable")
    func unreachable() async throws {
        try await MockBackendTests.with(.openAI) { mock in
            try await mock.stopListening()
            let summary = try await self.summary(mock, dialect: .openAI, requests: 3)
            #expect(summary.sum { $0.outcome == .unreachable }.requests == 3)
        }
    }

    @Test("a request past its time limit is given up")
    func timeLimit() async throws {
        let behaviour = MockBehaviour(faults: FaultPlan(always: .hang))
        try await MockBackendTests.with(.openAI, behaviour) { mock in
            let load = LoadMaker(
                configuration: LoadMaker.Configuration(
                    port: mock.port,
                    targets: [LoadTarget(dialect: .openAI, chatModels: ["mock-chat"])],
                    mix: LoadMix([.chatWhole: 1]), requestsMax: 1, timeLimit: .milliseconds(5)))
            load.start()
            let summary = try await load.finished()
            #expect(summary.sum { $0.outcome == .timedOut }.requests == 1)
            #expect(await mock.waitUntil { $0.cancellations == 1 })
        }
    }

    @Test("stopping gives up what is under way and ends every wait")
    func stopping() async throws {
        let behaviour = MockBehaviour(faults: FaultPlan(always: .hang))
        try await MockBackendTests.with(.openAI, behaviour) { mock in
            let load = LoadMaker(
                configuration: LoadMaker.Configuration(
                    port: mock.port,
                    targets: [LoadTarget(dialect: .openAI, chatModels: ["mock-chat"])],
                    mix: LoadMix([.chatWhole: 1]), requestsPerSecond: 1000, concurrencyMax: 2))
            load.start()
            #expect(await mock.waitUntil { $0.requests == 2 })
            async let finished = load.finished()
            _ = try await load.stop()
            #expect(try await finished.sum { $0.outcome == .cancelled }.requests == 2)
            #expect(await mock.waitUntil { $0.connectionsOpen == 0 })
        }
    }

    @Test("the same seed draws the same requests")
    func determinism() {
        let targets = [
            LoadTarget(prefix: "/olla/openai", dialect: .openAI, chatModels: ["a", "b"]),
            LoadTarget(prefix: "/olla/ollama", dialect: .ollama, chatModels: ["c"]),
        ]
        func draw(seed: UInt64) -> [LoadCall?] {
            var random = SeededGenerator(seed: seed)
            return (0..<100).map { _ in
                LoadCall.next(targets: targets, mix: .everyday, random: &random)
            }
        }
        #expect(draw(seed: 1) == draw(seed: 1))
        #expect(draw(seed: 1) != draw(seed: 2))
        // No target embeds, so nothing is embedded.
        #expect(draw(seed: 1).allSatisfy { $0.map { $0.operation != .embeddings } ?? false })
    }

    @Test("a meter reads the same from any split of a stream")
    func meterSplits() {
        let stream = Array(
            """
            data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n\
            data: {"choices":[{"delta":{"content":"a"}}]}\n\n: ping\n\n\
            data: {"choices":[{"delta":{"reasoning_content":"b"}}]}\n\n\
            data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n\
            data: [DONE]\n\n
            """.utf8)
        for split in 0...stream.count {
            var meter = AnswerMeter(contentType: "text/event-stream")
            let firsts = [meter.read(stream[..<split]), meter.read(stream[split...])]
            meter.finish()
            #expect(firsts.count { $0 } == 1)
            #expect(meter.chunks == 2)
            #expect(meter.inputTokens == 3)
            #expect(meter.outputTokens == 2)
            #expect(meter.hasEnded)
            #expect(!meter.hasFailed)
        }
    }

    @Test("an error inside a stream is a failure")
    func meterError() {
        var meter = AnswerMeter(contentType: "application/x-ndjson")
        _ = meter.read(Array("{\"error\":\"cut\"}\n".utf8))
        #expect(meter.hasFailed)
        #expect(!meter.hasEnded)
    }
}
