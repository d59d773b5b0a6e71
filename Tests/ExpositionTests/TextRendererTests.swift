import Exposition
import MetricKernel
import Testing

@Suite struct TextRendererTests {
    /// A snapshot of a handful of series, some of them with names that want escaping.
    private func snapshot() throws -> MetricsSnapshot {
        let names = LabelRegistry(reserved: ["other"], liveLimit: 10)
        let schema = try MetricSchema(families: [
            FamilyDescriptor(
                name: "b_requests_total", help: "With \"quotes\", a \\ and a\nnew line.",
                kind: .counter,
                unit: .none,
                labels: [
                    LabelDescriptor(name: "model", domain: .registry(names)),
                    LabelDescriptor(name: "result", domain: .closed(["ok", "fail"])),
                ], buckets: nil),
            FamilyDescriptor(
                name: "c_seconds", help: "Time.", kind: .histogram, unit: .seconds,
                labels: [LabelDescriptor(name: "model", domain: .registry(names))],
                buckets: BucketSet(bounds: [10_000, 2_500_000, 1_000_000_000])),
            FamilyDescriptor(
                name: "d_size", help: "Size.", kind: .histogram, unit: .bytes, labels: [],
                buckets: BucketSet(bounds: [4, 1_048_576])),
            FamilyDescriptor(
                name: "a_level", help: "Level.", kind: .gauge, unit: .thousandths, labels: [],
                buckets: nil),
            FamilyDescriptor(
                name: "e_build_info", help: "Build.", kind: .info, unit: .none,
                labels: [LabelDescriptor(name: "version", domain: .closed(["1.0"]))], buckets: nil),
            FamilyDescriptor(
                name: "f_unused", help: "Never seen.", kind: .gauge, unit: .none, labels: [],
                buckets: nil),
        ])
        let evil = try #require(names.add("a\"b\\c\nd"))
        let shard = MetricShard(schema: schema)
        let counter = FamilyID(rawValue: 0)
        shard.add(3, to: shard.counter(counter, .init(evil, 1)))
        shard.add(1, to: shard.counter(counter, .init(0, 0)))
        let times = shard.histogram(FamilyID(rawValue: 1), .init(evil))
        for value in [1, 10_000, 10_001, 5_000_000_000] as [Int64] {
            shard.observe(value, in: times)
        }
        shard.observe(5, in: shard.histogram(FamilyID(rawValue: 2)))
        shard.set(-1_500, in: shard.gauge(FamilyID(rawValue: 3)))
        shard.set(1, in: shard.gauge(FamilyID(rawValue: 4)))
        var copy = ShardSnapshot()
        shard.copy(into: &copy)
        return MetricsSnapshot(schema: schema, shards: [copy], computed: [])
    }

    @Test func aPageIsWrittenByteByByteAsExpected() throws {
        let page = String(decoding: TextRenderer.render(try self.snapshot()), as: UTF8.self)
        let expected = #"""
            # HELP a_level Level.
            # TYPE a_level gauge
            a_level -1.5
            # HELP b_requests_total With "quotes", a \\ and a\nnew line.
            # TYPE b_requests_total counter
            b_requests_total{model="other",result="ok"} 1
            b_requests_total{model="a\"b\\c\nd",result="fail"} 3
            # HELP c_seconds Time.
            # TYPE c_seconds histogram
            c_seconds_bucket{model="a\"b\\c\nd",le="1e-05"} 2
            c_seconds_bucket{model="a\"b\\c\nd",le="0.0025"} 3
            c_seconds_bucket{model="a\"b\\c\nd",le="1.0"} 3
            c_seconds_bucket{model="a\"b\\c\nd",le="+Inf"} 4
            c_seconds_sum{model="a\"b\\c\nd"} 5.000020002
            c_seconds_count{model="a\"b\\c\nd"} 4
            # HELP d_size Size.
            # TYPE d_size histogram
            d_size_bucket{le="4.0"} 0
            d_size_bucket{le="1.048576e+06"} 1
            d_size_bucket{le="+Inf"} 1
            d_size_sum 5
            d_size_count 1
            # HELP e_build_info Build.
            # TYPE e_build_info gauge
            e_build_info{version="1.0"} 1

            """#
        #expect(page == expected)
    }

    @Test func aSnapshotRendersToTheSameBytesEveryTime() throws {
        let snapshot = try self.snapshot()
        #expect(TextRenderer.render(snapshot) == TextRenderer.render(snapshot))
        var page = Array("before\n".utf8)
        TextRenderer.render(snapshot, into: &page)
        #expect(page == Array("before\n".utf8) + TextRenderer.render(snapshot))
    }

    @Test func theSampleCountIsTheNumberOfSampleLines() throws {
        let snapshot = try self.snapshot()
        let lines = String(decoding: TextRenderer.render(snapshot), as: UTF8.self)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.count == snapshot.sampleCount)
    }

    @Test func anEmptySnapshotIsAnEmptyPage() throws {
        let schema = try MetricSchema(families: [])
        let snapshot = MetricsSnapshot(schema: schema, shards: [], computed: [])
        #expect(TextRenderer.render(snapshot).isEmpty)
    }
}
