import Foundation
import Telemetry
import Testing

@testable import TopView

/// Two readings of a small gateway, two seconds apart.
private enum Pages {
    static let first = """
        # HELP glasspot_requests_total Requests.
        # TYPE glasspot_requests_total counter
        glasspot_requests_total{route="provider",method="POST",code="200",outcome="ok"} 100
        glasspot_requests_total{route="provider",method="POST",code="502",outcome="upstream_error"} 4
        glasspot_requests_total{route="internal",method="GET",code="200",outcome="ok"} 50
        glasspot_request_duration_seconds_bucket{route="provider",le="0.1"} 10
        glasspot_request_duration_seconds_bucket{route="provider",le="0.2"} 10
        glasspot_request_duration_seconds_bucket{route="provider",le="+Inf"} 10
        glasspot_build_info{version="1.2.3",revision="abc"} 1
        process_start_time_seconds 1000
        """
    static let second = """
        glasspot_build_info{version="1.2.3",revision="abc"} 1
        process_start_time_seconds 1000
        glasspot_requests_total{route="provider",method="POST",code="200",outcome="ok"} 116
        glasspot_requests_total{route="provider",method="POST",code="502",outcome="upstream_error"} 8
        glasspot_requests_total{route="internal",method="GET",code="200",outcome="ok"} 90
        glasspot_requests_in_flight{route="provider"} 3
        glasspot_requests_in_flight{route="internal"} 1
        glasspot_retries_total{reason="connect"} 2
        glasspot_tokens_total{model="phi",endpoint="alpha",token_type="output"} 500
        glasspot_tokens_total{model="phi",endpoint="alpha",token_type="input"} 50
        glasspot_request_duration_seconds_bucket{route="provider",le="0.1"} 10
        glasspot_request_duration_seconds_bucket{route="provider",le="0.2"} 20
        glasspot_request_duration_seconds_bucket{route="provider",le="+Inf"} 20
        glasspot_time_to_first_token_seconds_bucket{model="phi",endpoint="alpha",le="0.05"} 4
        glasspot_time_to_first_token_seconds_bucket{model="phi",endpoint="alpha",le="0.1"} 8
        glasspot_time_to_first_token_seconds_bucket{model="phi",endpoint="alpha",le="+Inf"} 8
        glasspot_request_stage_duration_seconds_sum{stage="inspect"} 0.02
        glasspot_upstream_stage_duration_seconds_sum{endpoint="alpha",stage="wait"} 1.5
        glasspot_upstream_stage_duration_seconds_sum{endpoint="beta",stage="wait"} 0.48
        glasspot_endpoint_state{endpoint="alpha",state="healthy"} 1
        glasspot_endpoint_state{endpoint="alpha",state="offline"} 0
        glasspot_endpoint_state{endpoint="beta",state="healthy"} 0
        glasspot_endpoint_state{endpoint="beta",state="offline"} 1
        glasspot_breaker_state{endpoint="alpha",state="closed"} 1
        glasspot_breaker_state{endpoint="beta",state="open"} 1
        glasspot_upstream_requests_total{endpoint="alpha",code="200",outcome="ok"} 15
        glasspot_upstream_requests_total{endpoint="alpha",code="500",outcome="upstream_error"} 5
        glasspot_model_requests_total{model="phi",outcome="ok"} 16
        glasspot_model_requests_total{model="none",outcome="ok"} 4
        """

    static var figures: TopFigures {
        TopFigures(from: MetricsText(self.first), to: MetricsText(self.second), seconds: 2, unixTime: 1_000 + 7_500)
    }
}

@Suite("MetricsText")
struct MetricsTextTests {
    @Test("names, labels with escapes and values are read")
    func samples() {
        let text = MetricsText(
            "plain 1\nnext{} 2e3 1700000000000\nescaped{a=\"x\\\"y\\\\z\\n\",b=\"{=},\",} +Inf\n# plain 9\nbroken{a=\"x 1\nodd\n"
        )
        #expect(text.sum("plain") == 1)
        #expect(text.sum("next") == 2_000)
        #expect(text.labels("escaped") == ["a": "x\"y\\z\n", "b": "{=},"])
        #expect(text.sum("escaped") == .infinity)
        #expect(text.labels("broken").isEmpty && text.sum("broken") == 0)
        #expect(!text.isEmpty)
        #expect(MetricsText("").isEmpty && MetricsText("<html>\n<p>hello</p>").isEmpty)
    }

    @Test("a text that is cut anywhere is read as far as it goes")
    func everyCut() {
        let bytes = Array(Pages.second.utf8)
        let whole = MetricsText(Pages.second).sum("glasspot_requests_total")
        for end in bytes.indices {
            let cut = MetricsText(String(decoding: bytes[..<end], as: UTF8.self))
            #expect(cut.sum("glasspot_requests_total") <= whole)
        }
    }

    @Test(
        "quantiles are those of histogram_quantile",
        arguments: [(0.5, 0.1), (0.25, 0.05), (0.75, 0.15), (0.9, 0.18), (0.99, 0.198), (1.0, 0.2)])
    func quantiles(share: Double, expected: Double) {
        let buckets = Buckets(cumulative: [(0.1, 50), (0.2, 95), (0.2, 95), (.infinity, 100)])
        let exact = Buckets(cumulative: [(0.1, 50), (0.2, 100), (.infinity, 100)])
        let value = exact.quantile(share) ?? -1
        #expect(abs(value - expected) < 1e-9)
        // What lies beyond the last bound is told as that bound.
        #expect(buckets.quantile(0.999) == 0.2)
        #expect(Buckets().quantile(share) == nil)
    }
}

@Suite("TopFigures and TopScreen")
struct TopScreenTests {
    @Test("rates are differences over time, without the gateway's own pages")
    func rates() {
        let figures = Pages.figures
        #expect(figures.version == "1.2.3")
        #expect(figures.uptime == 7_500)
        #expect(figures.rate == 10)
        #expect(figures.failedShare == 0.2)
        #expect(figures.inFlight == 3)
        #expect(figures.retries == 1)
        #expect((figures.outputTokens, figures.inputTokens) == (250, 25))
        #expect(figures.request.median.map { abs($0 - 0.15) < 1e-9 } == true)
        #expect(figures.firstToken.median == 0.05)
        #expect(figures.overhead.median == nil)
    }

    @Test("stages are means per request, the longest first")
    func stages() {
        let stages = Pages.figures.stages
        #expect(stages.map(\.name) == ["wait", "inspect"])
        #expect(stages.map { ($0.seconds * 1e6).rounded() } == [99_000, 1_000])
    }

    @Test("endpoints have their state, breaker and share of failures")
    func endpoints() {
        let endpoints = Pages.figures.endpoints
        #expect(endpoints.map(\.name) == ["alpha", "beta"])
        #expect(endpoints.map(\.state) == ["healthy", "offline"])
        #expect(endpoints.map(\.breaker) == ["closed", "open"])
        #expect(endpoints.map(\.rate) == [10, 0])
        #expect(endpoints.map(\.failedShare) == [0.25, nil])
        #expect(Pages.figures.models.map(\.name) == ["phi"])
    }

    @Test("every family that is read is in the catalogue")
    func families() throws {
        let source = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/TopView/TopFigures.swift")
        let text = try String(contentsOf: source, encoding: .utf8)
        let names = text.matches(of: #/"((?:glasspot|process)_[a-z_]+)"/#).map { match in
            match.1.hasSuffix("_seconds_sum") ? String(match.1.dropLast(4)) : String(match.1)
        }
        #expect(names.count > 15)
        #expect(Set(names).subtracting(MetricCatalog.rows.map(\.name)) == [])
    }

    @Test("a counter that shrank began anew")
    func restart() {
        let figures = TopFigures(
            from: MetricsText(Pages.second), to: MetricsText(Pages.first), seconds: 2, unixTime: 1_000)
        #expect(figures.rate == 52)
        #expect(figures.request.median.map { abs($0 - 0.05) < 1e-9 } == true)
    }

    private func screen(width: Int = 120, isStyled: Bool = false) -> [String] {
        TopScreen(Pages.figures, source: "http://gate", clock: "12:00:00", width: width, isStyled: isStyled).text
    }

    @Test("the screen says it all")
    func lines() {
        let lines = self.screen()
        #expect(lines[0] == "Glasspot 1.2.3  http://gate  12:00:00  up 2h 5m")
        #expect(lines[2] == "Endpoints    1 of 2 up")
        #expect(lines[3] == "Requests     10/s   failed 20 %   cancelled 0/s   retries 1/s   in flight 3")
        #expect(lines[4] == "Tokens       250/s out   25/s in")
        #expect(lines[6] == "LATENCY             p50       p95       p99")
        #expect(lines[7] == "First token       50 ms     95 ms     99 ms")
        #expect(lines[9] == "Overhead              -         -         -")
        #expect(lines.contains("wait                     99 ms    99 %  " + String(repeating: "█", count: 30)))
        #expect(lines.contains { $0.hasPrefix("alpha           healthy      closed") && $0.hasSuffix("250") })
        #expect(lines.contains { $0.hasPrefix("beta            offline      open") })
        #expect(lines.contains { $0.hasPrefix("phi ") && $0.contains("8") })
        #expect(!lines.contains { $0.contains("\u{1B}") })
    }

    @Test("no line is wider than the terminal, styles not counted", arguments: [20, 40, 80, 200])
    func width(width: Int) {
        for (plain, styled) in zip(self.screen(width: width), self.screen(width: width, isStyled: true)) {
            #expect(plain.count <= width)
            let bare = styled.replacing(#/\u{1B}\[[0-9]*m/#, with: "")
            #expect(bare.count <= width)
            #expect(bare.hasPrefix(plain))
        }
        #expect(self.screen(isStyled: true).contains { $0.contains("\u{1B}[31moffline") })
    }

    @Test("a gateway without traffic and endpoints is no error")
    func idle() {
        let page = MetricsText("process_start_time_seconds 1000")
        let figures = TopFigures(from: page, to: page, seconds: 1, unixTime: 1_042)
        let lines = TopScreen(figures, source: "x", clock: "", width: 80, isStyled: false).text
        #expect(lines.contains("Endpoints    none configured"))
        #expect(lines.contains { $0.hasPrefix("Requests     0/s   failed -") })
    }

    @Test(
        "numbers are short",
        arguments: [
            (0.0, "0"), (0.004, "0"), (0.125, "0.13"), (1, "1"), (1.5, "1.5"), (12.34, "12.3"), (123.4, "123"),
            (9_999, "9999"), (12_345, "12.3k"), (2_500_000, "2.5M"),
        ])
    func numbers(value: Double, expected: String) { #expect(TopText.rate(value) == expected) }

    @Test(
        "durations have a unit that fits",
        arguments: [
            (nil, "-"), (0.0, "0 µs"), (0.000_042, "42 µs"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (90, "90 s"),
            (Double.nan, "-"),
        ])
    func durations(value: Double?, expected: String) { #expect(TopText.duration(value) == expected) }

    @Test("a long name is cut and keeps its distance")
    func padding() {
        #expect(TopText.padded("abcdefgh", to: 6) == "abcd… ")
        #expect(TopText.padded("abc", to: 6) == "abc   ")
        #expect(TopText.padded("abc", to: -6) == "   abc")
    }
}
