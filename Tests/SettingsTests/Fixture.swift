import Foundation
import Testing

@testable import Settings

/// A working directory of its own for one test, removed with the fixture.
final class Fixture {
    let folder: URL

    init() throws {
        self.folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("settings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    /// Writes a file below the folder.
    @discardableResult
    func write(_ text: String, to path: String) throws -> Fixture {
        let file = self.folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return self
    }

    /// Loads as a start in the folder would.
    func load(path: String? = nil, environment: [String: String] = [:]) -> LoadedConfiguration {
        ConfigurationLoader(environment: environment, workingDirectory: self.folder.path).load(path: path)
    }

    /// Loads one text as `config.yaml`.
    static func load(_ yaml: String, environment: [String: String] = [:]) throws -> LoadedConfiguration {
        try Fixture().write(yaml, to: "config.yaml").load(environment: environment)
    }
}

extension LoadedConfiguration {
    /// Every problem as it is shown to people.
    var lines: [String] { self.problems.map { problem in problem.description } }

    /// The errors as they are shown to people.
    var errorLines: [String] { self.errors.map { problem in problem.description } }

    /// The problems of one severity as they are shown to people.
    func lines(_ severity: Problem.Severity) -> [String] {
        self.problems.filter { problem in problem.severity == severity }.map { problem in problem.description }
    }
}

/// The files of the package that the tests read.
enum PackageFiles {
    /// The package's folder.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().resolvingSymlinksInPath()

    /// The text of a file of the package.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }
}
