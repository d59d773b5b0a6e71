import Catalog
import Testing

@testable import Settings

@Suite("Custom profiles")
struct ProfileFileTests {
    private static let mine = """
        name: mine
        version: "2.0"
        home: https://example.test
        routing: {prefixes: [mine, My_Own]}
        api:
          openai_compatible: true
          paths: [/v1/chat/completions, /infer]
          model_discovery_path: /list
          health_check_path: /alive
          anthropic_support: {enabled: true, messages_path: /m, token_count: true, limitations: [no_vision]}
        characteristics: {timeout: 3m, max_concurrent_requests: 7, default_priority: 60, auth: {types: [bearer]}}
        detection: {user_agent_patterns: [mine/], headers: [X-Mine], path_indicators: [/list], default_ports: [7000]}
        request: {response_format: vllm}
        """

    @Test("A file of the folder becomes a profile: type, routes, paths and detection")
    func custom() throws {
        let fixture = try Fixture().write(Self.mine, to: "config/profiles/deep/mine.yaml")
        try fixture.write("name: ignored", to: "config/profiles/other.yml")
        try fixture.write(
            "discovery: {static: {endpoints: [{url: 'http://a', name: a, type: My_Own}]}}", to: "config.yaml")
        let loaded = fixture.load()
        let profiles = try #require(loaded.configuration?.profiles)
        #expect(profiles.profiles.count == 13)
        let index = try #require(profiles.index(ofProfile: "mine"))
        #expect(profiles.kind(ofType: "My_Own") == .profile(index))
        let profile = profiles[index]
        #expect(profile.prefixes == ["mine", "My_Own"])
        #expect(profile.modelsPath == "/list" && profile.healthPath == "/alive")
        #expect(profile.parser == .vllm && profile.isOpenAICompatible)
        #expect(profile.paths == ["/v1/chat/completions", "/infer"])
        #expect(
            profile.anthropic
                == AnthropicSupport(messagesPath: "/m", countsTokens: true, limitations: ["no_vision"]))
        #expect(profile.hints.ports == [7000] && profile.hints.maxConcurrentRequests == 7)
        #expect(loaded.remarks.isEmpty)
        #expect(ConfigurationReport(loaded).validation.contains("[OK]   profiles     12 profile(s) loaded\n"))
    }

    @Test("A file of the same name replaces a built-in profile as a whole; later files win")
    func replacement() throws {
        let fixture = try Fixture().write("name: vllm\nrouting: {prefixes: [first]}", to: "config/profiles/a.yaml")
        try fixture.write("name: vllm\nrouting: {prefixes: [second]}", to: "config/profiles/b.yaml")
        let profiles = try #require(fixture.load().configuration?.profiles)
        #expect(profiles.profiles.count == 12)
        #expect(profiles.kind(ofType: "second") != nil)
        #expect(profiles.kind(ofType: "first") == nil)
        #expect(profiles.profiles.first { $0.name == "vllm" }?.paths == [])
    }

    @Test("A bad file is passed over with a warning, and fails the validation")
    func bad() throws {
        let fixture = try Fixture().write("version: 1", to: "config/profiles/a.yaml")
        try fixture.write("name: [", to: "config/profiles/b.yaml")
        try fixture.write("name: c\nrouting: {prefixes: 7}", to: "config/profiles/c.yaml")
        try fixture.write("name: d\nrouting: {prefixes: [vllm]}", to: "config/profiles/d.yaml")
        try fixture.write("", to: "config/profiles/e.yaml")
        let loaded = fixture.load()
        #expect(loaded.configuration != nil)
        let remarks = loaded.remarks.map(\.description)
        for (start, part) in [
            ("config/profiles/a.yaml", "name: is required; the profile is not used"),
            ("config/profiles/b.yaml:", "not valid YAML"), ("config/profiles/c.yaml:2:", "must be a list"),
            ("config/profiles/e.yaml", "is empty"),
            ("config/profiles:", "two profiles claim the prefix \"vllm\"; vllm has it"),
        ] { #expect(remarks.contains { $0.hasPrefix(start) && $0.contains(part) }, "\(part) in \(remarks)") }
        let report = ConfigurationReport(loaded)
        #expect(report.exitCode == 1)
        #expect(report.validation.contains("\n[WARN] profiles     5 issues, 12 profile(s) loaded\n"))
    }

    @Test("A profile that is filtered out has no route and is no type")
    func filter() throws {
        let yaml = """
            proxy: {profile_filter: {include: ["*llm*", openai*, ollama], exclude: [vllm-mlx, openai-compatible]}}
            discovery: {static: {endpoints: [{url: "http://a", name: a, type: TYPE}]}}
            """
        let loaded = try Fixture.load(yaml.replacing("TYPE", with: "vllm"))
        let profiles = try #require(loaded.configuration?.profiles)
        #expect(profiles.knownTypes == ["auto", "litellm", "ollama", "vllm"])
        #expect(profiles.routes.map(\.prefix) == ["litellm", "ollama", "vllm"])
        // What nothing is known about is still read as an OpenAI-compatible server.
        #expect(profiles.effectiveProfile(of: .auto)?.name == "openai-compatible")
        let refused = try Fixture.load(yaml.replacing("TYPE", with: "sglang"))
        #expect(refused.errorLines.contains { $0.contains("unknown type \"sglang\"") })
        let invalid = try Fixture.load("proxy: {profile_filter: {include: [a*b]}}")
        #expect(invalid.configuration == nil)
    }
}

@Suite("Model rules")
struct ModelRulesFileTests {
    @Test("A file replaces the sections it has; the others stay")
    func sections() throws {
        let yaml = """
            version: 1
            model_extraction:
              family_patterns:
                - {pattern: "^acme-(\\\\d+)", family_group: 0, variant_group: 1, description: ours}
              architecture_mappings: {AcmeNet: acme}
            quantization: {mappings: {q9_x: nine}}
            capabilities:
              name_patterns: [{pattern: acme, capabilities: [magic]}]
              context_thresholds: {long_context: 5000}
            """
        let fixture = try Fixture().write(yaml, to: "config/models.yaml")
        let loaded = fixture.load()
        let rules = try #require(loaded.configuration?.modelRules)
        #expect(rules.familyPatterns.map(\.pattern.source) == ["^acme-(\\d+)"])
        #expect(rules.architectures == ["acmenet": "acme"])
        #expect(rules.familyAliases == ModelRules.builtIn.familyAliases)
        #expect(rules.quantizations == ["Q9_X": "nine"])
        #expect(rules.nameCapabilities.map(\.capabilities) == [["magic"]])
        #expect(rules.contextThresholds == ModelRules.ContextThresholds(long: 5_000))
        #expect(loaded.remarks.isEmpty)
        #expect(
            ConfigurationReport(loaded).validation.contains("[OK]   models.yaml  loaded from config/models.yaml\n"))
    }

    @Test("A file that cannot be used is passed over, and the next one is tried")
    func fallback() throws {
        let fixture = try Fixture().write("", to: "models.yaml").write("a: [", to: "config/models.yaml")
        try fixture.write("quantization: {mappings: {A: b}}", to: "elsewhere/models.yaml")
        let loaded = fixture.load(environment: ["OLLA_CONFIG_DIR": "elsewhere"])
        #expect(loaded.configuration?.modelRules.quantizations == ["A": "b"])
        #expect(loaded.remarks.count == 2)
        #expect(ConfigurationReport(loaded).exitCode == 1)
        #expect(
            ConfigurationReport(loaded).validation.contains(
                "\n[WARN] models.yaml  2 issues, loaded from elsewhere/models.yaml\n"))
    }

    @Test("A pattern that is no expression drops the whole file")
    func pattern() throws {
        let yaml = """
            model_extraction: {family_patterns: [{pattern: "(", family_group: 1}]}
            quantization: {mappings: {A: b}}
            """
        let loaded = try Fixture().write(yaml, to: "models.yaml").load()
        #expect(loaded.configuration?.modelRules == .builtIn)
        #expect(loaded.remarks.map(\.description).contains { $0.contains("family_patterns[0].pattern") })
    }
}
