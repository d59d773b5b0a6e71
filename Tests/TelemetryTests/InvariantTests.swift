import Domain
import MetricKernel
import SeededRandomness
import Testing

@testable import Telemetry

/// The invariants of a page, held against a gateway that does random things.
@Suite struct InvariantTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aScrapeBetweenAnyTwoEventsAddsUp(seed: UInt64) {
        var gateway = RandomGateway(seed: seed)
        var last: MetricsSnapshot?
        for step in 0..<1_500 {
            gateway.step()
            guard step % 50 == 0 else { continue }
            let page = gateway.store.scraped()
            self.check(page, "seed \(seed), step \(step)")
            if let last { self.checkMonotonic(from: last, to: page, "seed \(seed), step \(step)") }
            last = page
        }
        gateway.finishAll()
        let page = gateway.store.scraped()
        self.check(page, "seed \(seed), end")
        #expect(page.level("glasspot_requests_in_flight") == 0)
        #expect(page.level("glasspot_upstream_requests_in_flight") == 0)
        #expect(page.total("glasspot_requests_total") > 100)
    }

    private func check(_ page: MetricsSnapshot, _ place: Comment) {
        for route in RouteClass.allCases {
            let labels = ["route": "\(route.label)"]
            let finished = page.total("glasspot_requests_total", labels)
            let running = page.level("glasspot_requests_in_flight", labels)
            #expect(
                page.total("glasspot_requests_started_total", labels)
                    == finished + UInt64(running), place)
            let durations = page.distribution("glasspot_request_duration_seconds", labels)
            #expect(durations.count == finished, place)
            #expect(
                page.total("glasspot_request_party_seconds_total", labels) == durations.sum, place)
        }
        let attempts =
            page.total("glasspot_upstream_requests_total")
            + UInt64(page.level("glasspot_upstream_requests_in_flight"))
        #expect(
            page.total("glasspot_routing_decisions_total")
                == attempts + page.total("glasspot_breaker_rejections_total"), place)
        let stages =
            page.distribution("glasspot_request_stage_duration_seconds").sum
            + page.distribution("glasspot_upstream_stage_duration_seconds").sum
        #expect(stages == page.distribution("glasspot_request_duration_seconds").sum, place)
        #expect(
            page.distribution("glasspot_inter_chunk_duration_seconds").count
                + page.distribution("glasspot_time_to_first_token_seconds").count
                == page.total("glasspot_stream_chunks_total"), place)
        for endpoint in ["gpu-1", "gpu-2", "gpu-3"] {
            let labels = ["endpoint": endpoint]
            #expect(page.level("glasspot_endpoint_state", labels) == 1, place)
            #expect(page.level("glasspot_breaker_state", labels) == 1, place)
        }
        self.checkShapes(page, place)
    }

    /// Histograms without observations have no sum; every label value is a known word.
    private func checkShapes(_ page: MetricsSnapshot, _ place: Comment) {
        for family in page.families {
            for series in 0..<family.seriesCount {
                if family.descriptor.kind == .histogram, family.count(of: series) == 0 {
                    #expect(family.sum(of: series) == 0, place)
                }
                for label in family.descriptor.labels.indices {
                    #expect(!family.labelValue(of: series, at: label).isEmpty, place)
                }
            }
        }
    }

    private func checkMonotonic(
        from old: MetricsSnapshot, to new: MetricsSnapshot, _ place: Comment
    ) {
        for family in old.families where family.descriptor.kind == .counter {
            guard let later = new.family(family.descriptor.name) else {
                Issue.record("\(family.descriptor.name) is gone, \(place)")
                continue
            }
            var totals: [LabelIndexes: UInt64] = [:]
            for series in 0..<later.seriesCount {
                totals[later.labels(of: series)] = later.total(of: series)
            }
            for series in 0..<family.seriesCount {
                let now = totals[family.labels(of: series)] ?? 0
                #expect(now >= family.total(of: series), place)
            }
        }
    }
}

/// Requests on three loops that start, choose, try, stream, retry and end at random.
private struct RandomGateway {
    private struct Request {
        let loop: Int
        var report: RequestReport
        var attempt: EndpointSlot?
        var attemptStart = MonotonicTime.zero
        var cells: StreamCells?
    }

    let store: MetricStore
    private let endpoints: [EndpointSlot]
    private let models: [ModelSlot]
    private var random: SeededGenerator
    private var running: [Request] = []
    private var now = MonotonicTime(rawValue: 1)

    init(seed: UInt64) {
        let store = MetricStore(.init(loops: 3, endpoints: ["gpu-1", "gpu-2", "gpu-3"]))
        self.store = store
        self.endpoints = ["gpu-1", "gpu-2", "gpu-3"].map { store.endpointSlot(forName: $0) }
        self.models = ["a", "b"].map { store.modelSlot(forID: $0) } + [.other, .none]
        self.random = SeededGenerator(seed: seed)
    }

    mutating func step() {
        self.now = self.now + Nanoseconds(rawValue: .random(in: 0..<5_000_000, using: &self.random))
        if self.running.isEmpty || Int.random(in: 0..<5, using: &self.random) == 0 {
            self.start()
        } else {
            self.advance(Int.random(in: 0..<self.running.count, using: &self.random))
        }
        if Int.random(in: 0..<20, using: &self.random) == 0 { self.changeHealth() }
    }

    mutating func finishAll() { while !self.running.isEmpty { self.finish(0) } }

    private mutating func pick<Value>(_ values: [Value], or fallback: Value) -> Value {
        values.randomElement(using: &self.random) ?? fallback
    }

    private mutating func start() {
        let loop = Int.random(in: 0..<3, using: &self.random)
        let route = self.pick(RouteClass.allCases, or: .proxy)
        var report = RequestReport(
            route: route, method: self.pick(MethodLabel.allCases, or: .get), code: 0,
            outcome: .ok,
            timeline: Timeline(startedAt: self.now))
        report.model = self.pick(self.models, or: .none)
        self.store.loops[loop].requestStarted(route)
        self.running.append(Request(loop: loop, report: report))
    }

    private mutating func advance(_ place: Int) {
        let loop = self.store.loops[self.running[place].loop]
        if let attempt = self.running[place].attempt {
            switch Int.random(in: 0..<4, using: &self.random) {
            case 0: self.endAttempt(place)
            case 1: self.enter(place, self.pick([.send, .wait, .stream], or: .send))
            default: self.relay(place, attempt, loop)
            }
            return
        }
        switch Int.random(in: 0..<4, using: &self.random) {
        case 0: self.finish(place)
        case 1: self.enter(place, self.pick([.readBody, .inspect, .admit, .queue], or: .admit))
        default:
            let endpoint = self.pick(self.endpoints, or: .other)
            self.enter(place, .acquire)
            loop.routeChosen(
                endpoint, balancer: .priority, reason: self.pick(RoutingReason.allCases, or: .any),
                candidates: Int.random(in: 1...3, using: &self.random))
            if Int.random(in: 0..<6, using: &self.random) == 0 {
                loop.breakerRejected(endpoint)
            } else {
                loop.attemptStarted(endpoint)
                self.running[place].attempt = endpoint
                self.running[place].attemptStart = self.now
            }
        }
    }

    private mutating func relay(_ place: Int, _ endpoint: EndpointSlot, _ loop: LoopRecorder) {
        let model = self.running[place].report.model
        if let cells = self.running[place].cells {
            loop.chunks(
                cells, count: Int.random(in: 1...4, using: &self.random),
                gap: Nanoseconds(rawValue: .random(in: 0..<90_000_000, using: &self.random)))
        } else {
            let cells = loop.streamCells(model: model, endpoint: endpoint)
            self.running[place].cells = cells
            loop.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(80))
        }
        self.enter(place, self.pick([.stream, .writeResponse], or: .stream))
    }

    private mutating func enter(_ place: Int, _ stage: Stage) {
        self.running[place].report.timeline.enter(stage, at: self.now)
    }

    private mutating func endAttempt(_ place: Int) {
        guard let endpoint = self.running[place].attempt else { return }
        let outcome = self.pick(AttemptOutcome.allCases, or: .ok)
        self.enter(place, .finish)
        let times = self.running[place].report.timeline.takeUpstream()
        self.running[place].report.attempts.append(endpoint, times)
        self.store.loops[self.running[place].loop].attemptFinished(
            endpoint, code: outcome == .ok ? 200 : 0, outcome: outcome,
            duration: self.now - self.running[place].attemptStart,
            error: outcome == .upstreamError ? .reset : nil)
        self.running[place].attempt = nil
        self.running[place].cells = nil
    }

    private mutating func finish(_ place: Int) {
        self.endAttempt(place)
        self.running[place].report.timeline.close(at: self.now)
        self.running[place].report.outcome = self.pick(RequestOutcome.allCases, or: .ok)
        self.running[place].report.code = self.pick([200, 404, 502, 0, 299], or: 200)
        self.running[place].report.isStream = Bool.random(using: &self.random)
        let request = self.running.remove(at: place)
        self.store.loops[request.loop].requestFinished(request.report)
    }

    private mutating func changeHealth() {
        let endpoint = self.pick(self.endpoints, or: .other)
        self.store.control.endpointStateChanged(
            endpoint, to: self.pick(EndpointState.allCases, or: .unknown))
        self.store.control.breakerChanged(endpoint, to: self.pick(BreakerState.allCases, or: .open))
    }
}
