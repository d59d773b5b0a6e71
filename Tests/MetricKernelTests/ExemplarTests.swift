import MetricKernel
import SeededRandomness
import Testing

extension ExemplarContext {
    /// A context with nothing but a time, in seconds.
    static func plain(at seconds: Int64) -> ExemplarContext {
        .named("", at: seconds)
    }

    static func named(_ requestID: String, at seconds: Int64) -> ExemplarContext {
        let bytes = Array(requestID.utf8)
        return ExemplarContext(
            traceID: (0x0123_4567_89AB_CDEF, 2), spanID: 3, requestID: bytes.span.bytes,
            wallTime: seconds * 1_000_000_000)
    }
}

@Suite struct ExemplarTests {
    private func family(_ shards: [MetricShard], _ schema: MetricSchema) throws -> FamilySnapshot {
        let snapshot = MetricsSnapshot(
            schema: schema, shards: shards.map { $0.copied() }, computed: [])
        return try #require(snapshot.family("m_seconds"))
    }

    @Test func anExemplarIsKeptWithItsBucket() throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let cell = shard.histogram(TestSchema.histogram, .init(4))
        #expect(shard.observe(15, in: cell, exemplar: .named("swift_glass_1", at: 5)))
        #expect(shard.observe(5_000, in: cell, exemplar: .plain(at: 6)))
        let family = try self.family([shard], test.schema)
        #expect(family.hasExemplars && family.count(of: 0) == 2)
        #expect((0..<6).map { family.exemplar(of: 0, bucket: $0)?.value } == [nil, 15, nil, nil, nil, 5_000])
        let exemplar = try #require(family.exemplar(of: 0, bucket: 1))
        #expect(exemplar.requestID == Array("swift_glass_1".utf8))
        #expect(exemplar.traceHigh == 0x0123_4567_89AB_CDEF && exemplar.traceLow == 2)
        #expect(exemplar.spanID == 3 && exemplar.wallTime == 5_000_000_000 && exemplar.hasTrace)
    }

    @Test(
        arguments: [
            // The bucket 11...20: value and second of the second offer, and whether it is kept.
            (15, 100, false), (16, 100, true), (14, 100, false), (20, 90, true), (11, 111, true),
            (11, 110, false), (11, 89, true), (11, 90, false), (15, 111, true),
        ] as [(Int64, Int64, Bool)])
    func aLargerValueOrTenSecondsReplaceIt(value: Int64, second: Int64, isKept: Bool) throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let cell = shard.histogram(TestSchema.histogram)
        #expect(shard.observe(15, in: cell, exemplar: .named("first", at: 100)))
        #expect(shard.observe(value, in: cell, exemplar: .named("b", at: second)) == isKept)
        let exemplar = try #require(try self.family([shard], test.schema).exemplar(of: 0, bucket: 1))
        #expect(exemplar.requestID == Array((isKept ? "b" : "first").utf8))
        #expect(exemplar.value == (isKept ? value : 15))
    }

    @Test(
        arguments: [
            ("", 0), ("a", 1), (String(repeating: "x", count: 118), 118),
            (String(repeating: "x", count: 119), 0), ("with blank", 0), ("line\nfeed", 0), ("é", 0),
            ("quote\"back\\slash", 16), ("12345678", 8),
        ])
    func aRequestIDIsBoundedAndVisible(requestID: String, count: Int) throws {
        let test = try TestSchema()
        let shard = MetricShard(schema: test.schema)
        let cell = shard.histogram(TestSchema.histogram)
        shard.observe(1, in: cell, exemplar: .named(requestID, at: 1))
        let exemplar = try #require(try self.family([shard], test.schema).exemplar(of: 0, bucket: 0))
        #expect(exemplar.requestID == (count == 0 ? [] : Array(requestID.utf8)))
        #expect(exemplar.requestID.count == count)
    }

    @Test func overShardsTheLargestOfTenSecondsWins() throws {
        let test = try TestSchema()
        let offers: [(value: Int64, second: Int64, id: String)] = [
            (12, 100, "small"), (17, 103, "large"), (13, 105, "late"),
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let shards = order.map { place in
                let shard = MetricShard(schema: test.schema)
                let offer = offers[place]
                shard.observe(
                    offer.value, in: shard.histogram(TestSchema.histogram),
                    exemplar: .named(offer.id, at: offer.second))
                return shard
            }
            let family = try self.family(shards, test.schema)
            #expect(family.exemplar(of: 0, bucket: 1)?.requestID == Array("large".utf8))
            #expect(family.count(of: 0) == 3)
        }
        let stale = MetricShard(schema: test.schema)
        stale.observe(
            19, in: stale.histogram(TestSchema.histogram), exemplar: .named("stale", at: 10))
        let fresh = MetricShard(schema: test.schema)
        fresh.observe(
            11, in: fresh.histogram(TestSchema.histogram), exemplar: .named("fresh", at: 100))
        for shards in [[stale, fresh], [fresh, stale]] {
            let family = try self.family(shards, test.schema)
            #expect(family.exemplar(of: 0, bucket: 1)?.requestID == Array("fresh".utf8))
        }
    }

    @Test func anExemplarWithoutRoomIsCountedAndTheObservationStays() throws {
        let test = try TestSchema()
        // A histogram takes 8 words, an exemplar 22.
        let shard = MetricShard(schema: test.schema, wordLimit: 8 + 22)
        let cell = shard.histogram(TestSchema.histogram)
        #expect(shard.observe(1, in: cell, exemplar: .named("a", at: 1)))
        #expect(!shard.observe(15, in: cell, exemplar: .named("b", at: 1)))
        #expect(shard.copied().refusedSeries == 1)
        let family = try self.family([shard], test.schema)
        #expect(family.count(of: 0) == 2 && family.exemplar(of: 0, bucket: 1) == nil)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func everyExemplarIsOneThatItsBucketCounted(seed: UInt64) throws {
        let test = try TestSchema()
        var random = SeededGenerator(seed: seed)
        let shards = (0..<2).map { _ in MetricShard(schema: test.schema) }
        var seen: Set<String> = []
        for second in 0..<3_000 as Range<Int64> {
            let letter = UInt16.random(in: 0..<20, using: &random)
            let value = Int64.random(in: 0..<1_500, using: &random)
            let shard = shards[Int.random(in: 0..<2, using: &random)]
            let id = "id-\(second)"
            shard.beginUpdate()
            shard.observe(
                value, in: shard.histogram(TestSchema.histogram, .init(letter)),
                exemplar: .named(id, at: second / 10))
            shard.endUpdate()
            seen.insert("v\(letter)/\(value)/\(id)")
        }
        let family = try self.family(shards, test.schema)
        for series in 0..<family.seriesCount {
            for (bucket, count) in family.buckets(of: series).enumerated() {
                let exemplar = family.exemplar(of: series, bucket: bucket)
                #expect((exemplar == nil) == (count == 0), "seed \(seed)")
                guard let exemplar else { continue }
                let id = String(decoding: exemplar.requestID, as: UTF8.self)
                let name = family.labelValue(of: series, at: 0)
                #expect(seen.contains("\(name)/\(exemplar.value)/\(id)"), "seed \(seed)")
                let lower = bucket == 0 ? -1 : TestSchema.bounds[bucket - 1]
                #expect(exemplar.value > lower)
            }
        }
    }
}
