import MetricKernel
import SeededRandomness
import Synchronization
import Testing

@Suite struct ConcurrentReadTests {
    /// How a writer and a reader of one shard tell each other when to stop.
    private final class Race: Sendable {
        let isOver = Atomic<Bool>(false)
        let writes = Atomic<Int>(0)
    }

    @Test func aCopyFromOutsideIsAlwaysOfOneInstant() async throws {
        let test = try TestSchema()
        #expect(test.registry.add("a") == 1)
        let shard = MetricShard(schema: test.schema)
        let race = Race()
        async let written = Self.write(shard, race)
        while race.writes.load(ordering: .relaxed) == 0 { await Task.yield() }
        let (copies, torn) = Self.read(shard, race, schema: test.schema)
        race.isOver.store(true, ordering: .releasing)
        let total = await written
        #expect(copies > 0)
        #expect(torn == 0)
        var final = ShardSnapshot()
        #expect(shard.copyFromOutside(attempts: 1, into: &final))
        let snapshot = MetricsSnapshot(schema: test.schema, shards: [final], computed: [])
        let counters = try #require(snapshot.family("z_total"))
        let all = (0..<counters.seriesCount).reduce(0) { $0 + counters.total(of: $1) }
        #expect(all == UInt64(2 * total))
    }

    /// Writes pairs that belong together, and new series all along, until the reader is done.
    @concurrent
    private static func write(_ shard: MetricShard, _ race: Race) async -> Int {
        var random = SeededGenerator(seed: 42)
        var count = 0
        while !race.isOver.load(ordering: .acquiring), count < 3_000_000 {
            let letter = UInt16.random(in: 0..<60, using: &random)
            shard.beginUpdate()
            shard.add(1, to: shard.counter(TestSchema.counter, .init(letter, 0)))
            shard.add(1, to: shard.counter(TestSchema.counter, .init(59 - letter, 1)))
            shard.observe(7, in: shard.histogram(TestSchema.histogram, .init(letter % 3)))
            // An exemplar that is always kept, all of it made of the observed value.
            let value = Int64.random(in: 0..<10_000_000_000, using: &random)
            let word = UInt64(value)
            let id = Array("\(value)".utf8)
            shard.observe(
                value, in: shard.histogram(TestSchema.native, .init(letter % 2)),
                exemplar: ExemplarContext(
                    traceID: (word, word), spanID: word, requestID: id.span.bytes,
                    wallTime: Int64(count) * 20_000_000_000))
            shard.endUpdate()
            count += 1
            race.writes.store(count, ordering: .relaxed)
            // Room for a reader between two bursts; a saturating writer is the other test's matter.
            if count % 64 == 0 { for _ in 0..<8_000 { _ = random.next() } }
        }
        return count
    }

    private static func read(
        _ shard: MetricShard, _ race: Race, schema: MetricSchema
    ) -> (copies: Int, torn: Int) {
        var copies = 0
        var torn = 0
        var copy = ShardSnapshot()
        for _ in 0..<2_000_000 where copies < 200 {
            guard shard.copyFromOutside(attempts: 8, into: &copy) else { continue }
            copies += 1
            let snapshot = MetricsSnapshot(schema: schema, shards: [copy], computed: [])
            if !Self.isWhole(snapshot) { torn += 1 }
        }
        return (copies, torn)
    }

    /// Whether both counters and the histogram show the same number of writes.
    private static func isWhole(_ snapshot: MetricsSnapshot) -> Bool {
        guard let counters = snapshot.family("z_total"), let times = snapshot.family("m_seconds")
        else { return snapshot.families.isEmpty }
        var sums: [UInt64] = [0, 0]
        for series in 0..<counters.seriesCount {
            sums[counters.labels(of: series)[1]] += counters.total(of: series)
        }
        let count = (0..<times.seriesCount).reduce(0) { $0 + times.count(of: $1) }
        let sum = (0..<times.seriesCount).reduce(0) { $0 + times.sum(of: $1) }
        guard sums[0] == sums[1], sums[0] == count, sum == 7 * count else { return false }
        return Self.nativeCount(snapshot) == count
    }

    /// The observations in native buckets; nil when buckets or exemplars are not whole.
    private static func nativeCount(_ snapshot: MetricsSnapshot) -> UInt64? {
        guard let family = snapshot.family("n_seconds") else { return nil }
        var count: UInt64 = 0
        for series in 0..<family.seriesCount {
            guard let native = family.native(of: series) else { return nil }
            count += native.count
            for bucket in 0...TestSchema.bounds.count {
                guard let exemplar = family.exemplar(of: series, bucket: bucket) else { continue }
                let word = UInt64(exemplar.value)
                guard
                    exemplar.traceHigh == word, exemplar.traceLow == word, exemplar.spanID == word,
                    exemplar.requestID == Array("\(word)".utf8)
                else { return nil }
            }
        }
        return count
    }

    @Test func aReaderGivesUpOnAnUpdateThatDoesNotEnd() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        var copy = ShardSnapshot()
        shard.beginUpdate()
        #expect(!shard.copyFromOutside(attempts: 100, into: &copy))
        shard.endUpdate()
        #expect(shard.copyFromOutside(attempts: 1, into: &copy))
        #expect(!shard.copyFromOutside(attempts: 0, into: &copy))
    }

    @Test func theOwnersCopyAndTheOutsideCopyAreEqual() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        for letter in 0..<50 as Range<UInt16> {
            shard.add(UInt64(letter), to: shard.counter(TestSchema.counter, .init(letter)))
            shard.observe(Int64(letter), in: shard.histogram(TestSchema.histogram, .init(letter)))
        }
        var outside = ShardSnapshot()
        #expect(shard.copyFromOutside(attempts: 1, into: &outside))
        #expect(outside == shard.copied())
        #expect(outside.byteCount == 50 * (2 + 8) * 8)
        shard.observe(
            5_000_000, in: shard.histogram(TestSchema.native), exemplar: .named("a", at: 1))
        #expect(shard.copyFromOutside(attempts: 1, into: &outside))
        #expect(outside == shard.copied())
    }
}
