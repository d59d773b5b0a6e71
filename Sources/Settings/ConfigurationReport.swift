/// Writes what a load has found for people: for `--validate-config` and for a refused start.
public struct ConfigurationReport: Sendable {
    private let loaded: LoadedConfiguration

    /// Prepares a report.
    public init(_ loaded: LoadedConfiguration) { self.loaded = loaded }

    /// The exit code of `--validate-config`: 0 when there is neither an error nor a warning, else 1.
    public var exitCode: Int32 {
        (self.loaded.problems + self.loaded.companions.remarks).contains { problem in
            problem.severity >= .warning
        } ? 1 : 0
    }

    /// The whole answer of `--validate-config`, contract 1.8, ending in a line feed.
    ///
    /// Information stands below its source's line and never fails the validation.
    public var validation: String {
        let title = "Configuration validation"
        var lines = [title, String(repeating: "=", count: title.count)]
        lines += self.configurationLines
        let companions = self.loaded.companions
        lines += Self.companionLines(
            "models.yaml", companions.rulesPath.map { "loaded from \($0)" } ?? "using embedded defaults",
            companions.rulesProblems)
        lines += Self.companionLines(
            "profiles", "\(companions.profileCount) profile(s) loaded", companions.profileProblems)
        lines += ["", self.resultLine]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Every error of a refused start, one a line as `file:line: path: message`, ending in a line feed.
    public var refusal: String {
        let errors = self.loaded.errors
        let title = "configuration validation failed: \(Self.count(errors.count, "problem"))"
        return ([title] + errors.map { error in "  \(error)" }).joined(separator: "\n") + "\n"
    }

    private var configurationLines: [String] {
        let problems = self.loaded.problems
        let errors = problems.filter { problem in problem.severity == .error }
        let warnings = problems.filter { problem in problem.severity == .warning }
        let information = problems.filter { problem in problem.severity == .information }
        let source =
            self.loaded.path.isEmpty
            ? "(none found, using built-in defaults)" : "loaded from \(self.loaded.path)"
        let name = "config.yaml"
        if !errors.isEmpty {
            return [Self.line("[FAIL]", name, Self.count(errors.count, "error"))]
                + Self.list(errors + warnings + information)
        }
        if !warnings.isEmpty {
            return [Self.line("[WARN]", name, "\(Self.count(warnings.count, "issue")), \(source)")]
                + Self.list(warnings + information)
        }
        return [Self.line("[OK]", name, source)] + Self.list(information)
    }

    private static func companionLines(_ source: String, _ detail: String, _ problems: [Problem]) -> [String] {
        let issues = problems.count { problem in problem.severity >= .warning }
        guard issues > 0 else { return [Self.line("[OK]", source, detail)] + Self.list(problems) }
        return [Self.line("[WARN]", source, "\(Self.count(issues, "issue")), \(detail)")] + Self.list(problems)
    }

    private var resultLine: String {
        guard self.exitCode != 0 else { return "Result: PASS" }
        let failed = !self.loaded.errors.isEmpty
        return failed ? "Result: FAIL (the gateway would not start)" : "Result: FAIL (the gateway would start)"
    }

    private static func line(_ state: String, _ source: String, _ detail: String) -> String {
        "\(Self.padded(state, to: 6)) \(Self.padded(source, to: 12)) \(detail)"
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func list(_ problems: [Problem]) -> [String] {
        problems.map { problem in "  - \(Self.word(for: problem.severity))\(problem)" }
    }

    private static func word(for severity: Problem.Severity) -> String {
        severity == .information ? "information: " : ""
    }

    private static func count(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
