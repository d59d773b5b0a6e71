import Domain
import Testing

@testable import Journal

@Suite("How the environment and the configuration decide the log")
struct ConfigurationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var environment: [String: String] = [:]
        var isTerminal = false
        var format = Logbook.Configuration.Format.json
        var isColoured = false
        var level = LogLevel.info
        var warningCount = 0
        var testDescription: String { "\(self.environment) terminal \(self.isTerminal)" }
    }

    @Test(
        "before a configuration is read",
        arguments: [
            Case(),
            Case(isTerminal: true, format: .text, isColoured: true),
            Case(environment: ["OLLA_PRETTY_LOGS": "false"], isTerminal: true, isColoured: true),
            Case(environment: ["OLLA_LOGGING_FORMAT": "json"], isTerminal: true, isColoured: true),
            Case(environment: ["OLLA_LOGGING_FORMAT": "text"], format: .text),
            Case(environment: ["OLLA_LOGGING_FORMAT": "xml"], warningCount: 1),
            Case(environment: ["OLLA_LOGGING_FORMAT": "pretty"], format: .text, isColoured: true),
            Case(environment: ["OLLA_LOGGING_FORMAT": "pretty", "NO_COLOR": "1"], format: .text),
            Case(environment: ["NO_COLOR": "1", "FORCE_COLOR": "1"], isTerminal: true, format: .text),
            Case(environment: ["FORCE_COLOR": "0"]),
            Case(environment: ["FORCE_COLOR": "1"], isColoured: true),
            Case(environment: ["OLLA_FORCE_COLORS": "true"], isColoured: true),
            Case(environment: ["OLLA_LOG_LEVEL": "Warning"], level: .warn),
            Case(environment: ["OLLA_LOG_LEVEL": "loud"], warningCount: 1),
            Case(environment: ["OLLA_PRETTY_LOGS": "maybe"], warningCount: 1),
        ])
    func bootstrap(expected: Case) {
        var warnings: [String] = []
        let configuration = Logbook.Configuration(
            environment: expected.environment, isTerminal: expected.isTerminal, warnings: &warnings)
        #expect(configuration.format == expected.format)
        #expect(configuration.isColoured == expected.isColoured)
        #expect(configuration.level == expected.level)
        #expect(configuration.showsAccessLog != expected.isTerminal)
        #expect(configuration.file == nil)
        #expect(warnings.count == expected.warningCount)
    }

    @Test("once a configuration is read")
    func configured() {
        var warnings: [String] = []
        let configuration = Logbook.Configuration(
            level: "ERROR", format: "text", output: "file",
            environment: ["OLLA_LOG_DIR": "/x", "OLLA_LOG_SIZE_MB": "3", "OLLA_LOG_MAX_BACKUPS": "0"],
            isTerminal: false, warnings: &warnings)
        #expect(warnings.isEmpty)
        #expect(configuration.level == .error)
        #expect(configuration.format == .text)
        var file = LogFile()
        file.directory = "/x"
        file.bytesMax = 3 << 20
        file.backupsMax = 0
        #expect(configuration.file == file)
    }

    @Test("a terminal gets text unless OLLA_LOGGING_FORMAT decides")
    func terminal() {
        var warnings: [String] = []
        var environment: [String: String] = [:]
        for expected in [Logbook.Configuration.Format.text, .json] {
            let configuration = Logbook.Configuration(
                level: "info", format: "json", output: "stdout", environment: environment, isTerminal: true,
                warnings: &warnings)
            #expect(configuration.format == expected)
            environment["OLLA_LOGGING_FORMAT"] = "json"
        }
    }

    @Test("names everything it can't read and uses the defaults")
    func invalid() {
        var warnings: [String] = []
        let configuration = Logbook.Configuration(
            level: "loud", format: "xml", output: "syslog",
            environment: [:], isTerminal: false, warnings: &warnings)
        #expect(configuration.level == .info)
        #expect(configuration.format == .json)
        #expect(configuration.file == nil)
        #expect(warnings.count == 3)
        for (name, warning) in zip(["logging.level", "logging.format", "logging.output"], warnings) {
            #expect(warning.hasPrefix(name))
        }
        warnings = []
        let file = LogFile(
            environment: ["OLLA_LOG_SIZE_MB": "0", "OLLA_LOG_MAX_AGE_DAYS": "x", "OLLA_LOG_DIR": ""],
            warnings: &warnings)
        #expect(file == LogFile())
        #expect(warnings.count == 2)
    }
}
