import Exposition
import MetricKernel
import Testing

@Suite struct ExemplarTextTests {
    /// The one exemplar of a page in OpenMetrics, and its line.
    private func line(requestID: String, hasTrace: Bool = true, hasSpan: Bool = true) throws -> String {
        let schema = try MetricSchema(families: [
            FamilyDescriptor(
                name: "a_seconds", help: "A.", kind: .histogram, unit: .seconds, labels: [],
                buckets: BucketSet(bounds: [1_000]))
        ])
        let shard = MetricShard(schema: schema)
        let bytes = Array(requestID.utf8)
        shard.observe(
            25_000_001, in: shard.histogram(FamilyID(rawValue: 0)),
            exemplar: ExemplarContext(
                traceID: hasTrace ? (0x0AF7_6519_16CD_43DD, 0x8448_EB21_1C80_319C) : (0, 0),
                spanID: hasSpan ? 0xB7AD_6B71_6920_3331 : 0, requestID: bytes.span.bytes,
                wallTime: 1_763_835_753_012_999_999))
        var copy = ShardSnapshot()
        shard.copy(into: &copy)
        let snapshot = MetricsSnapshot(schema: schema, shards: [copy], computed: [])
        let page = TextRenderer.render(snapshot, as: .openMetrics)
        let lines = String(decoding: page, as: UTF8.self).split(separator: "\n")
        return String(try #require(lines.first { $0.contains("+Inf") }))
    }

    @Test func anExemplarStandsBehindItsBucket() throws {
        #expect(
            try self.line(requestID: "swift_glass_1")
                == "a_seconds_bucket{le=\"+Inf\"} 1 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\","
                + "span_id=\"b7ad6b7169203331\",request_id=\"swift_glass_1\"} 0.025000001 "
                + "1763835753.012")
    }

    @Test(
        arguments: [
            (0, ["trace_id", "span_id"]), (55, ["trace_id", "span_id", "request_id"]),
            (56, ["trace_id", "request_id"]), (78, ["trace_id", "request_id"]),
            (79, ["request_id"]), (118, ["request_id"]), (119, ["trace_id", "span_id"]),
        ])
    func whatDoesNotFitIsLeftOutInOrder(length: Int, names: [String]) throws {
        let line = try self.line(requestID: String(repeating: "r", count: length))
        for name in ["trace_id", "span_id", "request_id"] {
            #expect(line.contains(name + "=") == names.contains(name), "\(length)")
        }
    }

    @Test func whatIsUnknownIsLeftOut() throws {
        let line = try self.line(requestID: "q\"b\\s", hasTrace: false)
        #expect(line.contains(" # {request_id=\"q\\\"b\\\\s\"} 0.025000001 "))
        let nothing = try self.line(requestID: "", hasTrace: false, hasSpan: false)
        #expect(nothing.contains(" 1 # {} 0.025000001 1763835753.012"))
        let noSpan = try self.line(requestID: String(repeating: "r", count: 78), hasSpan: false)
        #expect(noSpan.contains("trace_id") && noSpan.contains("request_id"))
    }
}
