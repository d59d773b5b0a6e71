import Testing

/// The checks of the contract (routing-and-config 10) that concern configuration, profiles, health and models, each with
/// the tests that make it.
@Suite("Acceptance checks of configuration, profiles, health and models")
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
        ("16 aliases across endpoints", "CatalogTests/ModelRulesTests.swift", "alias"),
        ("17 filters at discovery", "SupervisionTests/SupervisorDiscoveryTests.swift", "firstDiscovery"),
        ("17 patterns at validation", "SettingsTests/ValidationTests.swift", "filters"),
        ("18 waits of a failing endpoint", "SupervisionTests/SupervisorHealthTests.swift", "backoff"),
        ("18 states", "SupervisionTests/SupervisorHealthTests.swift", "states"),
        ("18 Retry-After", "SupervisionTests/SupervisorHealthTests.swift", "rateLimited"),
        ("18 recovery rediscovers", "SupervisionTests/SupervisorDiscoveryTests.swift", "recovery"),
        ("19 vanished models", "SupervisionTests/SupervisorDiscoveryTests.swift", "interval"),
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
