import Domain
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct FeatureRecorderTests {
    private let store = MetricStore(.init(loops: 1, endpoints: ["gpu-1", "gpu-2"]))
    private var loop: LoopRecorder { self.store.loops[0] }
    private var endpoint: EndpointSlot { self.store.endpointSlot(forName: "gpu-1") }

    @Test func rateLimitDecisionsAreCountedByLimit() {
        self.loop.rateLimited(.global, .allowed)
        self.loop.rateLimited(.perIP, .rejected)
        self.loop.rateLimited(.perIP, .rejected)
        var facts = ScrapeFacts()
        facts.rateLimitTrackedClients = 17
        let page = self.store.scraped(facts)
        let name = "glasspot_rate_limit_decisions_total"
        #expect(page.seriesCount(name) == 6)
        #expect(page.total(name, ["limit": "global", "decision": "allowed"]) == 1)
        #expect(page.total(name, ["limit": "per_ip", "decision": "rejected"]) == 2)
        #expect(page.total(name) == 3)
        #expect(page.level("glasspot_rate_limit_tracked_clients") == 17)
    }

    @Test func stickyLookupsAndEvictionsAreCountedFromBothSides() {
        self.loop.stickyLookup(.hit)
        self.loop.stickyLookup(.repin)
        self.loop.stickyEvicted(.capacity)
        self.loop.stickyEvicted(.ttl, count: 4)
        self.loop.stickyEvicted(.ttl, count: 0)
        self.store.control.stickyEvicted(.ttl, count: 3)
        self.store.control.stickyEvicted(.endpointDown, count: -1)
        var facts = ScrapeFacts()
        facts.stickySessions = 5
        let page = self.store.scraped(facts)
        #expect(page.total("glasspot_sticky_lookups_total", ["result": "hit"]) == 1)
        #expect(page.total("glasspot_sticky_lookups_total") == 2)
        let evictions = "glasspot_sticky_evictions_total"
        #expect(page.total(evictions, ["reason": "ttl"]) == 7)
        #expect(page.total(evictions, ["reason": "capacity"]) == 1)
        #expect(page.total(evictions, ["reason": "endpoint_down"]) == 0)
        #expect(page.level("glasspot_sticky_sessions") == 5)
    }

    @Test func translatorRequestsAreCountedByModeAndResult() {
        self.loop.translatorFinished(.anthropic, .translate, .ok)
        self.loop.translatorFinished(.anthropic, .passthrough, .fail)
        self.loop.translatorFellBack(.anthropic, .noCompatibleEndpoints)
        let page = self.store.scraped()
        let name = "glasspot_translator_requests_total"
        #expect(page.seriesCount(name) == 4)
        #expect(page.total(name, ["mode": "translate", "result": "ok"]) == 1)
        #expect(page.total(name, ["mode": "passthrough", "result": "fail"]) == 1)
        #expect(page.total(name) == 2)
        let fallbacks = "glasspot_translator_fallbacks_total"
        #expect(page.seriesCount(fallbacks) == 3)
        #expect(page.total(fallbacks, ["reason": "no_compatible_endpoints"]) == 1)
    }

    @Test func engineLoadsKeepWhatTheyDoNotTell() {
        let control = self.store.control
        control.enginePolled(
            self.endpoint, EngineLoad(running: 3, waiting: 9, kvCacheUsage: 0.6254))
        control.enginePolled(self.endpoint, EngineLoad(running: 2))
        control.enginePollFailed(self.endpoint)
        let page = self.store.scraped()
        #expect(page.level("glasspot_backend_requests_running") == 2)
        #expect(page.level("glasspot_backend_requests_waiting") == 9)
        #expect(page.level("glasspot_backend_kv_cache_usage_ratio") == 625)
        let failures = "glasspot_backend_poll_failures_total"
        #expect(page.total(failures, ["endpoint": "gpu-1"]) == 1)
        #expect(page.seriesCount(failures) == 2)
    }

    @Test(arguments: [
        (Double.nan, Int64(500)), (.infinity, 500), (-2, 0), (7, 1_000), (0.25, 250),
    ])
    func aRatioOutsideItsRangeIsBroughtIntoIt(usage: Double, shown: Int64) {
        let control = self.store.control
        control.enginePolled(self.endpoint, EngineLoad(kvCacheUsage: 0.5))
        control.enginePolled(self.endpoint, EngineLoad(running: -4, kvCacheUsage: usage))
        let page = self.store.scraped()
        #expect(page.level("glasspot_backend_kv_cache_usage_ratio") == shown)
        #expect(page.level("glasspot_backend_requests_running") == 0)
    }

    @Test func droppedSpansAreCountedFromBothSides() {
        self.loop.spanDropped(.queueFull)
        self.store.control.spansDropped(.exportFailed, count: 30)
        self.store.control.spansDropped(.exportFailed, count: 0)
        let page = self.store.scraped()
        let name = "glasspot_trace_spans_dropped_total"
        #expect(page.total(name, ["reason": "queue_full"]) == 1)
        #expect(page.total(name, ["reason": "export_failed"]) == 30)
    }
}
