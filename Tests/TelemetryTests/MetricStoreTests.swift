import Domain
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct MetricStoreTests {
    @Test func everythingClosedIsOnTheFirstPageAtZero() {
        let page = MetricStore(.init(loops: 2, endpoints: ["gpu-1"])).scraped()
        #expect(page.seriesCount("glasspot_requests_started_total") == RouteClass.allCases.count)
        #expect(
            page.seriesCount("glasspot_requests_total")
                == RouteClass.allCases.count * RequestOutcome.allCases.count)
        #expect(page.seriesCount("glasspot_requests_total", ["code": "200", "outcome": "ok"]) == 6)
        #expect(page.seriesCount("glasspot_requests_total", ["code": "200"]) == 6)
        #expect(page.seriesCount("glasspot_request_stage_duration_seconds") == 10)
        #expect(page.seriesCount("glasspot_client_cancellations_total") == Stage.count)
        #expect(page.seriesCount("glasspot_upstream_errors_total", ["endpoint": "gpu-1"]) == 12)
        #expect(page.seriesCount("glasspot_upstream_errors_total") == 12)
        #expect(page.seriesCount("glasspot_retries_total") == RetryReason.allCases.count)
        #expect(page.total("glasspot_requests_total") == 0)
        #expect(page.level("swift_event_loop_threads") == 2)
        #expect(page.seriesCount("glasspot_time_to_first_token_seconds") == 0)
    }

    @Test func anEndpointStartsUnknownWithItsBreakerClosed() {
        let store = MetricStore(.init(loops: 1, endpoints: ["gpu-1"]))
        let endpoint = store.endpointSlot(forName: "gpu-1")
        var page = store.scraped()
        #expect(page.level("glasspot_endpoint_up", ["endpoint": "gpu-1"]) == 0)
        #expect(page.level("glasspot_endpoint_state", ["state": "unknown"]) == 1)
        #expect(page.level("glasspot_breaker_state", ["state": "closed"]) == 1)
        store.control.endpointStateChanged(endpoint, to: .busy)
        store.control.breakerChanged(endpoint, to: .halfOpen)
        // Asking for a known endpoint again changes nothing.
        _ = store.endpointSlot(forName: "gpu-1")
        page = store.scraped()
        #expect(page.level("glasspot_endpoint_up", ["endpoint": "gpu-1"]) == 1)
        #expect(page.level("glasspot_endpoint_state", ["state": "busy"]) == 1)
        #expect(page.level("glasspot_endpoint_state") == 1)
        #expect(page.total("glasspot_endpoint_state_changes_total") == 1)
        #expect(page.level("glasspot_breaker_state", ["state": "half_open"]) == 1)
        #expect(page.total("glasspot_breaker_transitions_total", ["to": "half_open"]) == 1)
    }

    @Test func modelsOverTheCapAreOtherAndCounted() {
        let store = MetricStore(.init(loops: 1, maxModels: 3))
        let slots = (0..<1_000).map { store.modelSlot(forID: "model-\($0)") }
        #expect(Set(slots).count == 4)
        #expect(slots[3...].allSatisfy { $0 == .other })
        #expect(store.modelSlot(forID: "") == .none)
        #expect(store.modelSlot(forID: "model-1") == slots[1])
        for slot in slots {
            var report = RequestReport(
                route: .proxy, method: .post, code: 200, outcome: .ok,
                timeline: Timeline(startedAt: .zero))
            report.model = slot
            store.loops[0].requestFinished(report)
        }
        let page = store.scraped()
        #expect(page.seriesCount("glasspot_model_requests_total") == 4)
        #expect(page.total("glasspot_model_requests_total", ["model": "other"]) == 997)
        #expect(page.total("glasspot_metrics_label_overflow_total", ["label": "model"]) == 997)
    }

    @Test func endpointsOverTheCapAreOtherAndCounted() {
        let names = (0...EndpointSet.capacity).map { "gpu-\($0)" }
        let store = MetricStore(.init(loops: 1, endpoints: names))
        #expect(store.endpointSlot(forName: "gpu-255") != .other)
        let extra = store.endpointSlot(forName: "gpu-256")
        #expect(extra == .other)
        store.loops[0].attemptStarted(extra)
        #expect(
            store.scraped().total("glasspot_metrics_label_overflow_total", ["label": "endpoint"])
                == 1)
    }

    @Test func aRemovedEndpointIsScrapedOnceMoreAndComesBackAtZero() {
        let store = MetricStore(.init(loops: 1, endpoints: ["gpu-1", "gpu-2"]))
        let old = store.endpointSlot(forName: "gpu-1")
        store.loops[0].breakerRejected(old)
        store.removeEndpoint("gpu-1")
        let name = "glasspot_breaker_rejections_total"
        #expect(store.scraped().total(name, ["endpoint": "gpu-1"]) == 1)
        let page = store.scraped()
        #expect(page.seriesCount(name, ["endpoint": "gpu-1"]) == 0)
        #expect(page.seriesCount(name, ["endpoint": "gpu-2"]) == 1)
        for family in page.families {
            let isGone =
                !family.descriptor.labels.contains { $0.name == "endpoint" }
                || page.seriesCount(family.descriptor.name, ["endpoint": "gpu-1"]) == 0
            #expect(isGone, "\(family.descriptor.name)")
        }
        #expect(
            page.total("glasspot_metrics_series_evicted_total", ["reason": "endpoint_removed"]) > 10
        )
        let new = store.endpointSlot(forName: "gpu-1")
        #expect(new != old)
        #expect(store.scraped().total(name, ["endpoint": "gpu-1"]) == 0)
        #expect(store.scraped().seriesCount(name, ["endpoint": "gpu-1"]) == 1)
    }

    @Test func removedModelsAndKeysAreEvictedUnderTheirOwnReasons() {
        let store = MetricStore(.init(loops: 1, clientKeys: ["team"]))
        store.loops[0].aliasRewritten(store.modelSlot(forID: "m"))
        store.loops[0].clientKeyUsed(store.clientKeySlot(forName: "team"), .ok)
        store.removeModel("m")
        store.removeClientKey("team")
        _ = store.scraped()
        let page = store.scraped()
        let name = "glasspot_metrics_series_evicted_total"
        #expect(page.total(name, ["reason": "model_removed"]) == 1)
        #expect(page.total(name, ["reason": "key_removed"]) == 1)
        #expect(page.seriesCount("glasspot_model_alias_rewrites_total") == 0)
    }

    @Test func modelAndEndpointPairsCanBeSwitchedOff() {
        let store = MetricStore(
            .init(loops: 1, endpoints: ["gpu-1"], splitsModelEndpointPairs: false))
        let model = store.modelSlot(forID: "m")
        let endpoint = store.endpointSlot(forName: "gpu-1")
        let cells = store.loops[0].streamCells(model: model, endpoint: endpoint)
        store.loops[0].firstToken(cells, model: model, endpoint: endpoint, .milliseconds(1))
        store.loops[0].streamFinished(
            model: model, endpoint: endpoint, timePerOutputToken: .milliseconds(1),
            longestStall: nil, tokensPerSecond: nil)
        let page = store.scraped()
        for name in [
            "glasspot_time_to_first_token_seconds", "glasspot_time_per_output_token_seconds",
        ] {
            #expect(page.distribution(name, ["model": "m", "endpoint": "other"]).count == 1)
            #expect(page.seriesCount(name) == 1)
        }
        #expect(page.total("glasspot_stream_chunks_total", ["endpoint": "gpu-1"]) == 1)
    }

    @Test func aFallbackReadIsCountedAndShowsTheSameNumbers() {
        let store = MetricStore(.init(loops: 2))
        store.loops[1].routingFailed(.noHealthy)
        var own = ShardSnapshot()
        store.loops[1].copy(into: &own)
        #expect(store.fallbackCopy(ofLoop: 1) == own)
        #expect(store.fallbackCopy(ofLoop: 7) == ShardSnapshot())
        #expect(store.scraped().total("glasspot_metrics_shard_fallback_reads_total") == 2)
    }

    @Test func aLoopThatCannotBeReadShowsItsLastCopy() {
        let store = MetricStore(.init(loops: 1))
        store.loops[0].routingFailed(.noHealthy)
        _ = store.scraped()
        store.loops[0].routingFailed(.noHealthy)
        store.loops[0].shard.beginUpdate()
        let copy = store.fallbackCopy(ofLoop: 0)
        store.loops[0].shard.endUpdate()
        let page = store.snapshot(shards: [copy], facts: ScrapeFacts())
        #expect(page.total("glasspot_routing_failures_total") == 1)
        #expect(store.snapshotFromOutside().total("glasspot_routing_failures_total") == 2)
    }

    @Test func theFactsOfTheMomentAreOnThePage() {
        var facts = ScrapeFacts()
        var process = ScrapeFacts.Process(
            cpuTime: .milliseconds(1_500), residentBytes: 11, virtualBytes: 22, openDescriptors: 3,
            maxDescriptors: 1_024, startTime: .seconds(1_700_000_000))
        process.allocatedBytes = 5
        facts.process = process
        facts.eventLoopCPU = [.seconds(1), .seconds(2), .seconds(3)]
        facts.endpoints = (healthy: 2, unhealthy: 1)
        var log = ScrapeFacts.Log()
        log.records[.info] = 4
        log.dropped[.queueFull] = 2
        log.writtenBytes = 900
        log.queuedRecords = 6
        facts.log = log
        facts.addRequest(startedAt: .seconds(100), now: .seconds(103))
        facts.addRequest(startedAt: .seconds(90), now: .seconds(103))
        let store = MetricStore(.init(loops: 2))
        store.control.logQueued(.info)
        store.control.logDropped(.sinkError)
        store.control.logWritten(bytes: 100)
        let page = store.scraped(facts)
        #expect(page.total("process_cpu_seconds_total") == 1_500_000_000)
        #expect(page.level("process_resident_memory_bytes") == 11)
        #expect(page.level("process_start_time_seconds") == 1_700_000_000_000_000_000)
        #expect(page.level("swift_allocated_bytes") == 5)
        #expect(page.seriesCount("process_network_receive_bytes_total") == 0)
        #expect(page.seriesCount("swift_event_loop_cpu_seconds_total") == 2)
        #expect(page.total("swift_event_loop_cpu_seconds_total", ["loop": "1"]) == 2_000_000_000)
        #expect(page.level("glasspot_endpoints", ["state": "healthy"]) == 2)
        #expect(page.total("glasspot_log_records_total", ["level": "info"]) == 5)
        #expect(page.total("glasspot_log_dropped_total") == 3)
        #expect(page.total("glasspot_log_written_bytes_total") == 1_000)
        #expect(page.level("glasspot_log_queue_records") == 6)
        #expect(page.level("glasspot_requests_in_flight_by_age", ["age": "lt_10s"]) == 1)
        #expect(page.level("glasspot_requests_in_flight_by_age", ["age": "lt_60s"]) == 1)
        #expect(page.level("glasspot_requests_in_flight_by_age") == 2)
        #expect(page.level("glasspot_oldest_request_start_timestamp_seconds") == 90_000_000_000)
    }

    @Test func configurationAndControlEventsAreOnThePage() {
        let store = MetricStore(
            .init(
                loops: 1, endpoints: ["gpu-1"], version: "1.2.3", revision: "", swiftVersion: "6.3")
        )
        let endpoint = store.endpointSlot(forName: "gpu-1")
        let model = store.modelSlot(forID: "m")
        let control = store.control
        control.configured(engine: .olla, balancer: .roundRobin, profile: .auto)
        control.configured(engine: .olla, balancer: .leastConnections, profile: .auto)
        control.configLoaded(unixTime: .seconds(5))
        control.configReloaded(.fail, unixTime: .seconds(6))
        control.healthChecked(endpoint, .ok, duration: .milliseconds(3), unixTime: .seconds(7))
        control.healthChecked(endpoint, .timeout, duration: .milliseconds(9), unixTime: .seconds(8))
        control.discoveryFinished(endpoint, .ok, duration: .milliseconds(4), unixTime: .seconds(9))
        control.discoveryFinished(
            endpoint, .fail, duration: .milliseconds(4), unixTime: .seconds(10))
        control.endpointModels(endpoint, 12)
        control.modelEndpoints(model, 2)
        control.modelEndpoints(.other, 9)
        control.bug(.supervision)
        control.scrapeFinished(
            .text, .gzip, code: 200, bodyBytes: 4_096, duration: .milliseconds(2))
        let page = store.scraped()
        #expect(
            page.level(
                "glasspot_build_info",
                ["version": "1.2.3", "revision": "unknown", "swift_version": "6.3"]) == 1)
        #expect(page.seriesCount("glasspot_config_info") == 1)
        #expect(page.level("glasspot_config_info", ["balancer": "least-connections"]) == 1)
        #expect(page.total("glasspot_config_reloads_total", ["result": "fail"]) == 1)
        #expect(page.total("glasspot_config_reloads_total", ["result": "ok"]) == 0)
        #expect(page.level("glasspot_config_last_reload_successful") == 0)
        #expect(
            page.level("glasspot_config_last_reload_success_timestamp_seconds") == 5_000_000_000)
        #expect(page.total("glasspot_health_checks_total") == 2)
        #expect(page.distribution("glasspot_health_check_duration_seconds").sum == 12_000_000)
        #expect(page.level("glasspot_health_last_success_timestamp_seconds") == 7_000_000_000)
        #expect(page.total("glasspot_discovery_runs_total", ["result": "fail"]) == 1)
        #expect(page.level("glasspot_discovery_last_success_timestamp_seconds") == 9_000_000_000)
        #expect(page.level("glasspot_endpoint_models", ["endpoint": "gpu-1"]) == 12)
        #expect(page.level("glasspot_model_endpoints", ["model": "m"]) == 2)
        #expect(page.seriesCount("glasspot_model_endpoints") == 1)
        #expect(page.total("glasspot_bugs_total", ["site": "supervision"]) == 1)
        #expect(page.total("glasspot_metrics_scrapes_total", ["code": "200"]) == 1)
        #expect(page.level("glasspot_metrics_scrape_body_bytes", ["encoding": "gzip"]) == 4_096)
        #expect(page.level("glasspot_metrics_series") == Int64(page.sampleCount))
    }
}
