import Domain
public import Exposition
public import MetricKernel
import Telemetry

/// The site that budgets are stated for: 8 endpoints, 20 models, 40 pairs of them, as two event loops have seen it.
///
/// Every histogram has an exemplar in each series, and the default ones are native.
public final class TypicalSite {
    /// The formats that pages are made in, with a word for each.
    public static let formats: [(word: String, syntax: ExpositionFormat.Syntax)] = [
        ("text", .text004), ("OpenMetrics", .openMetrics100), ("OpenMetrics 2.0", .openMetrics200),
        ("protobuf", .protobuf),
    ]

    let store: MetricStore
    /// The recorder of the first loop, which has seen all of it.
    let recorder: LoopRecorder
    /// The shard of the second loop: the exemplars.
    private let exemplars: MetricShard

    /// Lets the site serve a request of each kind for each pair.
    public init() throws {
        let names = (0..<8).map { "endpoint-\($0)" }
        var configuration = MetricStore.Configuration(loops: 2, endpoints: names)
        configuration.nativeHistograms = MetricCatalog.nativeByDefault.map(\.name)
        self.store = MetricStore(configuration)
        self.recorder = self.store.loops[0]
        self.exemplars = MetricShard(schema: self.store.schema)
        let endpoints = names.map { self.store.endpointSlot(forName: $0) }
        let models = (0..<20).map { self.store.modelSlot(forID: "org/model-\($0)-instruct") }
        for pair in 0..<40 {
            let (endpoint, model) = (endpoints[(pair + pair / 20) % 8], models[pair % 20])
            Instruments.record(on: self.recorder, endpoint: endpoint, model: model)
            self.stream(endpoint, model, longest: .milliseconds(Int64(20 + pair)))
        }
        self.addExemplars()
    }

    private func stream(_ endpoint: EndpointSlot, _ model: ModelSlot, longest: Nanoseconds) {
        let recorder = self.recorder
        recorder.streamStarted(endpoint)
        let cells = recorder.streamCells(model: model, endpoint: endpoint)
        recorder.firstToken(cells, model: model, endpoint: endpoint, .milliseconds(80))
        // Gaps from 5 ms to 5 s, as engines that are busy and idle make them.
        for step in 0..<20 as Range<Int64> { recorder.chunk(cells, gap: .milliseconds(5 << (step / 2))) }
        recorder.streamEnded(endpoint)
        recorder.streamFinished(
            model: model, endpoint: endpoint, timePerOutputToken: .milliseconds(12), longestStall: longest,
            tokensPerSecond: 83)
        recorder.finished(model, .length)
        recorder.firstByte(endpoint, .milliseconds(30))
        recorder.attemptStarted(endpoint)
        recorder.attemptFinished(
            endpoint, code: 0, outcome: .upstreamTimeout, duration: .seconds(2), error: .firstByteTimeout)
        recorder.retried(.http5xx)
        recorder.connectStep(endpoint, .tcp, .microseconds(300))
        recorder.usage(model, endpoint, TokenUsage(input: 900, output: 20))
    }

    /// Observes one value in each series of each histogram, with an exemplar.
    private func addExemplars() {
        var copy = ShardSnapshot()
        self.recorder.copy(into: &copy)
        let seen = MetricsSnapshot(
            schema: self.store.schema, shards: [copy], computed: [], occasion: .init(buriesRemoved: false))
        let id = Array("req_0123456789abcdef01234567".utf8)
        for (place, descriptor) in self.store.schema.families.enumerated() where descriptor.kind == .histogram {
            guard let family = seen.family(descriptor.name) else { continue }
            for series in 0..<family.seriesCount {
                let cell = self.exemplars.histogram(
                    FamilyID(rawValue: UInt16(place)), family.labels(of: series))
                self.exemplars.observe(
                    12_345_678, in: cell,
                    exemplar: ExemplarContext(
                        traceID: (UInt64(place) + 1, UInt64(series) + 1), spanID: 7, requestID: id.span.bytes,
                        wallTime: 1_763_000_000_000_000_000))
            }
        }
    }

    /// The copies of both loops' shards.
    public func shards() -> [ShardSnapshot] {
        var copies = [ShardSnapshot(), ShardSnapshot()]
        self.recorder.copy(into: &copies[0])
        self.exemplars.copy(into: &copies[1])
        return copies
    }

    /// A snapshot as a scrape makes it.
    public func snapshot(of shards: [ShardSnapshot]) -> MetricsSnapshot {
        var facts = ScrapeFacts()
        facts.wallTime = .seconds(1_763_000_060)
        facts.process = .init(
            cpuTime: .seconds(1), residentBytes: 1 << 25, virtualBytes: 1 << 30, openDescriptors: 30,
            maxDescriptors: 1 << 16, startTime: .seconds(1_762_000_000))
        return self.store.snapshot(shards: shards, facts: facts)
    }
}
