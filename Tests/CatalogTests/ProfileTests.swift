import Catalog
import Domain
import Testing

@Suite("Profiles")
struct ProfileTests {
    private let profiles = ProfileSet.builtIn

    private func profile(_ name: String) throws -> Profile {
        self.profiles[try #require(self.profiles.index(ofProfile: name))]
    }

    @Test func `of all twelve kinds are compiled in`() {
        #expect(
            self.profiles.profiles.map(\.name).sorted() == [
                "docker-model-runner", "lemonade", "litellm", "llamacpp", "lm-studio", "lmdeploy", "ollama", "omlx",
                "openai-compatible", "sglang", "vllm", "vllm-mlx",
            ])
        #expect(self.profiles.profiles.allSatisfy { $0.isOpenAICompatible })
        #expect(self.profiles.contested.isEmpty)
        #expect(self.profiles.ignored.isEmpty)
    }

    struct Row: Sendable {
        var name: String
        var health: String
        var models: String
        var parser: ModelListParser
        var messages: String?
        var countsTokens = false
    }

    @Test(
        arguments: [
            Row(name: "ollama", health: "/", models: "/api/tags", parser: .ollama, messages: "/v1/messages"),
            Row(
                name: "lm-studio", health: "/v1/models", models: "/api/v0/models", parser: .lmStudio,
                messages: "/v1/messages"),
            Row(
                name: "llamacpp", health: "/health", models: "/v1/models", parser: .llamaCpp, messages: "/v1/messages",
                countsTokens: true),
            Row(name: "vllm", health: "/health", models: "/v1/models", parser: .vllm, messages: "/v1/messages"),
            Row(
                name: "vllm-mlx", health: "/health", models: "/v1/models", parser: .vllmMLX, messages: "/v1/messages",
                countsTokens: true),
            Row(name: "sglang", health: "/health", models: "/v1/models", parser: .sglang),
            Row(name: "lmdeploy", health: "/health", models: "/v1/models", parser: .lmDeploy),
            Row(name: "lemonade", health: "/api/v1/health", models: "/api/v1/models", parser: .lemonade),
            Row(name: "litellm", health: "/health", models: "/v1/models", parser: .openAI),
            Row(name: "omlx", health: "/health", models: "/v1/models", parser: .openAI, messages: "/v1/messages"),
            Row(
                name: "docker-model-runner", health: "/engines/v1/models", models: "/engines/v1/models",
                parser: .dockerModelRunner, messages: "/anthropic/v1/messages", countsTokens: true),
            Row(name: "openai-compatible", health: "/v1/models", models: "/v1/models", parser: .openAI),
        ])
    func `say what the contract's table says`(row: Row) throws {
        let profile = try self.profile(row.name)
        #expect(profile.healthPath == row.health)
        #expect(profile.modelsPath == row.models)
        #expect(profile.parser == row.parser)
        let anthropic = profile.anthropic.flatMap { $0.isEnabled ? $0 : nil }
        #expect(anthropic?.messagesPath == row.messages)
        #expect(anthropic?.countsTokens ?? false == row.countsTokens)
    }

    @Test(
        arguments: [
            ("ollama", 10), ("lm-studio", 5), ("llamacpp", 9), ("vllm", 15), ("vllm-mlx", 5), ("sglang", 11),
            ("lmdeploy", 8), ("lemonade", 11), ("litellm", 12), ("omlx", 10), ("docker-model-runner", 12),
            ("openai-compatible", 4),
        ])
    func `list as many paths as the contract, none twice`(name: String, count: Int) throws {
        let paths = try self.profile(name).paths
        #expect(paths.count == count)
        #expect(Set(paths).count == count)
        #expect(paths.allSatisfy { $0.hasPrefix("/") })
    }

    @Test(
        arguments: [
            ("ollama", "ollama"), ("lmstudio", "lm-studio"), ("lm-studio", "lm-studio"), ("lm_studio", "lm-studio"),
            ("openai", "openai-compatible"), ("dmr", "docker-model-runner"),
            ("docker-model-runner", "docker-model-runner"), ("vllm-mlx", "vllm-mlx"),
        ])
    func `are found by name and by every prefix`(spelling: String, name: String) {
        #expect(
            self.profiles.kind(ofType: spelling) == self.profiles.index(ofProfile: name).map { .profile($0) })
    }

    @Test func `an empty type is auto and an unknown one nothing`() {
        #expect(self.profiles.kind(ofType: "") == .auto)
        #expect(self.profiles.kind(ofType: "auto") == .auto)
        #expect(self.profiles.kind(ofType: "anthropic") == nil)
        #expect(self.profiles.kind(ofType: "Ollama") == nil)
        #expect(self.profiles.effectiveProfile(of: .auto)?.name == "openai-compatible")
        #expect(self.profiles.knownTypes.count == 17)
        #expect(self.profiles.knownTypes.allSatisfy { self.profiles.kind(ofType: $0) != nil })
    }

    @Test(
        arguments: [
            ("lm_studio", "lm-studio", "lm-studio", false), ("lmstudio", "lm-studio", "lm-studio", false),
            ("dmr", "dmr", "docker-model-runner", false), ("openai", "openai", "openai-compatible", true),
            ("openai-compatible", "openai-compatible", "openai-compatible", true), ("vllm", "vllm", "vllm", false),
        ])
    func `have a route per prefix`(prefix: String, display: String, profile: String, isOpenAI: Bool) throws {
        let found = self.profiles.route(forPrefix: prefix.utf8.span)
        let route = self.profiles[try #require(found)]
        #expect(route.prefix == prefix)
        #expect(route.displayName == display)
        #expect(self.profiles[route.profile].name == profile)
        #expect(route.isOpenAI == isOpenAI)
    }

    @Test(arguments: ["docker-model-runner", "Ollama", "LMStudio", "anthropic", "proxy", "", "ollam", "ollamaa"])
    func `have no route for anything else`(prefix: String) {
        let route = self.profiles.route(forPrefix: prefix.utf8.span)
        #expect(route == nil)
    }

    @Test func `that claim one prefix are reported, and the later name wins`() throws {
        let set = ProfileSet([
            Profile(name: "zeta", prefixes: ["x"]), Profile(name: "alpha", prefixes: ["x", "a"]),
            Profile(name: "openai-compatible", prefixes: ["a"]),
        ])
        #expect(set.contested.map(\.prefix) == ["a", "x"])
        #expect(set.contested.map(\.winner) == ["openai-compatible", "zeta"])
        #expect(set.kind(ofType: "x") == set.kind(ofType: "zeta"))
    }

    @Test func `beyond the limit are left out and named`() {
        let many = (0..<300).map { Profile(name: "p\($0)", prefixes: ["q\($0)"]) }
        let set = ProfileSet(many)
        #expect(set.profiles.count == ProfileSet.capacity)
        #expect(set.ignored.count == 45)
    }

    @Test(arguments: [("vllm", ModelListParser.vllm), ("", .openAI), ("something", .openAI)])
    func `with an unknown response format are read like OpenAI`(format: String, parser: ModelListParser) {
        #expect(ModelListParser(responseFormat: format) == parser)
    }
}

@Suite("Model filters")
struct ModelFilterTests {
    struct Row: Sendable {
        var include: [String] = []
        var exclude: [String] = []
        var admitted: [String] = []
        var refused: [String] = []
    }

    @Test(
        arguments: [
            Row(admitted: ["anything", ""]),
            Row(include: ["*"], admitted: ["anything"]),
            Row(include: ["llama3"], admitted: ["llama3", "LLAMA3"], refused: ["llama3:8b", "xllama3"]),
            Row(include: ["llama*"], admitted: ["llama", "Llama3"], refused: ["xllama"]),
            Row(include: ["*:8b"], admitted: ["x:8B", ":8b"], refused: ["x:8b-q4"]),
            Row(include: ["*Code*"], admitted: ["starcoder", "code"], refused: ["cod", "llama"]),
            Row(exclude: ["*embed*"], admitted: ["llama"], refused: ["nomic-embed-text"]),
            Row(include: ["llama*"], exclude: ["*:70b"], admitted: ["llama:8b"], refused: ["llama:70b", "x"]),
            Row(include: ["a", "b"], exclude: ["*"], refused: ["a", "b", "c"]),
        ])
    func `admit what is included and not excluded`(row: Row) throws {
        let filter = try ModelFilter(include: row.include, exclude: row.exclude)
        for name in row.admitted { #expect(filter.admits(name), "\(name)") }
        for name in row.refused { #expect(!filter.admits(name), "\(name)") }
    }

    @Test(arguments: ["", "  ", "**", "a*b", "*a*b*", "a**", "***"])
    func `refuse patterns with inner or doubled stars`(pattern: String) {
        #expect(throws: ModelFilterError.self) { try ModelFilter(include: [pattern], exclude: []) }
        #expect(throws: ModelFilterError.self) { try ModelFilter(include: [], exclude: [pattern]) }
    }
}
