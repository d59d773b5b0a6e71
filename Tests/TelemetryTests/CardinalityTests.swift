import Domain
import Exposition
import MetricKernel
import SeededRandomness
import Testing

@testable import Telemetry

@Suite struct CardinalityTests {
    /// What a client can make up is folded before it is a label value: models by the catalogue's list, methods and
    /// codes by theirs, paths by the class of their route.
    @Test func aMillionJunkNamesLeaveThePageAsItWas() {
        let store = MetricStore(.init(loops: 1, endpoints: ["gpu-1"], maxModels: 50))
        for model in 0..<60 { _ = store.modelSlot(forID: "known-\(model)") }
        let loop = store.loops[0]
        var random = SeededGenerator(seed: 42)
        func junk(_ loop: LoopRecorder, _ count: Int, _ random: inout SeededGenerator) {
            var word = [UInt8](repeating: UInt8(ascii: "A"), count: 8)
            for _ in 0..<count {
                var bits = random.next()
                for place in word.indices {
                    word[place] = UInt8(ascii: "A") + UInt8(bits & 0x1F)
                    bits >>= 5
                }
                var report = RequestReport(
                    route: RouteClass.allCases[Int(bits % UInt64(RouteClass.allCases.count))],
                    method: MethodLabel(token: word.span), code: Int(bits % 700),
                    outcome: RequestOutcome.allCases[Int(bits >> 8) % RequestOutcome.allCases.count],
                    timeline: Timeline(startedAt: .zero))
                // What the engine does with a model the fleet does not know.
                report.model = .other
                report.isScrape = bits & 0xF != 0
                loop.requestFinished(report)
            }
        }
        junk(loop, 100_000, &random)
        let before = store.scraped()
        let size = TextRenderer.render(before).count
        junk(loop, 900_000, &random)
        let after = store.scraped()
        // Combinations of known words that are rare may still turn up; they are bounded by their product.
        #expect(after.sampleCount - before.sampleCount < 10)
        #expect(TextRenderer.render(after).count < size + size / 10)
        #expect(after.seriesCount("glasspot_model_requests_total") == RequestOutcome.allCases.count)
        #expect(after.total("glasspot_metrics_label_overflow_total", ["label": "model"]) == 1_000_000)
        #expect(after.total("glasspot_requests_total", ["method": "OTHER"]) == 1_000_000)
        #expect(after.total("glasspot_bugs_total") == 0)
    }

    @Test func knownModelsAreBoundedAndPinned() {
        let store = MetricStore(.init(loops: 1, maxModels: 50))
        let first = store.modelSlot(forID: "known-0")
        for model in 0..<100_000 { _ = store.modelSlot(forID: "known-\(model)") }
        #expect(store.modelSlot(forID: "known-0") == first)
        #expect(store.modelSlot(forID: "known-99999") == .other)
        // Room that a removed model leaves goes to the next one.
        store.removeModel("known-7")
        #expect(store.modelSlot(forID: "late") != .other)
        #expect(store.modelSlot(forID: "later") == .other)
    }

    /// The typical site of telemetry.md 1.6: eight endpoints, twenty models, forty pairs.
    @Test func theTypicalPageIsWithinItsBudget() {
        let endpoints = (0..<8).map { "endpoint-\($0)" }
        let store = MetricStore(.init(loops: 2, endpoints: endpoints))
        let models = (0..<20).map { store.modelSlot(forID: "vendor/model-\($0):8b") }
        for pair in 0..<40 {
            let loop = store.loops[pair % 2]
            let endpoint = store.endpointSlot(forName: endpoints[pair % 8])
            let model = models[pair % 20]
            let cells = loop.streamCells(model: model, endpoint: endpoint)
            loop.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(80))
            loop.chunk(cells, gap: .milliseconds(10))
            loop.streamFinished(
                model: model, endpoint: endpoint, timePerOutputToken: .milliseconds(5),
                longestStall: .milliseconds(5), tokensPerSecond: 200)
            loop.usage(model, endpoint, TokenUsage(input: 7, output: 2))
            loop.firstByte(endpoint, .milliseconds(3))
            var report = RequestReport(
                route: .proxy, method: .post, code: 200, outcome: .ok, timeline: Timeline(startedAt: .zero))
            report.model = model
            report.operation = .chat
            report.attempts.append(
                endpoint,
                UpstreamTimes(
                    acquire: .milliseconds(1), send: .milliseconds(1), wait: .milliseconds(1),
                    stream: .milliseconds(1)))
            loop.requestFinished(report)
        }
        let page = store.scraped()
        #expect(page.sampleCount < 9_492)
        #expect(TextRenderer.render(page).count < 880_000)
    }
}
