import Domain
import MetricKernel

extension MetricCatalog {
    /// The families about sticky sessions and translators.
    static let stickyAndTranslator: [CatalogRow] = [
        CatalogRow(
            .stickyLookupsTotal, .counter, "glasspot_sticky_lookups_total",
            "Sticky session lookups.",
            recorded: "lookup",
            labels: [.closed("result", StickyOutcome.self)],
            start: .zero),
        CatalogRow(
            .stickySessions, .gauge, "glasspot_sticky_sessions",
            "Sticky sessions now held.",
            recorded: "computed at scrape",
            start: .zero),
        CatalogRow(
            .stickyEvictionsTotal, .counter, "glasspot_sticky_evictions_total",
            "Sticky sessions dropped.",
            recorded: "drop",
            labels: [.closed("reason", StickyEviction.self)],
            start: .zero),
        CatalogRow(
            .translatorRequestsTotal, .counter, "glasspot_translator_requests_total",
            "Translated requests.",
            recorded: "request finished",
            labels: [
                .closed("translator", TranslatorLabel.self),
                .closed("mode", TranslatorMode.self),
                .closed("result", RunResult.self),
            ],
            start: .zero),
        CatalogRow(
            .translatorFallbacksTotal, .counter, "glasspot_translator_fallbacks_total",
            "Requests translated although passthrough was wanted, by reason.",
            recorded: "decision",
            labels: [
                .closed("translator", TranslatorLabel.self),
                .closed("reason", TranslatorFallback.self),
            ],
            start: .zero),
    ]

    /// The families about what the engines behind the endpoints say of themselves.
    static let backend: [CatalogRow] = [
        CatalogRow(
            .backendRequestsRunning, .gauge, "glasspot_backend_requests_running",
            "Requests running, as the engine reports.",
            recorded: "engine poll",
            labels: [.endpoint],
            start: .firstSight),
        CatalogRow(
            .backendRequestsWaiting, .gauge, "glasspot_backend_requests_waiting",
            "Requests waiting, as the engine reports.",
            recorded: "engine poll",
            labels: [.endpoint],
            start: .firstSight),
        CatalogRow(
            .backendKVCacheUsageRatio, .gauge, "glasspot_backend_kv_cache_usage_ratio",
            "KV cache in use, as the engine reports.",
            recorded: "engine poll",
            labels: [.endpoint],
            unit: .thousandths, start: .firstSight),
        CatalogRow(
            .backendPollFailuresTotal, .counter, "glasspot_backend_poll_failures_total",
            "Engine metric polls that failed.",
            recorded: "poll failed",
            labels: [.endpoint],
            start: .perEndpoint),
    ]
}
