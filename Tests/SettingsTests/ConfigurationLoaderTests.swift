import Catalog
import Domain
import Foundation
import Testing

@testable import Settings

@Suite("Configuration loader")
struct ConfigurationLoaderTests {
    @Test("Without any file the defaults are used and no file is named")
    func noFile() throws {
        let loaded = try Fixture().load()
        #expect(loaded.configuration == Configuration())
        #expect(loaded.path == "")
        #expect(loaded.problems.isEmpty)
    }

    @Test("The search path is tried in order, and files are never layered")
    func searchPath() throws {
        let fixture = try Fixture()
        for (position, path) in ConfigurationLoader.searchPath.enumerated().reversed() {
            try fixture.write("server: {port: \(position + 1)}", to: path)
            let loaded = fixture.load()
            #expect(loaded.path == path)
            #expect(loaded.configuration?.server.port == position + 1)
        }
    }

    @Test("A flag wins over the variable, the variable over the search path, and an empty one is unset")
    func precedence() throws {
        let fixture = try Fixture().write("server: {port: 1}", to: "config.yaml")
        try fixture.write("server: {port: 2}", to: "variable.yaml")
        try fixture.write("server: {port: 3}", to: "flag.yaml")
        let environment = ["OLLA_CONFIG_FILE": "variable.yaml"]
        #expect(fixture.load(environment: ["OLLA_CONFIG_FILE": ""]).configuration?.server.port == 1)
        #expect(fixture.load(environment: environment).configuration?.server.port == 2)
        #expect(fixture.load(path: "flag.yaml", environment: environment).configuration?.server.port == 3)
    }

    @Test("A named file that is missing, a folder, too large or not text is refused with its name")
    func unreadable() throws {
        let fixture = try Fixture().write("", to: "folder/file")
        try fixture.write(String(repeating: "#", count: ConfigurationLoader.fileBytesMax + 1), to: "large.yaml")
        try Data([0x61, 0x3a, 0xff, 0xfe]).write(to: fixture.folder.appendingPathComponent("binary.yaml"))
        let messages = ["none.yaml", "folder", "large.yaml", "binary.yaml"].map { name in
            fixture.load(path: name).errorLines
        }
        #expect(
            messages == [
                ["none.yaml: the specified configuration file was not found"],
                ["folder: the specified configuration file is not a file"],
                ["large.yaml: the specified configuration file is larger than 4194304 bytes"],
                ["binary.yaml: the specified configuration file is not UTF-8 text"],
            ])
        #expect(fixture.load(environment: ["OLLA_CONFIG_FILE": "none.yaml"]).configuration == nil)
    }

    @Test("An unreadable file of the search path is skipped with a warning")
    func skipped() throws {
        let fixture = try Fixture().write("", to: "config/config.yaml/file")
        try fixture.write("server: {port: 9}", to: "config.yaml")
        let loaded = fixture.load()
        #expect(loaded.configuration?.server.port == 9)
        #expect(loaded.lines(.warning) == ["config/config.yaml: skipped: not a file"])
    }

    @Test("A file that does not parse ends the search")
    func noFurtherSearch() throws {
        let fixture = try Fixture().write("a: [", to: "config/config.yaml").write("", to: "config.yaml")
        let loaded = fixture.load()
        #expect(loaded.configuration == nil)
        #expect(loaded.path == "config/config.yaml")
    }

    @Test("A control character of the file does not reach a report")
    func controlCharacters() throws {
        let loaded = try Fixture.load("proxy: {engine: \"a\\nb\\e[31m\"}\n\"k\\r\": 1\n")
        let text = ConfigurationReport(loaded).validation
        #expect(text.contains("\"a\u{fffd}b\u{fffd}[31m\""))
        #expect(!text.contains("\u{1b}") && !text.contains("\r"))
    }

    @Test("Every kind of problem is reported at once, each with its line")
    func allAtOnce() throws {
        let loaded = try Fixture.load(
            """
            server:
              port: 99999
              read_timeout: 30
              colour: blue
            proxy:
              engine: nginx
              load_balancer: fair
            discovery:
              type: dns
              model_discovery:
                interval: 0s
              static:
                endpoints:
                  - url: http://user:hunter2@a:1
                    name: a
                    type: foo
                    priority: -1
                    check_interval: 500ms
                    auth: {type: bearer, token: "${UNSET_TOKEN}"}
                    model_filter: {include: ["a*b"]}
                  - name: b
                    check_interval: 2s
                    check_timeout: 2s
            model_aliases:
              small: []
            """, environment: ["OLLA_SERVER_CORS_MAX_AGE": "soon", "OLLA_SERVER_CORS_ENABLED": "true"])
        let endpoints = "discovery.static.endpoints"
        #expect(
            loaded.errorLines == [
                "config.yaml:2: server.port: must be from 1 to 65535, not 99999",
                "config.yaml:3: server.read_timeout: must be a duration with a unit such as 30s, not a bare number",
                "config.yaml:6: proxy.engine: unknown proxy implementation \"nginx\"; known: olla, sherpa",
                "config.yaml:7: proxy.load_balancer: unknown load balancer strategy \"fair\"; known: priority,"
                    + " round-robin, least-connections, p2c, ewma, prefix-affinity",
                "config.yaml:9: discovery.type: must be static, not \"dns\"",
                "config.yaml:11: discovery.model_discovery.interval: must be above 0 while enabled",
                "config.yaml:14: \(endpoints)[0].url: must not hold credentials; give them as"
                    + " auth: {type: basic, username: <username>, password: \"${PASSWORD}\"}",
                "config.yaml:16: \(endpoints)[0].type: unknown type \"foo\"; known:"
                    + " \(ProfileSet.builtIn.knownTypes.joined(separator: ", "))",
                "config.yaml:17: \(endpoints)[0].priority: must be at least 0, not -1",
                "config.yaml:18: \(endpoints)[0].check_interval: must be at least 1s, not 500ms",
                "config.yaml:19: \(endpoints)[0].auth.token: endpoint \"a\": environment variable UNSET_TOKEN is not set",
                "config.yaml:20: \(endpoints)[0].model_filter.include[0]: pattern \"a*b\" is not valid: use a name,"
                    + " *, name*, *name or *name*",
                "config.yaml:21: \(endpoints)[1]: url is required",
                "config.yaml:23: \(endpoints)[1].check_timeout: check_timeout (2s) must be below"
                    + " check_interval (2s)",
                "config.yaml:25: model_aliases.small: an alias needs at least one model",
            ])
        #expect(
            loaded.lines(.warning) == [
                "OLLA_SERVER_CORS_MAX_AGE: server.cors.max_age: the variable's value is not of the kind"
                    + " integer and is ignored"
            ])
        #expect(loaded.lines(.information).first == "config.yaml:4: server.colour: unknown key, ignored")
        #expect(loaded.configuration == nil)
        let refusal = ConfigurationReport(loaded).refusal
        #expect(refusal.hasPrefix("configuration validation failed: 15 problems\n  config.yaml:2: server.port: "))
        #expect(refusal.split(separator: "\n").count == 16)
        #expect(!refusal.contains("hunter2"))
    }
}

@Suite("Environment")
struct EnvironmentTests {
    /// Every variable of the contract with a value that is not the default, and the key it sets.
    static let variables: [(String, String, String)] = [
        ("OLLA_SERVER_HOST", "0.0.0.0", "server.host"),
        ("OLLA_SERVER_PORT", "1234", "server.port"),
        ("OLLA_SERVER_READ_TIMEOUT", "1s", "server.read_timeout"),
        ("OLLA_SERVER_READ_HEADER_TIMEOUT", "2s", "server.read_header_timeout"),
        ("OLLA_SERVER_WRITE_TIMEOUT", "3s", "server.write_timeout"),
        ("OLLA_SERVER_MAX_BODY_SIZE", "1 MiB", "server.request_limits.max_body_size"),
        ("OLLA_SERVER_MAX_HEADER_SIZE", "64k", "server.request_limits.max_header_size"),
        ("OLLA_SERVER_GLOBAL_RATE_LIMIT", "1", "server.rate_limits.global_requests_per_minute"),
        ("OLLA_SERVER_PER_IP_RATE_LIMIT", "2", "server.rate_limits.per_ip_requests_per_minute"),
        ("OLLA_SERVER_HEALTH_RATE_LIMIT", "3", "server.rate_limits.health_requests_per_minute"),
        ("OLLA_SERVER_RATE_BURST_SIZE", "4", "server.rate_limits.burst_size"),
        ("OLLA_SERVER_RATE_CLEANUP_INTERVAL", "5s", "server.rate_limits.cleanup_interval"),
        ("OLLA_SERVER_TRUST_PROXY_HEADERS", "T", "server.rate_limits.trust_proxy_headers"),
        ("OLLA_SERVER_TRUSTED_PROXY_CIDRS", "10.0.0.0/8, ::1/128", "server.rate_limits.trusted_proxy_cidrs"),
        ("OLLA_SERVER_CORS_ENABLED", "1", "server.cors.enabled"),
        ("OLLA_SERVER_CORS_ALLOW_CREDENTIALS", "TRUE", "server.cors.allow_credentials"),
        ("OLLA_SERVER_CORS_ALLOWED_ORIGINS", "https://a,https://b", "server.cors.allowed_origins"),
        ("OLLA_SERVER_CORS_ALLOWED_METHODS", "GET", "server.cors.allowed_methods"),
        ("OLLA_SERVER_CORS_ALLOWED_HEADERS", "X-A", "server.cors.allowed_headers"),
        ("OLLA_SERVER_CORS_EXPOSED_HEADERS", "X-B", "server.cors.exposed_headers"),
        ("OLLA_SERVER_CORS_MAX_AGE", "7", "server.cors.max_age"),
        ("OLLA_PROXY_PROFILE", "standard", "proxy.profile"),
        ("OLLA_PROXY_LOAD_BALANCER", "priority", "proxy.load_balancer"),
        ("OLLA_PROXY_RESPONSE_TIMEOUT", "8s", "proxy.response_timeout"),
        ("OLLA_PROXY_READ_TIMEOUT", "9s", "proxy.read_timeout"),
        ("OLLA_PROXY_RESPONSE_HEADER_TIMEOUT", "10s", "proxy.response_header_timeout"),
        ("OLLA_PROXY_TLS_HANDSHAKE_TIMEOUT", "11s", "proxy.tls_handshake_timeout"),
        ("OLLA_PROXY_CONNECTION_KEEP_ALIVE", "12s", "proxy.connection_keep_alive"),
        ("OLLA_PROXY_STICKY_SESSIONS_ENABLED", "true", "proxy.sticky_sessions.enabled"),
        ("OLLA_LOGGING_LEVEL", "debug", "logging.level"),
        ("OLLA_LOGGING_FORMAT", "text", "logging.format"),
        ("OLLA_SHOW_NERD_STATS", "true", "engineering.show_nerdstats"),
        ("OLLA_MODEL_UNIFIER_ENABLED", "f", "model_registry.enable_unifier"),
        ("OLLA_TRANSLATORS_ANTHROPIC_ENABLED", "0", "translators.anthropic.enabled"),
        ("OLLA_TRANSLATORS_ANTHROPIC_PASSTHROUGH_ENABLED", "F", "translators.anthropic.passthrough_enabled"),
        ("OLLA_TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE", "99", "translators.anthropic.max_message_size"),
        ("GLASSPOT_EVENT_LOOPS", "2", "server.event_loops"),
    ]

    @Test("Each variable sets its key and nothing else", arguments: Self.variables.indices)
    func eachVariable(position: Int) throws {
        let (name, text, path) = Self.variables[position]
        let loaded = try Fixture().load(environment: [name: text])
        let configuration = try #require(loaded.configuration)
        let changed = KeyCatalog.configuration.keys.filter { key in !key.isDefault(configuration) }
        #expect(changed.map(\.path) == [path])
        #expect(changed.first?.variable == name)
    }

    @Test("The table knows every variable of the contract and no other")
    func allVariables() {
        let known = Set(KeyCatalog.configuration.keys.compactMap(\.variable))
        let others: Set = ["OLLA_PROXY_ENGINE", "OLLA_MODEL_REGISTRY_TYPE"]
        #expect(known == others.union(Self.variables.map(\.0)))
    }

    @Test("A variable wins over the file, and an empty one counts as unset")
    func precedence() throws {
        let yaml = "server: {port: 1, host: a}"
        let loaded = try Fixture.load(yaml, environment: ["OLLA_SERVER_PORT": "2", "OLLA_SERVER_HOST": ""])
        #expect(loaded.configuration?.server.port == 2)
        #expect(loaded.configuration?.server.host == "a")
    }

    @Test(
        "A malformed variable is ignored with a warning that does not repeat it",
        arguments: [
            ("OLLA_SERVER_PORT", "8o8o"), ("OLLA_SERVER_READ_TIMEOUT", "8o8o"),
            ("OLLA_SERVER_MAX_BODY_SIZE", "8o8o"), ("OLLA_SERVER_CORS_ENABLED", "yes"),
            ("OLLA_TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE", "10MB"), ("GLASSPOT_EVENT_LOOPS", "all"),
        ])
    func malformed(name: String, text: String) throws {
        let loaded = try Fixture().load(environment: [name: text])
        #expect(loaded.configuration == Configuration())
        #expect(loaded.problems.map(\.severity) == [.warning])
        #expect(loaded.lines.first?.hasPrefix("\(name): ") == true)
        #expect(!loaded.lines.joined().contains(text))
    }

    @Test("A variable that is well formed but impossible is an error that names the variable")
    func impossible() throws {
        let loaded = try Fixture().load(environment: [
            "OLLA_SERVER_PORT": "0", "OLLA_PROXY_ENGINE": "nginx", "OLLA_MODEL_REGISTRY_TYPE": "redis",
            "OLLA_SERVER_READ_TIMEOUT": "-1s",
        ])
        #expect(
            Set(loaded.errorLines) == [
                "OLLA_SERVER_PORT: server.port: must be from 1 to 65535, not 0",
                "OLLA_SERVER_READ_TIMEOUT: server.read_timeout: must not be negative",
                "OLLA_PROXY_ENGINE: proxy.engine: unknown proxy implementation \"nginx\"; known: olla, sherpa",
                "OLLA_MODEL_REGISTRY_TYPE: model_registry.type: unsupported registry type \"redis\"; known: memory",
            ])
    }

    @Test("Only the address blocks of a list are trimmed")
    func lists() throws {
        let loaded = try Fixture().load(environment: [
            "OLLA_SERVER_TRUSTED_PROXY_CIDRS": " 10.0.0.0/8 ,, ::1/128 ",
            "OLLA_SERVER_CORS_EXPOSED_HEADERS": "X-A, X-B",
        ])
        #expect(loaded.configuration?.server.rateLimits.trustedProxyCIDRs == ["10.0.0.0/8", "::1/128"])
        #expect(loaded.configuration?.server.cors.exposedHeaders == ["X-A", " X-B"])
    }

    @Test("The variable for the log format also holds on a terminal")
    func logFormat() throws {
        let loaded = try Fixture().load(environment: ["OLLA_LOGGING_FORMAT": "json"])
        #expect(loaded.configuration?.logging.formatIsForced == true)
        #expect(Configuration().logging.formatIsForced == false)
    }
}
