import Catalog
import Domain
import Testing

@Suite("Model rules")
struct ModelRulesTests {
    private func facts(_ name: String, _ adjust: (inout DiscoveredModel) -> Void = { _ in }) -> UnifiedFacts {
        var model = DiscoveredModel(name: name)
        adjust(&model)
        return ModelRules.builtIn.facts(of: model)
    }

    @Test("Every built-in pattern is an expression")
    func patterns() {
        #expect(ModelRules.builtIn.familyPatterns.count == 21)
        #expect(ModelRules.builtIn.nameCapabilities.count == 5)
        #expect(throws: NamePatternError.self) { try NamePattern("(") }
        #expect(throws: NamePatternError.self) { try NamePattern(String(repeating: "a", count: 2_000)) }
    }

    @Test(
        "Family and variant follow from the name",
        arguments: [
            ("llama3.2:3b", "llama", "3.2"), ("Llama-3.1-8B-Instruct", "llama", "3.1"), ("phi4", "phi", "4"),
            ("qwen2.5-coder:7b", "qwen", "2.5"), ("mistral-nemo:12b", "mistral", "nemo:12b"),
            ("mixtral:8x7b", "mixtral", ":8x7b"), ("mistral", "mistral", ""),
            ("microsoft/phi-4", "phi", "4"), ("ibm/granite-3.3-8b", "granite", "3.3"),
            ("codellama-13b", "codellama", "13b"), ("falcon:7b", "falcon", "7b"), ("gpt-oss:20b", "gpt-oss", "20b"),
            ("gpt2", "gpt", "2"), ("gpt-j", "gpt", "j"), ("deepseek-r1:70b", "deepseek", "r1:70b"),
            ("devstral:24b", "devstral", "24b"), ("glm4", "glm", "4"), ("kimi-k2", "kimi", ""),
            ("nemotron-mini", "nemotron", "mini"), ("exaone3.5:8b", "exaone", "3.5"),
            ("command-r:35b", "command-r", "35b"), ("smollm2:135m", "smollm", "2"), ("seed-oss", "seed-oss", ""),
            ("tensorfoundry/forge-x", "forge", "x"), ("nomic-bert-v2", "nomic-bert", ""),
            ("deepseek-coder-v2:16b", "deepseek-coder-v2", ""), ("llama-7b", "llama", ""), ("gemma:2b", "gemma", ""),
            ("starcoder", "starcoder", ""), ("model", "", ""), ("mystery-9", "", ""), ("", "", ""),
        ])
    func family(name: String, family: String, variant: String) {
        let facts = self.facts(name)
        #expect((facts.family, facts.variant) == (family, variant))
    }

    @Test("A reported family stands as it is, without variant")
    func reported() {
        let facts = self.facts("llama3.2:3b") { $0.family = "MLlama" }
        #expect(facts.family == "MLlama" && facts.variant.isEmpty)
    }

    @Test(
        "Quantisation labels are shortened by table or shape",
        arguments: [
            ("Q4_K_M", "q4km"), ("q8_0", "q8"), ("Q4_1", "q4_1"), ("FP16", "f16"), ("BF16", "bf16"),
            ("Q9_K_L", "q9kl"), ("Q6_K_L", "q6kl"), ("fp8", "f8"), ("Q7_2", "q7_2"), ("IQ4_XS", "q4"), ("int2", "int2"),
            ("4bit", "4bit"), ("MXFP4", "mxfp4"), ("Weird", "weird"), ("", ""),
        ])
    func quantization(label: String, short: String) {
        #expect(ModelRules.builtIn.quantization(label) == short)
    }

    @Test(
        "Capabilities follow type, name and context",
        arguments: [
            ("m", "llm", 0, ["text-generation", "chat", "completion"]),
            ("nomic-embed", "embeddings", 8_192, ["embeddings", "similarity", "vector-search"]),
            ("m", "vlm", 0, ["text-generation", "vision", "multimodal", "image-understanding"]),
            (
                "Qwen-Coder-Instruct", "", 40_000,
                [
                    "text-generation", "code-generation", "programming", "code-completion", "instruction-following",
                    "chat", "extended-context",
                ]
            ),
            ("m", "", 2_000_000, ["text-generation", "long-context", "ultra-long-context"]),
        ])
    func capabilities(name: String, type: String, context: Int64, expected: [String]) {
        let facts = self.facts(name) { model in
            model.modelType = type.isEmpty ? nil : type
            model.contextLength = context > 0 ? context : nil
        }
        #expect(facts.capabilities == expected)
    }

    @Test(
        "The publisher is reported, or stands before the slash, or follows from the name",
        arguments: [("llama3", "meta"), ("Acme/llama3", "acme"), ("gpt-oss:20b", "openai"), ("mystery", "")])
    func publisher(name: String, publisher: String) {
        #expect(self.facts(name).publisher == publisher)
        #expect(self.facts(name) { $0.publisher = "us" }.publisher == "us")
    }
}

@Suite("Unification")
struct UnificationTests {
    private func snapshot(
        unifies: Bool = true, _ endpoints: [[(name: String, digest: String?)]]
    ) throws -> FleetSnapshot {
        let inputs = try endpoints.enumerated().map { position, models in
            let url = try EndpointURL("http://e\(position):1")
            let spec = try #require(
                try EndpointSpec.resolving(name: "e\(position)", url: url, typeText: "ollama", profiles: .builtIn))
            return FleetBuilder.Input(
                spec: spec, live: EndpointLive(), state: .healthy,
                models: models.map { model in
                    var discovered = DiscoveredModel(name: model.name)
                    discovered.digest = model.digest
                    return discovered
                })
        }
        return try FleetBuilder(unifiesModels: unifies).build(generation: 1, endpoints: inputs)
    }

    private func holders(_ name: String, in snapshot: FleetSnapshot) -> [Int]? {
        snapshot.model(named: name.utf8.span).map { model in
            snapshot.endpoints(of: model).map { Int($0.rawValue) }
        }
    }

    private func rewrite(_ name: String, on endpoint: UInt16, in snapshot: FleetSnapshot) -> String? {
        snapshot.model(named: name.utf8.span).flatMap { model in
            snapshot[model].rewrite(of: name.utf8.span, on: EndpointIndex(rawValue: endpoint))
        }
    }

    @Test("Equal digests make one model, asked for on each endpoint by its own name")
    func digests() throws {
        let snapshot = try self.snapshot([[("a", "sha256:1111")], [("b:7b", "sha256:1111")]])
        #expect(snapshot.models.map(\.id) == ["a"])
        for name in ["a", "A:latest", "b:7b"] { #expect(self.holders(name, in: snapshot) == [0, 1]) }
        #expect(self.rewrite("a", on: 0, in: snapshot) == nil)
        #expect(self.rewrite("a", on: 1, in: snapshot) == "b:7b")
        #expect(self.rewrite("b:7b", on: 0, in: snapshot) == "a")
    }

    @Test("Equal names with different digests are two models under one name")
    func conflict() throws {
        let snapshot = try self.snapshot([[("a", "sha256:0011111111")], [("a", "sha256:0022222222")], [("A", nil)]])
        #expect(snapshot.models.map(\.id) == ["a", "a-22222222"])
        #expect(self.holders("a", in: snapshot) == [0, 1, 2])
        #expect(self.holders("a-22222222", in: snapshot) == [1])
        #expect(self.rewrite("a", on: 2, in: snapshot) == "A")
        #expect(self.rewrite("a-22222222", on: 1, in: snapshot) == "a")
        #expect(snapshot.models[0].sources.count == 2)
    }

    @Test("Without the unifier only equal names are one, yet every spelling is found")
    func off() throws {
        let snapshot = try self.snapshot(unifies: false, [[("a", "x")], [("b", "x")], [("A", nil)], [("a", "y")]])
        #expect(snapshot.models.map(\.id) == ["A", "a", "b"])
        #expect(self.holders("a", in: snapshot) == [0, 2, 3])
        #expect(self.holders("b", in: snapshot) == [1])
    }

    @Test("Two names of one model on one endpoint are both known as they are")
    func twoNames() throws {
        let snapshot = try self.snapshot([[("a:latest", "d"), ("a:7b", "d")]])
        #expect(snapshot.models.count == 1)
        #expect(self.rewrite("a:7b", on: 0, in: snapshot) == nil)
        #expect(self.rewrite("a", on: 0, in: snapshot) == "a:latest")
    }

    @Test("An alias of a shared name reaches every endpoint that has it")
    func alias() throws {
        let names: [[(name: String, digest: String?)]] = [[("a", "1")], [("a", "2")]]
        let plain = try self.snapshot(names)
        let inputs = plain.endpoints.map { endpoint in
            FleetBuilder.Input(
                spec: endpoint.spec, live: endpoint.live, state: .healthy, models: endpoint.models)
        }
        let builder = FleetBuilder(aliases: [ModelAlias(name: "x", targets: ["a"])])
        let snapshot = try builder.build(generation: 1, endpoints: inputs)
        let found = snapshot.alias(named: "x".utf8.span)
        let alias = try #require(found)
        #expect(snapshot.endpoints(of: alias).count == 2)
        let model = try #require(snapshot.model(of: alias, on: EndpointIndex(rawValue: 1)))
        #expect(snapshot[model].nativeName(on: EndpointIndex(rawValue: 1)) == "a")
    }
}
