import Domain
import Telemetry

extension AdminRoutes {
    /// The page `/internal/stats/translators` (http-surface 1.7).
    func translatorStatistics() -> JSONValue {
        TranslatorPage(
            entries: [("\(TranslatorLabel.anthropic.label)", self.messages.figures)], now: self.sources.wallTime()
        ).document
    }
}

/// The statistics of all translators; one appears after its first request.
struct TranslatorPage {
    /// Names and figures.
    var entries: [(name: String, totals: TranslatorTally.Figures)]
    /// Nanoseconds since the Unix epoch.
    var now: Nanoseconds

    /// The page.
    var document: JSONValue {
        let used = self.entries.filter { $0.totals.requests > 0 }
            .sorted { ($1.totals.requests, $0.name) < ($0.totals.requests, $1.name) }
        return .object([
            ("timestamp", .string(DisplayText.time(self.now))),
            ("translators", .array(used.map { Self.entry($0.name, $0.totals) })),
            ("summary", self.summary(used.map(\.totals))),
        ])
    }

    private static func entry(_ name: String, _ totals: TranslatorTally.Figures) -> JSONValue {
        .object([
            ("translator_name", .string(name)),
            ("total_requests", .integer(totals.requests)),
            ("successful_requests", .integer(totals.successes)),
            ("failed_requests", .integer(totals.failures)),
            ("success_rate", .string(Self.share(totals.successes, of: totals.requests))),
            ("passthrough_requests", .integer(totals.passedThrough)),
            ("translation_requests", .integer(totals.translated)),
            ("passthrough_rate", .string(Self.share(totals.passedThrough, of: totals.requests))),
            ("streaming_requests", .integer(totals.streams)),
            ("non_streaming_requests", .integer(totals.requests - totals.streams)),
            ("fallback_no_compatible_endpoints", .integer(totals.noCompatibleEndpoints)),
            ("fallback_translator_does_not_support_passthrough", .integer(totals.unsupported)),
            ("fallback_cannot_passthrough", .integer(totals.cannotPassThrough)),
            ("average_latency", .string(DisplayText.latency(totals.latencyMean ?? .zero))),
        ])
    }

    private func summary(_ used: [TranslatorTally.Figures]) -> JSONValue {
        func sum(_ part: (TranslatorTally.Figures) -> Int) -> Int { used.reduce(0) { $0 + part($1) } }
        let requests = sum(\.requests)
        return .object([
            ("total_translators", .integer(self.entries.count)),
            ("active_translators", .integer(used.count)),
            ("total_requests", .integer(requests)),
            ("overall_success_rate", .string(Self.share(sum(\.successes), of: requests))),
            ("total_passthrough", .integer(sum(\.passedThrough))),
            ("total_translations", .integer(sum(\.translated))),
            ("overall_passthrough_rate", .string(Self.share(sum(\.passedThrough), of: requests))),
            ("total_streaming", .integer(sum(\.streams))),
            ("total_non_streaming", .integer(requests - sum(\.streams))),
        ])
    }

    private static func share(_ part: Int, of whole: Int) -> String {
        DisplayText.percent(whole > 0 ? Double(part) / Double(whole) * 100 : 0)
    }
}
