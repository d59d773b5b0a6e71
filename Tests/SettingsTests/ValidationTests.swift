import Catalog
import Domain
import Testing

@testable import Settings

@Suite("Validation")
struct ValidationTests {
    @Test(
        "What cannot work is an error at its key",
        arguments: [
            ("server: {host: '::1'}", "server.host", "an IPv6 address stands in brackets, such as \"[::1]\""),
            ("server: {tls: {cert_file: a}}", "server.tls", "cert_file and key_file belong together"),
            ("server: {tls: {client_ca_file: a}}", "server.tls.client_ca_file", "needs cert_file and key_file"),
            ("server: {admin: {host: a}}", "server.admin.host", "needs server.admin.port"),
            ("server: {admin: {port: 40114}}", "server.admin.port", "is the main listener's own address"),
            (
                "server: {cors: {enabled: true, allowed_origins: []}}", "server.cors.allowed_origins",
                "must not be empty while enabled; write [\"*\"] to allow all"
            ),
            (
                "server: {cors: {enabled: true, allowed_origins: ['*.*']}}", "server.cors.allowed_origins[0]",
                "must be an origin with at most one *"
            ),
            (
                "server: {cors: {enabled: true, allow_credentials: true}}", "server.cors.allow_credentials",
                "must not be true together with a * origin"
            ),
            ("server: {cors: {enabled: true, max_age: -1}}", "server.cors.max_age", "must not be negative"),
            (
                "server: {rate_limits: {trusted_proxy_cidrs: [10.0.0.1]}}",
                "server.rate_limits.trusted_proxy_cidrs[0]", "\"10.0.0.1\" is not an address block such as 10.0.0.0/8"
            ),
            ("server: {auth: {keys: [{key: k}]}}", "server.auth.keys[0]", "name is required"),
            (
                "server: {auth: {keys: [{name: a}]}}", "server.auth.keys[0]",
                "needs exactly one of key, key_file and sha256"
            ),
            (
                "server: {auth: {keys: [{name: a, sha256: abc}]}}", "server.auth.keys[0].sha256",
                "must be 64 hexadecimal digits"
            ),
            (
                "server: {auth: {keys: [{name: a, key: k}, {name: a, key: l}]}}", "server.auth.keys[1].name",
                "another key has this name"
            ),
            ("server: {auth: {header: 'a b'}}", "server.auth.header", "must be an HTTP token"),
            ("proxy: {breaker: {window: 0s}}", "proxy.breaker.window", "must be above 0"),
            (
                "proxy: {profile_filter: {exclude: ['']}}", "proxy.profile_filter.exclude[0]",
                "pattern \"\" is not valid: use a name, *, name*, *name or *name*"
            ),
            (
                "discovery: {model_discovery: {timeout: 0s}}", "discovery.model_discovery.timeout",
                "must be above 0 while enabled"
            ),
            (
                "discovery: {model_discovery: {concurrent_workers: 0}}",
                "discovery.model_discovery.concurrent_workers", "must be above 0 while enabled"
            ),
            ("discovery: {type: ''}", "discovery.type", "must be static, not \"\""),
            (
                "model_registry: {type: redis}", "model_registry.type",
                "unsupported registry type \"redis\"; known: memory"
            ),
            (
                "model_registry: {routing_strategy: {options: {fallback_behavior: some}}}",
                "model_registry.routing_strategy.options.fallback_behavior",
                "unknown fallback behavior \"some\"; known: compatible_only, none, all"
            ),
            ("model_aliases: {' a': [b]}", "model_aliases. a", "an alias must not begin or end with a blank"),
            ("model_aliases: {'': [b]}", "model_aliases.", "an alias needs a name"),
            ("model_aliases: {a: }", "model_aliases.a", "an alias needs at least one model"),
            ("model_aliases: {a: [b, '']}", "model_aliases.a[1]", "a model name must not be empty"),
            ("model_aliases: {a: b}", "model_aliases.a", "must be a list, not text"),
            (
                "translators: {anthropic: {max_message_size: 104857601}}", "translators.anthropic.max_message_size",
                "must be from 0 to 104857600, not 104857601"
            ),
            (
                "translators: {anthropic: {inspector: {enabled: true, output_dir: /var/../etc/x}}}",
                "translators.anthropic.inspector.output_dir", "must not be or lie in a system folder"
            ),
            (
                "translators: {anthropic: {inspector: {enabled: true, session_header: 'a:b'}}}",
                "translators.anthropic.inspector.session_header", "must be an HTTP token"
            ),
            (
                "translators: {anthropic: {inspector: {enabled: true, session_header: X-API-Key}}}",
                "translators.anthropic.inspector.session_header", "must not be a header that carries a credential"
            ),
            (
                "{translators: {anthropic: {inspector: {enabled: true, session_header: x-team}}},"
                    + " server: {auth: {header: X-Team}}}",
                "translators.anthropic.inspector.session_header", "must not be a header that carries a credential"
            ),
            (
                "dashboard: {access_policy: {allowed_cidrs: []}}", "dashboard.access_policy.allowed_cidrs",
                "must not be empty while the dashboard is enabled"
            ),
            (
                "dashboard: {access_policy: {allowed_cidrs: [nowhere]}}", "dashboard.access_policy.allowed_cidrs[0]",
                "\"nowhere\" is not an address block such as 127.0.0.0/8"
            ),
            (
                "tracing: {otlp: {endpoint: collector}}", "tracing.otlp.endpoint",
                "the URL has no scheme; write http://host:port or https://host:port"
            ),
        ])
    func errors(yaml: String, path: String, message: String) throws {
        let loaded = try Fixture.load("\n" + yaml)
        #expect(loaded.errorLines == ["config.yaml:2: \(path): \(message)"])
    }

    @Test(
        "What is checked only when it is on may be wrong while it is off",
        arguments: [
            "server: {cors: {allowed_origins: [], allow_credentials: true, max_age: -1}}",
            "discovery: {model_discovery: {enabled: false, interval: 0s, timeout: 0s, concurrent_workers: 0}}",
            "translators: {anthropic: {inspector: {output_dir: /etc, session_header: 'a b'}}}",
            "dashboard: {enabled: false, access_policy: {allowed_cidrs: []}}",
        ])
    func conditional(yaml: String) throws {
        let loaded = try Fixture.load(yaml)
        #expect(loaded.errors.isEmpty)
        #expect(loaded.configuration != nil)
    }

    @Test(
        "What is probably a mistake is a warning and does not stop the start",
        arguments: [
            ("server: {rate_limits: {burst_size: 0}}", "server.rate_limits.burst_size"),
            (
                "proxy: {sticky_sessions: {enabled: true, idle_ttl_seconds: 0}}",
                "proxy.sticky_sessions.idle_ttl_seconds"
            ),
            ("model_aliases: {a: [b, b]}", "model_aliases.a[1]"),
        ])
    func warnings(yaml: String, path: String) throws {
        let loaded = try Fixture.load(yaml)
        #expect(loaded.problems.filter { problem in problem.severity == .warning }.map(\.path) == [path])
        #expect(loaded.configuration != nil)
    }

    @Test(
        "An address block is an address with a length",
        arguments: [
            ("10.0.0.0/8", true), ("0.0.0.0/0", true), ("255.255.255.255/32", true), ("::/0", true),
            ("::1/128", true), ("2001:db8::/32", true), ("1:2:3:4:5:6:7:8/64", true), ("::ffff:10.0.0.1/96", true),
            ("1::/16", true), ("10.0.0.0", false), ("10.0.0.0/33", false), ("::1/129", false), ("10.0.0/8", false),
            ("010.0.0.0/8", false), ("256.0.0.0/8", false), ("10.0.0.0/-1", false), ("10.0.0.0/08", false),
            ("1:2:3:4:5:6:7/64", false), ("1:2:3:4:5:6:7:8:9/64", false), ("1::2::3/64", false),
            ("12345::/16", false), ("g::/16", false), (":::/16", false), ("/8", false), ("", false),
            ("10.0.0.0/8/8", false), ("1:2:3:4:5:6:7:8::/64", false), ("1.2.3.4::/64", false),
        ])
    func addressBlocks(text: String, isValid: Bool) {
        #expect(TextRules.isAddressBlock(text) == isValid)
    }
}

@Suite("Endpoint validation")
struct EndpointValidationTests {
    private func load(_ endpoints: String) throws -> LoadedConfiguration {
        try Fixture.load("discovery:\n  static:\n    endpoints: \(endpoints)\n")
    }

    @Test(
        "A wrong endpoint is an error at its key",
        arguments: [
            ("{name: a}", "", "url is required"),
            ("{name: a, url: ''}", "", "url is required"),
            (
                "{name: a, url: 'localhost:11434'}", ".url",
                "the URL has no scheme; write http://host:port or https://host:port"
            ),
            ("{name: a, url: 'ftp://a'}", ".url", "the URL scheme must be http or https"),
            ("{name: a, url: 'http://a:0'}", ".url", "the URL port must be a number from 1 to 65535"),
            ("{name: a, url: 'http://'}", ".url", "the URL has no host"),
            ("{name: a, url: 'http://a', priority: -1}", ".priority", "must be at least 0, not -1"),
            (
                "{name: a, url: 'http://a', check_interval: 500ms, check_timeout: 1ms}", ".check_interval",
                "must be at least 1s, not 500ms"
            ),
            (
                "{name: a, url: 'http://a', check_interval: 2s}", ".check_interval",
                "check_timeout (2s) must be below check_interval (2s)"
            ),
            (
                "{name: a, url: 'http://a', check_timeout: 5s}", ".check_timeout",
                "check_timeout (5s) must be below check_interval (5s)"
            ),
            (
                "{name: a, url: 'http://a', check_interval: 1m, check_timeout: 31s}", ".check_timeout",
                "must be at most 30s, not 31s"
            ),
            ("{name: a, url: 'http://a', check_timeout: 0s}", ".check_timeout", "must be above 0"),
            (
                "{name: a, url: 'http://a', model_url: 'a b'}", ".model_url",
                "the URL has an illegal character at offset 1"
            ),
            (
                "{name: a, url: 'http://a', health_check_url: 'http://u:s3cr3t@b'}", ".health_check_url",
                "the URL contains credentials; use the auth block instead"
            ),
            (
                "{name: a, url: 'http://a', model_filter: {exclude: ['a*b']}}", ".model_filter.exclude[0]",
                "pattern \"a*b\" is not valid: use a name, *, name*, *name or *name*"
            ),
            ("{name: a, url: 'http://a', tls: {ca_file: ''}}", ".tls.ca_file", "must not be empty"),
            ("{name: a, url: 'http://a', headers: [a]}", ".headers", "must be a mapping, not a list"),
            ("{name: a, url: 'http://a', auth: abc}", ".auth", "must be a mapping, not text"),
            ("", "", "must be a mapping, not nothing"),
        ])
    func errors(endpoint: String, key: String, message: String) throws {
        let loaded = try self.load("\n      - \(endpoint)")
        let expected = "config.yaml:4: discovery.static.endpoints[0]\(key): \(message)"
        // An element that is no mapping also lacks a URL.
        #expect(loaded.errorLines.first == expected)
        #expect(loaded.errors.count == (endpoint.isEmpty ? 2 : 1))
        #expect(!loaded.lines.joined().contains("s3cr3t"))
    }

    @Test("Credentials in a URL are refused with the block to use instead and without repeating them")
    func userInfo() throws {
        let loaded = try self.load("[{name: a, url: 'https://admin:hunter2@gpu.example/v1'}]")
        let text = ConfigurationReport(loaded).validation + ConfigurationReport(loaded).refusal
        #expect(loaded.errors.count == 1)
        #expect(text.contains("auth: {type: basic, username: <username>, password: \"${PASSWORD}\"}"))
        for secret in ["hunter2", "admin", "gpu.example"] { #expect(!text.contains(secret)) }
        #expect(ConfigurationReport(loaded).exitCode == 1)
    }

    @Test(
        "Every built-in type and prefix, auto and nothing are accepted",
        arguments: ProfileSet.builtIn.knownTypes + [""])
    func types(name: String) throws {
        let loaded = try self.load("[{name: a, url: 'http://a', type: '\(name)'}]")
        #expect(loaded.configuration?.discovery.endpoints.first?.type == name)
        #expect(loaded.problems.isEmpty)
    }

    @Test("An unknown type lists the known ones and suggests a close one")
    func unknownType() throws {
        let loaded = try self.load("[{name: a, url: 'http://a', type: olama}]")
        #expect(
            loaded.errorLines.first?.contains("unknown type \"olama\"; did you mean ollama?; known: auto, dmr, ")
                == true)
    }

    @Test("An explicit priority of zero is kept and an absent or null one means 100")
    func priority() throws {
        let loaded = try self.load(
            "[{name: a, url: 'http://a', priority: 0}, {name: b, url: 'http://b', priority: }]")
        #expect(loaded.configuration?.discovery.endpoints.map(\.priority) == [0, 100])
    }

    @Test("Endpoints of one URL collapse to the last, with a warning at it")
    func duplicates() throws {
        let loaded = try self.load(
            """

                  - {name: a, url: http://x, priority: 1}
                  - {name: b, url: http://y}
                  - {name: c, url: http://x, priority: 2}
            """)
        #expect(loaded.configuration?.discovery.endpoints.map(\.name) == ["b", "c"])
        #expect(
            loaded.lines == [
                "config.yaml:6: discovery.static.endpoints[2].url: same url as endpoint 0 of the list;"
                    + " only this one, the last, is used"
            ])
    }

    @Test("Missing and repeated names are warnings")
    func names() throws {
        let loaded = try self.load("[{url: 'http://a'}, {name: b, url: 'http://b'}, {name: b, url: 'http://c'}]")
        #expect(loaded.configuration?.discovery.endpoints.count == 3)
        #expect(
            loaded.lines(.warning) == [
                "config.yaml:3: discovery.static.endpoints[0]: an endpoint should have a name",
                "config.yaml:3: discovery.static.endpoints[2].name: same name as endpoint 1 of the list",
            ])
    }

    @Test("The list may be empty, may hold 256 endpoints, and no more")
    func bounds() throws {
        func list(_ count: Int) -> String {
            "[" + (0..<count).map { "{name: n\($0), url: 'http://h\($0)'}" }.joined(separator: ", ") + "]"
        }
        #expect(try self.load("[]").configuration?.discovery.endpoints == [])
        #expect(try self.load(list(EndpointSet.capacity)).configuration?.discovery.endpoints.count == 256)
        #expect(
            try self.load(list(257)).errorLines == [
                "config.yaml:3: discovery.static.endpoints: has 257 endpoints; at most 256 are possible"
            ])
    }

    @Test("A filter keeps its patterns in order")
    func filters() throws {
        let loaded = try self.load(
            "[{name: a, url: 'http://a', model_filter: {include: [llama*], exclude: ['*test*']}}]")
        let filter = try #require(loaded.configuration?.discovery.endpoints.first).modelFilter
        #expect(filter.include == ["llama*"])
        #expect(filter.exclude == ["*test*"])
        #expect(!filter.isEmpty)
    }

    @Test("Query and fragment of a URL are accepted and said to be ignored")
    func query() throws {
        let loaded = try self.load("[{name: a, url: 'http://a/?x=1'}]")
        #expect(loaded.lines == ["config.yaml:3: discovery.static.endpoints[0].url: query and fragment are ignored"])
    }
}
