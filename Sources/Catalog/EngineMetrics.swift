/// Where a kind of inference server tells its load, and by which names: gauges of a page in the Prometheus text format.
///
/// Of several names for one figure, which versions of a server have changed, the first that the page has counts.
public struct EngineMetrics: Equatable, Sendable {
    /// The path of the page below the endpoint's URL.
    public let path: String
    /// Requests being worked on.
    public let running: [String]
    /// Requests not begun yet.
    public let waiting: [String]
    /// The share of the KV cache in use, 0 to 1; none for a server that does not tell.
    public let cacheUsage: [String]

    /// What is known of the servers whose model lists a parser reads; nil for those that tell nothing of the kind.
    ///
    /// The names are those of the servers' own documentation: "Production Metrics" of vLLM (`gpu_cache_usage_perc`
    /// before 0.10) and of SGLang (with `--enable-metrics`), the server's README of llama.cpp (with `--metrics`; the
    /// cache's usage until mid-2025), "Production Metrics" of LMDeploy (with `--enable-metrics`).
    public init?(of parser: ModelListParser) {
        self.path = "/metrics"
        switch parser {
        case .vllm:
            self.running = ["vllm:num_requests_running"]
            self.waiting = ["vllm:num_requests_waiting"]
            self.cacheUsage = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]
        case .sglang:
            self.running = ["sglang:num_running_reqs"]
            self.waiting = ["sglang:num_queue_reqs"]
            self.cacheUsage = ["sglang:token_usage"]
        case .llamaCpp:
            self.running = ["llamacpp:requests_processing"]
            self.waiting = ["llamacpp:requests_deferred"]
            self.cacheUsage = ["llamacpp:kv_cache_usage_ratio"]
        case .lmDeploy:
            self.running = ["lmdeploy:num_requests_running"]
            self.waiting = ["lmdeploy:num_requests_waiting"]
            self.cacheUsage = ["lmdeploy:gpu_cache_usage_perc"]
        case .ollama, .lmStudio, .openAI, .vllmMLX, .dockerModelRunner, .lemonade: return nil
        }
    }
}
