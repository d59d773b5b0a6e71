import Testing

@testable import Settings

@Suite("Configuration report")
struct ConfigurationReportTests {
    @Test("Without any file the built-in defaults pass")
    func defaults() throws {
        let report = ConfigurationReport(try Fixture().load())
        #expect(report.exitCode == 0)
        #expect(
            report.validation == """
                Configuration validation
                ========================
                [OK]   config.yaml  (none found, using built-in defaults)
                [OK]   models.yaml  using embedded defaults
                [OK]   profiles     11 profile(s) loaded

                Result: PASS

                """)
    }

    @Test("Information stands below its source and does not fail")
    func information() throws {
        let fixture = try Fixture().write("server: {colour: blue}", to: "config.yaml")
        try fixture.write("version: 1", to: "config/models.yaml")
        try fixture.write("name: a", to: "config/profiles/a.yaml").write("name: b", to: "config/profiles/x/b.yaml")
        try fixture.write("name: c", to: "config/profiles/c.yml")
        let loaded = fixture.load()
        let report = ConfigurationReport(loaded)
        #expect(report.exitCode == 0)
        #expect(
            report.validation == """
                Configuration validation
                ========================
                [OK]   config.yaml  loaded from config.yaml
                  - information: config.yaml:1: server.colour: unknown key, ignored
                [OK]   models.yaml  loaded from config/models.yaml
                [OK]   profiles     13 profile(s) loaded

                Result: PASS

                """)
        #expect(loaded.remarks.count == 1)
    }

    @Test("A warning makes the validation fail, with the count and a line for each")
    func warnings() throws {
        let yaml = "server: {rate_limits: {burst_size: 0}}\nlogging: {level: loud}"
        let report = ConfigurationReport(try Fixture.load(yaml))
        #expect(report.exitCode == 1)
        #expect(
            report.validation.split(separator: "\n").dropFirst(2).prefix(3) == [
                "[WARN] config.yaml  2 issues, loaded from config.yaml",
                "  - config.yaml:1: server.rate_limits.burst_size: 0 refuses every limited request",
                "  - config.yaml:2: logging.level: unknown value \"loud\"; info is used; known: debug, info, warn, error",
            ])
        #expect(report.validation.hasSuffix("\nResult: FAIL (the gateway would start)\n"))
    }

    @Test("An error makes the validation fail, and the same lines refuse the start")
    func errors() throws {
        let report = ConfigurationReport(try Fixture.load("server: {port: 0}\nproxy: {engine: x}"))
        #expect(report.exitCode == 1)
        #expect(report.validation.contains("\n[FAIL] config.yaml  2 errors\n  - config.yaml:1: server.port: "))
        #expect(report.validation.hasSuffix("\nResult: FAIL (the gateway would not start)\n"))
        #expect(
            report.refusal == """
                configuration validation failed: 2 problems
                  config.yaml:1: server.port: must be from 1 to 65535, not 0
                  config.yaml:2: proxy.engine: unknown proxy implementation "x"; known: olla, sherpa

                """)
    }
}
