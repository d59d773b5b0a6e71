import Foundation
import Testing

@Suite("The corpus of the fuzz targets")
struct CorpusReplayTests {
    /// A fuzz target and the properties it checks.
    private static let checks: [String: @Sendable ([UInt8]) -> String?] = [
        "request-head": WireProperties.request,
        "response-head": WireProperties.response,
        "chunked": WireProperties.chunked,
    ]

    @Test("breaks no property", arguments: ["request-head", "response-head", "chunked"])
    func replay(_ target: String) throws {
        let check = try #require(Self.checks[target])
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fuzz/corpus/\(target)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 10, "the corpus is missing")
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            #expect(check(bytes) == nil, "\(file.lastPathComponent)")
        }
    }

    @Test("is not needed: generated messages break no property either", arguments: 500..<508)
    func generated(_ seed: UInt64) {
        var generator = MessageGenerator(seed: seed)
        for _ in 0..<150 {
            let request = generator.request()
            #expect(WireProperties.request(request) == nil, "seed \(seed)")
            let response = generator.response()
            #expect(WireProperties.response(response) == nil, "seed \(seed)")
        }
    }
}
