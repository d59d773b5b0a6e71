import Domain
import MetricKernel
import Telemetry

/// The recorder of one event loop, warm: every series that is written exists.
final class Instruments {
    let store: MetricStore
    let recorder: LoopRecorder
    let endpoints: [EndpointSlot]
    let models: [ModelSlot]

    /// A fleet of 10 endpoints and 20 models, as a busy gateway has seen it.
    init() throws {
        let names = (0..<10).map { "endpoint-\($0)" }
        var configuration = MetricStore.Configuration(loops: 1, endpoints: names)
        configuration.nativeHistograms = MetricCatalog.nativeByDefault.map(\.name)
        let store = MetricStore(configuration)
        self.store = store
        guard let recorder = store.loops.first else { throw WorkloadFailure("the store has no loop") }
        self.recorder = recorder
        self.endpoints = names.map { store.endpointSlot(forName: $0) }
        self.models = (0..<20).map { store.modelSlot(forID: "model-\($0)") }
        for (place, model) in self.models.enumerated() {
            for endpoint in self.endpoints[0..<(1 + place % 3)] {
                Self.record(on: self.recorder, endpoint: endpoint, model: model)
                let cells = self.recorder.streamCells(model: model, endpoint: endpoint)
                self.recorder.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(80))
                self.recorder.chunk(cells, gap: .milliseconds(12))
            }
        }
    }

    /// Everything the engine records about one request that was answered at once.
    static func record(on recorder: LoopRecorder, endpoint: EndpointSlot, model: ModelSlot) {
        var now = MonotonicTime(rawValue: 1_000_000_000)
        func later(_ microseconds: Int64) -> MonotonicTime {
            now = now + .microseconds(microseconds)
            return now
        }
        var timeline = Timeline(startedAt: now)
        timeline.enter(.readBody, at: later(20))
        recorder.requestStarted(.provider)
        timeline.enter(.inspect, at: later(15))
        timeline.enter(.admit, at: later(2))
        recorder.admission(.admitted)
        timeline.enter(.route, at: later(1))
        recorder.routeChosen(endpoint, balancer: .leastConnections, reason: .model, candidates: 3)
        timeline.enter(.acquire, at: later(1))
        recorder.attemptStarted(endpoint)
        recorder.upstreamConnectionBecameActive(endpoint)
        recorder.connectionAcquired(endpoint, .reused)
        timeline.enter(.send, at: later(1))
        timeline.enter(.wait, at: later(9))
        recorder.firstByte(endpoint, .milliseconds(8))
        timeline.enter(.stream, at: later(8_000))
        timeline.enter(.writeResponse, at: later(4))
        let times = timeline.takeUpstream()
        recorder.upstreamBytes(endpoint, sent: 700, received: 430)
        recorder.attemptFinished(endpoint, code: 200, outcome: .ok, duration: times.total, error: nil)
        recorder.upstreamConnectionBecameIdle(endpoint)
        timeline.enter(.finish, at: later(7))
        timeline.close(at: later(1))
        recorder.usage(model, endpoint, TokenUsage(input: 31, output: 12))
        recorder.finished(model, .stop)
        var report = RequestReport(route: .provider, method: .post, code: 200, outcome: .ok, timeline: timeline)
        report.attempts.append(endpoint, times)
        report.model = model
        report.requestBodyBytes = 250
        report.responseBodyBytes = 330
        report.operation = .chat
        report.operationDuration = times.total
        recorder.requestFinished(report)
    }

    /// A family's place in the catalogue.
    func family(_ name: String) throws -> FamilyID {
        guard let place = self.store.schema.families.firstIndex(where: { $0.name == name }) else {
            throw WorkloadFailure("no family \(name)")
        }
        return FamilyID(rawValue: UInt16(place))
    }
}

/// One counter, by its cell or by its labels.
final class CounterWorkload: Workload {
    let name: String
    let limit: Double? = 20
    private let shard: MetricShard
    private let family: FamilyID
    private let cell: CounterCell
    private let isResolved: Bool

    init(_ instruments: Instruments, isResolved: Bool) throws {
        self.name = isResolved ? "counter, cell at hand" : "counter, by its labels"
        self.isResolved = isResolved
        self.shard = MetricShard(schema: instruments.store.schema)
        self.family = try instruments.family("glasspot_stream_chunks_total")
        self.cell = self.shard.counter(self.family, .init(3))
    }

    func run(rounds: Int) {
        let (shard, cell, family) = (self.shard, self.cell, self.family)
        if self.isResolved {
            for _ in 0..<rounds {
                shard.beginUpdate()
                shard.add(1, to: cell)
                shard.endUpdate()
            }
        } else {
            for _ in 0..<rounds {
                shard.beginUpdate()
                shard.add(1, to: shard.counter(family, .init(3)))
                shard.endUpdate()
            }
        }
    }
}

/// One histogram observation, by its cell or by its labels.
final class HistogramWorkload: Workload {
    let name: String
    let limit: Double? = 20
    private let shard: MetricShard
    private let family: FamilyID
    private let cell: HistogramCell
    private let isResolved: Bool

    init(_ instruments: Instruments, isResolved: Bool) throws {
        self.name = isResolved ? "histogram, cell at hand" : "histogram, by its labels"
        self.isResolved = isResolved
        self.shard = MetricShard(schema: instruments.store.schema)
        self.family = try instruments.family("glasspot_time_to_first_byte_seconds")
        self.cell = self.shard.histogram(self.family, .init(3))
    }

    func run(rounds: Int) {
        let (shard, cell, family) = (self.shard, self.cell, self.family)
        // Values between 1 µs and 8 s, so that the search meets every bucket.
        if self.isResolved {
            for round in 0..<rounds {
                shard.beginUpdate()
                shard.observe(1_000 << Int64(round % 24), in: cell)
                shard.endUpdate()
            }
        } else {
            for round in 0..<rounds {
                shard.beginUpdate()
                shard.observe(1_000 << Int64(round % 24), in: shard.histogram(family, .init(3)))
                shard.endUpdate()
            }
        }
    }
}

/// One observation of a family that is a native histogram too, with or without an exemplar.
final class NativeWorkload: Workload {
    let name: String
    let limit: Double? = 20
    private let shard: MetricShard
    private let cell: HistogramCell
    private let exemplar: ExemplarContext?

    init(_ instruments: Instruments, hasExemplar: Bool) throws {
        self.name = hasExemplar ? "native histogram with exemplar" : "native histogram, cell at hand"
        self.shard = MetricShard(schema: instruments.store.schema)
        self.cell = self.shard.histogram(try instruments.family("glasspot_request_duration_seconds"), .init(1, 0, 1))
        let id = Array("req_0123456789abcdef01234567".utf8)
        self.exemplar =
            hasExemplar
            ? ExemplarContext(
                traceID: (1, 2), spanID: 3, requestID: id.span.bytes, wallTime: 1_763_000_000_000_000_000) : nil
    }

    func run(rounds: Int) {
        let (shard, cell) = (self.shard, self.cell)
        // Values between 1 µs and 8 s, as in the classic workload.
        guard let exemplar = self.exemplar else {
            for round in 0..<rounds {
                shard.beginUpdate()
                shard.observe(1_000 << Int64(round % 24), in: cell)
                shard.endUpdate()
            }
            return
        }
        for round in 0..<rounds {
            shard.beginUpdate()
            shard.observe(1_000 << Int64(round % 24), in: cell, exemplar: exemplar)
            shard.endUpdate()
        }
    }
}

/// What a relayed delta costs the metrics.
final class ChunkObservation: Workload {
    let name = "delta of a stream recorded"
    let limit: Double? = 20
    private let recorder: LoopRecorder
    private let cells: StreamCells

    init(_ instruments: Instruments) {
        self.recorder = instruments.recorder
        self.cells = instruments.recorder.streamCells(model: instruments.models[0], endpoint: instruments.endpoints[0])
    }

    func run(rounds: Int) {
        let (recorder, cells) = (self.recorder, self.cells)
        for round in 0..<rounds { recorder.chunk(cells, gap: .milliseconds(Int64(8 + round % 32))) }
    }
}

/// All metrics of one request.
final class RequestInstrumentation: Workload {
    let name = "full instrumentation of a request"
    let limit: Double? = 2_000
    private let instruments: Instruments

    init(_ instruments: Instruments) { self.instruments = instruments }

    func run(rounds: Int) {
        let recorder = self.instruments.recorder
        let (endpoint, model) = (self.instruments.endpoints[0], self.instruments.models[0])
        for _ in 0..<rounds { Instruments.record(on: recorder, endpoint: endpoint, model: model) }
    }
}
