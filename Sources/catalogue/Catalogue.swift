import ArgumentParser
import Foundation

/// `catalogue`: the metric catalogue as documentation, and as the judge of every query.
@main
struct Catalogue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalogue",
        abstract: "Write the metric catalogue as documentation, and check documentation and queries against it.",
        subcommands: [MarkdownCommand.self, CheckCommand.self])
}

/// `catalogue markdown`.
struct MarkdownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "markdown", abstract: "Write docs/METRICS.md from the catalogue.")

    @Option(help: "The file to write; - is the standard output.")
    var output = CatalogPage.path

    func run() throws {
        let page = CatalogPage.markdown()
        if self.output == "-" {
            print(page, terminator: "")
        } else {
            try Data(page.utf8).write(to: URL(fileURLWithPath: self.output))
        }
    }
}

/// `catalogue check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check documentation, dashboards and rules against the catalogue.",
        discussion: """
            The word "docs" checks that docs/METRICS.md is what `catalogue markdown` writes. Files are dashboards \
            (.json) and rules, tests of rules or PrometheusRule resources (.yml, .yaml): every PromQL expression in \
            them is read, and every metric, label and closed label value it names must exist. Give the rule files \
            together with the dashboards that use what they record.
            """)

    @Option(help: "A further label that Prometheus adds to every series; may be repeated.")
    var targetLabel: [String] = []

    @Argument(help: "The word docs, and files.")
    var what: [String]

    func run() throws {
        var findings: [String] = []
        if self.what.contains("docs") {
            let now = (try? Data(contentsOf: URL(fileURLWithPath: CatalogPage.path))) ?? Data()
            if now != Data(CatalogPage.markdown().utf8) {
                findings.append("\(CatalogPage.path) differs from the catalogue: run `swift run catalogue markdown`")
            }
        }
        let files = self.what.filter { $0 != "docs" }
        var check = QueryCheck(targetLabels: self.targetLabel)
        for file in files {
            guard let data = FileManager.default.contents(atPath: file) else {
                findings.append("\(file): cannot be read")
                continue
            }
            check.add(data, named: file)
        }
        check.finish()
        findings += check.findings
        for finding in findings { print(finding) }
        if !findings.isEmpty { throw ExitCode.failure }
        if !files.isEmpty { print("\(check.count) expressions in \(files.count) files agree with the catalogue") }
    }
}
