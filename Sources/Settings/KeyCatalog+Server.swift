extension KeyCatalog {
    /// The listener.
    static let server: [Key<Configuration>] = [
        Key(
            "server.host", \.server.host, .text, variable: "OLLA_SERVER_HOST",
            "address to bind; IPv6 literals in brackets"),
        Key("server.port", \.server.port, .integer(1...65_535), variable: "OLLA_SERVER_PORT", "port to bind"),
        Key(
            "server.read_timeout", \.server.readTimeout, .duration,
            variable: "OLLA_SERVER_READ_TIMEOUT", "longest silence while reading a request; 0 = none"),
        Key(
            "server.read_header_timeout", \.server.readHeaderTimeout, .duration,
            variable: "OLLA_SERVER_READ_HEADER_TIMEOUT", "time for a whole request head; 0 = `10s`"),
        Key(
            "server.write_timeout", \.server.writeTimeout, .duration,
            variable: "OLLA_SERVER_WRITE_TIMEOUT", "time for a whole response; 0 = none, as streaming needs"),
        Key(
            "server.idle_timeout", \.server.idleTimeout, .duration,
            "idle time of a kept-alive connection; 0 = `server.read_timeout`"),
        Key("server.shutdown_timeout", \.server.shutdownTimeout, .duration, "time that draining may take"),
        Key("server.request_logging", \.server.requestLogging, .boolean, "one line per request"),
        Key(
            "server.event_loops", \.server.eventLoops, .integer(0...1_024),
            variable: "GLASSPOT_EVENT_LOOPS", "number of event loops; 0 = one per core"),
        Key("server.watch_config", \.server.watchConfig, .boolean, "load the file again when it changes"),
        Key(
            "server.drain_delay", \.server.drainDelay, .duration,
            "time between not being ready and closing the listener"),
        Key("server.product_name", \.server.productName, .text, "product token in `X-Served-By`"),
    ]

    /// TLS, the second listener, client keys and cross-origin rules.
    static let serverAccess: [Key<Configuration>] = [
        Key(
            "server.tls.cert_file", \.server.tls.certificateFile, .optional(.text),
            "PEM file of the certificate chain; switches TLS on, with `key_file`"),
        Key("server.tls.key_file", \.server.tls.keyFile, .optional(.text), "PEM file of the private key"),
        Key(
            "server.tls.client_ca_file", \.server.tls.clientAuthoritiesFile, .optional(.text),
            "PEM file of authorities; clients must present a certificate of theirs"),
        Key(
            "server.admin.host", \.server.admin.host, .optional(.text),
            "address of a listener of its own for `/internal/*` and `/version`; absent = `server.host`"),
        Key(
            "server.admin.port", \.server.admin.port, .optional(.integer(1...65_535)),
            "port of that listener; absent = there is none"),
        Key(
            "server.auth.header", \.server.auth.header, .optional(.text),
            "header for client keys besides `Authorization` and `x-api-key`"),
        Key(
            "server.auth.keys", \.server.auth.keys, .objects(Self.clientKey),
            "client keys; empty = everybody; the keys of each are below"),
        Key(
            "server.allow_model_management", \.server.allowModelManagement, .boolean,
            "forward the model management calls that are refused otherwise"),
        Key(
            "server.cors.enabled", \.server.cors.enabled, .boolean, variable: "OLLA_SERVER_CORS_ENABLED",
            "cross-origin rules act; the others are checked only then"),
        Key(
            "server.cors.allowed_origins", \.server.cors.allowedOrigins, .texts(),
            variable: "OLLA_SERVER_CORS_ALLOWED_ORIGINS", "exact, `*`, or with one `*` inside; not empty"),
        Key(
            "server.cors.allowed_methods", \.server.cors.allowedMethods, .texts(),
            variable: "OLLA_SERVER_CORS_ALLOWED_METHODS", "methods"),
        Key(
            "server.cors.allowed_headers", \.server.cors.allowedHeaders, .texts(),
            variable: "OLLA_SERVER_CORS_ALLOWED_HEADERS", "request headers"),
        Key(
            "server.cors.exposed_headers", \.server.cors.exposedHeaders, .texts(),
            variable: "OLLA_SERVER_CORS_EXPOSED_HEADERS",
            "response headers that scripts may read; empty = the gateway's own"),
        Key(
            "server.cors.allow_credentials", \.server.cors.allowCredentials, .boolean,
            variable: "OLLA_SERVER_CORS_ALLOW_CREDENTIALS", "allow credentials; not with a `*` origin"),
        Key(
            "server.cors.max_age", \.server.cors.maxAge, .integer(),
            variable: "OLLA_SERVER_CORS_MAX_AGE", "seconds a preflight may be remembered"),
    ]

    /// Sizes and rates.
    static let serverLimits: [Key<Configuration>] = [
        Key(
            "server.request_limits.max_body_size", \.server.requestLimits.maxBodySize, .size,
            variable: "OLLA_SERVER_MAX_BODY_SIZE", "largest request body; 0 or less = no limit"),
        Key(
            "server.request_limits.max_header_size", \.server.requestLimits.maxHeaderSize, .size,
            variable: "OLLA_SERVER_MAX_HEADER_SIZE",
            "largest request head; 0 or less = `1048576`, below 4096 = `4096`"),
        Key(
            "server.rate_limits.global_requests_per_minute",
            \.server.rateLimits.globalRequestsPerMinute, .integer(),
            variable: "OLLA_SERVER_GLOBAL_RATE_LIMIT", "for all clients together; 0 or less = off"),
        Key(
            "server.rate_limits.per_ip_requests_per_minute", \.server.rateLimits.perIPRequestsPerMinute,
            .integer(), variable: "OLLA_SERVER_PER_IP_RATE_LIMIT",
            "for each client address; 0 or less = off"),
        Key(
            "server.rate_limits.health_requests_per_minute",
            \.server.rateLimits.healthRequestsPerMinute, .integer(),
            variable: "OLLA_SERVER_HEALTH_RATE_LIMIT",
            "for each client address on `/internal/health`, with `limit_health`"),
        Key(
            "server.rate_limits.burst_size", \.server.rateLimits.burstSize, .integer(0...Int.max),
            variable: "OLLA_SERVER_RATE_BURST_SIZE", "size of each bucket; 0 refuses every limited request"),
        Key(
            "server.rate_limits.cleanup_interval", \.server.rateLimits.cleanupInterval, .signedDuration,
            variable: "OLLA_SERVER_RATE_CLEANUP_INTERVAL",
            "no effect: buckets take fixed room and need no clean-up"),
        Key(
            "server.rate_limits.trust_proxy_headers", \.server.rateLimits.trustProxyHeaders, .boolean,
            variable: "OLLA_SERVER_TRUST_PROXY_HEADERS", "believe forwarded client addresses"),
        Key(
            "server.rate_limits.trusted_proxy_cidrs", \.server.rateLimits.trustedProxyCIDRs,
            .texts(trims: true), variable: "OLLA_SERVER_TRUSTED_PROXY_CIDRS",
            "peers whose forwarded addresses are believed; empty = none"),
        Key(
            "server.rate_limits.limit_health", \.server.rateLimits.limitHealth, .boolean,
            "limit `/internal/health` too"),
    ]
}
