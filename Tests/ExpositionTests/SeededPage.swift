import MetricKernel
import SeededRandomness

/// A snapshot with everything a page can hold, made of random observations.
struct SeededPage {
    static let startTime: Int64 = 1_763_000_000_123_000_000
    let snapshot: MetricsSnapshot

    init(seed: UInt64, observations: Int = 3_000) throws {
        var random = SeededGenerator(seed: seed)
        let names = LabelRegistry(reserved: ["other"], liveLimit: 10)
        let schema = try MetricSchema(families: Self.families(names))
        let shards = (0..<2).map { _ in MetricShard(schema: schema) }
        for name in ["plain", "a\"b\\c\nd", "größer/✓", " "] { _ = names.add(name) }
        for (place, family) in schema.families.enumerated() {
            let id = FamilyID(rawValue: UInt16(place))
            for _ in 0..<observations / schema.families.count {
                let shard = shards[Int.random(in: 0..<2, using: &random)]
                Self.record(family, id, on: shard, &random)
            }
        }
        let copies = shards.map { shard in
            var copy = ShardSnapshot()
            shard.copy(into: &copy)
            return copy
        }
        self.snapshot = MetricsSnapshot(
            schema: schema, shards: copies, computed: [],
            occasion: .init(startTime: Self.startTime, wallTime: Self.startTime + 60_000_000_000))
    }

    private static func families(_ names: LabelRegistry) -> [FamilyDescriptor] {
        let model = LabelDescriptor(name: "model", domain: .registry(names))
        let result = LabelDescriptor(name: "result", domain: .closed(["ok", "fail"]))
        func family(
            _ name: String, _ kind: MetricKind, _ unit: MetricUnit, _ labels: [LabelDescriptor],
            _ bounds: [Int64]? = nil, isNative: Bool = false
        ) -> FamilyDescriptor {
            FamilyDescriptor(
                name: name, help: "A \(kind) with \"quotes\", a \\ and a\nnew line.", kind: kind,
                unit: unit, labels: labels, buckets: bounds.flatMap { BucketSet(bounds: $0) },
                isNative: isNative)
        }
        let times: [Int64] = [10_000, 2_500_000, 1_000_000_000, 20_480_000_000]
        return [
            family("z_requests_total", .counter, .none, [model, result]),
            family("y_cpu_seconds_total", .counter, .seconds, []),
            family("x_old_traffic_bytes", .counter, .bytes, [result]),
            family("w_level", .gauge, .thousandths, [model]),
            family("v_build_info", .info, .none, [result]),
            family("u_request_seconds", .histogram, .seconds, [model, result], times, isNative: true),
            family("t_stage_seconds", .histogram, .seconds, [model], times),
            family("s_body_bytes", .histogram, .bytes, [], [4, 1_048_576], isNative: true),
            family("r_idle_seconds", .histogram, .seconds, [result], [-5, 1_000], isNative: true),
            family("q_latency_ms", .gauge, .milliseconds, []),
        ]
    }

    private static func record(
        _ family: FamilyDescriptor, _ id: FamilyID, on shard: MetricShard,
        _ random: inout SeededGenerator
    ) {
        let labels: LabelIndexes =
            switch family.labels.count {
            case 0: LabelIndexes()
            case 1: LabelIndexes(UInt16.random(in: 0..<2, using: &random))
            default:
                LabelIndexes(
                    UInt16.random(in: 0..<5, using: &random), UInt16.random(in: 0..<2, using: &random))
            }
        switch family.kind {
        case .counter:
            shard.add(UInt64.random(in: 0...1 << 40, using: &random), to: shard.counter(id, labels))
        case .gauge:
            shard.add(Int64.random(in: -(1 << 40)...1 << 40, using: &random), to: shard.gauge(id, labels))
        case .info: shard.set(1, in: shard.gauge(id, labels))
        case .histogram:
            let cell = shard.histogram(id, labels)
            // This one shows an empty native histogram.
            if family.name.hasPrefix("r_") { return }
            let bits = Int64.random(in: 0...44, using: &random)
            let value = Int64.random(in: 0...1 << bits, using: &random)
            guard Bool.random(using: &random) else { return shard.observe(value, in: cell) }
            let length = Int.random(in: 0...118, using: &random)
            let id = (0..<length).map { _ in UInt8.random(in: 0x21...0x7E, using: &random) }
            let isTraced = Bool.random(using: &random)
            shard.observe(
                value, in: cell,
                exemplar: ExemplarContext(
                    traceID: isTraced ? (random.next(), random.next()) : (0, 0),
                    spanID: isTraced ? random.next() : 0, requestID: id.span.bytes,
                    wallTime: Self.startTime + Int64.random(in: 0...60_000_000_000, using: &random)))
        }
    }
}
