/// What becomes of a running configuration when the file has changed.
public struct ConfigurationChange: Sendable {
    /// What runs from now on: the new values, but for those that take effect at a start only.
    public let configuration: Configuration
    /// The paths of the keys that changed and act at once, in the order of the reference.
    public let applied: [String]
    /// The paths of the keys that changed and act only after a restart.
    public let deferred: [String]

    /// Keys, or sections, that take effect at a start only: what they decide is built once for the life of a process.
    ///
    /// Every other key acts at once.
    static let startOnly: [String] = [
        "server.host",
        "server.port",
        "server.event_loops",
        "server.product_name",
        "server.tls",
        "server.admin",
        "proxy.engine",
        "proxy.stream_buffer_size",
        "proxy.breaker",
        "translators",
        "logging.format",
        "logging.output",
        "engineering",
        "dashboard",
        "metrics",
        "tracing",
    ]

    /// Compares a running configuration with the one that was loaded anew.
    public init(from running: Configuration, to loaded: Configuration) {
        var configuration = loaded
        var applied: [String] = []
        var deferred: [String] = []
        // Certificates can be changed for others, but a listener stays what it is.
        let speaksTLS = running.server.tls.isEnabled && loaded.server.tls.isEnabled
        for key in KeyCatalog.configuration.keys where !key.isSame(running, loaded) {
            if Self.actsAtStartOnly(key.path), !(speaksTLS && key.path.hasPrefix("server.tls.")) {
                deferred.append(key.path)
                key.carry(running, &configuration)
            } else {
                applied.append(key.path)
            }
        }
        if running.profiles != loaded.profiles { applied.append(Companions.profilesFolder) }
        if running.modelRules != loaded.modelRules { applied.append("models.yaml") }
        self.configuration = configuration
        self.applied = applied
        self.deferred = deferred
    }

    /// Whether a key needs a restart to act.
    static func actsAtStartOnly(_ path: String) -> Bool {
        Self.startOnly.contains { prefix in path == prefix || path.hasPrefix(prefix + ".") }
    }
}
