import Foundation
import Settings

/// What holds for any bytes of a configuration file: they load, or every reason why not has a place in the file.
enum LoadingProperties {
    private static let name = "fuzz.yaml"

    /// The property that the bytes break when they are the configuration file of a folder; nil when all hold.
    static func broken(by bytes: [UInt8], in folder: String) throws -> String? {
        try Data(bytes).write(to: URL(fileURLWithPath: folder).appendingPathComponent(Self.name))
        let loaded = ConfigurationLoader(environment: [:], workingDirectory: folder).load(path: Self.name)
        if (loaded.configuration == nil) != !loaded.errors.isEmpty { return "refused without an error, or the reverse" }
        // CR, LF, NEL, LS and PS end lines for YAML (1.1, section 5.4); an empty line may follow the last.
        let text = String(decoding: bytes, as: UTF8.self)
        let linesMax = text.unicodeScalars.count(where: { $0.properties.isPatternWhitespace }) + 2
        for problem in loaded.problems {
            if problem.message.isEmpty { return "a problem without words" }
            if problem.description.unicodeScalars.contains(where: { $0.value < 0x20 }) { return "a control character" }
            switch problem.place {
            case .file(Self.name): continue
            case .line(Self.name, let number) where (1...linesMax).contains(number): continue
            default: return "a problem without a place: \(problem)"
            }
        }
        return nil
    }
}
