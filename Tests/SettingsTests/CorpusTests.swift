import Foundation
import Testing

/// Replays the committed inputs of the fuzz target `configuration`.
@Suite("The corpus of configuration files")
struct CorpusTests {
    private static let corpus = PackageFiles.root.appendingPathComponent("Tests/Fuzz/corpus/configuration")

    @Test("keeps every property")
    func replay() throws {
        let fixture = try Fixture()
        let inputs = try FileManager.default.contentsOfDirectory(at: Self.corpus, includingPropertiesForKeys: nil)
        #expect(inputs.count >= 10, "the corpus is missing")
        for input in inputs {
            let bytes = [UInt8](try Data(contentsOf: input))
            #expect(
                try LoadingProperties.broken(by: bytes, in: fixture.folder.path) == nil, "\(input.lastPathComponent)")
        }
    }
}
