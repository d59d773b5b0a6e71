/// The page on which a server tells its load, in the Prometheus text format.
///
/// A mock works on all its requests at once, so none ever waits; its cache holds one context of its first model, and each
/// request being worked on occupies its prompt and its answer of it.
struct LoadPage: Sendable {
    /// The path on every kind that has such a page.
    static let path = "/metrics"

    let kind: MockKind
    let behaviour: MockBehaviour
    let counts: MockCounts

    /// The page; nil for a kind that tells nothing of its load.
    var answer: Answer? {
        let names: (running: String, waiting: String, cache: String)
        switch self.kind {
        case .vllm:
            names = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
        case .llamacpp:
            names = (
                "llamacpp:requests_processing", "llamacpp:requests_deferred", "llamacpp:kv_cache_usage_ratio"
            )
        default: return nil
        }
        let context = max(1, self.behaviour.models.first?.contextLength ?? 1)
        let usage = min(1, Double(self.counts.tokensHeld) / Double(context))
        let values = [
            (names.running, "\(self.counts.inferencesRunning)"), (names.waiting, "0"), (names.cache, "\(usage)"),
        ]
        return .text(values.map { "# TYPE \($0) gauge\n\($0) \($1)\n" }.joined())
    }
}
