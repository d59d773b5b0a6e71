import Domain
import MetricKernel
import Testing

@testable import Telemetry

@Suite struct LoopRecorderTests {
    private let store = MetricStore(.init(loops: 1, endpoints: ["gpu-1", "gpu-2"]))
    private var loop: LoopRecorder { self.store.loops[0] }
    private var first: EndpointSlot { self.store.endpointSlot(forName: "gpu-1") }
    private var second: EndpointSlot { self.store.endpointSlot(forName: "gpu-2") }

    /// A timeline that spends `nanoseconds[stage]` in each stage, in the order of the stages.
    private func timeline(_ nanoseconds: [Stage: Int64]) -> Timeline {
        var now = MonotonicTime(rawValue: 1_000)
        var timeline = Timeline(startedAt: now)
        for stage in Stage.allCases {
            guard let spent = nanoseconds[stage] else { continue }
            timeline.enter(stage, at: now)
            now = now + Nanoseconds(rawValue: spent)
        }
        timeline.close(at: now)
        return timeline
    }

    private func report(
        _ timeline: Timeline, code: Int = 200, outcome: RequestOutcome = .ok
    ) -> RequestReport {
        RequestReport(
            route: .proxy, method: .post, code: code, outcome: outcome, timeline: timeline)
    }

    @Test func aFinishedRequestIsRecordedWhole() {
        var report = self.report(
            self.timeline([.readHead: 10, .inspect: 5, .route: 7, .writeResponse: 3, .finish: 1]))
        report.isStream = true
        report.requestBodyBytes = 250
        report.responseBodyBytes = 330
        report.operation = .chat
        report.operationDuration = Nanoseconds(rawValue: 900)
        report.model = self.store.modelSlot(forID: "llama3:8b")
        let times = UpstreamTimes(
            acquire: .zero, send: Nanoseconds(rawValue: 20), wait: Nanoseconds(rawValue: 30),
            stream: .zero)
        // The timeline's total still holds the attempt's time.
        var whole = self.timeline([
            .readHead: 10, .inspect: 5, .route: 7, .send: 20, .wait: 30, .writeResponse: 3,
            .finish: 1,
        ])
        _ = whole.takeUpstream()
        report.timeline = whole
        report.attempts.append(self.first, times)
        self.loop.requestStarted(.proxy)
        self.loop.requestFinished(report)
        let page = self.store.scraped()
        #expect(
            page.total(
                "glasspot_requests_total",
                ["route": "proxy", "method": "POST", "code": "200", "outcome": "ok"]) == 1)
        #expect(page.level("glasspot_requests_in_flight") == 0)
        #expect(
            page.distribution(
                "glasspot_request_duration_seconds",
                ["route": "proxy", "stream": "true", "code_class": "2xx"])
                == Distribution(count: 1, sum: 76))
        let stages = "glasspot_request_stage_duration_seconds"
        #expect(page.distribution(stages, ["stage": "read_head"]) == .init(count: 1, sum: 10))
        #expect(page.distribution(stages, ["stage": "route"]) == .init(count: 1, sum: 7))
        #expect(page.distribution(stages, ["stage": "queue"]) == .init(count: 0, sum: 0))
        #expect(page.distribution(stages) == .init(count: 5, sum: 26))
        let upstream = "glasspot_upstream_stage_duration_seconds"
        #expect(page.distribution(upstream, ["stage": "acquire"]) == .init(count: 1, sum: 0))
        #expect(page.distribution(upstream, ["endpoint": "gpu-1"]) == .init(count: 3, sum: 50))
        #expect(page.distribution("glasspot_overhead_seconds") == .init(count: 1, sum: 13))
        let party = "glasspot_request_party_seconds_total"
        #expect(page.total(party, ["party": "client"]) == 13)
        #expect(page.total(party, ["party": "gateway"]) == 13)
        #expect(page.total(party, ["party": "endpoint"]) == 50)
        #expect(page.distribution("glasspot_request_body_bytes") == .init(count: 1, sum: 250))
        #expect(page.distribution("glasspot_response_body_bytes") == .init(count: 1, sum: 330))
        #expect(page.distribution("glasspot_request_attempts") == .init(count: 1, sum: 1))
        #expect(
            page.distribution(
                "glasspot_operation_duration_seconds",
                ["model": "llama3:8b", "operation": "chat"]) == .init(count: 1, sum: 900))
        #expect(
            page.total("glasspot_model_requests_total", ["model": "llama3:8b", "outcome": "ok"])
                == 1)
    }

    @Test func aClientGoneWithoutAStatusIs499() {
        self.loop.requestStarted(.proxy)
        self.loop.clientCancelled(.wait)
        self.loop.requestFinished(
            self.report(self.timeline([.readHead: 1]), code: 0, outcome: .clientCancelled))
        let page = self.store.scraped()
        let labels = ["code": "499", "outcome": "client_cancelled"]
        #expect(page.total("glasspot_requests_total", labels) == 1)
        #expect(
            page.distribution("glasspot_request_duration_seconds", ["code_class": "4xx"]).count == 1
        )
        #expect(page.total("glasspot_client_cancellations_total", ["stage": "wait"]) == 1)
        #expect(page.total("glasspot_client_cancellations_total") == 1)
    }

    @Test func aScrapeIsCountedButInNoDistribution() {
        var report = self.report(self.timeline([.readHead: 5]))
        report.isScrape = true
        self.loop.requestStarted(.proxy)
        self.loop.requestFinished(report)
        let page = self.store.scraped()
        #expect(page.total("glasspot_requests_total") == 1)
        #expect(page.level("glasspot_requests_in_flight") == 0)
        #expect(page.distribution("glasspot_request_duration_seconds").count == 0)
        #expect(page.total("glasspot_request_party_seconds_total") == 0)
    }

    @Test(arguments: [0, 1, 3, 4, 5, 9])
    func everyAttemptIsRecordedOnItsEndpoint(count: Int) {
        var report = self.report(self.timeline([.readHead: 1]))
        for attempt in 0..<count {
            let time = Nanoseconds(rawValue: Int64(attempt + 1))
            report.attempts.append(
                attempt % 2 == 0 ? self.first : self.second,
                UpstreamTimes(acquire: time, send: .zero, wait: .zero, stream: .zero))
        }
        #expect(report.attempts.count == count)
        #expect(
            (0..<count).map { report.attempts[$0].times.acquire.rawValue }
                == (0..<count).map { Int64($0 + 1) })
        self.loop.requestFinished(report)
        let page = self.store.scraped()
        let name = "glasspot_upstream_stage_duration_seconds"
        let odd = (0..<count).filter { $0 % 2 == 0 }.map { UInt64($0 + 1) }
        let even = (0..<count).filter { $0 % 2 == 1 }.map { UInt64($0 + 1) }
        #expect(
            page.distribution(name, ["endpoint": "gpu-1"])
                == .init(count: UInt64(odd.count), sum: odd.reduce(0, +)))
        #expect(
            page.distribution(name, ["endpoint": "gpu-2"])
                == .init(count: UInt64(even.count), sum: even.reduce(0, +)))
        #expect(
            page.distribution("glasspot_request_attempts")
                == .init(count: count > 0 ? 1 : 0, sum: UInt64(count)))
    }

    @Test func upstreamTimeWithoutAnAttemptIsNotLost() {
        let name = "glasspot_upstream_stage_duration_seconds"
        self.loop.requestFinished(self.report(self.timeline([.readHead: 1, .acquire: 40])))
        #expect(
            self.store.scraped().distribution(name, ["endpoint": "other", "stage": "acquire"])
                == .init(count: 1, sum: 40))
        var second = self.report(self.timeline([.readHead: 1, .acquire: 40, .wait: 2]))
        let nothing = UpstreamTimes(acquire: .zero, send: .zero, wait: .zero, stream: .zero)
        second.attempts.append(self.second, nothing)
        self.loop.requestFinished(second)
        let page = self.store.scraped()
        #expect(page.distribution(name, ["endpoint": "gpu-2"]) == .init(count: 2, sum: 42))
        #expect(page.total("glasspot_request_party_seconds_total", ["party": "endpoint"]) == 82)
    }

    @Test func connectionsAreCountedAndOpenOnesKnown() {
        self.loop.connectionAccepted(wait: .microseconds(20))
        self.loop.connectionAccepted(wait: .microseconds(30))
        self.loop.connectionRejected()
        self.loop.connectionClosed()
        self.loop.parseFailed(.headTooLarge)
        let page = self.store.scraped()
        #expect(page.total("glasspot_client_connections_total", ["result": "accepted"]) == 2)
        #expect(page.total("glasspot_client_connections_total", ["result": "rejected"]) == 1)
        #expect(page.level("glasspot_client_connections_open") == 1)
        #expect(
            page.distribution("glasspot_client_accept_duration_seconds")
                == .init(count: 2, sum: 50_000))
        #expect(
            page.total("glasspot_request_parse_failures_total", ["reason": "head_too_large"]) == 1)
    }

    @Test func upstreamConnectionsMoveBetweenActiveAndIdle() {
        let name = "glasspot_upstream_connections_open"
        let loop = self.loop
        loop.upstreamConnectionOpened(self.first, .active)
        loop.upstreamConnectionOpened(self.first, .active)
        loop.upstreamConnectionBecameIdle(self.first)
        var page = self.store.scraped()
        #expect(page.level(name, ["state": "active"]) == 1)
        #expect(page.level(name, ["state": "idle"]) == 1)
        loop.upstreamConnectionBecameActive(self.first)
        loop.upstreamConnectionClosed(self.first, .active)
        loop.upstreamConnectionBecameIdle(self.first)
        loop.upstreamConnectionClosed(self.first, .idle)
        page = self.store.scraped()
        #expect(page.level(name, ["state": "active"]) == 0)
        #expect(page.level(name, ["state": "idle"]) == 0)
        loop.connectionAcquired(self.first, .reused)
        loop.connectStep(self.first, .tls, .milliseconds(3))
        page = self.store.scraped()
        #expect(page.total("glasspot_upstream_connections_total", ["result": "reused"]) == 1)
        #expect(
            page.distribution("glasspot_upstream_connect_duration_seconds", ["step": "tls"])
                == .init(count: 1, sum: 3_000_000))
    }

    @Test func everyDeltaOfAStreamIsAFirstTokenOrAGap() {
        let model = self.store.modelSlot(forID: "m")
        let cells = self.loop.streamCells(model: model, endpoint: self.first)
        self.loop.streamStarted(self.first)
        self.loop.firstToken(cells, model: model, endpoint: self.first, .milliseconds(80))
        self.loop.chunk(cells, gap: .milliseconds(40))
        self.loop.chunks(cells, count: 3, gap: .milliseconds(10))
        self.loop.chunks(cells, count: 0, gap: .milliseconds(10))
        self.loop.streamFinished(
            model: model, endpoint: self.first, timePerOutputToken: .milliseconds(12),
            longestStall: .milliseconds(40), tokensPerSecond: 83.5)
        self.loop.streamEnded(self.first)
        let page = self.store.scraped()
        #expect(page.total("glasspot_stream_chunks_total", ["endpoint": "gpu-1"]) == 5)
        #expect(
            page.distribution("glasspot_inter_chunk_duration_seconds", ["model": "m"])
                == .init(count: 4, sum: 50_000_000))
        #expect(
            page.distribution(
                "glasspot_time_to_first_token_seconds", ["model": "m", "endpoint": "gpu-1"])
                == .init(count: 1, sum: 80_000_000))
        #expect(page.distribution("glasspot_time_per_output_token_seconds").sum == 12_000_000)
        #expect(page.distribution("glasspot_stream_longest_stall_seconds").sum == 40_000_000)
        #expect(page.distribution("glasspot_output_tokens_per_second").sum == 83_500)
        #expect(page.level("glasspot_streams_in_flight") == 0)
    }

    @Test(arguments: [.nan, .infinity, -1, 1e300] as [Double])
    func anImpossibleTokenRateIsNotRecorded(rate: Double) {
        self.loop.streamFinished(
            model: .other, endpoint: self.first, timePerOutputToken: nil, longestStall: nil,
            tokensPerSecond: rate)
        #expect(self.store.scraped().distribution("glasspot_output_tokens_per_second").count == 0)
    }

    @Test func tokensThatWereNotReportedAreNotRecorded() {
        let model = self.store.modelSlot(forID: "m")
        self.loop.usage(model, self.first, TokenUsage(input: 10, output: 0, outputReasoning: 3))
        self.loop.usage(model, self.first, TokenUsage(output: 7))
        self.loop.usageMissing(self.first)
        self.loop.finished(model, .toolCalls)
        let page = self.store.scraped()
        #expect(page.total("glasspot_tokens_total", ["token_type": "input"]) == 10)
        #expect(page.total("glasspot_tokens_total", ["token_type": "output"]) == 7)
        #expect(
            page.distribution("glasspot_request_tokens", ["token_type": "input"])
                == .init(count: 1, sum: 10))
        #expect(
            page.distribution("glasspot_request_tokens", ["token_type": "output"])
                == .init(count: 2, sum: 7))
        #expect(page.seriesCount("glasspot_token_details_total") == 1)
        #expect(
            page.total("glasspot_token_details_total", ["token_type": "output_reasoning"]) == 3)
        #expect(page.total("glasspot_usage_missing_total", ["endpoint": "gpu-1"]) == 1)
        #expect(page.total("glasspot_finish_reasons_total", ["reason": "tool_calls"]) == 1)
    }

    @Test func theRareEventsHaveTheirCounters() {
        let loop = self.loop
        loop.backpressurePaused(.endpoint)
        loop.admission(.queueFull)
        loop.queueEntered()
        loop.queueEntered()
        loop.queueLeft()
        loop.breakerRejected(self.second)
        loop.routingFailed(.noModel)
        loop.aliasRewritten(.other)
        loop.eventLoopLag(.milliseconds(2))
        loop.logQueued(.warn)
        loop.logDropped(.tooLarge)
        loop.spanDropped(.exportFailed)
        loop.bug(.upstreamPool)
        loop.retried(.http429)
        loop.retryBudgetExhausted()
        loop.upstreamBytes(self.first, sent: 5, received: 9)
        loop.upstreamBytes(self.first, sent: 0, received: -1)
        loop.firstByte(self.first, .milliseconds(9))
        loop.streamStarted(self.first)
        loop.streamAborted(self.first, .idleTimeout)
        loop.clientKeyUsed(self.store.clientKeySlot(forName: "team"), .ok)
        loop.clientKeyUsed(.other, .ok)
        let page = self.store.scraped()
        #expect(page.total("glasspot_backpressure_pauses_total", ["side": "endpoint"]) == 1)
        #expect(page.total("glasspot_admission_total", ["decision": "queue_full"]) == 1)
        #expect(page.level("glasspot_queue_depth") == 1)
        #expect(page.total("glasspot_breaker_rejections_total", ["endpoint": "gpu-2"]) == 1)
        #expect(page.total("glasspot_routing_failures_total", ["reason": "no_model"]) == 1)
        #expect(page.total("glasspot_model_alias_rewrites_total", ["model": "other"]) == 1)
        #expect(page.distribution("swift_event_loop_lag_seconds").sum == 2_000_000)
        #expect(page.total("glasspot_log_records_total", ["level": "warn"]) == 1)
        #expect(page.total("glasspot_log_dropped_total", ["reason": "too_large"]) == 1)
        #expect(page.total("glasspot_trace_spans_dropped_total", ["reason": "export_failed"]) == 1)
        #expect(page.total("glasspot_bugs_total", ["site": "upstream_pool"]) == 1)
        #expect(page.total("glasspot_retries_total", ["reason": "http_429"]) == 1)
        #expect(page.total("glasspot_retry_budget_exhausted_total") == 1)
        #expect(page.total("glasspot_upstream_bytes_total", ["direction": "sent"]) == 5)
        #expect(page.total("glasspot_upstream_bytes_total", ["direction": "received"]) == 9)
        #expect(page.distribution("glasspot_time_to_first_byte_seconds").sum == 9_000_000)
        #expect(page.total("glasspot_stream_aborts_total", ["reason": "idle_timeout"]) == 1)
        #expect(page.level("glasspot_streams_in_flight") == 0)
        #expect(page.total("glasspot_client_key_requests_total", ["key": "team"]) == 1)
        #expect(page.total("glasspot_metrics_label_overflow_total", ["label": "key"]) == 1)
    }
}
