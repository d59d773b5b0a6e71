import Testing

/// The checks of the contract (routing-and-config 10), and of what it says elsewhere about configuration and models, each
/// with the tests that make it.
@Suite("Acceptance checks of routing and configuration")
struct AcceptanceTests {
    private static let table: [(check: String, file: String, test: String)] = [
        ("1 every key loads, 11 profiles, PASS", "SettingsTests/KeyCatalogTests.swift", "everyKey"),
        ("1 the report's form", "SettingsTests/ConfigurationReportTests.swift", "defaults"),
        ("2 durations and sizes", "SettingsTests/CodecTests.swift", "wrongKinds"),
        ("2 literals", "SettingsTests/LiteralsTests.swift", "durations"),
        ("3 interpolation", "SettingsTests/SecretResolverTests.swift", "interpolation"),
        ("3 unset variables", "SettingsTests/SecretResolverTests.swift", "missingVariables"),
        ("4 credentials in a URL", "SettingsTests/ValidationTests.swift", "userInfo"),
        ("5 endpoint limits", "SettingsTests/ValidationTests.swift", "errors"),
        ("5 unknown type", "SettingsTests/ValidationTests.swift", "unknownType"),
        ("5 exit status", "SystemTests/BinaryTests.swift", "invalid"),
        ("6 fifteen prefixes", "PipelineTests/PathRouterTests.swift", "providerSubtrees"),
        ("6 no sixteenth", "PipelineTests/PathRouterTests.swift", "notFound"),
        ("7 a provider without endpoints", "ConformanceTests/RoutingTests.swift", "providers"),
        ("8 strict", "ConformanceTests/RoutingTests.swift", "models"),
        ("9 every row", "RoutingTests/StrategyTests.swift", "decides"),
        ("9 optimistic", "ConformanceTests/StrategyTests.swift", "optimistic"),
        ("9 discovery", "ConformanceTests/StrategyTests.swift", "discovery"),
        ("10 base path", "ConformanceTests/PathTests.swift", "forwarded"),
        ("10 preserve_path", "ConformanceTests/PathTests.swift", "preserved"),
        ("11 refused", "ConformanceTests/RoutingTests.swift", "failover"),
        (
            "11 no retry once the answer has begun", "ConformanceTests/StreamFailureTests.swift",
            "openAI"
        ),
        ("12 hung before headers", "ConformanceTests/RoutingTests.swift", "headTimeout"),
        ("12 breaker", "ConformanceTests/RoutingTests.swift", "breaker"),
        ("13 killed mid-SSE", "ConformanceTests/StreamFailureTests.swift", "openAI"),
        (
            "14 round-robin", "RoutingTests/BalancerTests.swift",
            "`round-robin goes through the candidates in configuration order, whatever their weight`"
        ),
        (
            "14 priority", "RoutingTests/BalancerTests.swift",
            "`priority takes the highest tier and the next only when that is gone`"
        ),
        (
            "14 least-connections", "RoutingTests/BalancerTests.swift",
            "`least-connections takes the least loaded, whatever its priority and weight`"
        ),
        ("15 miss, hit, repin", "ConformanceTests/StickyTests.swift", "moves"),
        ("15 header set", "ConformanceTests/StickyTests.swift", "sources"),
        ("15 hash", "RoutingTests/StickySessionsTests.swift", "hash"),
        ("16 byte-exact rewrite", "ConformanceTests/RoutingTests.swift", "alias"),
        ("16 rewritten again on failover", "ConformanceTests/RoutingTests.swift", "aliasFailover"),
        ("16 aliases across endpoints", "CatalogTests/ModelRulesTests.swift", "alias"),
        ("17 filters at discovery", "SupervisionTests/SupervisorDiscoveryTests.swift", "firstDiscovery"),
        ("17 patterns at validation", "SettingsTests/ValidationTests.swift", "filters"),
        ("18 waits of a failing endpoint", "SupervisionTests/SupervisorHealthTests.swift", "backoff"),
        ("18 states", "SupervisionTests/SupervisorHealthTests.swift", "states"),
        ("18 Retry-After", "SupervisionTests/SupervisorHealthTests.swift", "rateLimited"),
        ("18 recovery rediscovers", "SupervisionTests/SupervisorDiscoveryTests.swift", "recovery"),
        ("19 vanished models", "SupervisionTests/SupervisorDiscoveryTests.swift", "interval"),
        ("20 what each profile pushes on", "ConformanceTests/FlushTests.swift", "profiles"),
        ("2.1 custom profiles", "SettingsTests/CompanionsTests.swift", "custom"),
        ("2.7 profile filter", "SettingsTests/CompanionsTests.swift", "filter"),
        ("1.9 model rules", "SettingsTests/CompanionsTests.swift", "sections"),
        ("4.5 detection", "SupervisionTests/SupervisorDiscoveryTests.swift", "openAIShaped"),
        ("7.2 digests", "CatalogTests/ModelRulesTests.swift", "digests"),
        ("7.5 refresh on a miss", "SupervisionTests/ReconfigurationTests.swift", "refresh"),
        ("1.10 reload", "ConformanceTests/ReloadTests.swift", "streams"),
    ]

    @Test("Every check has its test")
    func table() throws {
        let files = try SourceFile.tests.get()
        for row in Self.table {
            let file = files.first { $0.path == "Tests/\(row.file)" }
            let found = file?.code.contains { $0.contains("func \(row.test)(") } ?? false
            #expect(found, "\(row.check): \(row.file) has no test \(row.test)")
        }
    }
}
