extension KeyCatalog {
    /// Relaying.
    static let proxy: [Key<Configuration>] = [
        Key(
            "proxy.engine", \.proxy.engine, .choice(refusal: "unknown proxy implementation"),
            variable: "OLLA_PROXY_ENGINE", "what drives a request"),
        Key(
            "proxy.profile", \.proxy.profile, .choice(orElse: .auto), variable: "OLLA_PROXY_PROFILE",
            "flush each chunk: by content type, always, never"),
        Key(
            "proxy.load_balancer", \.proxy.loadBalancer,
            .choice(refusal: "unknown load balancer strategy"), variable: "OLLA_PROXY_LOAD_BALANCER",
            "how one of several candidates is chosen"),
        Key(
            "proxy.connection_timeout", \.proxy.connectionTimeout, .duration,
            "time for a TCP connect; 0 = `60s`"),
        Key(
            "proxy.connection_keep_alive", \.proxy.connectionKeepAlive, .duration,
            variable: "OLLA_PROXY_CONNECTION_KEEP_ALIVE", "TCP keep-alive period; 0 = `30s`"),
        Key(
            "proxy.response_timeout", \.proxy.responseTimeout, .duration,
            variable: "OLLA_PROXY_RESPONSE_TIMEOUT", "time for one whole exchange; 0 = none"),
        Key(
            "proxy.read_timeout", \.proxy.readTimeout, .duration, variable: "OLLA_PROXY_READ_TIMEOUT",
            "longest silence between body chunks; 0 = `60s`"),
        Key(
            "proxy.response_header_timeout", \.proxy.responseHeaderTimeout, .duration,
            variable: "OLLA_PROXY_RESPONSE_HEADER_TIMEOUT",
            "time from the request's last byte to the response head; 0 = `30s`"),
        Key(
            "proxy.tls_handshake_timeout", \.proxy.tlsHandshakeTimeout, .duration,
            variable: "OLLA_PROXY_TLS_HANDSHAKE_TIMEOUT", "time for a TLS handshake; 0 = `10s`"),
        Key(
            "proxy.stream_buffer_size", \.proxy.streamBufferSize, .integer(0...16_777_216),
            "largest single read in bytes; 0 = 65536 with olla, 8192 with sherpa"),
        Key(
            "proxy.profile_filter.include", \.proxy.profileFilter.include, .texts(),
            "globs of profiles to let in; empty lets all in"),
        Key(
            "proxy.profile_filter.exclude", \.proxy.profileFilter.exclude, .texts(),
            "globs of profiles to keep out; they win"),
        Key(
            "proxy.enforce_profile_paths", \.proxy.enforceProfilePaths, .boolean,
            "refuse paths that a profile does not list"),
        Key(
            "proxy.max_retries", \.proxy.maxRetries, .integer(),
            "deprecated, no effect: use `proxy.retry.max_attempts`"),
        Key("proxy.retry_backoff", \.proxy.retryBackoff, .signedDuration, "deprecated, no effect"),
    ]

    /// Retries, stickiness, queues and breakers.
    static let proxyResilience: [Key<Configuration>] = [
        Key(
            "proxy.sticky_sessions.enabled", \.proxy.stickySessions.enabled, .boolean,
            variable: "OLLA_PROXY_STICKY_SESSIONS_ENABLED", "keep a conversation on one endpoint"),
        Key(
            "proxy.sticky_sessions.idle_ttl_seconds", \.proxy.stickySessions.idleTTLSeconds, .integer(),
            "idle time after which a conversation is forgotten; 0 or less = never"),
        Key(
            "proxy.sticky_sessions.max_sessions", \.proxy.stickySessions.maxSessions,
            .integer(0...Int.max), "most conversations; 0 = no bound"),
        Key(
            "proxy.sticky_sessions.key_sources", \.proxy.stickySessions.keySources,
            .choices(skipsUnknown: true), "where the key of a conversation comes from, in order"),
        Key(
            "proxy.sticky_sessions.prefix_hash_bytes", \.proxy.stickySessions.prefixHashBytes, .integer(),
            "bytes of the messages that are hashed; 0 or less = all"),
        Key(
            "proxy.replay_buffer", \.proxy.replayBuffer, .integer(0...1_073_741_824),
            "bytes of a request body kept for a retry; a larger body is sent once"),
        Key("proxy.retry.enabled", \.proxy.retry.enabled, .boolean, "try another endpoint before the first byte"),
        Key(
            "proxy.retry.max_attempts", \.proxy.retry.maxAttempts, .integer(0...1_000),
            "most attempts of a request; 0 = every candidate once"),
        Key(
            "proxy.retry.on_status", \.proxy.retry.onStatus, .integers(400...599),
            "answers after which the next candidate is tried"),
        Key(
            "proxy.retry.on_header_timeout", \.proxy.retry.onHeaderTimeout, .boolean,
            "a POST goes on to the next candidate after a header time limit"),
        Key(
            "proxy.retry.budget_percent", \.proxy.retry.budgetPercent, .integer(0...100),
            "retries as a share of the requests of the last 10 s"),
        Key(
            "proxy.retry.budget_floor", \.proxy.retry.budgetFloor, .integer(0...1_000_000),
            "retries per 10 s that are always allowed"),
        Key(
            "proxy.queue.length", \.proxy.queue.length, .integer(0...1_000_000),
            "most requests that wait for a candidate set"),
        Key("proxy.queue.timeout", \.proxy.queue.timeout, .duration, "longest wait"),
        Key(
            "proxy.breaker.consecutive_failures", \.proxy.breaker.consecutiveFailures,
            .integer(1...1_000_000), "failures in a row that open it"),
        Key(
            "proxy.breaker.failure_ratio", \.proxy.breaker.failureRatio, .number(0.001...1),
            "share of failed attempts in the window that opens it"),
        Key(
            "proxy.breaker.min_attempts", \.proxy.breaker.minAttempts, .integer(1...1_000_000),
            "attempts in the window before the share counts"),
        Key("proxy.breaker.window", \.proxy.breaker.window, .duration, "window of the share; above 0"),
        Key("proxy.breaker.open", \.proxy.breaker.open, .duration, "time it stays open before one trial; above 0"),
    ]
}
