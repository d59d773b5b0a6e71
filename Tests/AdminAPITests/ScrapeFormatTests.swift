import AdminAPI
import Pipeline
import SeededRandomness
import Synchronization
import Telemetry
import Testing

@Suite("Scrape formats")
struct ScrapeFormatTests {
    private static let openMetrics = "application/openmetrics-text"
    private static let protobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

    @Test(
        "Each format is served under its type and counted under its name",
        arguments: [
            ("text/plain;version=1.0.0", "text/plain; version=1.0.0", "text"),
            (Self.openMetrics + ";version=1.0.0", "\(Self.openMetrics); version=1.0.0", "openmetrics"),
            (Self.openMetrics, "\(Self.openMetrics); version=0.0.1", "openmetrics"),
            (Self.openMetrics + ";version=2.0.0", "\(Self.openMetrics); version=2.0.0", "openmetrics"),
            (ScrapeFormatTests.protobuf, "application/vnd.google.protobuf; proto=io.prometheus", "protobuf"),
        ])
    func formats(accept: String, type: String, label: String) async throws {
        let harness = AdminHarness(try makeFleet(), offersOpenMetrics2: true)
        let page = try await harness.get("/internal/metrics", [("Accept", accept)])
        #expect(page.status == 200)
        #expect(page.value("Content-Type")?.hasPrefix(type) == true)
        #expect(page.text.hasSuffix("# EOF\n") == (label == "openmetrics"))
        let next = try await harness.get("/internal/metrics").text
        #expect(next.contains("\nglasspot_metrics_scrapes_total{format=\"\(label)\",code=\"200\"} 1\n"))
        #expect(next.contains("\nglasspot_metrics_scrape_duration_seconds_count{format=\"\(label)\"} 1\n"))
        #expect(next.contains("\nglasspot_metrics_scrape_body_bytes{encoding=\"identity\"} \(page.body.count)\n"))
    }

    @Test("OpenMetrics 2.0 is offered only when it is switched on")
    func openMetrics2() async throws {
        let accept = "application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.5"
        for isOn in [false, true] {
            let harness = AdminHarness(try makeFleet(), offersOpenMetrics2: isOn)
            let page = try await harness.get("/internal/metrics", [("Accept", accept)])
            let version = isOn ? "2.0.0" : "1.0.0"
            #expect(
                page.value("Content-Type")
                    == "application/openmetrics-text; version=\(version); charset=utf-8; escaping=underscores")
        }
    }

    @Test(
        "name[] filters every format",
        arguments: ["text/plain", "application/openmetrics-text;version=1.0.0", ScrapeFormatTests.protobuf])
    func filter(accept: String) async throws {
        let harness = AdminHarness(try makeFleet())
        let page = try await harness.get(
            "/internal/metrics", [("Accept", accept)], query: "name[]=glasspot_build_info")
        #expect(page.text.contains("Build information"))
        #expect(!page.text.contains("glasspot_endpoint"))
        let whole = try await harness.get("/internal/metrics", [("Accept", accept)])
        #expect(whole.text.contains("glasspot_endpoint_up") && whole.body.count > 10 * page.body.count)
    }

    @Test("A page of a hundred name[] is not cut short")
    func manyNames() async throws {
        let query = (0..<100).map { "name[]=unheard_of_\($0)" }.joined(separator: "&")
        let text = try await AdminHarness(try makeFleet())
            .text("/internal/metrics", query: query + "&name[]=glasspot_build_info")
        #expect(text.contains("\nglasspot_build_info{"))
    }

    @Test("An error is counted and leaves the size of the last page alone")
    func errors() async throws {
        let harness = AdminHarness(try makeFleet())
        let page = try await harness.get("/internal/metrics")
        harness.switches.collectSeconds.store(2, ordering: .relaxed)
        let late = try await harness.get(
            "/internal/metrics", [("X-Prometheus-Scrape-Timeout-Seconds", "1"), ("Accept", Self.protobuf)])
        #expect(late.status == 503 && late.value("Retry-After") == "1")
        harness.switches.collectSeconds.store(0, ordering: .relaxed)
        let next = try await harness.get("/internal/metrics").text
        #expect(next.contains("\nglasspot_metrics_scrapes_total{format=\"protobuf\",code=\"503\"} 1\n"))
        #expect(next.contains("\nglasspot_metrics_scrape_body_bytes{encoding=\"identity\"} \(page.body.count)\n"))
    }

    /// Pieces of headers and queries, well formed and not.
    private static let pieces = [
        "text/plain", "text/*", "*/*", "*", "application/openmetrics-text", "application/vnd.google.protobuf",
        "version=1.0.0", "version=0.0.4", "version=2.0.0", "proto=io.prometheus.client.MetricFamily",
        "encoding=delimited", "escaping=dots", "q=0", "q=1", "q=0.5", "q=", "q=9e9", ";", ",", "=", "\"", " ", "\t",
        "gzip", "identity", "zstd", "\u{0}", "é", "%", "%5B", "%zz", "&", "+", "name[]=", "name[]",
        "glasspot_build_info", "\\", "\r", "nan", "-1", "1e400", "0x1p4", "..",
    ]

    @Test("Any headers and any query get a page or 503", arguments: [1, 2, 3] as [UInt64])
    func garbage(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let harness = AdminHarness(try makeFleet(), offersOpenMetrics2: true)
        func garbage() -> String {
            (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)]
            }.joined()
        }
        for _ in 0..<60 {
            let fields = [
                ("Accept", garbage()), ("Accept", garbage()), ("Accept-Encoding", garbage()),
                ("X-Prometheus-Scrape-Timeout-Seconds", garbage()),
            ]
            let query = garbage()
            let page = try await harness.get("/internal/metrics", fields, query: query)
            #expect(page.status == 200 || page.status == 503, "\(fields) \(query)")
            #expect(page.value("Content-Type")?.isEmpty == false)
            if page.status == 200 {
                #expect(page.value("Vary") == "Accept, Accept-Encoding")
                let isGzip = page.value("Content-Encoding") == "gzip"
                #expect(isGzip == (page.body.starts(with: [0x1F, 0x8B])), "\(fields) \(query)")
            }
        }
    }
}
