import Catalog
import Domain
import FoundationEssentials

/// Reads the model lists of backends (routing-and-config 2.6).
enum ModelListReader {
    /// Why a body is no model list.
    enum Failure: Error, Equatable {
        /// It is no JSON object.
        case malformed
        /// The list field of the parser is missing or no list.
        case noList(String)

        var message: String {
            switch self {
            case .malformed: "the answer is no JSON object"
            case .noList(let field): "the answer has no list \"\(field)\""
            }
        }
    }

    /// The models of a list.
    struct Reading: Equatable {
        var models: [DiscoveredModel]
        /// Entries left out: without a name, with an unusable one, repeated, or beyond ``ModelListReader/modelsMax``.
        var skipped: Int
        /// The distinct `owned_by` values, for detection.
        var owners: Set<String>
    }

    /// The most models of one endpoint.
    static let modelsMax = 10_000
    /// The longest usable model name in bytes.
    static let nameBytesMax = 1_024
    /// The longest body that is read.
    static let bodyBytesMax = 10 * 1_024 * 1_024

    /// Reads a body; an empty one is an empty list.
    ///
    /// An entry's field of the wrong type counts as absent, so that one odd entry does not hide the others.
    static func read(_ body: [UInt8], as parser: ModelListParser) throws(Failure) -> Reading {
        guard !body.isEmpty else { return Reading(models: [], skipped: 0, owners: []) }
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(body))
        } catch {
            throw .malformed
        }
        let field = parser == .ollama ? document.models : document.data
        let entries: [Entry]
        switch field {
        case .missing, .other: throw .noList(parser == .ollama ? "models" : "data")
        case .null: entries = []
        case .list(let list): entries = list
        }
        var reading = Reading(models: [], skipped: 0, owners: [])
        var seen: Set<String> = []
        for entry in entries {
            if let owner = entry.text("owned_by") { reading.owners.insert(owner) }
            guard let name = entry.text(parser == .ollama ? "name" : "id"),
                name.utf8.count <= Self.nameBytesMax, reading.models.count < Self.modelsMax,
                seen.insert(name).inserted
            else {
                reading.skipped += 1
                continue
            }
            reading.models.append(Self.model(named: name, from: entry, as: parser))
        }
        return reading
    }

    private static func model(
        named name: String, from entry: Entry, as parser: ModelListParser
    ) -> DiscoveredModel {
        var model = DiscoveredModel(name: name)
        switch parser {
        case .ollama: Self.fillOllama(&model, from: entry)
        case .lmStudio: Self.fillLMStudio(&model, from: entry)
        case .openAI:
            model.type = entry.text("object")
            model.modifiedAt = entry.positive("created")
            model.contextLength = entry.positive("max_model_len")
            model.publisher = entry.text("owned_by")
        case .vllm, .sglang:
            Self.fillServer(&model, from: entry, as: parser, owners: ["vllm", "sglang"])
            model.contextLength = entry.positive("max_model_len")
            model.parentModel = entry.text("parent")
        case .vllmMLX:
            Self.fillServer(&model, from: entry, as: parser, owners: ["vllm-mlx", "vllm"])
            model.format = "mlx"
        case .llamaCpp:
            Self.fillServer(&model, from: entry, as: parser, owners: ["llamacpp"])
            model.format = "gguf"
        case .dockerModelRunner:
            Self.fillServer(&model, from: entry, as: parser, owners: ["docker"])
            model.format = "gguf"
        case .lmDeploy:
            Self.fillServer(&model, from: entry, as: parser, owners: ["lmdeploy"])
            model.parentModel = entry.text("parent")
        case .lemonade: Self.fillLemonade(&model, from: entry)
        }
        return model
    }

    /// What the OpenAI-shaped lists of the inference servers share.
    ///
    /// `owners` are the server's own default owners, which say nothing about who published the model.
    private static func fillServer(
        _ model: inout DiscoveredModel, from entry: Entry, as parser: ModelListParser, owners: [String]
    ) {
        model.type = parser.rawValue
        model.modifiedAt = entry.positive("created")
        if let owner = entry.text("owned_by"), !owners.contains(owner) { model.publisher = owner }
    }

    private static func fillOllama(_ model: inout DiscoveredModel, from entry: Entry) {
        model.sizeBytes = entry.positive("size")
        model.description = entry.text("description")
        model.digest = entry.text("digest")
        model.modifiedAt = entry.text("modified_at")
            .flatMap(HTTPDate.parseRFC3339).map { $0.rawValue / 1_000_000_000 }
        guard let details = entry.object("details") else { return }
        model.parameterSize = details.text("parameter_size")
        model.quantization = details.text("quantization_level")
        model.family = details.text("family")
        model.families = details.texts("families")
        model.format = details.text("format")
        model.parentModel = details.text("parent_model")
    }

    private static func fillLMStudio(_ model: inout DiscoveredModel, from entry: Entry) {
        model.type = entry.text("object")
        model.modelType = entry.text("type")
        model.publisher = entry.text("publisher")
        model.parentModel = model.publisher
        model.quantization = entry.text("quantization")
        model.family = entry.text("arch")
        model.families = model.family.map { [$0] } ?? []
        model.format = entry.text("compatibility_type")
        model.state = entry.text("state")
        model.contextLength = entry.positive("max_context_length")
    }

    private static func fillLemonade(_ model: inout DiscoveredModel, from entry: Entry) {
        model.type = ModelListParser.lemonade.rawValue
        model.modifiedAt = entry.positive("created")
        model.checkpoint = entry.text("checkpoint")
        if let checkpoint = model.checkpoint, let slash = checkpoint.firstIndex(of: "/") {
            let publisher = String(checkpoint[..<slash])
            model.publisher = publisher.isEmpty ? nil : publisher
        }
        model.recipe = entry.text("recipe")
        switch model.recipe {
        case .some(let recipe) where recipe.hasPrefix("oga-"): model.format = "onnx"
        case "llamacpp", "flm": model.format = "gguf"
        default: break
        }
        if entry.flag("downloaded") == true { model.state = "available" }
    }
}

/// The part of a model list that matters.
private struct Document: Decodable {
    enum Field {
        case missing
        case null
        case other
        case list([Entry])
    }

    let models: Field
    let data: Field

    private enum CodingKeys: String, CodingKey {
        case models, data
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.models = Self.field(.models, of: container)
        self.data = Self.field(.data, of: container)
    }

    private static func field(
        _ key: CodingKeys, of container: KeyedDecodingContainer<CodingKeys>
    ) -> Field {
        guard container.contains(key) else { return .missing }
        if (try? container.decodeNil(forKey: key)) == true { return .null }
        guard let entries = try? container.decode([Entry].self, forKey: key) else { return .other }
        return .list(entries)
    }
}

/// One entry of a list; what is no object has no fields.
private struct Entry: Decodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>?

    init(from decoder: any Decoder) throws { self.container = try? decoder.container(keyedBy: Key.self) }

    /// A text that is not empty.
    func text(_ name: String) -> String? {
        let text = try? self.container?.decode(String.self, forKey: Key(stringValue: name))
        return text?.isEmpty == false ? text : nil
    }

    /// The texts of a list.
    func texts(_ name: String) -> [String] {
        (try? self.container?.decode([String].self, forKey: Key(stringValue: name))) ?? []
    }

    /// A number above 0, cut to whole.
    func positive(_ name: String) -> Int64? {
        let key = Key(stringValue: name)
        if let number = try? self.container?.decode(Int64.self, forKey: key) { return number > 0 ? number : nil }
        guard let number = try? self.container?.decode(Double.self, forKey: key), number >= 1 else { return nil }
        return Int64(exactly: number.rounded(.towardZero))
    }

    func flag(_ name: String) -> Bool? {
        try? self.container?.decode(Bool.self, forKey: Key(stringValue: name))
    }

    func object(_ name: String) -> Entry? {
        try? self.container?.decode(Entry.self, forKey: Key(stringValue: name))
    }
}
