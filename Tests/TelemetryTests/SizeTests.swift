import Exposition
import MetricKernel
import Testing
import Workloads

/// What the metrics of the typical site may take: in a shard, and on a page of each format.
@Suite struct SizeTests {
    /// Bytes of a page by sample of the text format, by the word of the format; above the measured ones by a tenth.
    private static let pageLimits: [String: Double] = [
        "text": 105, "OpenMetrics": 111, "OpenMetrics 2.0": 34, "protobuf": 33,
    ]

    @Test func aShardTakesFewBytesASample() throws {
        let site = try TypicalSite()
        let shards = site.shards()
        let snapshot = site.snapshot(of: shards)
        #expect(snapshot.sampleCount > 5_000)
        let bytes = shards.map { Double($0.byteCount) / Double(snapshot.sampleCount) }
        #expect(bytes[0] < 20, "cells and native buckets: \(bytes[0]) bytes a sample")
        #expect(bytes[1] < 27, "and an exemplar for each histogram: \(bytes[1]) bytes a sample")
    }

    @Test func aPageTakesFewBytesASample() throws {
        let site = try TypicalSite()
        let snapshot = site.snapshot(of: site.shards())
        for format in TypicalSite.formats {
            let page = ExpositionFormat(format.syntax).render(snapshot)
            let bytes = Double(page.count) / Double(snapshot.sampleCount)
            let limit = try #require(Self.pageLimits[format.word])
            #expect(bytes < limit && bytes > limit / 2, "\(format.word): \(bytes) bytes a sample")
            let compressed = try Gzip.compress(page)
            #expect(compressed.count * 4 < page.count, "\(format.word): \(compressed.count) compressed")
        }
    }
}
