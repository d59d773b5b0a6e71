import Exposition
import MetricKernel
import Testing

/// One snapshot has one set of numbers, whatever format it is asked for in.
@Suite struct FormatAgreementTests {
    private struct Pages {
        let text: DecodedPage
        let openMetrics: DecodedPage
        let openMetrics2: DecodedPage
        let protobuf: DecodedPage

        init(_ snapshot: MetricsSnapshot) throws {
            func page(_ syntax: ExpositionFormat.Syntax) -> [UInt8] {
                ExpositionFormat(syntax).render(snapshot)
            }
            self.text = try TextDecoder.decode(page(.text004), .prometheus)
            self.openMetrics = try TextDecoder.decode(page(.openMetrics100), .openMetrics1)
            self.openMetrics2 = try TextDecoder.decode(page(.openMetrics200), .openMetrics2)
            self.protobuf = try ProtobufDecoder.decode(page(.protobuf))
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func everyFormatDecodesToTheSameNumbers(seed: UInt64) throws {
        let pages = try Pages(try SeededPage(seed: seed).snapshot)
        #expect(pages.text.values.count > 10 && pages.text.histograms.count > 10)
        #expect(pages.openMetrics.plain == pages.text.plain)
        #expect(pages.openMetrics2.plain == pages.text.plain)
        #expect(pages.protobuf.plain == pages.text.plain)
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func exemplarsAreTheSameInEveryFormatThatHasThem(seed: UInt64) throws {
        let pages = try Pages(try SeededPage(seed: seed).snapshot)
        #expect(pages.text.exemplars.isEmpty && !pages.openMetrics.exemplars.isEmpty)
        #expect(pages.openMetrics2.exemplars == pages.openMetrics.exemplars)
        #expect(pages.protobuf.exemplars == pages.openMetrics.exemplars)
        for exemplar in pages.openMetrics.exemplars.values.flatMap({ $0 }) {
            let count = exemplar.labels.reduce(0) { $0 + $1.key.count + $1.value.count }
            #expect(count <= 128)
            #expect(exemplar.timestamp != nil)
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func nativeBucketsAndStartTimesAreTheSameInBothFormatsThatHaveThem(seed: UInt64) throws {
        let pages = try Pages(try SeededPage(seed: seed).snapshot)
        #expect(pages.text.natives.isEmpty && pages.openMetrics.natives.isEmpty)
        #expect(pages.openMetrics2.natives == pages.protobuf.natives)
        #expect(pages.openMetrics2.starts == pages.protobuf.starts)
        #expect(!pages.protobuf.starts.isEmpty && pages.protobuf.natives.count > 5)
        for (series, native) in pages.protobuf.natives {
            let histogram = try #require(pages.text.histograms[series])
            #expect(native.buckets.values.reduce(native.zeroCount, +) == histogram.count)
            #expect(native.zeroThreshold == 0x1p-128 && native.buckets.count <= 160)
            #expect(native.schema <= 3 && native.schema >= -4)
        }
        #expect(pages.protobuf.natives.values.contains { $0.schema < 3 })
        #expect(pages.protobuf.natives.values.contains { $0.buckets.isEmpty && $0.zeroCount == 0 })
    }

    @Test func metadataIsThatOfTheFormat() throws {
        let snapshot = try SeededPage(seed: 9).snapshot
        let pages = try Pages(snapshot)
        let sorted = snapshot.families.map { $0.descriptor.name }
        #expect(pages.text.order == sorted)
        #expect(pages.protobuf.order == sorted)
        #expect(pages.openMetrics2.order == sorted)
        #expect(pages.openMetrics.order == snapshot.families.map { $0.descriptor.metadataName })
        #expect(pages.text.types["v_build_info"] == "gauge")
        #expect(pages.openMetrics.types["v_build"] == "info")
        #expect(pages.openMetrics2.types["v_build_info"] == "info")
        #expect(pages.openMetrics.types["z_requests"] == "counter")
        #expect(pages.openMetrics.types["x_old_traffic_bytes"] == "unknown")
        #expect(pages.openMetrics2.types["x_old_traffic_bytes"] == "counter")
        #expect(pages.protobuf.types["x_old_traffic_bytes"] == "counter")
        let units = [
            "y_cpu_seconds": "seconds", "x_old_traffic_bytes": "bytes",
            "u_request_seconds": "seconds", "t_stage_seconds": "seconds", "s_body_bytes": "bytes",
            "r_idle_seconds": "seconds",
        ]
        #expect(pages.openMetrics.units == units)
        #expect(pages.protobuf.units["y_cpu_seconds_total"] == "seconds")
        #expect(pages.protobuf.units.count == units.count)
        for page in [pages.text, pages.openMetrics, pages.openMetrics2, pages.protobuf] {
            #expect(page.helps.values.allSatisfy { $0.hasSuffix("with \"quotes\", a \\ and a\nnew line.") })
        }
    }

    @Test func aFilteredPageHasTheWholeFamiliesAndNothingElse() throws {
        let snapshot = try SeededPage(seed: 3).snapshot
        let whole = try Pages(snapshot)
        let part = try Pages(snapshot.keeping(["u_request_seconds", "w_level", "unheard_of"]))
        for (filtered, all) in [
            (part.text, whole.text), (part.openMetrics, whole.openMetrics),
            (part.openMetrics2, whole.openMetrics2), (part.protobuf, whole.protobuf),
        ] {
            #expect(filtered.order == ["u_request_seconds", "w_level"])
            #expect(filtered.histograms == all.histograms.filter { $0.key.hasPrefix("u_") })
            #expect(filtered.values == all.values.filter { $0.key.hasPrefix("w_") })
        }
    }

    @Test func anEmptyPageIsAPage() throws {
        let schema = try MetricSchema(families: [])
        let pages = try Pages(MetricsSnapshot(schema: schema, shards: [], computed: []))
        for page in [pages.text, pages.openMetrics, pages.openMetrics2, pages.protobuf] {
            #expect(page == DecodedPage())
        }
    }
}
