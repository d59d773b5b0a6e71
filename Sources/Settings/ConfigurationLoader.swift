import Catalog
import Foundation

/// Loads the configuration: built-in defaults, one file, environment variables, then validation.
///
/// Nothing stops at the first problem: a load reports everything that can be known, each problem with the
/// key's path and the line or variable that must be changed.
///
/// - Isolation: a value; `load` reads files and blocks, so call it at start and off the event loops.
/// - Bounds: a file has at most ``fileBytesMax`` bytes.
public struct ConfigurationLoader: Sendable {
    /// The files that are tried, in this order, when neither a flag nor `OLLA_CONFIG_FILE` names one.
    public static let searchPath = [
        "config/config.local.yaml", "config/config.yaml", "config.yaml", "default.yaml",
    ]

    /// The largest configuration file.
    public static let fileBytesMax = 4 * 1_048_576

    let environment: [String: String]
    let files: FileAccess
    let objections: @Sendable (Configuration) -> [Objection]

    /// Prepares a load.
    ///
    /// - Parameters:
    ///   - environment: the variables that count; the process's own when nil.
    ///   - workingDirectory: the folder that relative paths start from; the process's own when empty.
    ///   - objections: what else is wrong with a configuration that has been read; called once a load, may block.
    public init(
        environment: [String: String]? = nil,
        workingDirectory: String = "",
        objections: @escaping @Sendable (Configuration) -> [Objection] = { _ in [] }
    ) {
        self.environment = environment ?? ProcessInfo.processInfo.environment
        self.files = FileAccess(folder: workingDirectory)
        self.objections = objections
    }

    /// Loads the configuration.
    ///
    /// - Parameter path: the file that `-c` names; nil leaves the choice to `OLLA_CONFIG_FILE` and then to
    ///   ``searchPath``.
    /// - Returns: the configuration if it is usable, and every problem.
    public func load(path: String? = nil) -> LoadedConfiguration {
        var findings = Findings()
        var configuration = Configuration()
        let file = self.readFile(named: path, findings: &findings)
        if let file {
            findings.fallback = .file(file.path)
            let root = YAMLDocument.read(file.text, file: file.path, findings: &findings)
            if let root {
                KeyCatalog.configuration.read(root, into: &configuration, at: "", findings: &findings)
            }
        }
        self.applyVariables(to: &configuration, findings: &findings)
        let resolver = SecretResolver(environment: self.environment, files: self.files)
        for position in configuration.discovery.endpoints.indices {
            resolver.resolve(
                &configuration.discovery.endpoints[position],
                at: "\(KeyCatalog.endpointsPath)[\(position)]", findings: &findings)
        }
        for position in configuration.server.auth.keys.indices {
            resolver.resolve(
                &configuration.server.auth.keys[position], at: "server.auth.keys[\(position)]", findings: &findings)
        }
        let companions = Companions.load(with: self.files, environment: self.environment)
        configuration.profiles = companions.profiles(configuration.proxy.profileFilter)
        configuration.modelRules = companions.rules
        Validation(knownTypes: configuration.profiles.knownTypes).check(configuration, findings: &findings)
        for objection in self.objections(configuration) { findings.error(objection.path, objection.message) }
        Inaction.report(configuration, findings: &findings)
        Normalization.apply(to: &configuration)
        let problems = findings.sorted
        let isUsable = !problems.contains { problem in problem.severity == .error }
        return LoadedConfiguration(
            configuration: isUsable ? configuration : nil, path: file?.path ?? "", problems: problems,
            companions: companions)
    }

    // MARK: - The file

    private func readFile(
        named path: String?, findings: inout Findings
    ) -> (path: String, text: String)? {
        let variable = self.environment["OLLA_CONFIG_FILE"].flatMap { text in text.isEmpty ? nil : text }
        if let named = path ?? variable {
            switch self.files.read(named, bytesMax: Self.fileBytesMax) {
            case .success(let text): return (named, text)
            case .failure(.missing):
                findings.error("", "the specified configuration file was not found", at: .file(named))
            case .failure(let failure):
                findings.error("", "the specified configuration file is \(failure.message)", at: .file(named))
            }
            return nil
        }
        for candidate in Self.searchPath {
            switch self.files.read(candidate, bytesMax: Self.fileBytesMax) {
            case .success(let text): return (candidate, text)
            case .failure(.missing): continue
            case .failure(let failure):
                findings.warning("", "skipped: \(failure.message)", at: .file(candidate))
            }
        }
        return nil
    }

    // MARK: - The environment

    private func applyVariables(to configuration: inout Configuration, findings: inout Findings) {
        for key in KeyCatalog.configuration.keys {
            // An empty variable counts as unset.
            guard let name = key.variable, let text = self.environment[name], !text.isEmpty else { continue }
            key.readVariable(text, &configuration, &findings)
            if name == "OLLA_LOGGING_FORMAT" { configuration.logging.formatIsForced = true }
        }
    }
}

/// What a load has found: a configuration if it is usable, and everything there is to say about it.
public struct LoadedConfiguration: Sendable {
    /// The validated value; nil when there is an error.
    public let configuration: Configuration?
    /// The file that was read, as it was named; empty when none was.
    public let path: String
    /// Every problem: by line, then those of variables.
    public let problems: [Problem]
    /// The files beside the configuration.
    let companions: Companions

    /// The problems that keep the gateway from starting.
    public var errors: [Problem] { self.problems.filter { problem in problem.severity == .error } }

    /// What to log once at start: everything that is not an error, and what stands beside the file.
    public var remarks: [Problem] {
        self.problems.filter { problem in problem.severity != .error } + self.companions.remarks
    }
}
