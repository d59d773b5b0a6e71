import Foundation
import Testing

/// Replays the committed inputs of the fuzz target `translation`.
@Suite("The corpus of translation")
struct CorpusTests {
    @Test("keeps every property")
    func replay() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz/corpus/translation")
        let inputs = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!inputs.isEmpty)
        for input in inputs {
            let bytes = Array(try Data(contentsOf: input))
            #expect(TranslationProperties.broken(by: bytes) == nil, "\(input.lastPathComponent)")
        }
    }
}
