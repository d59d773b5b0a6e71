import MetricKernel
import Testing

@Suite struct MetricsSnapshotTests {
    @Test func familiesAndSeriesAreSorted() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        shard.add(1, to: shard.counter(TestSchema.counter, .init(9)))
        shard.add(1, to: shard.counter(TestSchema.counter, .init(2)))
        shard.observe(1, in: shard.histogram(TestSchema.histogram))
        shard.set(1, in: shard.gauge(TestSchema.gauge))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: [shard.copied()], computed: [])
        #expect(
            snapshot.families.map { $0.descriptor.name } == ["b_level", "m_seconds", "z_total"])
        let counters = try #require(snapshot.family("z_total"))
        #expect((0..<2).map { counters.labelValue(of: $0, at: 0) } == ["v2", "v9"])
    }

    @Test func aRemovedValueIsInOneMoreSnapshotAndComesBackAtZero() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let first = try #require(test.registry.add("a"))
        shard.set(7, in: shard.gauge(TestSchema.gauge, .init(first)))
        shard.set(8, in: shard.gauge(TestSchema.gauge, .init(0)))
        shard.add(9, to: shard.counter(TestSchema.counter, .init(5, first)))
        func levels() -> [String: Int64] {
            let snapshot = MetricsSnapshot(
                schema: test.schema, shards: [shard.copied()], computed: [])
            guard let family = snapshot.family("b_level") else { return [:] }
            return Dictionary(
                uniqueKeysWithValues: (0..<family.seriesCount).map {
                    (family.labelValue(of: $0, at: 0), family.level(of: $0))
                })
        }
        #expect(levels() == ["a": 7, "other": 8])
        #expect(levels() == ["a": 7, "other": 8])
        test.registry.remove("a")
        #expect(levels() == ["a": 7, "other": 8])
        #expect(levels() == ["other": 8])
        let second = try #require(test.registry.add("a"))
        #expect(levels() == ["other": 8])
        shard.add(1, to: shard.gauge(TestSchema.gauge, .init(second)))
        #expect(levels() == ["a": 1, "other": 8])
    }

    @Test func theLastShowingOfSeriesIsReported() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let position = try #require(test.registry.add("a"))
        shard.set(7, in: shard.gauge(TestSchema.gauge, .init(position)))
        shard.add(9, to: shard.counter(TestSchema.counter, .init(5, position)))
        shard.add(9, to: shard.counter(TestSchema.counter, .init(6, position)))
        test.registry.remove("a")
        let owner = ObjectIdentifier(test.registry)
        let last = MetricsSnapshot(schema: test.schema, shards: [shard.copied()], computed: [])
        #expect(last.retired == [owner: 3])
        let next = MetricsSnapshot(schema: test.schema, shards: [shard.copied()], computed: [])
        #expect(next.retired.isEmpty && next.families.isEmpty)
    }

    @Test func theSampleCountFamilyCountsEverySampleOfThePage() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        shard.add(1, to: shard.counter(TestSchema.counter, .init(1)))
        shard.add(1, to: shard.counter(TestSchema.counter, .init(2)))
        shard.observe(1, in: shard.histogram(TestSchema.histogram))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: [shard.copied()], computed: [],
            sampleCountFamily: TestSchema.gauge)
        // Two counters; five bounds, +Inf, sum and count; the gauge itself.
        #expect(snapshot.sampleCount == 2 + 8 + 1)
        #expect(snapshot.family("b_level")?.level(of: 0) == 11)
    }

    @Test func noShardsGiveAnEmptySnapshot() throws {
        let test = try TestSchema()
        let snapshot = MetricsSnapshot(schema: test.schema, shards: [ShardSnapshot()], computed: [])
        #expect(snapshot.families.isEmpty && snapshot.sampleCount == 0)
        #expect(snapshot.family("z_total") == nil)
    }
}
