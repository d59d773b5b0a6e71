import MetricKernel
import SeededRandomness
import Testing

@Suite struct MetricShardTests {
    @Test(
        arguments: [
            (-5, 0), (0, 0), (9, 0), (10, 0), (11, 1), (20, 1), (21, 2), (50, 2), (51, 3), (100, 3),
            (101, 4),
            (1_000, 4), (1_001, 5), (.max, 5),
        ] as [(Int64, Int)])
    func aValueIsCountedUnderTheFirstBoundThatHoldsIt(value: Int64, bucket: Int) throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        shard.observe(value, in: shard.histogram(TestSchema.histogram, .init(3)))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: [shard.copied()], computed: [])
        let family = try #require(snapshot.family("m_seconds"))
        #expect(family.buckets(of: 0).map { $0 } == (0..<6).map { $0 == bucket ? 1 : 0 })
        #expect(family.sum(of: 0) == UInt64(max(value, 0)))
        #expect(family.count(of: 0) == 1)
        #expect(family.labelValue(of: 0, at: 0) == "v3")
    }

    @Test func aSeriesHasOnePlaceHoweverOftenItIsAskedFor() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        #expect(shard.isNew(TestSchema.counter, .init(1, 0)))
        shard.add(2, to: shard.counter(TestSchema.counter, .init(1, 0)))
        shard.add(3, to: shard.counter(TestSchema.counter, .init(1, 0)))
        #expect(!shard.isNew(TestSchema.counter, .init(1, 0)))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: [shard.copied()], computed: [])
        #expect(snapshot.family("z_total")?.seriesCount == 1)
        #expect(snapshot.family("z_total")?.total(of: 0) == 5)
    }

    @Test func gaugesGoUpAndDownAndAreAddedUpOverShards() throws {
        let test = try TestSchema()
        let shards = (0..<3).map { _ in MetricShard(schema: test.schema) }
        shards[0].add(5, to: shards[0].gauge(TestSchema.gauge))
        shards[1].add(-7, to: shards[1].gauge(TestSchema.gauge))
        shards[2].set(-1, in: shards[2].gauge(TestSchema.gauge))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: shards.map { $0.copied() },
            computed: [ComputedValue(TestSchema.gauge, value: 100)])
        #expect(snapshot.family("b_level")?.level(of: 0) == 97)
    }

    @Test func aSeriesWithoutRoomIsCountedAndHarmsNoOther() throws {
        let test = try TestSchema()
        // Room for two counters (two words each) and nothing else.
        let shard = MetricShard(schema: test.schema, wordLimit: 5)
        for letter in [0, 1] as [UInt16] {
            shard.add(1, to: shard.counter(TestSchema.counter, .init(letter)))
        }
        for value in [1, 15, 5_000] as [Int64] {
            shard.observe(value, in: shard.histogram(TestSchema.histogram, .init(9)))
        }
        shard.add(1, to: shard.counter(TestSchema.counter, .init(7)))
        let copy = shard.copied()
        #expect(copy.refusedSeries == 4)
        let snapshot = MetricsSnapshot(schema: test.schema, shards: [copy], computed: [])
        #expect(snapshot.families.map { $0.descriptor.name } == ["z_total"])
        #expect(snapshot.families[0].seriesCount == 2)
        #expect((0..<2).map { snapshot.families[0].total(of: $0) } == [1, 1])
    }

    @Test func severalEqualValuesCountAsManyTimes() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        shard.observe(30, count: 4, in: shard.histogram(TestSchema.histogram))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: [shard.copied()], computed: [])
        #expect(snapshot.family("m_seconds")?.count(of: 0) == 4)
        #expect(snapshot.family("m_seconds")?.sum(of: 0) == 120)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyWritesGiveTheNumbersOfANaiveReference(seed: UInt64) throws {
        let test = try TestSchema()
        var random = SeededGenerator(seed: seed)
        let shards = (0..<4).map { _ in MetricShard(schema: test.schema) }
        var reference = Reference()
        for name in 1...40 { _ = test.registry.add("e\(name)") }
        for _ in 0..<20_000 {
            let shard = shards[Int.random(in: 0..<4, using: &random)]
            let letter = UInt16.random(in: 0..<300, using: &random)
            let endpoint = UInt16.random(in: 0...40, using: &random)
            shard.beginUpdate()
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let amount = UInt64.random(in: 0..<9, using: &random)
                shard.add(amount, to: shard.counter(TestSchema.counter, .init(letter, endpoint)))
                reference.counters["v\(letter)/\(endpoint)", default: 0] += amount
            case 1:
                let amount = Int64.random(in: -5...5, using: &random)
                shard.add(amount, to: shard.gauge(TestSchema.gauge, .init(endpoint)))
                reference.gauges["\(endpoint)", default: 0] += amount
            default:
                let value = Int64.random(in: 0..<1_500, using: &random)
                shard.observe(value, in: shard.histogram(TestSchema.histogram, .init(letter)))
                reference.values["v\(letter)", default: []].append(value)
            }
            shard.endUpdate()
        }
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: shards.map { $0.copied() }, computed: [])
        #expect(Reference(snapshot) == reference.sorted(), "seed \(seed)")
    }
}

/// What a dictionary would have kept.
private struct Reference: Equatable {
    var counters: [String: UInt64] = [:]
    var gauges: [String: Int64] = [:]
    var values: [String: [Int64]] = [:]
    /// Cumulative counts at the bounds, the count and the sum, by series.
    var histograms: [String: [UInt64]] = [:]

    init() {}

    /// Replaces the values by what a histogram keeps of them.
    func sorted() -> Reference {
        var result = self
        for (series, values) in self.values {
            let cumulative = TestSchema.bounds.map { bound in
                UInt64(values.count { $0 <= bound })
            }
            result.histograms[series] =
                cumulative + [UInt64(values.count), UInt64(values.reduce(0, +))]
        }
        result.values = [:]
        return result
    }

    init(_ snapshot: MetricsSnapshot) {
        if let family = snapshot.family("z_total") {
            for series in 0..<family.seriesCount {
                let endpoint = family.labels(of: series)[1]
                self.counters["\(family.labelValue(of: series, at: 0))/\(endpoint)"] =
                    family.total(of: series)
            }
        }
        if let family = snapshot.family("b_level") {
            for series in 0..<family.seriesCount {
                self.gauges["\(family.labels(of: series)[0])"] = family.level(of: series)
            }
        }
        if let family = snapshot.family("m_seconds") {
            for series in 0..<family.seriesCount {
                var seen: UInt64 = 0
                var numbers: [UInt64] = []
                for own in family.buckets(of: series).dropLast() {
                    seen += own
                    numbers.append(seen)
                }
                numbers += [family.count(of: series), family.sum(of: series)]
                self.histograms[family.labelValue(of: series, at: 0)] = numbers
            }
        }
    }
}
