import Domain
import Testing

@testable import Settings

@Suite("Key catalogue")
struct KeyCatalogTests {
    @Test("A file with every key, those without meaning included, loads and passes validation")
    func everyKey() throws {
        let fixture = try Fixture().write(Samples.everyKey, to: "config/config.yaml")
        try fixture.write("secret-key\n", to: "secrets/key")
        let loaded = fixture.load(environment: ["TOKEN": "abc"])
        #expect(loaded.lines(.error) == [])
        #expect(loaded.lines(.warning) == [])
        let report = ConfigurationReport(loaded)
        #expect(report.exitCode == 0)
        #expect(report.validation.hasPrefix("Configuration validation\n========================\n"))
        #expect(report.validation.contains("\n[OK]   config.yaml  loaded from config/config.yaml\n"))
        #expect(report.validation.contains("\n[OK]   models.yaml  using embedded defaults\n"))
        #expect(report.validation.contains("\n[OK]   profiles     11 profile(s) loaded\n"))
        #expect(report.validation.hasSuffix("\n\nResult: PASS\n"))
    }

    @Test("The file with every key really holds every key of every table")
    func everyKeyIsThere() {
        let present = Samples.paths(in: Samples.everyKey)
        for path in Samples.allPaths { #expect(present.contains(path), "\(path)") }
    }

    @Test("Each value of the file with every key arrives in its property")
    func values() throws {
        let fixture = try Fixture().write(Samples.everyKey, to: "config.yaml")
        try fixture.write("secret-key\n", to: "secrets/key")
        let configuration = try #require(fixture.load(environment: ["TOKEN": "abc"]).configuration)
        let reference = Configuration()
        // Every value of the sample differs from its default, so a key tied to the wrong property shows here.
        let fixed = ["discovery.type", "model_registry.type"]
        for key in KeyCatalog.configuration.keys {
            let isDefault = fixed.contains(key.path)
            #expect(key.isDefault(configuration) == isDefault, "\(key.path)")
            #expect(key.isDefault(reference))
        }
        let endpoint = try #require(configuration.discovery.endpoints.first)
        for key in KeyCatalog.endpoint.keys { #expect(!key.isDefault(endpoint), "\(key.path)") }
        #expect(configuration.server.port == 8_080)
        #expect(configuration.server.requestLimits.maxBodySize == 1_000_000)
        #expect(configuration.server.cors.maxAge == 60)
        #expect(configuration.proxy.retry.onStatus == [503])
        #expect(configuration.proxy.readBytesMax == 4_096)
        #expect(configuration.proxy.stickySessions.keySources == [.address, .sessionHeader])
        #expect(configuration.modelAliases == [.init(name: "small", models: ["a", "b"])])
        #expect(configuration.tracing.sampleRatio == 0.25)
        #expect(endpoint.credential?.name == "Authorization")
        #expect(endpoint.credential?.value.reveal() == "Bearer abc")
    }

    @Test("Each key that does not act yet gets exactly one remark, and each without meaning too")
    func remarks() throws {
        let fixture = try Fixture().write(Samples.everyKey, to: "config.yaml")
        try fixture.write("secret-key\n", to: "secrets/key")
        let loaded = fixture.load(environment: ["TOKEN": "abc"])
        let paths = loaded.problems.filter { problem in problem.severity == .information }.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(Set(Inaction.deprecated.keys).isSubset(of: paths))
        for path in [
            "server.rate_limits.per_endpoint", "proxy.retry.on_connection_failure", "discovery.health_check",
            "model_registry.unification.cache_ttl",
        ] {
            #expect(paths.contains(path), "\(path)")
        }
    }

    @Test("Every line of the table of inaction names a key that exists")
    func inaction() {
        let paths = KeyCatalog.configuration.keys.map(\.path)
        for path in Inaction.deprecated.keys { #expect(paths.contains(path), "\(path)") }
    }

    @Test("A key that does not act is not mentioned while it has its default")
    func quietDefaults() throws {
        let loaded = try Fixture.load("server: {rate_limits: {cleanup_interval: 5m}, watch_config: no}\n")
        #expect(loaded.problems.isEmpty)
    }

    @Test("Every balancer and every routing strategy loads without a remark")
    func choices() throws {
        for balancer in Configuration.Proxy.LoadBalancer.allCases {
            let loaded = try Fixture.load("proxy:\n  load_balancer: \(balancer.rawValue)\n")
            #expect(loaded.problems.isEmpty)
            #expect(loaded.configuration?.proxy.loadBalancer == balancer)
        }
        for strategy in Configuration.RoutingStrategy.Kind.allCases {
            let loaded = try Fixture.load("model_registry: {routing_strategy: {type: \(strategy.rawValue)}}\n")
            #expect(loaded.problems.isEmpty)
            #expect(loaded.configuration?.modelRegistry.routingStrategy.kind == strategy)
        }
    }

    @Test("Sherpa loads, also from the environment, and reads in its own pieces")
    func engine() throws {
        let loaded = try Fixture.load("", environment: ["OLLA_PROXY_ENGINE": "sherpa"])
        #expect(loaded.problems.isEmpty)
        #expect(loaded.configuration?.proxy.engine == .sherpa)
        #expect(loaded.configuration?.proxy.readBytesMax == 8_192)
    }

    @Test("An unknown key is one remark with its line, and a close name is suggested")
    func unknownKeys() throws {
        let loaded = try Fixture.load(
            """
            sever: {port: 1}
            server:
              read_timout: 1s
              flux_capacitor: {deep: {deeper: 1}}
            discovery:
              static:
                endpoints:
                  - url: http://a
                    name: a
                    proirity: 3
            """)
        #expect(loaded.configuration != nil)
        #expect(
            loaded.lines(.information) == [
                "config.yaml:1: sever: unknown key, ignored; did you mean server?",
                "config.yaml:3: server.read_timout: unknown key, ignored; did you mean read_timeout?",
                "config.yaml:4: server.flux_capacitor: unknown key, ignored",
                "config.yaml:10: discovery.static.endpoints[0].proirity: unknown key, ignored;"
                    + " did you mean priority?",
            ])
        #expect(ConfigurationReport(loaded).exitCode == 0)
    }

    @Test("Null clears lists and mappings, and leaves everything else at its default")
    func nulls() throws {
        let loaded = try Fixture.load(
            """
            server:
              port: null
              host:
              read_timeout: ~
              cors: {allowed_origins: null}
              rate_limits:
            discovery: {static: {endpoints: }}
            model_aliases: ~
            proxy: {sticky_sessions: {key_sources: }, retry: {on_status: null}}
            """)
        let configuration = try #require(loaded.configuration)
        #expect(configuration.server.port == 40_114)
        #expect(configuration.server.host == "localhost")
        #expect(configuration.server.readTimeout == .seconds(30))
        #expect(configuration.server.cors.allowedOrigins == [])
        #expect(configuration.server.rateLimits == Configuration.RateLimits())
        #expect(configuration.discovery.endpoints == [])
        #expect(configuration.proxy.stickySessions.keySources == [])
        #expect(configuration.proxy.retry.onStatus == [])
    }

    @Test("A list in the file replaces the default list, and a mapping is merged into it")
    func merging() throws {
        let loaded = try Fixture.load("server: {cors: {allowed_methods: [GET]}}\n")
        let cors = try #require(loaded.configuration).server.cors
        #expect(cors.allowedMethods == ["GET"])
        #expect(cors.allowedHeaders == ["*"])
        #expect(loaded.configuration?.discovery.endpoints == [.builtIn])
    }
}
