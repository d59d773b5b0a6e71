import AdminAPI
import Catalog
import Domain
import Pipeline
import Synchronization
import Telemetry
import Testing

@Suite("Metrics route")
struct MetricsRouteTests {
    private func harness() throws -> AdminHarness { AdminHarness(try makeFleet()) }

    @Test("The page is text 0.0.4 with build information")
    func page() async throws {
        let response = try await self.harness().get("/internal/metrics")
        #expect(response.status == 200)
        #expect(response.value("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(response.value("Vary") == "Accept, Accept-Encoding")
        #expect(response.value("Content-Encoding") == nil)
        #expect(response.text.contains("\nglasspot_build_info{version=\"1.2.3\""))
        #expect(response.text.hasSuffix("\n"))
    }

    @Test("What is asked is negotiated, and a scrape is never refused for its Accept")
    func negotiation() async throws {
        let harness = try self.harness()
        let response = try await harness.get(
            "/internal/metrics", [("Accept", "text/plain;version=1.0.0;escaping=allow-utf-8,*/*;q=0.1")])
        #expect(response.value("Content-Type") == "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
        let odd = try await harness.get("/internal/metrics", [("Accept", "image/png")])
        #expect(odd.status == 200)
        #expect(odd.value("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
    }

    @Test("gzip carries the same page", arguments: ["GET", "HEAD"])
    func gzip(method: String) async throws {
        let response = try await self.harness().get("/internal/metrics", [("Accept-Encoding", "gzip")], method: method)
        #expect(response.value("Content-Encoding") == "gzip")
        let page = String(decoding: try gunzip(response.body), as: UTF8.self)
        #expect(page.contains("\nglasspot_build_info{"))
        let identity = try await self.harness().get(
            "/internal/metrics", [("Accept-Encoding", "gzip;q=0")], method: method)
        #expect(identity.value("Content-Encoding") == nil)
    }

    @Test("Each scrape counts itself on the next page")
    func counted() async throws {
        let harness = try self.harness()
        let first = try await harness.get("/internal/metrics", [("Accept-Encoding", "gzip")])
        let second = try await harness.get("/internal/metrics").text
        #expect(second.contains("\nglasspot_metrics_scrapes_total{format=\"text\",code=\"200\"} 1\n"))
        #expect(second.contains("\nglasspot_metrics_scrape_body_bytes{encoding=\"gzip\"} \(first.body.count)\n"))
    }

    @Test("name[] leaves only the families asked for")
    func filter() async throws {
        let text = try await self.harness().text(
            "/internal/metrics", query: "name[]=glasspot_build_info&name%5B%5D=glasspot_endpoint_up")
        let families = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(families.count == 2)
        #expect(
            text.split(separator: "\n").allSatisfy {
                $0.contains("glasspot_build_info") || $0.contains("glasspot_endpoint_up")
            })
        #expect(try await self.harness().text("/internal/metrics", query: "name[]=nothing").isEmpty)
    }

    @Test("A part of the page, or its head, leaves the last showing of a removed series to a whole page")
    func lastShowing() async throws {
        let harness = try self.harness()
        let slot = harness.metrics.modelSlot(forID: "passing")
        harness.metrics.loops[0].aliasRewritten(slot)
        harness.metrics.removeModel("passing")
        let series = "glasspot_model_alias_rewrites_total{model=\"passing\"} 1\n"
        _ = try await harness.get("/internal/metrics", query: "name[]=glasspot_build_info")
        _ = try await harness.get("/internal/metrics", method: "HEAD")
        #expect(try await harness.text("/internal/metrics").contains(series))
        #expect(try await !harness.text("/internal/metrics").contains(series))
    }

    @Test("A fourth scrape at once is refused, and the place is free again afterwards")
    func cap() async throws {
        let harness = try self.harness()
        harness.switches.gate.close()
        let running = (0..<3).map { _ in Task { try await harness.get("/internal/metrics").status } }
        while harness.switches.gate.waitingCount < 3 { await Task.yield() }
        let refused = try await harness.get("/internal/metrics")
        #expect(refused.status == 503)
        #expect(refused.value("X-Content-Type-Options") == "nosniff")
        harness.switches.gate.open()
        for task in running { #expect(try await task.value == 200) }
        let after = try await harness.get("/internal/metrics")
        #expect(after.status == 200)
        #expect(after.text.contains("\nglasspot_metrics_scrapes_total{format=\"text\",code=\"503\"} 1\n"))
    }

    @Test(
        "The deadline lies a little before the scraper gives up",
        arguments: [("2", 1_800), ("0.5", 450), ("1000", 54_000), ("soon", 9_000), ("-1", 9_000), ("nan", 9_000)])
    func deadline(header: String, milliseconds: Int64) async throws {
        let harness = try self.harness()
        _ = try await harness.get("/internal/metrics", [("X-Prometheus-Scrape-Timeout-Seconds", header)])
        let deadline = try #require(harness.switches.deadlines.withLock { $0.first })
        #expect(deadline - MonotonicTime(rawValue: 1_000) == .milliseconds(milliseconds))
    }

    @Test("A scrape that takes too long is 503 before any byte")
    func late() async throws {
        let harness = try self.harness()
        harness.switches.collectSeconds.store(2, ordering: .relaxed)
        let response = try await harness.get("/internal/metrics", [("X-Prometheus-Scrape-Timeout-Seconds", "2")])
        #expect(response.status == 503)
        #expect(response.text == "the scrape took too long\n")
    }
}
