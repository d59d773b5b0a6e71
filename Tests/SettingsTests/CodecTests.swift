import Domain
import Testing

@testable import Settings

@Suite("Codecs")
struct CodecTests {
    @Test("A duration needs a unit; only a quoted zero may do without", arguments: ["30", "0", "1e3", "1.5"])
    func bareDurations(text: String) throws {
        let loaded = try Fixture.load("server:\n  read_timeout: \(text)\n")
        #expect(
            loaded.lines == [
                "config.yaml:2: server.read_timeout: must be a duration with a unit such as \(text)s,"
                    + " not a bare number"
            ])
        let quoted = try Fixture.load("server:\n  read_timeout: \"0\"\n")
        #expect(quoted.configuration?.server.readTimeout == .zero)
        #expect(try Fixture.load("server: {read_timeout: 30s}").configuration?.server.readTimeout == .seconds(30))
    }

    @Test("A size is a plain number in the file and may have a suffix in a variable")
    func sizes() throws {
        let loaded = try Fixture.load("server:\n  request_limits:\n    max_body_size: \"50MB\"\n")
        #expect(
            loaded.lines == [
                "config.yaml:3: server.request_limits.max_body_size: must be a plain number of bytes such as"
                    + " 1048576, not text"
            ])
        let variable = try Fixture.load("", environment: ["OLLA_SERVER_MAX_BODY_SIZE": "50MB"])
        #expect(variable.configuration?.server.requestLimits.maxBodySize == 52_428_800)
    }

    @Test(
        "A boolean may be spelled as in YAML 1.1",
        arguments: [
            ("yes", true), ("on", true), ("y", true), ("True", true), ("no", false), ("Off", false), ("n", false),
        ])
    func booleans(text: String, value: Bool) throws {
        let loaded = try Fixture.load("server: {request_logging: \(text)}")
        #expect(loaded.configuration?.server.requestLogging == value)
    }

    @Test("Numbers and booleans are taken by their literal text where text is expected")
    func texts() throws {
        let loaded = try Fixture.load(
            "discovery: {static: {endpoints: [{url: http://a, name: 0123}]}}\nserver: {product_name: yes}")
        let configuration = try #require(loaded.configuration)
        #expect(configuration.discovery.endpoints.first?.name == "0123")
        #expect(configuration.server.productName == "yes")
    }

    @Test(
        "A value of the wrong kind is an error with path, line and what was found",
        arguments: [
            ("server:\n  port: ten", "server.port: must be a whole number, not text"),
            ("server:\n  port: \"80\"", "server.port: must be a whole number, not text"),
            ("server:\n  port: 1.5", "server.port: must be a whole number, not a number"),
            ("server:\n  port: [1]", "server.port: must be a whole number, not a list"),
            ("server:\n  port: 0", "server.port: must be from 1 to 65535, not 0"),
            ("server:\n  port: 65536", "server.port: must be from 1 to 65535, not 65536"),
            ("server:\n  host: {a: 1}", "server.host: must be text, not a mapping"),
            ("server:\n  request_logging: 1", "server.request_logging: must be true or false, not a number"),
            ("server:\n  drain_delay: -1s", "server.drain_delay: must not be negative"),
            ("server:\n  drain_delay: soon", "server.drain_delay: \"soon\" is not a duration such as 30s, 5m or 1h30m"),
            ("server:\n  cors: true", "server.cors: must be a mapping, not a boolean"),
            ("proxy:\n  retry: [1]", "proxy.retry: must be a mapping, not a list"),
            ("proxy:\n  engine: nginx", "proxy.engine: unknown proxy implementation \"nginx\"; known: olla, sherpa"),
            ("proxy:\n  engine: \"\"", "proxy.engine: unknown proxy implementation \"\"; known: olla, sherpa"),
            (
                "proxy:\n  load_balancer: fair",
                "proxy.load_balancer: unknown load balancer strategy \"fair\"; known: priority, round-robin,"
                    + " least-connections, p2c, ewma, prefix-affinity"
            ),
            ("metrics:\n  views: x", "metrics.views: must be a list, not text"),
            ("metrics:\n  views: [grafana]", "metrics.views[0]: unknown name \"grafana\"; known: olla, otel"),
            ("tracing:\n  otlp: {sample_ratio: 2}", "tracing.otlp.sample_ratio: must be from 0.0 to 1.0, not 2.0"),
            ("proxy:\n  retry: {on_status: [200]}", "proxy.retry.on_status[0]: must be from 400 to 599, not 200"),
            ("dashboard:\n  enabled: maybe", "dashboard.enabled: must be true or false, not text"),
        ])
    func wrongKinds(yaml: String, problem: String) throws {
        let loaded = try Fixture.load(yaml)
        #expect(loaded.errorLines == ["config.yaml:2: \(problem)"])
        #expect(loaded.configuration == nil)
        #expect(ConfigurationReport(loaded).exitCode == 1)
    }

    @Test(
        "A name that may be wrong is replaced by the default with a warning",
        arguments: [
            ("proxy: {profile: turbo}", "proxy.profile"), ("logging: {level: loud}", "logging.level"),
            ("logging: {format: xml}", "logging.format"), ("logging: {output: tape}", "logging.output"),
            ("model_registry: {routing_strategy: {type: lax}}", "model_registry.routing_strategy.type"),
        ])
    func replacedNames(yaml: String, path: String) throws {
        let loaded = try Fixture.load(yaml)
        #expect(loaded.configuration == Configuration())
        #expect(loaded.problems.map(\.path) == [path])
        #expect(loaded.problems.map(\.severity) == [.warning])
        #expect(ConfigurationReport(loaded).exitCode == 1)
    }

    @Test("Log levels are read in any case, and warning means warn")
    func levels() throws {
        #expect(try Fixture.load("logging: {level: WARNING, format: Text}").configuration?.logging.level == .warn)
    }

    @Test("An unknown key source is left out with a warning")
    func keySources() throws {
        let loaded = try Fixture.load("proxy:\n  sticky_sessions:\n    key_sources: [ip, cookie]\n")
        #expect(loaded.configuration?.proxy.stickySessions.keySources == [.address])
        #expect(loaded.lines(.warning).first?.hasPrefix("config.yaml:3: proxy.sticky_sessions.key_sources[1]") == true)
    }

    @Test("Zero stands for the documented default where the contract says so")
    func zeros() throws {
        let loaded = try Fixture.load(
            """
            server:
              read_header_timeout: 0s
              read_timeout: 44s
              request_limits: {max_body_size: -5, max_header_size: 0}
            proxy:
              connection_timeout: 0s
              connection_keep_alive: 0s
              read_timeout: 0s
              response_header_timeout: 0s
              tls_handshake_timeout: 0s
            model_registry:
              routing_strategy: {options: {discovery_timeout: -1s}}
              unification: {stale_threshold: 0s, cleanup_interval: 0s}
            """)
        let configuration = try #require(loaded.configuration)
        #expect(configuration.server.readHeaderTimeout == .seconds(10))
        #expect(configuration.server.keepAliveTimeout == .seconds(44))
        #expect(configuration.server.requestLimits.maxBodySize == 0)
        #expect(configuration.server.requestLimits.maxHeaderSize == 1_048_576)
        #expect(configuration.proxy.connectionTimeout == .seconds(60))
        #expect(configuration.proxy.connectionKeepAlive == .seconds(30))
        #expect(configuration.proxy.readTimeout == .seconds(60))
        #expect(configuration.proxy.responseHeaderTimeout == .seconds(30))
        #expect(configuration.proxy.tlsHandshakeTimeout == .seconds(10))
        #expect(configuration.proxy.readBytesMax == 65_536)
        #expect(configuration.modelRegistry.routingStrategy.discoveryTimeout == .seconds(2))
        #expect(configuration.modelRegistry.unification.cleanupInterval == .seconds(300))
        let small = try Fixture.load("server: {request_limits: {max_header_size: 100}}")
        #expect(small.configuration?.server.requestLimits.maxHeaderSize == 4_096)
    }
}
