import Foundation

/// What the files of a configuration look like at one moment: enough to tell that one has changed.
public struct ConfigurationFiles: Equatable, Sendable {
    struct Look: Equatable, Sendable {
        let inode: UInt64
        let size: UInt64
        let modified: Date
    }

    private var looks: [String: Look?] = [:]

    /// Whether both are looks at the same paths.
    public func hasSamePaths(as other: ConfigurationFiles) -> Bool { self.looks.keys == other.looks.keys }

    /// Looks at files; those that are missing count as such.
    ///
    /// Relative paths start from the loader's folder.
    init(_ paths: [String], with files: FileAccess) {
        for path in paths { self.looks.updateValue(files.look(at: path), forKey: path) }
    }
}

/// Tells when files have changed and are at rest again.
///
/// Editors and deployment tools write files in several steps: a change counts once two looks in a row see the same.
public struct ConfigurationWatch: Sendable {
    private var settled: ConfigurationFiles?
    private var last: ConfigurationFiles?

    /// Nothing has been seen yet: the first look only says what there is.
    public init() {}

    /// Says what the configuration in force was read from, as seen before it was read.
    public mutating func settle(_ files: ConfigurationFiles) {
        self.settled = files
        self.last = nil
    }

    /// Takes a look in.
    ///
    /// - Returns: whether the files are at rest and differ from when they were last.
    public mutating func looked(_ files: ConfigurationFiles) -> Bool {
        defer { self.last = files }
        guard let settled = self.settled else {
            self.settled = files
            return false
        }
        guard files == self.last, files != settled else { return false }
        self.settled = files
        return true
    }
}

extension ConfigurationLoader {
    /// What the files look like that ``load(path:)`` would read now, with those that `running` names: credentials,
    /// certificates and authorities.
    ///
    /// Every file of the search path is looked at when none is named: a new one may win.
    public func look(path: String? = nil, running: Configuration) -> ConfigurationFiles {
        let named = path ?? self.environment["OLLA_CONFIG_FILE"].flatMap { text in text.isEmpty ? nil : text }
        var paths = named.map { [$0] } ?? Self.searchPath
        paths += Companions.modelsCandidates(environment: self.environment)
        paths += self.files.files(
            under: Companions.profilesFolder, suffix: ".yaml", countMax: Companions.profilesMax
        ).map { "\(Companions.profilesFolder)/\($0)" }
        for endpoint in running.discovery.endpoints {
            let auth = endpoint.authentication
            paths += [
                auth?.tokenFile, auth?.keyFile, auth?.usernameFile, auth?.passwordFile,
                endpoint.tls.authoritiesFile,
            ].compactMap(\.self)
        }
        let server = running.server
        paths += server.auth.keys.compactMap(\.keyFile)
        paths += [server.tls.certificateFile, server.tls.keyFile, server.tls.clientAuthoritiesFile].compactMap(\.self)
        return ConfigurationFiles(paths, with: self.files)
    }
}
