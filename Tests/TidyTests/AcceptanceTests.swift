import Testing

/// The checks of the contract (routing-and-config 10), and of what it says elsewhere about configuration and models, each
/// with the tests that make it.
@Suite("Acceptance checks of routing and configuration")
struct AcceptanceTests {
    private static let table: [ContractRow] = [
        .init("1 every key loads, 11 profiles, PASS", "SettingsTests/KeyCatalogTests.swift", "everyKey"),
        .init("1 the report's form", "SettingsTests/ConfigurationReportTests.swift", "defaults"),
        .init("2 durations and sizes", "SettingsTests/CodecTests.swift", "wrongKinds"),
        .init("2 literals", "SettingsTests/LiteralsTests.swift", "durations"),
        .init("3 interpolation", "SettingsTests/SecretResolverTests.swift", "interpolation"),
        .init("3 unset variables", "SettingsTests/SecretResolverTests.swift", "missingVariables"),
        .init("4 credentials in a URL", "SettingsTests/ValidationTests.swift", "userInfo"),
        .init("5 endpoint limits", "SettingsTests/ValidationTests.swift", "errors"),
        .init("5 unknown type", "SettingsTests/ValidationTests.swift", "unknownType"),
        .init("5 exit status", "SystemTests/BinaryTests.swift", "invalid"),
        .init("6 fifteen prefixes", "PipelineTests/PathRouterTests.swift", "providerSubtrees"),
        .init("6 no sixteenth", "PipelineTests/PathRouterTests.swift", "notFound"),
        .init("7 a provider without endpoints", "ConformanceTests/RoutingTests.swift", "providers"),
        .init("8 strict", "ConformanceTests/RoutingTests.swift", "models"),
        .init("9 every row", "RoutingTests/StrategyTests.swift", "decides"),
        .init("9 optimistic", "ConformanceTests/StrategyTests.swift", "optimistic"),
        .init("9 discovery", "ConformanceTests/StrategyTests.swift", "discovery"),
        .init("10 base path", "ConformanceTests/PathTests.swift", "forwarded"),
        .init("10 preserve_path", "ConformanceTests/PathTests.swift", "preserved"),
        .init("11 refused", "ConformanceTests/RoutingTests.swift", "failover"),
        .init(
            "11 no retry once the answer has begun", "ConformanceTests/StreamFailureTests.swift",
            "openAI"
        ),
        .init("12 hung before headers", "ConformanceTests/RoutingTests.swift", "headTimeout"),
        .init("12 breaker", "ConformanceTests/RoutingTests.swift", "breaker"),
        .init("13 killed mid-SSE", "ConformanceTests/StreamFailureTests.swift", "openAI"),
        .init(
            "14 round-robin", "RoutingTests/BalancerTests.swift",
            "`round-robin goes through the candidates in configuration order, whatever their weight`"
        ),
        .init(
            "14 priority", "RoutingTests/BalancerTests.swift",
            "`priority takes the highest tier and the next only when that is gone`"
        ),
        .init(
            "14 least-connections", "RoutingTests/BalancerTests.swift",
            "`least-connections takes the least loaded, whatever its priority and weight`"
        ),
        .init("15 miss, hit, repin", "ConformanceTests/StickyTests.swift", "moves"),
        .init("15 header set", "ConformanceTests/StickyTests.swift", "sources"),
        .init("15 hash", "RoutingTests/StickySessionsTests.swift", "hash"),
        .init("16 byte-exact rewrite", "ConformanceTests/RoutingTests.swift", "alias"),
        .init("16 rewritten again on failover", "ConformanceTests/RoutingTests.swift", "aliasFailover"),
        .init("16 aliases across endpoints", "CatalogTests/ModelRulesTests.swift", "alias"),
        .init("17 filters at discovery", "SupervisionTests/SupervisorDiscoveryTests.swift", "firstDiscovery"),
        .init("17 patterns at validation", "SettingsTests/ValidationTests.swift", "filters"),
        .init("18 waits of a failing endpoint", "SupervisionTests/SupervisorHealthTests.swift", "backoff"),
        .init("18 states", "SupervisionTests/SupervisorHealthTests.swift", "states"),
        .init("18 Retry-After", "SupervisionTests/SupervisorHealthTests.swift", "rateLimited"),
        .init("18 recovery rediscovers", "SupervisionTests/SupervisorDiscoveryTests.swift", "recovery"),
        .init("19 vanished models", "SupervisionTests/SupervisorDiscoveryTests.swift", "interval"),
        .init("20 what each profile pushes on", "ConformanceTests/FlushTests.swift", "profiles"),
        .init("2.1 custom profiles", "SettingsTests/CompanionsTests.swift", "custom"),
        .init("2.7 profile filter", "SettingsTests/CompanionsTests.swift", "filter"),
        .init("1.9 model rules", "SettingsTests/CompanionsTests.swift", "sections"),
        .init("4.5 detection", "SupervisionTests/SupervisorDiscoveryTests.swift", "openAIShaped"),
        .init("7.2 digests", "CatalogTests/ModelRulesTests.swift", "digests"),
        .init("7.5 refresh on a miss", "SupervisionTests/ReconfigurationTests.swift", "refresh"),
        .init("1.10 reload", "ConformanceTests/ReloadTests.swift", "streams"),
    ]

    @Test("Every check has its test")
    func table() throws {
        try ContractRow.check(Self.table)
    }
}
