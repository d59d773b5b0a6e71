import Foundation
import PromQL
import Telemetry
import Testing

@testable import catalogue

@Suite struct CatalogPageTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test func theDocumentationIsWhatTheCatalogueSays() throws {
        let file = Self.root.appendingPathComponent(CatalogPage.path)
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text == CatalogPage.markdown(), "run `swift run catalogue markdown`")
    }

    @Test(arguments: MetricCatalog.rows)
    func everyFamilyIsDescribed(row: CatalogRow) {
        let page = CatalogPage.markdown()
        #expect(page.contains("\n### \(row.name)\n\n\(row.help)\n"))
        #expect(page.contains("| [`\(row.name)`](#\(row.name)) |"))
        for label in row.labels {
            guard case .closed(let values) = label.values else { continue }
            #expect(page.contains("- Label `\(label.name)`: \(values.map { "`\($0)`" }.joined(separator: " "))\n"))
        }
    }

    @Test(arguments: MetricCatalog.rows)
    func everyExampleAgreesWithTheCatalogue(row: CatalogRow) throws {
        let query = Example.query(for: row)
        #expect(query.contains(row.name))
        var check = ExpressionCheck(Vocabulary())
        _ = check.labels(of: try Query(query))
        #expect(check.problems == [])
    }
}
