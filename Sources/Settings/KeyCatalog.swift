/// Names every key of the configuration once: this table reads files and variables, finds unknown keys, and
/// is the reference in docs/CONFIGURATION.md.
enum KeyCatalog {
    /// The keys of the file's top level, section by section.
    static let configuration = KeyTable<Configuration>(
        Self.server + Self.serverAccess + Self.serverLimits + Self.proxy + Self.proxyResilience
            + Self.discovery + Self.models + Self.observation)

    /// The keys of one element of `discovery.static.endpoints`.
    static let endpoint = KeyTable<Configuration.Endpoint>([
        Key("url", \.url, .text, "base URL: http or https, without credentials; required"),
        Key("name", \.name, .text, "name in headers, metrics and log lines; should be unique"),
        Key("type", \.type, .text, "profile name or one of its prefixes, `auto`, or empty, which means auto"),
        Key("priority", \.priority, .integer(0...Int.max), "rank; higher is preferred"),
        Key(
            "health_check_url", \.healthCheckURL, .optional(.text),
            "path or URL of the health probe; the profile's health path when absent"),
        Key(
            "model_url", \.modelURL, .optional(.text),
            "path or URL of the model list; the profile's models path when absent"),
        Key("check_interval", \.checkInterval, .duration, "time between two probes, at least `1s`"),
        Key(
            "check_timeout", \.checkTimeout, .duration,
            "time for one probe; below `check_interval`, at most `30s`"),
        Key("preserve_path", \.preservePath, .boolean, "keep the base URL's path in front of the request's"),
        Key("model_filter.include", \.modelFilter.include, .texts(), "globs of models to let in; empty lets all in"),
        Key("model_filter.exclude", \.modelFilter.exclude, .texts(), "globs of models to keep out; they win"),
        Key(
            "auth", \.authentication, .object(Self.authentication),
            "credential sent to the endpoint; its keys are below"),
        Key(
            "headers", \.headers, .headers(),
            "headers sent with every request and probe; values may hold `${NAME}`"),
        Key(
            "max_concurrent_requests", \.maxConcurrentRequests, .integer(0...1_000_000),
            "most requests at the same time; 0 = no cap"),
        Key("tls.ca_file", \.tls.authoritiesFile, .optional(.text), "PEM file of the authorities to trust"),
        Key("tls.insecure_skip_verify", \.tls.insecureSkipVerify, .boolean, "accept any certificate"),
        Key(
            "allow_foreign_credentials", \.allowForeignCredentials, .boolean,
            "forward the client's own credentials to this endpoint"),
    ])

    /// The keys of an endpoint's `auth`.
    static let authentication = KeyTable<Configuration.Authentication>([
        Key("type", \.type, .text, "`bearer`, `api_key` or `basic`; required"),
        Key("token", \.token, .optional(.secret), "for bearer: the token; may hold `${NAME}`"),
        Key("token_file", \.tokenFile, .optional(.text), "for bearer: a file instead of `token`"),
        Key("key", \.key, .optional(.secret), "for api_key: the key; may hold `${NAME}`"),
        Key("key_file", \.keyFile, .optional(.text), "for api_key: a file instead of `key`"),
        Key("header", \.header, .optional(.text), "for api_key: the header instead of `X-Api-Key`"),
        Key("username", \.username, .optional(.secret), "for basic: the user; may hold `${NAME}`"),
        Key("username_file", \.usernameFile, .optional(.text), "for basic: a file instead of `username`"),
        Key("password", \.password, .optional(.secret), "for basic: the password; may hold `${NAME}`"),
        Key("password_file", \.passwordFile, .optional(.text), "for basic: a file instead of `password`"),
    ])

    /// The keys of one element of `server.auth.keys`.
    static let clientKey = KeyTable<Configuration.ClientKey>([
        Key("name", \.name, .text, "name in metrics and log lines; required, unique"),
        Key("key", \.key, .optional(.secret), "the key itself"),
        Key("key_file", \.keyFile, .optional(.text), "a file that holds the key"),
        Key("sha256", \.sha256, .optional(.text), "the key's SHA-256 digest, 64 hexadecimal digits"),
        Key(
            "requests_per_minute", \.requestsPerMinute, .integer(0...Int.max),
            "most requests per minute; 0 = no limit"),
        Key(
            "tokens_per_minute", \.tokensPerMinute, .integer(0...Int.max),
            "most tokens per minute; 0 = no limit"),
    ])

    /// The list of endpoints; validation needs its path.
    static let endpointsPath = "discovery.static.endpoints"
}

extension KeyCatalog {
    /// Endpoints, and how their models are found.
    static let discovery: [Key<Configuration>] = [
        Key("discovery.type", \.discovery.type, .text, "only `static` exists"),
        Key(
            "discovery.refresh_interval", \.discovery.refreshInterval, .signedDuration,
            "no effect with a static list"),
        Key(
            Self.endpointsPath, \.discovery.endpoints, .objects(Self.endpoint),
            "the endpoints, at most 256; the keys of each are below; absent = one local Ollama; may be empty"),
        Key(
            "discovery.model_discovery.enabled", \.discovery.modelDiscovery.enabled, .boolean,
            "ask the endpoints for their models"),
        Key(
            "discovery.model_discovery.interval", \.discovery.modelDiscovery.interval, .signedDuration,
            "time between two passes; above 0 when enabled"),
        Key(
            "discovery.model_discovery.timeout", \.discovery.modelDiscovery.timeout, .signedDuration,
            "time for one endpoint; above 0 when enabled"),
        Key(
            "discovery.model_discovery.concurrent_workers", \.discovery.modelDiscovery.concurrentWorkers,
            .integer(), "endpoints asked at the same time; above 0 when enabled"),
        Key(
            "discovery.model_discovery.retry_attempts", \.discovery.modelDiscovery.retryAttempts,
            .integer(0...100), "extra attempts after network errors and 5xx"),
        Key(
            "discovery.model_discovery.retry_backoff", \.discovery.modelDiscovery.retryBackoff, .duration,
            "wait before the first extra attempt; it doubles"),
        Key(
            "discovery.engine_poll_interval", \.discovery.enginePollInterval, .duration,
            "time between two questions for an engine's load, at least `1s`; 0 = never asked"),
    ]

    /// The registry, aliases and translators.
    static let models: [Key<Configuration>] = [
        Key(
            "model_registry.type", \.modelRegistry.type, .text, variable: "OLLA_MODEL_REGISTRY_TYPE",
            "only `memory` exists"),
        Key(
            "model_registry.enable_unifier", \.modelRegistry.enableUnifier, .boolean,
            variable: "OLLA_MODEL_UNIFIER_ENABLED", "list equal models of several endpoints as one"),
        Key(
            "model_registry.routing_strategy.type", \.modelRegistry.routingStrategy.kind,
            .choice(orElse: .strict), "what happens when no candidate has the model"),
        Key(
            "model_registry.routing_strategy.options.fallback_behavior",
            \.modelRegistry.routingStrategy.fallbackBehavior,
            .choice(refusal: "unknown fallback behavior"), "which endpoints may stand in"),
        Key(
            "model_registry.routing_strategy.options.discovery_timeout",
            \.modelRegistry.routingStrategy.discoveryTimeout, .signedDuration,
            "wait for fresh model lists; 0 or less = `2s`"),
        Key(
            "model_registry.routing_strategy.options.discovery_refresh_on_miss",
            \.modelRegistry.routingStrategy.discoveryRefreshOnMiss, .boolean,
            "ask the endpoints again when a model is missing"),
        Key(
            "model_registry.unification.stale_threshold", \.modelRegistry.unification.staleThreshold,
            .signedDuration, "age at which an unseen record is dropped; 0 or less = `24h`"),
        Key(
            "model_registry.unification.cleanup_interval", \.modelRegistry.unification.cleanupInterval,
            .signedDuration, "least time between two clean-ups; 0 or less = `5m`"),
        Key("model_aliases", \.modelAliases, .aliases(), "alias → real model names"),
        Key(
            "translators.anthropic.enabled", \.translators.anthropic.enabled, .boolean,
            variable: "OLLA_TRANSLATORS_ANTHROPIC_ENABLED", "the Anthropic routes exist"),
        Key(
            "translators.anthropic.passthrough_enabled", \.translators.anthropic.passthroughEnabled,
            .boolean, variable: "OLLA_TRANSLATORS_ANTHROPIC_PASSTHROUGH_ENABLED",
            "endpoints that speak the dialect get the request untranslated"),
        Key(
            "translators.anthropic.max_message_size", \.translators.anthropic.maxMessageSize,
            .integer(0...104_857_600), variable: "OLLA_TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE",
            "largest message in bytes, at most 104857600; 0 = the default"),
        Key(
            "translators.anthropic.ping_interval", \.translators.anthropic.pingInterval, .duration,
            "silence after which a translated stream gets a `ping`; 0 = never"),
        Key(
            "translators.anthropic.inspector.enabled", \.translators.anthropic.inspector.enabled, .boolean,
            "write exchanges to files, for developers; never in production"),
        Key(
            "translators.anthropic.inspector.output_dir",
            \.translators.anthropic.inspector.outputDirectory, .text,
            "folder for them; not in a system folder; empty = `./inspector-logs`"),
        Key(
            "translators.anthropic.inspector.session_header",
            \.translators.anthropic.inspector.sessionHeader, .text,
            "request header that groups exchanges; an HTTP token, no credential"),
    ]

    /// Logs, the dashboard, metrics and tracing.
    static let observation: [Key<Configuration>] = [
        Key(
            "logging.level", \.logging.level, .choice(orElse: .info, normalize: Self.levelName),
            variable: "OLLA_LOGGING_LEVEL", "least severity that is written"),
        Key(
            "logging.format", \.logging.format,
            .choice(orElse: .json) { text in text.lowercased() }, variable: "OLLA_LOGGING_FORMAT",
            "shape of a line; on a terminal text wins unless the variable is set"),
        Key(
            "logging.output", \.logging.output, .choice(orElse: .stdout) { text in text.lowercased() },
            "`file` adds a rotating file beside standard output"),
        Key(
            "engineering.show_nerdstats", \.engineering.showNerdStats, .boolean,
            variable: "OLLA_SHOW_NERD_STATS", "log process statistics at shutdown"),
        Key("dashboard.enabled", \.dashboard.enabled, .boolean, "the dashboard page exists"),
        Key(
            "dashboard.access_policy.allowed_cidrs", \.dashboard.allowedCIDRs, .texts(),
            "peers that may see it; not empty while enabled"),
        Key(
            "dashboard.access_policy.allowed_hosts", \.dashboard.allowedHosts, .texts(),
            "`Host` values accepted besides address literals"),
        Key(
            "dashboard.gate_internal_api", \.dashboard.gateInternalAPI, .boolean,
            "the same policy for `/internal/*` and `/version`"),
        Key(
            "metrics.views", \.metrics.views, .choices(skipsUnknown: false),
            "further sets of metric names over the same measurements"),
        Key(
            "metrics.max_models", \.metrics.maxModels, .integer(1...10_000),
            "most model names with series of their own"),
        Key(
            "metrics.model_endpoint_pairs", \.metrics.modelEndpointPairs, .boolean,
            "series by model and endpoint"),
        Key(
            "metrics.native_histograms", \.metrics.nativeHistograms, .texts(),
            "histogram families that are also native ones"),
        Key("metrics.openmetrics_2", \.metrics.openMetrics2, .boolean, "offer OpenMetrics 2.0"),
        Key(
            "tracing.otlp.endpoint", \.tracing.endpoint, .optional(.text),
            "collector's URL for spans by OTLP/HTTP; absent = none are sent"),
        Key("tracing.otlp.sample_ratio", \.tracing.sampleRatio, .number(0...1), "share of traces, 0…1"),
        Key("tracing.otlp.timeout", \.tracing.timeout, .duration, "time for one export"),
        Key(
            "tracing.otlp.queue", \.tracing.queue, .integer(1...1_000_000),
            "most spans that wait; more are dropped and counted"),
    ]

    @Sendable
    private static func levelName(_ text: String) -> String {
        let lowered = text.lowercased()
        return lowered == "warning" ? "warn" : lowered
    }
}
