import SeededRandomness
import Testing

@testable import Settings

@Suite("Robustness")
struct RobustnessTests {
    /// Reads a text as a load does, without files.
    private func read(_ text: String) -> [Problem] {
        var findings = Findings()
        findings.fallback = .file("f")
        var configuration = Configuration()
        if let root = YAMLDocument.read(text, file: "f", findings: &findings) {
            KeyCatalog.configuration.read(root, into: &configuration, at: "", findings: &findings)
        }
        Validation(knownTypes: ["ollama", "vllm"]).check(configuration, findings: &findings)
        Inaction.report(configuration, findings: &findings)
        Normalization.apply(to: &configuration)
        return findings.sorted
    }

    @Test("A file cut off anywhere is read or refused, and every error has a line")
    func truncation() {
        let text = Array(Samples.everyKey.unicodeScalars)
        for end in stride(from: 0, to: text.count, by: 41) {
            var cut = String.UnicodeScalarView()
            cut.append(contentsOf: text[..<end])
            for problem in self.read(String(cut)) where problem.severity == .error {
                guard case .line = problem.place else {
                    Issue.record("no line: \(problem), cut at \(end)")
                    continue
                }
            }
        }
    }

    @Test("A file with characters changed at random is read or refused", arguments: 0..<4 as Range<UInt64>)
    func mutation(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]:,-#&*!|>'\"%@` \n\t?<~09azé\u{0}\u{85}\u{2028}".unicodeScalars)
        let original = Array(Samples.everyKey.unicodeScalars)
        for _ in 0..<25 {
            var text = original
            for _ in 0..<3 {
                let position = Int.random(in: text.indices, using: &random)
                text[position] = alphabet[Int.random(in: alphabet.indices, using: &random)]
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: text)
            for problem in self.read(String(view)) {
                #expect(!problem.message.isEmpty, "seed \(seed)")
                #expect(problem.description.allSatisfy { !$0.isNewline || $0 == "\u{2028}" || $0 == "\u{2029}" })
            }
        }
    }
}
