/// The page of `/version` (http-surface 1.7).
enum VersionPage {
    static func document(_ configuration: AdminRoutes.Configuration, servesAnthropic: Bool) -> JSONValue {
        let translation = servesAnthropic ? Self.translation(configuration) : []
        return .object([
            ("name", "Glasspot"),
            ("version", .string(configuration.version)),
            ("edition", "community"),
            ("description", "LLM gateway: proxy, model unifier and load balancer"),
            (
                "build",
                .object([
                    ("commit", .string(configuration.revision)),
                    ("date", .string(configuration.buildDate)),
                    ("go_version", .string(configuration.swiftVersion)),
                    ("platform", .string(configuration.platform)),
                ])
            ),
            (
                "capabilities",
                .strings(Self.capabilities + (servesAnthropic ? ["message_translation"] : []) + translation)
            ),
            ("capabilities_experimental", .strings(translation)),
            ("supported_backends", .strings(Self.backends)),
            (
                "api",
                .object([
                    ("version", "v1"),
                    (
                        "endpoints",
                        .object([
                            ("health", "/internal/health"), ("metrics", "/internal/metrics"),
                            ("status", "/internal/status"), ("process", "/internal/process"),
                            ("version", "/version"),
                        ])
                    ),
                ])
            ),
            (
                "links",
                .object([
                    ("homepage", .string(configuration.homepage)),
                    ("documentation", .string(configuration.documentation)),
                    ("releases", .string(configuration.releases)),
                ])
            ),
        ])
    }

    /// What acts; the words are those of the compatible system.
    private static let capabilities = [
        "load_balancing", "health_checking", "rate_limiting", "model_unification", "endpoint_discovery",
    ]

    private static func translation(_ configuration: AdminRoutes.Configuration) -> [String] {
        ["translation_anthropic"] + (configuration.passesMessagesThrough ? ["passthrough_anthropic"] : [])
    }

    private static let backends = [
        "ollama", "lemonade", "litellm", "llamacpp", "lmdeploy", "lm_studio", "omlx", "sglang", "vllm",
        "vllm-mlx", "openai_compatible", "docker-model-runner",
    ]
}
