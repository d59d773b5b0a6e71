import Domain

/// The profiles that need no file: the tables of routing-and-config 2.3.
extension Profile {
    static let builtIn: [Profile] = [
        .ollama, .lmStudio, .llamaCpp, .vllm, .vllmMLX, .sglang, .lmDeploy, .lemonade, .liteLLM, .omlx,
        .dockerModelRunner, .openAICompatible,
    ]

    private static let openAIPaths = ["/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/embeddings"]

    private static let ollama = Profile(
        name: "ollama", prefixes: ["ollama"], healthPath: "/", modelsPath: "/api/tags", parser: .ollama,
        paths: ["/", "/api/generate", "/api/chat", "/api/embeddings", "/api/tags", "/api/show"] + openAIPaths,
        anthropic: AnthropicSupport(minVersion: "0.14.0", limitations: ["token_counting_404"]),
        hints: ProfileHints(
            timeout: .seconds(300), maxConcurrentRequests: 10, defaultPriority: 100, ports: [11434],
            pathIndicators: ["/", "/api/tags"], agentPatterns: ["ollama/"], headerNames: ["X-Ollama-Version"],
            authTypes: ["bearer"]))

    private static let lmStudio = Profile(
        name: "lm-studio", prefixes: ["lmstudio", "lm-studio", "lm_studio"], healthPath: "/v1/models",
        modelsPath: "/api/v0/models", parser: .lmStudio, paths: openAIPaths + ["/api/v0/models"],
        anthropic: AnthropicSupport(minVersion: "0.4.1"),
        hints: ProfileHints(
            timeout: .seconds(180), maxConcurrentRequests: 1, defaultPriority: 90, ports: [1234],
            pathIndicators: ["/v1/models", "/api/v0/models"]))

    private static let llamaCpp = Profile(
        name: "llamacpp", prefixes: ["llamacpp"], healthPath: "/health", parser: .llamaCpp,
        paths: openAIPaths + ["/completion", "/embedding", "/tokenize", "/detokenize", "/infill"],
        anthropic: AnthropicSupport(countsTokens: true, minVersion: "b4847"),
        hints: ProfileHints(
            timeout: .seconds(300), maxConcurrentRequests: 4, defaultPriority: 95, ports: [8080, 8001],
            pathIndicators: ["/v1/models", "/health", "/slots", "/props"], agentPatterns: ["llama.cpp"],
            authTypes: ["bearer"]))

    private static let vllm = Profile(
        name: "vllm", prefixes: ["vllm"], healthPath: "/health", parser: .vllm,
        paths: openAIPaths + [
            "/health", "/metrics", "/version", "/tokenize", "/detokenize", "/v1/tokenize", "/v1/detokenize",
            "/rerank", "/v1/rerank", "/v2/rerank", "/get_tokenizer_info",
        ],
        anthropic: AnthropicSupport(minVersion: "0.11.1", limitations: ["no_token_counting"]),
        hints: ProfileHints(
            timeout: .seconds(120), maxConcurrentRequests: 100, defaultPriority: 80, ports: [8000],
            pathIndicators: ["/v1/models", "/health", "/metrics", "/tokenize"], authTypes: ["bearer"]))

    private static let vllmMLX = Profile(
        name: "vllm-mlx", prefixes: ["vllm-mlx"], healthPath: "/health", parser: .vllmMLX,
        paths: openAIPaths + ["/health"], anthropic: AnthropicSupport(countsTokens: true),
        hints: ProfileHints(
            timeout: .seconds(120), maxConcurrentRequests: 20, defaultPriority: 85, ports: [8000],
            pathIndicators: ["/v1/models", "/health", "/v1/chat/completions"]))

    private static let sglang = Profile(
        name: "sglang", prefixes: ["sglang"], healthPath: "/health", parser: .sglang,
        paths: openAIPaths + [
            "/health", "/metrics", "/version", "/generate", "/batch", "/extend", "/v1/chat/completions/vision",
        ],
        hints: ProfileHints(
            timeout: .seconds(120), maxConcurrentRequests: 150, defaultPriority: 85, ports: [30000],
            pathIndicators: ["/v1/models", "/health", "/generate", "/batch"]))

    private static let lmDeploy = Profile(
        name: "lmdeploy", prefixes: ["lmdeploy"], healthPath: "/health", parser: .lmDeploy,
        paths: [
            "/health", "/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/encode", "/generate",
            "/pooling", "/is_sleeping",
        ],
        hints: ProfileHints(
            timeout: .seconds(120), maxConcurrentRequests: 100, defaultPriority: 82, ports: [23333],
            pathIndicators: ["/v1/encode", "/generate", "/pooling", "/is_sleeping"]))

    private static let lemonade = Profile(
        name: "lemonade", prefixes: ["lemonade"], healthPath: "/api/v1/health", modelsPath: "/api/v1/models",
        parser: .lemonade,
        paths: [
            "health", "stats", "system-info", "models", "chat/completions", "completions", "embeddings", "pull",
            "load", "unload", "delete",
        ].map { "/api/v1/" + $0 },
        hints: ProfileHints(
            timeout: .seconds(120), maxConcurrentRequests: 100, defaultPriority: 75, ports: [8000],
            pathIndicators: ["/api/v1/models", "/api/v1/health", "/api/v1/system-info"]))

    private static let liteLLM = Profile(
        name: "litellm", prefixes: ["litellm"], healthPath: "/health",
        paths: openAIPaths + [
            "/", "/health", "/health/readiness", "/health/liveness", "/chat/completions", "/completions",
            "/embeddings", "/models",
        ],
        hints: ProfileHints(
            timeout: .seconds(300), maxConcurrentRequests: 100, defaultPriority: 95, ports: [4000, 8000, 8080],
            pathIndicators: ["/v1/models", "/health", "/model/info", "/key/generate"],
            agentPatterns: ["litellm/"], headerNames: ["X-LiteLLM-Version", "X-LiteLLM-Provider"],
            authTypes: ["bearer", "api_key"]))

    private static let omlx = Profile(
        name: "omlx", prefixes: ["omlx"], healthPath: "/health",
        paths: openAIPaths + [
            "/health", "/v1/models/status", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses",
            "/v1/rerank",
        ],
        anthropic: AnthropicSupport(),
        hints: ProfileHints(
            timeout: .seconds(180), maxConcurrentRequests: 4, defaultPriority: 75, ports: [8000],
            pathIndicators: ["/v1/models", "/health", "/v1/models/status"]))

    private static let dockerModelRunner = Profile(
        name: "docker-model-runner", prefixes: ["dmr"], healthPath: "/engines/v1/models",
        modelsPath: "/engines/v1/models", parser: .dockerModelRunner,
        paths: ["/engines/v1/", "/engines/llama.cpp/v1/", "/engines/vllm/v1/"].flatMap { engine in
            ["models", "chat/completions", "completions", "embeddings"].map { engine + $0 }
        },
        anthropic: AnthropicSupport(messagesPath: "/anthropic/v1/messages", countsTokens: true),
        hints: ProfileHints(
            timeout: .seconds(300), maxConcurrentRequests: 8, defaultPriority: 95, ports: [12434],
            pathIndicators: ["/engines/v1/models", "/engines/llama.cpp/v1/models"]))

    private static let openAICompatible = Profile(
        name: "openai-compatible", prefixes: ["openai", "openai-compatible"], healthPath: "/v1/models",
        paths: openAIPaths, anthropic: AnthropicSupport(isEnabled: false),
        hints: ProfileHints(
            timeout: .seconds(120), maxConcurrentRequests: 20, defaultPriority: 50, pathIndicators: ["/v1/models"],
            authTypes: ["bearer", "api_key"]))
}
