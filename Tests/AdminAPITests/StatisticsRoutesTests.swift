import Domain
import Pipeline
import Telemetry
import Testing

@testable import AdminAPI

@Suite("Statistics routes")
struct StatisticsRoutesTests {
    /// Two models on two endpoints: four attempts for one, one of them failed and one cancelled, and one for the other.
    private func harness() throws -> AdminHarness {
        var facts = ScrapeFacts()
        facts.wallTime = AdminHarness.now
        let harness = AdminHarness(try makeFleet(), facts: facts)
        harness.clock.advance(.seconds(8_000))
        let metrics = harness.metrics
        let loop = metrics.loops[0]
        let (alpha, beta) = (metrics.endpointSlot(forName: "alpha"), metrics.endpointSlot(forName: "beta"))
        let (llama, phi) = (metrics.modelSlot(forID: "llama"), metrics.modelSlot(forID: "phi"))
        let now = harness.clock.now()
        func attempt(
            _ model: ModelSlot, _ endpoint: EndpointSlot, _ outcome: AttemptOutcome, _ milliseconds: Int64, ago: Int64
        ) {
            loop.attemptSeen(
                model, endpoint, outcome, duration: .milliseconds(milliseconds), received: 600,
                at: MonotonicTime(rawValue: now.rawValue - ago * 1_000_000_000))
        }
        attempt(llama, alpha, .ok, 100, ago: 50)
        attempt(llama, alpha, .ok, 200, ago: 40)
        attempt(llama, beta, .upstreamError, 30, ago: 5)
        attempt(llama, beta, .clientCancelled, 30, ago: 3)
        attempt(phi, beta, .ok, 2_500, ago: 7_200)
        loop.modelAsked(llama, attempts: 1, isFallback: false, client: 1, wallTime: AdminHarness.now.rawValue)
        loop.modelAsked(llama, attempts: 2, isFallback: false, client: 2, wallTime: AdminHarness.now.rawValue)
        loop.modelAsked(phi, attempts: 1, isFallback: true, client: 2, wallTime: AdminHarness.now.rawValue)
        var timeline = Timeline(startedAt: .zero)
        timeline.close(at: MonotonicTime(rawValue: 100_000_000))
        var report = RequestReport(route: .proxy, method: .post, code: 200, outcome: .ok, timeline: timeline)
        report.model = llama
        report.operation = .chat
        report.operationDuration = .milliseconds(100)
        loop.requestStarted(.proxy)
        loop.requestFinished(report)
        return harness
    }

    private let llama = """
        {"name":"llama","success_rate":"75.0%","total_traffic":"2.34 KB","average_latency":"150ms",\
        "p95_latency":"%95","p99_latency":"%99","last_requested":"3s ago","total_requests":4,\
        "successful_requests":3,"failed_requests":1,"unique_clients":2,"routing_hits":1,"routing_misses":1,\
        "routing_fallbacks":0
        """
    private let phi = """
        {"name":"phi","success_rate":"100%","total_traffic":"600 B","average_latency":"2.5s","p95_latency":"0ms",\
        "p99_latency":"0ms","last_requested":"2h ago","total_requests":1,"successful_requests":1,\
        "failed_requests":0,"unique_clients":1,"routing_hits":0,"routing_misses":0,"routing_fallbacks":1
        """
    private let summary = """
        "summary":{"overall_success_rate":"80.0%","total_traffic":"2.93 KB","most_popular_model":"llama",\
        "least_popular_model":"phi","total_models":2,"active_models":1,"total_requests":5}}
        """

    /// The percentiles are those of a bucket, whose bounds are telemetry's own matter: they are only checked for sense.
    private func withoutPercentiles(_ text: String) -> String {
        text.replacing(/"p95_latency":"(\d+)ms","p99_latency":"(\d+)ms","last_requested":"3s ago"/) { match in
            let isSane = (Int(match.1) ?? 0) > 0 && (Int(match.1) ?? 0) <= (Int(match.2) ?? 0)
            return "\"p95_latency\":\"\(isSane ? "%95" : "?")\",\"p99_latency\":\"%99\",\"last_requested\":\"3s ago\""
        }
    }

    @Test("The model statistics have every field of the contract")
    func models() async throws {
        let text = try await self.harness().text("/internal/stats/models")
        #expect(
            self.withoutPercentiles(text) == """
                {"timestamp":"2026-01-01T00:00:00Z","models":[\(self.llama)},\(self.phi)}],"endpoints":{},\(self.summary)

                """)
    }

    @Test("The model statistics tell endpoints apart when they are asked to")
    func breakdown() async throws {
        let text = try await self.harness().text(
            "/internal/stats/models", query: "include_endpoints=true&include_summary=true")
        let alpha = """
            "alpha":{"endpoint_name":"alpha","average_latency":"150ms","last_used":"40s ago","request_count":2,\
            "success_rate":100,"consecutive_errors":0}
            """
        func beta(_ time: String, _ ago: String, _ count: Int, _ rate: String, _ errors: Int) -> String {
            """
            "beta":{"endpoint_name":"beta","average_latency":"\(time)","last_used":"\(ago)","request_count":\(count),\
            "success_rate":\(rate),"consecutive_errors":\(errors)}
            """
        }
        #expect(
            self.withoutPercentiles(text) == """
                {"timestamp":"2026-01-01T00:00:00Z","models":[\(self.llama),"endpoint_breakdown":{\(alpha),\
                \(beta("0ms", "3s ago", 2, "50", 1))}},\(self.phi),"endpoint_breakdown":{\
                \(beta("2.5s", "2h ago", 1, "100", 0))}}],"endpoints":{\(alpha),\
                \(beta("2.5s", "3s ago", 3, "66.7", 1))},\(self.summary)

                """)
    }

    @Test("The model statistics of a fresh gateway are empty")
    func nothing() async throws {
        let response = try await AdminHarness(try makeFleet()).get("/internal/stats/models")
        #expect(response.status == 200)
        #expect(response.value("Content-Type") == "application/json")
        #expect(
            response.text == """
                {"timestamp":"2026-01-01T00:00:00Z","models":[],"endpoints":{},"summary":{\
                "overall_success_rate":"0%","total_traffic":"0 B","most_popular_model":"",\
                "least_popular_model":"","total_models":0,"active_models":0,"total_requests":0}}

                """)
    }

    @Test("The process figures have every field of the contract")
    func process() async throws {
        var process = ScrapeFacts.Process(
            cpuTime: .zero, residentBytes: 750, virtualBytes: 9_000, openDescriptors: 1, maxDescriptors: 2,
            startTime: .zero)
        process.allocatedBytes = 500
        process.threads = 7
        process.processors = 4
        process.memoryLimitBytes = 1_000
        var facts = ScrapeFacts()
        facts.process = process
        let response = try await AdminHarness(try makeFleet(), facts: facts).get("/internal/process")
        #expect(response.value("Content-Type") == "application/json")
        #expect(
            response.text == """
                {"timestamp":"2026-01-01T00:00:00Z","memory":{"heap_alloc":"500 B","heap_sys":"750 B",\
                "heap_inuse":"500 B","heap_released":"0 B","stack_inuse":"0 B","total_alloc":"0 B",\
                "memory_pressure":"MEDIUM"},"garbage_collection":{"last_gc":"","total_gc_time":"",\
                "avg_gc_pause":"","gc_cpu_fraction":0,"num_gc_cycles":0},"goroutines":{\
                "health_status":"HEALTHY","count":7,"cgo_calls":0},"runtime":{"uptime":"2h5m0s",\
                "go_version":"Swift 6.3","num_cpu":4,"gomaxprocs":4},"allocations":{"total_mallocs":0,\
                "total_frees":0,"net_objects":0}}

                """)
    }

    @Test("The process figures stand where the system says nothing")
    func unknownProcess() async throws {
        let text = try await AdminHarness(try makeFleet()).text("/internal/process")
        #expect(text.contains("\"heap_sys\":\"0 B\""))
        #expect(text.contains("\"memory_pressure\":\"LOW\""))
    }

    @Test(
        "Levels change at their bounds",
        arguments: [
            (0, "HEALTHY"), (100, "HEALTHY"), (101, "NORMAL"), (500, "NORMAL"), (501, "ELEVATED"), (1_000, "ELEVATED"),
            (1_001, "CONCERNING"),
        ])
    func levels(count: Int, level: String) {
        #expect(ProcessPage.level(ofThreads: count) == level)
    }

    @Test(
        "Memory presses at 70 and 85 percent",
        arguments: [(699, "LOW"), (700, "MEDIUM"), (849, "MEDIUM"), (850, "HIGH"), (2_000, "HIGH")])
    func pressure(resident: Int, level: String) {
        #expect(ProcessPage.pressure(resident, of: 1_000) == level)
        #expect(ProcessPage.pressure(resident, of: 0) == "LOW")
    }

    @Test(
        "Durations are written as the compatible system writes them",
        arguments: [
            (0, "0ms"), (4_420_000, "4.42ms"), (500_000_000, "500ms"), (21_900_000_000, "21s"),
            (157_000_000_000, "2m37s"), (3_723_000_000_000, "1h2m3s"), (-5, "0ms"),
        ])
    func durations(nanoseconds: Int64, text: String) {
        #expect(DisplayText.duration(Nanoseconds(rawValue: nanoseconds)) == text)
    }
}
