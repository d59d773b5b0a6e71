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

    @Test func aValueThatComesBackBeforeItsLastShowingHasOneSeries() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let first = try #require(test.registry.add("a"))
        shard.set(7, in: shard.gauge(TestSchema.gauge, .init(first)))
        test.registry.remove("a")
        let second = try #require(test.registry.add("a"))
        shard.set(1, in: shard.gauge(TestSchema.gauge, .init(second)))
        let snapshot = MetricsSnapshot(
            schema: test.schema, shards: [shard.copied()], computed: [])
        let family = try #require(snapshot.family("b_level"))
        #expect(family.seriesCount == 1 && family.level(of: 0) == 1)
    }

    @Test func aLookThatIsNoScrapeBuriesNothing() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let position = try #require(test.registry.add("a"))
        shard.set(7, in: shard.gauge(TestSchema.gauge, .init(position)))
        test.registry.remove("a")
        func seriesCount(buries: Bool) -> Int {
            let snapshot = MetricsSnapshot(
                schema: test.schema, shards: [shard.copied()], computed: [],
                occasion: .init(buriesRemoved: buries))
            return snapshot.family("b_level")?.seriesCount ?? 0
        }
        #expect(seriesCount(buries: false) == 1)
        #expect(seriesCount(buries: false) == 1)
        #expect(seriesCount(buries: true) == 1)
        #expect(seriesCount(buries: true) == 0)
    }

    @Test func aSeriesStartsWithTheProcessOrAtTheSnapshotBeforeItsLabelValue() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        func start(of position: UInt16, at wallTime: Int64) -> Int64? {
            shard.add(1, to: shard.gauge(TestSchema.gauge, .init(position)))
            let snapshot = MetricsSnapshot(
                schema: test.schema, shards: [shard.copied()], computed: [],
                occasion: .init(startTime: 1_000, wallTime: wallTime))
            guard let family = snapshot.family("b_level") else { return nil }
            return (0..<family.seriesCount).first { family.labels(of: $0)[0] == Int(position) }
                .map { family.startTime(of: $0) }
        }
        let first = try #require(test.registry.add("a"))
        #expect(start(of: first, at: 2_000) == 1_000)
        let second = try #require(test.registry.add("b"))
        #expect(start(of: second, at: 3_000) == 2_000)
        #expect(start(of: second, at: 4_000) == 2_000)
        #expect(start(of: first, at: 5_000) == 1_000)
        test.registry.remove("a")
        let third = try #require(test.registry.add("a"))
        #expect(start(of: third, at: 6_000) == 5_000)
        #expect(start(of: 0, at: 7_000) == 1_000)
    }

    @Test func familiesThatAreNotExportedFeedViews() throws {
        let schema = try MetricSchema(families: [
            FamilyDescriptor(
                name: "a_hidden_total", help: "Hidden.", kind: .counter, unit: .none, labels: [],
                buckets: nil, isExported: false),
            FamilyDescriptor(
                name: "b_series", help: "Samples.", kind: .gauge, unit: .none, labels: [],
                buckets: nil),
        ])
        let shard = MetricShard(schema: schema)
        shard.add(6, to: shard.counter(FamilyID(rawValue: 0)))
        let page = MetricsSnapshot(
            schema: schema, shards: [shard.copied()], computed: [],
            sampleCountFamily: FamilyID(rawValue: 1))
        #expect(page.families.map { $0.descriptor.name } == ["b_series"])
        #expect(page.hidden.map { $0.descriptor.name } == ["a_hidden_total"])
        #expect(page.sampleCount == 1)
        let total = try #require(page.family("a_hidden_total")).total(of: 0)
        let view = FamilySnapshot(
            descriptor: FamilyDescriptor(
                name: "a_view", help: "A view.", kind: .histogram, unit: .none, labels: [],
                buckets: BucketSet(bounds: [5])),
            labelValues: [["x", "y"]],
            series: [
                (.init(1), [total, 0, 6]), (.init(0), [1, 2, 3]), (.init(2), [1, 2, 3]),
                (.init(0), [1, 2]),
            ], startTime: 5)
        #expect(view.seriesCount == 2 && view.startTime(of: 0) == 5)
        #expect((0..<2).map { view.labelValue(of: $0, at: 0) } == ["x", "y"])
        #expect(view.count(of: 1) == 6 && view.native(of: 1) == nil && !view.hasExemplars)
        let both = page.adding([view])
        #expect(both.families.map { $0.descriptor.name } == ["a_view", "b_series"])
        #expect(both.sampleCount == 2 * 4 + 1)
        #expect(both.family("b_series")?.level(of: 0) == 9)
        #expect(both.keeping(["a_view"]).families.count == 1)
    }
}
