import Domain
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct ExemplarTests {
    private let store = MetricStore(.init(loops: 2, endpoints: ["gpu-1"]))

    private func context(_ id: String, seconds: Int64 = 1_000) -> ExemplarContext {
        let bytes = Array(id.utf8)
        return ExemplarContext(
            traceID: (high: 0xAB, low: 0xCD), spanID: 0xEF, requestID: bytes.span.bytes,
            wallTime: seconds * 1_000_000_000)
    }

    /// Everything a streamed request observes.
    private func request(_ loop: LoopRecorder, _ exemplar: ExemplarContext?) {
        let endpoint = self.store.endpointSlot(forName: "gpu-1")
        let model = self.store.modelSlot(forID: "llama")
        loop.requestStarted(.proxy)
        loop.routeChosen(endpoint, balancer: .priority, reason: .model, candidates: 1, exemplar: exemplar)
        loop.attemptStarted(endpoint)
        loop.firstByte(endpoint, .milliseconds(3), exemplar: exemplar)
        let cells = loop.streamCells(model: model, endpoint: endpoint)
        loop.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(80), exemplar: exemplar)
        loop.chunk(cells, gap: .milliseconds(5))
        loop.streamFinished(
            model: model, endpoint: endpoint, timePerOutputToken: .milliseconds(5), longestStall: .milliseconds(5),
            tokensPerSecond: 200, exemplar: exemplar)
        loop.usage(model, endpoint, TokenUsage(input: 7, output: 2), exemplar: exemplar)
        loop.attemptFinished(
            endpoint, code: 200, outcome: .ok, duration: .milliseconds(90), error: nil, exemplar: exemplar)
        var timeline = Timeline(startedAt: .zero)
        timeline.enter(.wait, at: MonotonicTime(rawValue: 1_000_000))
        timeline.close(at: MonotonicTime(rawValue: 90_000_000))
        var report = RequestReport(route: .proxy, method: .post, code: 200, outcome: .ok, timeline: timeline)
        report.model = model
        report.attempts.append(
            endpoint, UpstreamTimes(acquire: .zero, send: .zero, wait: .milliseconds(5), stream: .zero))
        report.operation = .chat
        report.operationDuration = .milliseconds(90)
        loop.requestFinished(report, exemplar: exemplar)
    }

    /// Histograms that are not per request: of connections, deltas, probes, checks and scrapes.
    private static let others: Set<Metric> = [
        .clientAcceptDurationSeconds, .upstreamConnectDurationSeconds, .interChunkDurationSeconds,
        .swiftEventLoopLagSeconds, .healthCheckDurationSeconds, .discoveryDurationSeconds,
        .metricsScrapeDurationSeconds,
    ]

    @Test func everyHistogramOfARequestHasAnExemplarInItsBucket() throws {
        self.request(self.store.loops[0], self.context("quiet-falcon-1"))
        let page = self.store.scraped()
        for row in MetricCatalog.rows where row.kind == .histogram && !Self.others.contains(row.metric) {
            let family = try #require(page.family(row.name), "\(row.name)")
            #expect(family.hasExemplars, "\(row.name)")
            for series in 0..<family.seriesCount {
                for (bucket, count) in family.buckets(of: series).enumerated() {
                    let exemplar = family.exemplar(of: series, bucket: bucket)
                    #expect((exemplar != nil) == (count > 0), "\(row.name)")
                    guard let exemplar else { continue }
                    #expect(exemplar.requestID == Array("quiet-falcon-1".utf8))
                    #expect(exemplar.traceHigh == 0xAB && exemplar.traceLow == 0xCD && exemplar.spanID == 0xEF)
                    #expect(exemplar.wallTime == 1_000_000_000_000)
                    let bounds = family.descriptor.buckets?.bounds ?? []
                    #expect(bucket == bounds.count || exemplar.value <= bounds[bucket])
                    #expect(bucket == 0 || exemplar.value > bounds[bucket - 1])
                }
            }
        }
        let kept = page.families.reduce(0) { total, family in
            total
                + (0..<family.seriesCount).reduce(0) { sum, series in
                    guard family.descriptor.kind == .histogram else { return sum }
                    return sum
                        + family.buckets(of: series).indices.enumerated().count {
                            family.exemplar(of: series, bucket: $0.offset) != nil
                        }
                }
        }
        #expect(page.total("glasspot_metrics_exemplars_total") == UInt64(kept))
    }

    @Test func replacedOnesAreCountedAndRefusedOnesAreNot() {
        let loop = self.store.loops[0]
        self.request(loop, self.context("a"))
        let first = self.store.scraped().total("glasspot_metrics_exemplars_total")
        #expect(first > 10)
        // The same values at the same time take nobody's place.
        self.request(loop, self.context("b"))
        #expect(self.store.scraped().total("glasspot_metrics_exemplars_total") == first)
        // Eleven seconds later each takes its place.
        self.request(loop, self.context("c", seconds: 1_011))
        #expect(self.store.scraped().total("glasspot_metrics_exemplars_total") == 2 * first)
        let ttft = self.store.scraped().family("glasspot_time_to_first_token_seconds")
        let ids = (0..<24).compactMap { ttft?.exemplar(of: 0, bucket: $0)?.requestID }
        #expect(ids == [Array("c".utf8)])
    }

    @Test func withoutAContextThereAreNone() {
        self.request(self.store.loops[1], nil)
        let page = self.store.scraped()
        #expect(page.families.allSatisfy { !$0.hasExemplars })
        #expect(page.total("glasspot_metrics_exemplars_total") == 0)
        #expect(page.total("glasspot_requests_total") == 1)
    }
}
