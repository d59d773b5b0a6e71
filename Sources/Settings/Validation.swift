import Catalog
import Domain

/// Judges a merged configuration: everything that can be known without opening a socket.
///
/// Nothing stops at the first problem; every check adds what it finds.
struct Validation {
    /// The spellings of `type` that endpoints may have.
    let knownTypes: [String]

    /// Reports everything that is wrong with a configuration.
    func check(_ configuration: Configuration, findings: inout Findings) {
        Self.check(configuration.server, findings: &findings)
        Self.check(configuration.server.cors, findings: &findings)
        Self.check(configuration.server.rateLimits, findings: &findings)
        Self.check(configuration.server.auth, findings: &findings)
        Self.check(configuration.proxy, findings: &findings)
        Self.check(configuration.discovery, findings: &findings)
        self.check(configuration.discovery.endpoints, findings: &findings)
        Self.check(configuration.modelRegistry, findings: &findings)
        Self.check(configuration.modelAliases, findings: &findings)
        Self.check(
            configuration.translators.anthropic.inspector, keyHeader: configuration.server.auth.header,
            findings: &findings)
        Self.check(configuration.dashboard, findings: &findings)
        if let endpoint = configuration.tracing.endpoint, case .failure(let problem) = Self.url(endpoint) {
            findings.error("tracing.otlp.endpoint", problem.message)
        }
    }

    // MARK: - Server

    private static func check(_ server: Configuration.Server, findings: inout Findings) {
        if server.host.contains(":"), !(server.host.hasPrefix("[") && server.host.hasSuffix("]")) {
            findings.error("server.host", "an IPv6 address stands in brackets, such as \"[::1]\"")
        }
        if !TextRules.isToken(server.productName) {
            findings.error("server.product_name", "must be an HTTP token: letters, digits and !#$%&'*+-.^_`|~")
        }
        if server.writeTimeout > .zero {
            findings.information("server.write_timeout", "cuts streamed answers that take longer")
        }
        if (server.tls.certificateFile == nil) != (server.tls.keyFile == nil) {
            findings.error("server.tls", "cert_file and key_file belong together")
        }
        if server.tls.clientAuthoritiesFile != nil, !server.tls.isEnabled {
            findings.error("server.tls.client_ca_file", "needs cert_file and key_file")
        }
        if server.admin.host != nil, server.admin.port == nil {
            findings.error("server.admin.host", "needs server.admin.port")
        }
        if let port = server.admin.port, port == server.port,
            server.admin.host ?? server.host == server.host
        {
            findings.error("server.admin.port", "is the main listener's own address")
        }
    }

    private static func check(_ cors: Configuration.CORS, findings: inout Findings) {
        guard cors.enabled else { return }
        if cors.allowedOrigins.isEmpty {
            findings.error(
                "server.cors.allowed_origins", "must not be empty while enabled; write [\"*\"] to allow all")
        }
        for (position, origin) in cors.allowedOrigins.enumerated() {
            let stars = origin.count { character in character == "*" }
            if origin.isEmpty || stars > 1 {
                findings.error(
                    "server.cors.allowed_origins[\(position)]", "must be an origin with at most one *")
            }
        }
        if cors.allowCredentials, cors.allowedOrigins.contains("*") {
            findings.error("server.cors.allow_credentials", "must not be true together with a * origin")
        }
        if cors.maxAge < 0 { findings.error("server.cors.max_age", "must not be negative") }
    }

    private static func check(_ limits: Configuration.RateLimits, findings: inout Findings) {
        if limits.burstSize == 0 {
            findings.warning("server.rate_limits.burst_size", "0 refuses every limited request")
        }
        for (position, block) in limits.trustedProxyCIDRs.enumerated() {
            let text = block.trimmingBlanks()
            guard !text.isEmpty, !TextRules.isAddressBlock(text) else { continue }
            findings.error(
                "server.rate_limits.trusted_proxy_cidrs[\(position)]",
                "\"\(text)\" is not an address block such as 10.0.0.0/8")
        }
    }

    private static func check(_ auth: Configuration.ClientAuthentication, findings: inout Findings) {
        if let header = auth.header, !TextRules.isToken(header) {
            findings.error("server.auth.header", "must be an HTTP token")
        }
        var names: Set<String> = []
        for (position, key) in auth.keys.enumerated() {
            let path = "server.auth.keys[\(position)]"
            if key.name.isEmpty {
                findings.error(path, "name is required")
            } else if !names.insert(key.name).inserted {
                findings.error("\(path).name", "another key has this name")
            }
            let given = [key.key != nil, key.keyFile != nil, key.sha256 != nil].count { given in given }
            if given != 1 { findings.error(path, "needs exactly one of key, key_file and sha256") }
            if key.key?.isEmpty == true { findings.error("\(path).key", "must not be empty") }
            if let digest = key.sha256,
                digest.utf8.count != 64 || !digest.utf8.allSatisfy(TextRules.isHexadecimal)
            {
                findings.error("\(path).sha256", "must be 64 hexadecimal digits")
            }
        }
    }

    // MARK: - Proxy and discovery

    private static func check(_ proxy: Configuration.Proxy, findings: inout Findings) {
        Self.check(proxy.profileFilter, at: "proxy.profile_filter", findings: &findings)
        if proxy.breaker.window <= .zero { findings.error("proxy.breaker.window", "must be above 0") }
        if proxy.breaker.open <= .zero { findings.error("proxy.breaker.open", "must be above 0") }
        if proxy.stickySessions.enabled, proxy.stickySessions.idleTTLSeconds <= 0 {
            findings.warning("proxy.sticky_sessions.idle_ttl_seconds", "conversations are never forgotten by time")
        }
    }

    /// Reports every pattern that is not a glob of the five allowed forms.
    static func check(_ filter: Configuration.NameFilter, at path: String, findings: inout Findings) {
        for (name, patterns) in [("include", filter.include), ("exclude", filter.exclude)] {
            for (position, pattern) in patterns.enumerated() {
                do {
                    _ = try ModelFilter(include: [pattern], exclude: [])
                } catch {
                    findings.error("\(path).\(name)[\(position)]", error.message)
                }
            }
        }
    }

    private static func check(_ discovery: Configuration.Discovery, findings: inout Findings) {
        if discovery.type != "static" {
            findings.error("discovery.type", "must be static, not \"\(discovery.type)\"")
        }
        let models = discovery.modelDiscovery
        guard models.enabled else { return }
        let path = "discovery.model_discovery"
        if models.interval <= .zero { findings.error("\(path).interval", "must be above 0 while enabled") }
        if models.timeout <= .zero { findings.error("\(path).timeout", "must be above 0 while enabled") }
        if models.concurrentWorkers <= 0 {
            findings.error("\(path).concurrent_workers", "must be above 0 while enabled")
        }
    }

    // MARK: - Models and the rest

    private static func check(_ registry: Configuration.ModelRegistry, findings: inout Findings) {
        if registry.type != "memory", !registry.type.isEmpty {
            findings.error("model_registry.type", "unsupported registry type \"\(registry.type)\"; known: memory")
        }
    }

    private static func check(_ aliases: [Configuration.ModelAlias], findings: inout Findings) {
        for alias in aliases {
            let path = "model_aliases.\(alias.name)"
            if alias.name.isEmpty {
                findings.error(path, "an alias needs a name")
            } else if alias.name != alias.name.trimmingBlanks() {
                findings.error(path, "an alias must not begin or end with a blank")
            }
            if alias.models.isEmpty { findings.error(path, "an alias needs at least one model") }
            var seen: Set<String> = []
            for (position, model) in alias.models.enumerated() {
                if model.trimmingBlanks().isEmpty {
                    findings.error("\(path)[\(position)]", "a model name must not be empty")
                } else if !seen.insert(model).inserted {
                    findings.warning("\(path)[\(position)]", "\"\(model)\" is listed twice")
                }
            }
        }
    }

    private static func check(
        _ inspector: Configuration.Inspector, keyHeader: String?, findings: inout Findings
    ) {
        guard inspector.enabled else { return }
        let path = "translators.anthropic.inspector"
        if !TextRules.isToken(inspector.sessionHeader) {
            findings.error("\(path).session_header", "must be an HTTP token")
        }
        // Its value names a file.
        let credentials = [
            "authorization", "proxy-authorization", "x-api-key", "api-key", "cookie", keyHeader?.lowercased() ?? "",
        ]
        if credentials.contains(inspector.sessionHeader.lowercased()) {
            findings.error("\(path).session_header", "must not be a header that carries a credential")
        }
        let folder = Self.cleaned(inspector.outputDirectory)
        let reserved = [
            "/etc", "/var", "/usr", "/bin", "/sbin", "/boot", "/sys", "/proc", "/dev", "/root",
            "c:/windows", "c:/program files", "c:/program files (x86)",
        ]
        let lowered = folder.lowercased().replacing("\\", with: "/")
        if folder == "/"
            || reserved.contains(where: { name in lowered == name || lowered.hasPrefix(name + "/") })
        {
            findings.error("\(path).output_dir", "must not be or lie in a system folder")
        }
    }

    /// A path without empty, `.` and `..` parts, as far as they can be resolved in the text.
    static func cleaned(_ path: String) -> String {
        let isAbsolute = path.hasPrefix("/")
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else if part != ".." || !isAbsolute {
                parts.append(part)
            }
        }
        return (isAbsolute ? "/" : "") + parts.joined(separator: "/")
    }

    private static func check(_ dashboard: Configuration.Dashboard, findings: inout Findings) {
        guard dashboard.enabled || dashboard.gateInternalAPI else { return }
        let path = "dashboard.access_policy.allowed_cidrs"
        if dashboard.allowedCIDRs.isEmpty {
            let reason = dashboard.enabled ? "the dashboard is enabled" : "dashboard.gate_internal_api is true"
            findings.error(path, "must not be empty while \(reason)")
        }
        for (position, block) in dashboard.allowedCIDRs.enumerated() {
            let text = block.trimmingBlanks()
            guard !TextRules.isAddressBlock(text) else { continue }
            findings.error(
                "\(path)[\(position)]", "\"\(text)\" is not an address block such as 127.0.0.0/8")
        }
    }
}
