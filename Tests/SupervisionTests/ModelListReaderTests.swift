import Catalog
import Testing

@testable import Supervision

@Suite("ModelListReader")
struct ModelListReaderTests {
    private func read(_ text: String, as parser: ModelListParser) throws -> [DiscoveredModel] {
        try ModelListReader.read(Array(text.utf8), as: parser).models
    }

    private func model(_ name: String, _ fill: (inout DiscoveredModel) -> Void) -> DiscoveredModel {
        var model = DiscoveredModel(name: name)
        fill(&model)
        return model
    }

    @Test("Ollama")
    func ollama() throws {
        let models = try self.read(
            """
            {"models":[{"name":"llama3.2:3b","model":"llama3.2:3b","modified_at":"2024-11-05T09:30:00.5+02:00",
            "size":2019393189,"digest":"a80c4f17acd5","description":"small","details":{"parent_model":"base",
            "format":"gguf","family":"llama","families":["llama","clip"],"parameter_size":"3.2B",
            "quantization_level":"Q4_K_M"}},{"name":"bare"},{"model":"nameless"},7,{"name":""}]}
            """, as: .ollama)
        let full = self.model("llama3.2:3b") {
            $0.sizeBytes = 2_019_393_189
            $0.digest = "a80c4f17acd5"
            $0.description = "small"
            $0.modifiedAt = 1_730_791_800
            $0.parentModel = "base"
            $0.format = "gguf"
            $0.family = "llama"
            $0.families = ["llama", "clip"]
            $0.parameterSize = "3.2B"
            $0.quantization = "Q4_K_M"
        }
        #expect(models == [full, DiscoveredModel(name: "bare")])
    }

    @Test("LM Studio")
    func lmStudio() throws {
        let models = try self.read(
            """
            {"object":"list","data":[{"id":"qwen2-vl-7b","object":"model","type":"vlm","publisher":"mlx-community",
            "arch":"qwen2_vl","compatibility_type":"mlx","quantization":"4bit","state":"not-loaded",
            "max_context_length":32768}]}
            """, as: .lmStudio)
        let expected = self.model("qwen2-vl-7b") {
            $0.type = "model"
            $0.modelType = "vlm"
            $0.publisher = "mlx-community"
            $0.parentModel = "mlx-community"
            $0.family = "qwen2_vl"
            $0.families = ["qwen2_vl"]
            $0.format = "mlx"
            $0.quantization = "4bit"
            $0.state = "not-loaded"
            $0.contextLength = 32_768
        }
        #expect(models == [expected])
    }

    @Test("OpenAI")
    func openAI() throws {
        let models = try self.read(
            """
            {"object":"list","data":[{"id":"gpt","object":"model","created":1686935002,"owned_by":"acme",
            "max_model_len":8192},{"id":"bare","created":0,"max_model_len":-1}]}
            """, as: .openAI)
        let full = self.model("gpt") {
            $0.type = "model"
            $0.modifiedAt = 1_686_935_002
            $0.publisher = "acme"
            $0.contextLength = 8_192
        }
        #expect(models == [full, DiscoveredModel(name: "bare")])
    }

    @Test(
        "The inference servers share a shape, and their own name is no publisher",
        arguments: [
            (ModelListParser.vllm, "vllm", nil as String?, nil as String?), (.vllm, "acme", "acme", nil),
            (.sglang, "sglang", nil, nil), (.sglang, "vllm", nil, nil), (.vllmMLX, "vllm", nil, "mlx"),
            (.vllmMLX, "vllm-mlx", nil, "mlx"), (.llamaCpp, "llamacpp", nil, "gguf"),
            (.llamaCpp, "acme", "acme", "gguf"), (.dockerModelRunner, "docker", nil, "gguf"),
            (.lmDeploy, "lmdeploy", nil, nil), (.lmDeploy, "acme", "acme", nil),
        ])
    func servers(parser: ModelListParser, owner: String, publisher: String?, format: String?) throws {
        let models = try self.read(
            """
            {"models":[{"name":"ignored"}],"object":"list","data":[{"id":"org/m","object":"model",
            "created":1.7e9,"owned_by":"\(owner)","max_model_len":4096,"parent":"base"}]}
            """, as: parser)
        let expected = self.model("org/m") {
            $0.type = parser.rawValue
            $0.modifiedAt = 1_700_000_000
            $0.publisher = publisher
            $0.format = format
            if parser == .vllm || parser == .sglang { $0.contextLength = 4_096 }
            if parser == .vllm || parser == .sglang || parser == .lmDeploy { $0.parentModel = "base" }
        }
        #expect(models == [expected])
    }

    @Test(
        "Lemonade",
        arguments: [
            ("oga-hybrid", "onnx" as String?), ("llamacpp", "gguf"), ("flm", "gguf"), ("other", nil),
        ])
    func lemonade(recipe: String, format: String?) throws {
        let models = try self.read(
            """
            {"data":[{"id":"m","created":5,"owned_by":"lemonade","checkpoint":"amd/m-onnx","recipe":"\(recipe)",
            "downloaded":true},{"id":"n","checkpoint":"plain","downloaded":false}]}
            """, as: .lemonade)
        let first = self.model("m") {
            $0.type = "lemonade"
            $0.modifiedAt = 5
            $0.checkpoint = "amd/m-onnx"
            $0.publisher = "amd"
            $0.recipe = recipe
            $0.format = format
            $0.state = "available"
        }
        let second = self.model("n") {
            $0.type = "lemonade"
            $0.checkpoint = "plain"
        }
        #expect(models == [first, second])
    }

    @Test("An empty body and an absent list are no models", arguments: ModelListParser.allCases)
    func empty(parser: ModelListParser) throws {
        let field = parser == .ollama ? "models" : "data"
        #expect(try self.read("", as: parser).isEmpty)
        #expect(try self.read("{\"\(field)\":[]}", as: parser).isEmpty)
        #expect(try self.read("{\"\(field)\":null}", as: parser).isEmpty)
    }

    @Test("What is no list is refused", arguments: ModelListParser.allCases)
    func refused(parser: ModelListParser) {
        let field = parser == .ollama ? "models" : "data"
        let other = parser == .ollama ? "data" : "models"
        let table: [(String, ModelListReader.Failure)] = [
            ("[]", .malformed), ("not json", .malformed), ("{\"\(field)\":[", .malformed), ("7", .malformed),
            ("{}", .noList(field)), ("{\"\(other)\":[]}", .noList(field)), ("{\"\(field)\":{}}", .noList(field)),
            ("{\"error\":\"Unexpected endpoint\"}", .noList(field)), ("{\"\(field)\":\"x\"}", .noList(field)),
        ]
        for (text, failure) in table {
            #expect(throws: failure) { try ModelListReader.read(Array(text.utf8), as: parser) }
        }
    }

    @Test("Fields of the wrong type count as absent")
    func wrongTypes() throws {
        let models = try self.read(
            """
            {"models":[{"name":"m","size":"big","digest":7,"modified_at":"yesterday","details":[1]},
            {"name":7},{"name":"n","details":{"families":"llama","family":["x"]}}]}
            """, as: .ollama)
        #expect(models == [DiscoveredModel(name: "m"), DiscoveredModel(name: "n")])
    }

    @Test("Repeated, over-long and too many names are skipped and counted")
    func limits() throws {
        let long = String(repeating: "x", count: 1_025)
        let reading = try ModelListReader.read(
            Array("{\"data\":[{\"id\":\"a\"},{\"id\":\"a\"},{\"id\":\"\(long)\"}]}".utf8), as: .openAI)
        #expect(reading.models.map(\.name) == ["a"])
        #expect(reading.skipped == 2)
        let many = (0..<10_050).map { "{\"id\":\"m\($0)\"}" }.joined(separator: ",")
        let full = try ModelListReader.read(Array("{\"data\":[\(many)]}".utf8), as: .openAI)
        #expect(full.models.count == 10_000)
        #expect(full.skipped == 50)
    }

    @Test("No mutilated list traps")
    func mutilated() throws {
        let whole = Array("{\"data\":[{\"id\":\"a\",\"created\":1e400,\"owned_by\":\"\\ud800\"}],\"models\":[{}]}".utf8)
        for cut in whole.indices {
            _ = try? ModelListReader.read(Array(whole[..<cut]), as: .vllm)
            var changed = whole
            changed[cut] ^= 0x15
            _ = try? ModelListReader.read(changed, as: .ollama)
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: ModelListReader.Failure.malformed) {
            try ModelListReader.read(Array("{\"data\":\(deep)".utf8), as: .openAI)
        }
    }
}
