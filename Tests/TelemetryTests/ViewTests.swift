import Domain
import Exposition
import Foundation
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct ViewTests {
    /// Two endpoints, two models, on two loops: three successes, a failure, a cancellation, a retry.
    private func store(_ views: Set<MetricView>) -> MetricStore {
        let store = MetricStore(
            .init(
                loops: 2, endpoints: ["gpu-1", "gpu-2"], views: views, version: "1.2.3", revision: "abc"))
        let (one, two) = (store.endpointSlot(forName: "gpu-1"), store.endpointSlot(forName: "gpu-2"))
        let (llama, qwen) = (store.modelSlot(forID: "llama"), store.modelSlot(forID: "qwen"))
        store.control.configured(engine: .olla, balancer: .priority, profile: .auto)
        store.control.endpointStateChanged(one, to: .healthy)
        store.control.endpointModels(one, 2)
        store.control.modelEndpoints(llama, 2)
        store.control.modelEndpoints(qwen, 1)
        self.attempt(store.loops[0], llama, one, .ok, 200, 100)
        self.attempt(store.loops[1], llama, one, .ok, 200, 300)
        self.attempt(store.loops[0], llama, two, .upstreamError, 502, 50)
        self.attempt(store.loops[1], qwen, two, .ok, 200, 80)
        self.attempt(store.loops[1], qwen, two, .clientCancelled, 0, 10)
        self.attempt(store.loops[0], .none, one, .upstreamTimeout, 0, 10)
        store.loops[0].modelAsked(llama, attempts: 1, isFallback: false, client: 7, wallTime: Self.now)
        store.loops[1].modelAsked(llama, attempts: 2, isFallback: false, client: 7, wallTime: Self.now)
        store.loops[1].modelAsked(llama, attempts: 1, isFallback: true, client: 9, wallTime: Self.now)
        store.loops[1].modelAsked(qwen, attempts: 1, isFallback: false, client: 8, wallTime: Self.now - 2 * Self.hour)
        store.loops[0].admission(.rateLimited)
        store.loops[0].admission(.bodyTooLarge)
        store.loops[0].connectionAccepted(wait: .zero)
        return store
    }

    private static let hour: Int64 = 3_600_000_000_000
    private static let now: Int64 = 1_800_000_000_000_000_000

    private func attempt(
        _ loop: LoopRecorder, _ model: ModelSlot, _ endpoint: EndpointSlot, _ outcome: AttemptOutcome, _ code: Int,
        _ milliseconds: Int64
    ) {
        loop.attemptStarted(endpoint)
        loop.upstreamBytes(endpoint, sent: 10, received: 1_000)
        loop.attemptFinished(
            endpoint, code: code, outcome: outcome, duration: .milliseconds(milliseconds), error: nil)
        loop.attemptSeen(
            model, endpoint, outcome, duration: .milliseconds(milliseconds), received: 1_000,
            at: MonotonicTime(rawValue: milliseconds * 1_000_000))
        loop.requestStarted(.proxy)
        var timeline = Timeline(startedAt: .zero)
        timeline.close(at: MonotonicTime(rawValue: milliseconds * 1_000_000))
        var report = RequestReport(route: .proxy, method: .post, code: code, outcome: .ok, timeline: timeline)
        report.model = model
        if outcome == .ok {
            report.operation = .chat
            report.operationDuration = .milliseconds(milliseconds)
        }
        loop.requestFinished(report)
    }

    private func facts() -> ScrapeFacts {
        var facts = ScrapeFacts()
        facts.wallTime = Nanoseconds(rawValue: Self.now)
        facts.process = ScrapeFacts.Process(
            cpuTime: .zero, residentBytes: 1, virtualBytes: 1, openDescriptors: 1, maxDescriptors: 1,
            startTime: Nanoseconds(rawValue: Self.now - Self.hour))
        facts.endpoints = (healthy: 1, unhealthy: 1)
        facts.endpointPriorities = [EndpointSlot(rawValue: 1): 100, EndpointSlot(rawValue: 2): 50]
        return facts
    }

    @Test func bothAreOffByDefault() {
        let page = self.store([]).scraped(self.facts())
        #expect(page.families.allSatisfy { !$0.descriptor.name.hasPrefix("olla_") })
        #expect(page.families.allSatisfy { !$0.descriptor.name.contains("http_server") })
        #expect(page.family("view_attempts_total")?.descriptor.isExported == false)
    }

    @Test func theOllaViewHasThe45NamesOnce() {
        let page = self.store([.olla]).scraped(self.facts())
        let names = page.families.map { $0.descriptor.name }.filter { $0.hasPrefix("olla_") }
        #expect(names.count == 45)
        #expect(names == OllaView.rows.map { $0.name })
        #expect(OllaView.rows.filter { $0.kind == .counter }.count == 17)
        #expect(OllaView.rows.filter { $0.kind == .gauge }.count == 28)
        #expect(!page.families.contains { $0.descriptor.name.hasPrefix("view_") })
    }

    @Test func theOllaViewCountsTruly() {
        let page = self.store([.olla]).scraped(self.facts())
        #expect(page.total("olla_requests_total") == 6)
        #expect(page.total("olla_failures_total") == 2)
        #expect(page.level("olla_success_rate_percent") == 66_666)
        // 100, 300 and 80 ms.
        #expect(page.level("olla_avg_latency_ms") == 160_000_000)
        #expect(page.level("olla_total_traffic_bytes") == 6_000)
        #expect(page.level("olla_uptime_seconds") == Self.hour)
        #expect(page.level("olla_active_connections") == 1)
        #expect(page.level("olla_endpoints_total") == 2)
        #expect(page.level("olla_endpoints_healthy") == 1)
        #expect(page.level("olla_system_status") == 0)
        #expect(page.total("olla_security_violations_total") == 2)
        #expect(page.total("olla_security_rate_limit_violations_total") == 1)
        #expect(page.level("olla_security_status") == 1)
        #expect(page.level("olla_models_total") == 2)
        #expect(page.level("olla_models_active") == 1)
        #expect(page.total("olla_models_requests_total") == 5)
        #expect(page.total("olla_models_traffic_bytes") == 5_000)
        #expect(
            page.level(
                "olla_info",
                ["version": "1.2.3", "commit": "abc", "engine": "olla", "profile": "auto", "balancer": "priority"])
                == 1)
    }

    @Test func theOllaViewTellsEndpointsAndModelsApart() {
        let page = self.store([.olla]).scraped(self.facts())
        let one = ["endpoint": "gpu-1"]
        #expect(page.level("olla_endpoint_up", ["endpoint": "gpu-1", "status": "healthy"]) == 1)
        #expect(page.level("olla_endpoint_up", ["endpoint": "gpu-2", "status": "unknown"]) == 0)
        #expect(page.seriesCount("olla_endpoint_up") == 2)
        #expect(page.total("olla_endpoint_requests_total", one) == 3)
        #expect(page.level("olla_endpoint_avg_latency_ms", one) == 200_000_000)
        #expect(page.total("olla_endpoint_traffic_bytes", one) == 3_000)
        #expect(page.level("olla_endpoint_priority", ["endpoint": "gpu-2"]) == 50)
        #expect(page.level("olla_endpoint_models_count", one) == 2)
        #expect(page.level("olla_endpoint_connections", one) == 0)
        let llama = ["model": "llama"]
        #expect(page.total("olla_model_requests_total", llama) == 3)
        #expect(page.total("olla_model_failed_requests_total", llama) == 1)
        #expect(page.total("olla_model_successful_requests_total", llama) == 2)
        #expect(page.total("olla_model_successful_requests_total", ["model": "qwen"]) == 2)
        #expect(page.level("olla_model_avg_latency_ms", llama) == 200_000_000)
        #expect(page.level("olla_model_unique_clients", llama) == 2)
        #expect(page.level("olla_model_unique_clients", ["model": "qwen"]) == 0)
        #expect(page.total("olla_model_routing_hits_total", llama) == 1)
        #expect(page.total("olla_model_routing_misses_total", llama) == 1)
        #expect(page.total("olla_model_routing_fallbacks_total", llama) == 1)
        #expect(page.seriesCount("olla_model_requests_total") == 2)
        // 100 ms is in (80, 160], 300 ms in (160, 320]: nine tenths into the upper one.
        #expect(page.level("olla_model_p95_latency_ms", llama) == 304_000_000)
        let pair = ["model": "llama", "endpoint": "gpu-2"]
        #expect(page.total("olla_model_endpoint_requests_total", pair) == 1)
        #expect(page.level("olla_model_endpoint_consecutive_errors", pair) == 1)
        #expect(page.level("olla_model_endpoint_success_rate_percent", pair) == 0)
        #expect(page.level("olla_model_endpoint_avg_latency_ms", ["model": "qwen", "endpoint": "gpu-2"]) == 80_000_000)
    }

    @Test func everyFamilyOfAPageWithViewsIsContiguous() {
        let page = self.store([.olla, .otel]).scraped(self.facts())
        let text = String(decoding: TextRenderer.render(page), as: UTF8.self)
        var seen: Set<Substring> = []
        for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
            #expect(seen.insert(line.split(separator: " ")[2]).inserted, "\(line)")
        }
        #expect(text.contains("olla_avg_latency_ms 160\n"))
        #expect(text.contains("olla_success_rate_percent 66.666\n"))
        let samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(samples.count == page.sampleCount)
        #expect(page.level("glasspot_metrics_series") == Int64(page.sampleCount))
    }

    @Test func theOpenTelemetryViewIsAProjection() {
        let store = self.store([.otel])
        let loop = store.loops[0]
        let (model, other) = (store.modelSlot(forID: "llama"), store.modelSlot(forID: "qwen"))
        for (endpoint, milliseconds) in [("gpu-1", 30), ("gpu-2", 30), ("gpu-2", 20_000)] as [(String, Int64)] {
            let slot = store.endpointSlot(forName: endpoint)
            let cells = loop.streamCells(model: model, endpoint: slot)
            loop.firstToken(cells, model: model, endpoint: slot, .milliseconds(milliseconds))
        }
        loop.usage(other, store.endpointSlot(forName: "gpu-1"), TokenUsage(input: 7, output: 3))
        let page = store.scraped(self.facts())
        let name = "gen_ai_server_time_to_first_token_seconds"
        #expect(page.seriesCount(name) == 1)
        #expect(page.distribution(name) == Distribution(count: 3, sum: 20_060_000_000))
        let family = page.family(name)
        #expect(
            family?.descriptor.buckets?.bounds.map { Double($0) / 1e9 } == [
                0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
            ])
        #expect(family.map { Array($0.buckets(of: 0)) } == [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        let operations = page.family("gen_ai_client_operation_duration_seconds")
        #expect(operations?.descriptor.buckets?.bounds.count == 14)
        #expect(
            page.distribution(
                "gen_ai_client_operation_duration_seconds",
                ["gen_ai_operation_name": "chat", "gen_ai_request_model": "llama"]
            ).count == 2)
        #expect(
            page.distribution(
                "gen_ai_client_token_usage", ["gen_ai_request_model": "qwen", "gen_ai_token_type": "input"])
                == Distribution(count: 1, sum: 7))
        #expect(
            page.distribution("http_server_request_duration_seconds", ["http_route": "proxy"])
                == page.distribution("glasspot_request_duration_seconds", ["route": "proxy"]))
        #expect(page.distribution("http_client_request_duration_seconds", ["server_address": "gpu-2"]).count == 3)
        #expect(page.seriesCount("http_server_active_requests") == RouteClass.allCases.count)
        #expect(page.family("view_attempts_total")?.descriptor.isExported == false)
    }

    @Test func everyRowOfTheOpenTelemetryViewCanBeOnAPage() {
        let store = self.store([.otel])
        let endpoint = store.endpointSlot(forName: "gpu-1")
        let model = store.modelSlot(forID: "llama")
        let loop = store.loops[0]
        let cells = loop.streamCells(model: model, endpoint: endpoint)
        loop.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(1))
        loop.chunk(cells, gap: .milliseconds(1))
        loop.streamFinished(
            model: model, endpoint: endpoint, timePerOutputToken: .milliseconds(1), longestStall: nil,
            tokensPerSecond: nil)
        loop.usage(model, endpoint, TokenUsage(input: 1, output: 1))
        loop.upstreamConnectionOpened(endpoint, .idle)
        let names = Set(store.scraped(self.facts()).families.map { $0.descriptor.name })
        #expect(Set(OTelView.rows.map { $0.name }).subtracting(names).isEmpty)
    }

    @Test func clientsAreDistinctAndForgotten() {
        var places = ClientPlaces()
        let model = ModelSlot(rawValue: 5)
        #expect(places.note(1, model, minute: 10) != nil)
        #expect(places.note(1, model, minute: 10) == nil)
        #expect(places.note(1, model, minute: 11)?.place == 1)
        // As many clients as there are: the table neither grows nor forgets the model.
        for client in 0..<10_000 { _ = places.note(UInt64(client) &* 0x9E37_79B9, model, minute: 12) }
        #expect(ClientPlaces.isRecent(1 << 16 | 12, minute: 72))
        #expect(!ClientPlaces.isRecent(1 << 16 | 12, minute: 73))
        #expect(!ClientPlaces.isRecent(0, minute: 0))
        // The minute wraps after 45 days.
        #expect(ClientPlaces.isRecent(1 << 16 | 65_535, minute: 65_536 * 3 + 5))
    }

    @Test(arguments: [(0.5, UInt64(10)), (0.25, 5), (1.0, 100), (0.99, 100)])
    func quantilesSpreadEvenly(share: Double, value: UInt64) {
        #expect(OllaView.quantile(share, of: (counts: [4, 0, 4], bounds: [10, 100])) == value)
    }

    @Test func aQuantileOfNothingIsNothing() {
        #expect(OllaView.quantile(0.5, of: (counts: [0, 0], bounds: [1])) == 0)
        #expect(OllaView.quantile(0.5, of: (counts: [], bounds: [])) == 0)
    }

    @Test func statusPagesKnowTheTimesOfSuccesses() {
        let store = self.store([])
        let totals = EndpointTotals(store.scraped(self.facts()))
        let one = totals[store.endpointSlot(forName: "gpu-1")]
        #expect(one.attempts == 3 && one.failures == 1 && one.successes == 2)
        #expect(one.duration == .milliseconds(400))
        #expect(one.quickest == .milliseconds(100) && one.slowest == .milliseconds(300))
        let two = totals[store.endpointSlot(forName: "gpu-2")]
        #expect(two.quickest == .milliseconds(80) && two.slowest == .milliseconds(80))
        #expect(totals[.other].quickest == nil)
        #expect(totals.openClientConnections == 1)
    }

    @Test func aLookLeavesNoTrace() {
        let store = self.store([.olla])
        store.removeEndpoint("gpu-1")
        let shards = store.loops.map { recorder in
            var copy = ShardSnapshot()
            recorder.copy(into: &copy)
            return copy
        }
        for _ in 0..<3 {
            let look = store.snapshot(shards: shards, facts: self.facts(), for: .look)
            #expect(look.seriesCount("glasspot_upstream_requests_in_flight", ["endpoint": "gpu-1"]) == 1)
            #expect(look.family("olla_requests_total") == nil)
            #expect(look.total("glasspot_metrics_series_evicted_total") == 0)
        }
        #expect(store.scraped().seriesCount("glasspot_upstream_requests_in_flight", ["endpoint": "gpu-1"]) == 1)
        #expect(store.scraped().seriesCount("glasspot_upstream_requests_in_flight", ["endpoint": "gpu-1"]) == 0)
    }
}
