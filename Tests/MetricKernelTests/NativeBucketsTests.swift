import MetricKernel
import SeededRandomness
import Testing

@Suite struct NativeBucketsTests {
    /// One native family of each unit.
    private static let units: [MetricUnit] = [.seconds, .none, .bytes, .thousandths, .milliseconds]

    private static func schema() throws -> MetricSchema {
        try MetricSchema(
            families: Self.units.enumerated().map { place, unit in
                FamilyDescriptor(
                    name: "f\(place)", help: "A native histogram.", kind: .histogram, unit: unit,
                    labels: [], buckets: BucketSet(bounds: [1_000, 1_000_000]), isNative: true)
            })
    }

    private static func snapshot(_ shards: [MetricShard], _ schema: MetricSchema) -> MetricsSnapshot {
        MetricsSnapshot(schema: schema, shards: shards.map { $0.copied() }, computed: [])
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<exponent.magnitude { result *= base }
        return exponent < 0 ? 1 / result : result
    }

    /// Whether 2^((index - 1) / 2^schema) < value <= 2^(index / 2^schema), by powers of both sides.
    private static func holds(_ value: Double, schema: Int, index: Int) -> Bool {
        // Raising to 2^schema is exact enough once the value is brought near 1.
        let exponent = Int(value.exponent)
        var mantissa = value.significand
        for _ in 0..<schema { mantissa *= mantissa }
        let rest = index - exponent * (1 << schema)
        let upper = Self.power(2, rest)
        return mantissa <= upper * (1 + 1e-13) && mantissa > upper / 2 * (1 - 1e-13)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyValueFallsIntoTheBucketAroundIt(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let schema = try Self.schema()
        for round in 0..<400 {
            let family = round % Self.units.count
            let bits = Int64.random(in: 0...62, using: &random)
            let value = round == 0 ? .max : Int64.random(in: 1...(1 << bits), using: &random)
            let shard = MetricShard(schema: schema, wordLimit: 1_000)
            shard.observe(value, in: shard.histogram(FamilyID(rawValue: UInt16(family))))
            let snapshot = Self.snapshot([shard], schema)
            let native = try #require(snapshot.families[0].native(of: 0))
            #expect(native.schema == 3 && native.zeroCount == 0 && native.count == 1)
            let exposed = Double(value) / Self.power(10, Self.units[family].decimals)
            #expect(
                Self.holds(exposed, schema: 3, index: try #require(native.buckets.first).index),
                "\(value) \(Self.units[family])")
        }
    }

    @Test(
        arguments: [
            (1_000_000_000, 0), (1_000_000_001, 1), (2_000_000_000, 8), (1_953_125, -72),
            (1_090_507_732, 1), (1_090_507_733, 2), (999_999_999, 0), (500_000_000, -8), (1, -239),
        ] as [(Int64, Int)])
    func bucketsHoldTheirUpperBound(value: Int64, index: Int) throws {
        let schema = try Self.schema()
        let shard = MetricShard(schema: schema, wordLimit: 1_000)
        shard.observe(value, in: shard.histogram(FamilyID(rawValue: 0)))
        let native = Self.snapshot([shard], schema).families[0].native(of: 0)
        #expect(native?.buckets.map { $0.index } == [index])
    }

    @Test func zeroHasABucketOfItsOwn() throws {
        let schema = try Self.schema()
        let shard = MetricShard(schema: schema, wordLimit: 1_000)
        let cell = shard.histogram(FamilyID(rawValue: 0))
        let empty = try #require(Self.snapshot([shard], schema).families[0].native(of: 0))
        #expect(empty == NativeBuckets(zeroCount: 0, fine: []))
        shard.observe(0, count: 5, in: cell)
        shard.observe(-7, in: cell)
        let native = try #require(Self.snapshot([shard], schema).families[0].native(of: 0))
        #expect(native.zeroCount == 6 && native.buckets.isEmpty)
    }

    @Test func bucketsAreAddedUpOverShards() throws {
        let schema = try Self.schema()
        let shards = (0..<3).map { _ in MetricShard(schema: schema, wordLimit: 2_000) }
        for (place, shard) in shards.enumerated() {
            let cell = shard.histogram(FamilyID(rawValue: 1))
            shard.observe(8, count: UInt64(place + 1), in: cell)
            shard.observe(Int64(1) << Int64(place * 20), in: cell)
        }
        let native = try #require(Self.snapshot(shards, schema).families[0].native(of: 0))
        #expect(native.buckets.map { $0.index } == [0, 24, 160, 320])
        #expect(native.buckets.map { $0.count } == [1, 6, 1, 1])
    }

    @Test(arguments: [160, 161, 320, 321, 640])
    func tooManyBucketsAreMergedInPairs(count: Int) {
        let fine = (0..<count).map { (index: $0 - 100, count: UInt64($0 + 1)) }
        let native = NativeBuckets(zeroCount: 9, fine: fine)
        #expect(native.buckets.count <= NativeBuckets.bucketLimit)
        #expect(native.count == 9 + UInt64(count * (count + 1) / 2))
        let factor = 1 << (3 - native.schema)
        var expected: [Int: UInt64] = [:]
        for bucket in fine {
            // The least index whose bound 2^(index factor / 8) is not below the old one.
            let index = Int((Double(bucket.index) / Double(factor)).rounded(.up))
            expected[index, default: 0] += bucket.count
        }
        #expect(native.buckets.map { $0.index } == expected.keys.sorted())
        #expect(native.buckets.allSatisfy { expected[$0.index] == $0.count })
        #expect((native.schema == 3) == (count <= 160))
    }

    @Test func aShardWithoutRoomForBucketsShowsOnlyTheClassicOnes() throws {
        let schema = try Self.schema()
        // Room for the cells of two series (10 words each) and one run of 129.
        let shard = MetricShard(schema: schema, wordLimit: 150)
        let first = shard.histogram(FamilyID(rawValue: 0))
        let second = shard.histogram(FamilyID(rawValue: 1))
        shard.observe(1_000_000, in: first)
        shard.observe(1_000_000, in: second)
        let copy = shard.copied()
        #expect(copy.refusedSeries == 1)
        let snapshot = Self.snapshot([shard], schema)
        #expect(snapshot.families.map { $0.count(of: 0) } == [1, 1])
        #expect(snapshot.families[0].native(of: 0)?.count == 1)
        #expect(snapshot.families[1].native(of: 0) == nil)
    }

    @Test func aSeriesWithoutRoomHarmsNoNativeOne() throws {
        let schema = try Self.schema()
        let shard = MetricShard(schema: schema, wordLimit: 10 + 129 + 5)
        let cell = shard.histogram(FamilyID(rawValue: 0))
        shard.observe(7, in: cell)
        let before = shard.copied()
        // All of these share the spare cells, whatever they leave there.
        for family in 1..<5 as Range<UInt16> {
            let spare = shard.histogram(FamilyID(rawValue: family))
            for value in [0, 1, 77, 1_000, 1_001, 5_000_000, .max] as [Int64] {
                shard.observe(value, count: 3, in: spare)
                shard.observe(value, in: spare, exemplar: .plain(at: 1))
            }
        }
        let after = shard.copied()
        #expect(after.refusedSeries == 4)
        #expect(before.byteCount == after.byteCount)
        let families = Self.snapshot([shard], schema).families
        #expect(families.count == 1 && families[0].native(of: 0)?.count == 1)
        #expect(families[0].count(of: 0) == 1 && families[0].sum(of: 0) == 7)
    }
}
