import Domain
import Foundation
import Testing

@Suite("The words of the stages are the same everywhere")
struct StageWordsTests {
    private let words = Stage.allCases.map { "\($0.label)" }

    @Test("as sections of the architecture, in order")
    func architecture() throws {
        let url = SourceFile.root.appendingPathComponent("docs/ARCHITECTURE.md")
        let sections = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("### ") }
            .map { String($0.dropFirst(4)) }
        #expect(sections == self.words)
    }

    @Test("and each is counted by Stage itself")
    func count() { #expect(self.words.count == Stage.count) }
}
