import Dialects
import Foundation
import SeededRandomness
import Testing

/// Replays the committed inputs of the fuzz target `body-scan`.
@Suite struct CorpusTests {
    @Test func `reads every committed input the same wherever it is cut`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fuzz/corpus/body-scan")
        let inputs = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        #expect(!inputs.isEmpty)
        for input in inputs {
            let bytes = Array(try Data(contentsOf: input).dropFirst())
            for framing in ResponseFraming.allCases {
                let whole = Sighting(framing, [bytes])
                for pieces in Cuts.all(bytes) {
                    #expect(Sighting(framing, pieces) == whole, "\(input.lastPathComponent)")
                }
            }
            for type in ["application/json", "", "multipart/form-data; boundary=b"] {
                let whole = RequestSighting([bytes], type: type)
                for pieces in Cuts.all(bytes) {
                    #expect(
                        RequestSighting(pieces, type: type) == whole, "\(input.lastPathComponent)")
                }
            }
        }
    }
}
