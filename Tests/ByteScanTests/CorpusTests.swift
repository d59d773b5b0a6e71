import ByteScan
import Foundation
import SeededRandomness
import Testing

/// Replays the committed inputs of the fuzz target `json-scan`.
@Suite struct CorpusTests {
    @Test func `reads every committed input the same wherever it is cut`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fuzz/corpus/json-scan")
        let inputs = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        #expect(!inputs.isEmpty)
        for input in inputs {
            let bytes = Array(try Data(contentsOf: input))
            let whole = ScanLog(JSONReferenceTests.pattern, [bytes])
            for pieces in Cuts.all(bytes) {
                #expect(
                    ScanLog(JSONReferenceTests.pattern, pieces) == whole,
                    "\(input.lastPathComponent)")
            }
        }
    }
}
