/// Names what loads without acting, so that nobody waits for an effect in vain.
enum Inaction {
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
        for key in KeyCatalog.configuration.keys where !key.isDefault(configuration) {
            if let message = Self.deprecated[key.path] { findings.information(key.path, message) }
        }
    }
}
