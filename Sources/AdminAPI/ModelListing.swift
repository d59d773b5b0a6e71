import Catalog
import Domain
import Pipeline

/// The pages `/olla/models` and the listings below provider prefixes (http-surface 1.7).
struct ModelListing {
    let fleet: FleetSnapshot
    /// Nanoseconds since the Unix epoch.
    let now: Nanoseconds

    /// The formats of `/olla/models`, by the value of `format`.
    enum Format: String, CaseIterable {
        case unified
        case openai
        case ollama
        case lmstudio
        case vllm
        case sglang
        case lmdeploy
        case llamacpp
        case lemonade
        case dockerModelRunner = "docker-model-runner"
        case vllmMLX = "vllm-mlx"
    }

    // MARK: Provider listings

    /// The models of routable endpoints of a provider; without one, of every OpenAI-compatible endpoint.
    func answer(_ format: ListingFormat, of provider: ProviderRoute?) -> LocalResponse {
        let models = provider.map { self.fleet.listing(for: $0) } ?? self.fleet.listing()
        switch format {
        case .openAI: return .json(self.document(models, as: .openai))
        case .ollama: return .json(self.document(models, as: .ollama))
        case .lmStudio: return .json(self.document(models, as: .lmstudio))
        }
    }

    // MARK: /olla/models

    /// The models of all providers, filtered and formatted as the query says.
    func answer(_ query: Query) -> LocalResponse {
        let word = query["format"] ?? ""
        guard let format = word.isEmpty ? Format.unified : Format(rawValue: word) else {
            let known = Format.allCases.map(\.rawValue).joined(separator: ", ")
            return .textError(
                400, "Invalid value \"\(Self.printable(word))\" for parameter \"format\": use one of \(known)")
        }
        let available = query["available"] ?? ""
        guard ["", "true", "false"].contains(available) else {
            return .textError(400, "Invalid value for parameter \"available\": use true or false")
        }
        var endpoints = self.fleet.routable
        if query["include_unavailable"] == "true" {
            for endpoint in self.fleet.endpoints { endpoints.insert(endpoint.index) }
        }
        if let name = query["endpoint"], !name.isEmpty {
            var named = EndpointSet()
            for endpoint in self.fleet.endpoints where endpoint.spec.name == name || endpoint.label == name {
                named.insert(endpoint.index)
            }
            endpoints = endpoints.intersection(named)
        }
        if let parser = Self.onlyParser(of: format) {
            endpoints = endpoints.intersection(self.endpoints(with: parser))
        }
        let models = self.fleet.listing(over: endpoints).filter { listed in
            Self.fits(listed, query) && (available.isEmpty || Self.isLoaded(listed) == (available == "true"))
        }
        return .json(self.document(models, as: format))
    }

    /// The only kind of endpoint whose models have the fields of a format.
    private static func onlyParser(of format: Format) -> ModelListParser? {
        switch format {
        case .ollama: .ollama
        case .lmstudio: .lmStudio
        case .unified, .openai, .vllm, .sglang, .lmdeploy, .llamacpp, .lemonade, .dockerModelRunner, .vllmMLX:
            nil
        }
    }

    private func endpoints(with parser: ModelListParser) -> EndpointSet {
        var set = EndpointSet()
        for endpoint in self.fleet.endpoints {
            if let profile = endpoint.profile, self.fleet.profiles[profile].parser == parser {
                set.insert(endpoint.index)
            }
        }
        return set
    }

    private static func fits(_ listed: ListedModel, _ query: Query) -> Bool {
        if let family = query["family"], !family.isEmpty, listed.model.unified.family != family { return false }
        let legacy: [String: String] = [
            "vision": "vlm", "multimodal": "vlm", "embedding": "embeddings", "embeddings": "embeddings",
            "vector_search": "embeddings", "chat": "llm", "text_generation": "llm", "completion": "llm",
        ]
        let type = query["capability"].flatMap { legacy[$0.lowercased()] } ?? query["type"] ?? ""
        guard !type.isEmpty else { return true }
        if ModelFacts.type(listed.model)?.lowercased() == type { return true }
        let capabilities = listed.model.unified.capabilities
        switch type {
        case "llm": return ["chat", "completion", "text-generation"].contains(where: capabilities.contains)
        case "vlm": return capabilities.contains("vision")
        case "embeddings": return capabilities.contains("embeddings") || capabilities.contains("embedding")
        default: return false
        }
    }

    private static func isLoaded(_ listed: ListedModel) -> Bool {
        listed.holders.contains { $0.model.state == "loaded" }
    }

    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.prefix(64).filter { $0.value > 0x1F && $0.value != 0x7F }.map(Character.init))
    }
}

// MARK: - Shapes

extension ModelListing {
    private var created: JSONValue { .integer(Int(self.now.rawValue / 1_000_000_000)) }

    private func document(_ models: [ListedModel], as format: Format) -> JSONValue {
        switch format {
        case .ollama: .object([("models", .array(models.map(self.ollama)))])
        case .llamacpp:
            .object([
                ("object", "list"), ("data", .array(models.map { .object(self.basics($0, owner: "llamacpp")) })),
                ("models", .null),
            ])
        case .unified, .openai, .lmstudio, .vllm, .sglang, .lmdeploy, .lemonade, .dockerModelRunner, .vllmMLX:
            .object([("object", "list"), ("data", .array(models.map { self.entry($0, as: format) }))])
        }
    }

    private func entry(_ listed: ListedModel, as format: Format) -> JSONValue {
        switch format {
        case .unified: return self.unified(listed)
        case .openai: return .object(self.basics(listed, ownedBy: "olla"))
        case .lmstudio: return self.lmStudio(listed)
        case .vllm:
            var members = self.basics(listed, owner: "vllm") + [("root", .string(listed.id))]
            if let context = listed.model.contextLength {
                members.append(("max_model_len", .integer(Int(context))))
            }
            return .object(members + [("permission", .array([self.permission(listed)]))])
        case .lmdeploy:
            return .object(
                self.basics(listed, owner: "lmdeploy") + [("permission", .array([self.permission(listed)]))])
        case .sglang:
            var members = self.basics(listed, owner: "sglang") + [("root", .string(listed.id))]
            if let context = listed.model.contextLength {
                members.append(("max_model_len", .integer(Int(context))))
            }
            if let parent = listed.model.parentModel { members.append(("parent", .string(parent))) }
            return .object(members)
        case .lemonade:
            return .object(
                self.basics(listed, owner: "lemonade") + [
                    ("checkpoint", .string(listed.model.checkpoint ?? "")),
                    ("recipe", .string(listed.model.recipe ?? "")),
                    ("downloaded", .bool(["available", "loaded"].contains(ModelFacts.state(listed.model)))),
                ])
        case .dockerModelRunner: return .object(self.basics(listed, owner: "docker"))
        case .vllmMLX: return .object(self.basics(listed, owner: "vllm-mlx"))
        case .llamacpp: return .object(self.basics(listed, owner: "llamacpp"))
        case .ollama: return self.ollama(listed)
        }
    }

    private func basics(_ listed: ListedModel, ownedBy: String) -> [JSONValue.Member] {
        [
            ("id", .string(listed.id)), ("object", "model"), ("owned_by", .string(ownedBy)),
            ("created", self.created),
        ]
    }

    private func basics(_ listed: ListedModel, owner fallback: String) -> [JSONValue.Member] {
        self.basics(listed, ownedBy: Self.owner(of: listed.id) ?? fallback)
    }

    /// The text before the first `/`, or before the first `-` when it names a known organisation.
    private static func owner(of id: String) -> String? {
        if let slash = id.firstIndex(of: "/"), slash > id.startIndex { return String(id[..<slash]) }
        guard let dash = id.firstIndex(of: "-") else { return nil }
        let word = String(id[..<dash])
        return Self.organisations.contains(word.lowercased()) ? word : nil
    }

    /// The publishers of routing-and-config 1.9 whose names are one word, and the spellings they use on hubs.
    private static let organisations: Set<String> = [
        "alibaba", "allenai", "bigcode", "bigscience", "bytedance", "cohere", "deepseek", "eleutherai", "google",
        "huggingface", "huggingfacetb", "ibm", "internlm", "lmsys", "meta", "microsoft", "minimax", "mistral",
        "mistralai", "moonshotai", "nvidia", "openai", "qwen", "tencent", "tii",
    ]

    private func unified(_ listed: ListedModel) -> JSONValue {
        let model = listed.model
        var details: [JSONValue.Member] = [
            ("family", .string(model.unified.family)),
            ("variant", .string(model.unified.variant)),
            ("parameter_size", .string(ModelFacts.parameters(model.parameterSize).label)),
            ("quantization", .string(model.unified.quantization)),
            ("aliases", .strings(([listed.id] + listed.otherNames).sorted())),
            (
                "availability",
                .array(
                    listed.holders.map {
                        .object([
                            ("endpoint", .string($0.endpoint.label)), ("state", .string(ModelFacts.state($0.model))),
                        ])
                    })
            ),
            ("capabilities", .strings(model.unified.capabilities)),
        ]
        if let context = model.contextLength {
            details.append(("max_context_length", .integer(Int(context))))
        }
        return .object(self.basics(listed, ownedBy: "olla") + [("olla", .object(details))])
    }

    private func ollama(_ listed: ListedModel) -> JSONValue {
        let model = listed.model
        let modified = model.modifiedAt.map { Nanoseconds.seconds($0) } ?? self.now
        return .object([
            ("name", .string(listed.id)),
            ("model", .string(listed.id)),
            ("modified_at", .string(DisplayText.time(modified))),
            ("size", .integer(Int(model.sizeBytes ?? 0))),
            ("digest", .string(model.digest ?? "")),
            (
                "details",
                .object([
                    ("family", .string(model.family ?? "")),
                    ("parameter_size", .string(model.parameterSize ?? "")),
                    ("quantization_level", .string(model.quantization ?? "")),
                ])
            ),
        ])
    }

    private func lmStudio(_ listed: ListedModel) -> JSONValue {
        let model = listed.model
        let type = ModelFacts.type(model)?.lowercased() ?? ""
        var members: [JSONValue.Member] = [
            ("id", .string(listed.id)), ("object", "model"),
            ("type", .string(["llm", "vlm", "embeddings"].contains(type) ? type : "llm")),
        ]
        if let publisher = model.publisher { members.append(("publisher", .string(publisher))) }
        if let family = model.family { members.append(("arch", .string(family))) }
        if let label = model.quantization { members.append(("quantization", .string(label))) }
        members.append(("state", .string(model.state ?? "not-loaded")))
        if let context = model.contextLength {
            members.append(("max_context_length", .integer(Int(context))))
        }
        return .object(members)
    }

    private func permission(_ listed: ListedModel) -> JSONValue {
        let id = String(listed.id.map { $0 == "/" ? "-" : $0 })
        let granted = ["allow_sampling", "allow_logprobs", "allow_view"]
        let refused = ["allow_create_engine", "allow_search_indices", "allow_fine_tuning", "is_blocking"]
        var members: [JSONValue.Member] = [
            ("id", .string("modelperm-olla-" + id)), ("object", "model_permission"), ("organization", "*"),
            ("group", .null), ("created", self.created),
        ]
        members += granted.map { ($0, .bool(true)) }
        members += refused.map { ($0, .bool(false)) }
        return .object(members)
    }
}
