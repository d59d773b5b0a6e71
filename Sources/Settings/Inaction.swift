/// Names what loads without acting, so that nobody waits for an effect in vain.
///
/// Whoever brings a key to life deletes its line here; nothing else has to change.
enum Inaction {
    /// Keys, or sections, that load and are checked but do not act in this version.
    static let pending: [String] = [
        "translators.anthropic.inspector",
        "engineering",
    ]

    /// Keys that old files hold and that have no effect in any version.
    static let deprecated: [String: String] = [
        "server.rate_limits.cleanup_interval": "has no effect: buckets take fixed room and need no clean-up",
        "proxy.max_retries": "has no effect; proxy.retry.max_attempts acts",
        "proxy.retry_backoff": "has no effect",
        "discovery.refresh_interval": "has no effect with a static list",
    ]

    /// Keys outside the tables that shipped files hold: they have no meaning, here or there.
    private static let ignored: [String: String] = [
        "server.rate_limits.per_endpoint": "has no meaning and is ignored",
        "proxy.retry.on_connection_failure": "has no meaning and is ignored: proxy.retry.enabled covers it",
        "discovery.health_check": "has no meaning and is ignored; check_interval of each endpoint acts",
        "model_registry.unification.enabled": "has no meaning and is ignored",
        "model_registry.unification.cache_ttl": "has no meaning and is ignored",
        "model_registry.unification.custom_rules": "has no meaning and is ignored",
    ]

    /// Why a key that no table knows is expected in a file; nil for a key that is simply unknown.
    static func reason(toIgnore path: String) -> String? {
        Self.ignored[path]
    }

    /// Reports every value that was set to something else than its default and does not act.
    static func report(_ configuration: Configuration, findings: inout Findings) {
        for prefix in Self.pending {
            let changed = KeyCatalog.configuration.keys.first { key in
                (key.path == prefix || key.path.hasPrefix(prefix + ".")) && findings.isSet(key.path)
                    && !key.isDefault(configuration)
            }
            if let key = changed {
                findings.information(
                    prefix, "loads but does not act in this version", at: findings.place(of: key.path))
            }
        }
        for key in KeyCatalog.configuration.keys where !key.isDefault(configuration) {
            if let message = Self.deprecated[key.path] { findings.information(key.path, message) }
        }
    }
}
