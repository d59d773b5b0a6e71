import Catalog

/// What can be said about a model from the fields its servers report.
enum ModelFacts {
    /// The kind of model: `llm`, `vlm`, `embeddings`, or what the server says it is.
    static func type(_ model: DiscoveredModel) -> String? { model.modelType ?? model.type }

    /// The capabilities of the inventory page (http-surface 1.7, "Model record").
    static func inventoryCapabilities(_ model: DiscoveredModel) -> [String] {
        var capabilities: [String] =
            switch Self.type(model)?.lowercased() {
            case "vlm": ["vision", "multimodal"]
            case "embeddings": ["embeddings", "vector_search"]
            case "llm": ["text_generation", "chat"]
            default: []
            }
        if let context = model.contextLength, context > 100_000 { capabilities.append("long_context") }
        if let label = model.quantization?.lowercased(), label.contains("fp16") || label.contains("bf16") {
            capabilities.append("high_precision")
        }
        return capabilities
    }

    /// The capabilities of a unified record: text generation, then what type, name and context add
    /// (routing-and-config 1.9 and 7.2).
    static func unifiedCapabilities(_ model: DiscoveredModel) -> [String] {
        var capabilities: [String] = []
        switch Self.type(model)?.lowercased() {
        case "llm": capabilities = ["text-generation", "chat", "completion"]
        case "vlm": capabilities = ["text-generation", "vision", "multimodal", "image-understanding"]
        case "embeddings", "embedding": capabilities = ["embeddings", "similarity", "vector-search"]
        default: capabilities = ["text-generation"]
        }
        let name = model.name.lowercased()
        for row in Self.nameCapabilities where row.words.contains(where: { Self.occurs($0, in: name) }) {
            capabilities += row.capabilities.filter { !capabilities.contains($0) }
        }
        switch model.contextLength ?? 0 {
        case 1_000_000...: capabilities += ["long-context", "ultra-long-context"]
        case 100_000...: capabilities.append("long-context")
        case 32_000...: capabilities.append("extended-context")
        default: break
        }
        return capabilities
    }

    private static let nameCapabilities: [(words: [String], capabilities: [String])] = [
        (["code", "starcoder"], ["code-generation", "programming", "code-completion"]),
        (["instruct", "chat", "assistant"], ["instruction-following", "chat"]),
        (["reasoning", "think"], ["reasoning", "logic"]),
        (["math"], ["mathematics", "problem-solving"]),
        (["vision", "vlm", "llava"], ["vision", "multimodal", "image-understanding"]),
    ]

    private static func occurs(_ word: String, in name: String) -> Bool {
        let (word, name) = (Array(word.utf8), Array(name.utf8))
        guard name.count >= word.count else { return false }
        return (0...name.count - word.count).contains { name[$0..<$0 + word.count].elementsEqual(word) }
    }

    /// The state an endpoint reports for a model, or what its other fields tell.
    static func state(_ model: DiscoveredModel) -> String {
        model.state ?? ((model.sizeBytes ?? 0) > 0 ? "available" : "unknown")
    }

    /// A parameter size in lower case without needless decimals, and the number of parameters it means.
    ///
    /// `8.0B` → `8b`, `1500M` → `1.5b`, `137M` → `137m`; without a unit billions are meant. A text that is no size is
    /// kept with count 0.
    static func parameters(_ text: String?) -> (label: String, count: Int) {
        guard let text, !text.isEmpty else { return ("", 0) }
        let lowered = text.lowercased()
        let units: [(Character, Double)] = [("k", 1e3), ("m", 1e6), ("b", 1e9), ("t", 1e12)]
        var digits = lowered[...]
        var scale = 1e9
        if let last = lowered.last, let unit = units.first(where: { $0.0 == last }) {
            scale = unit.1
            digits = lowered.dropLast()
        }
        guard let number = Double(digits), number.isFinite, number > 0, number * scale < 1e18 else {
            return (text, 0)
        }
        let count = number * scale
        let unit = units.last { count >= $0.1 } ?? units[0]
        return (Self.shortest(count / unit.1) + String(unit.0), Int(count.rounded()))
    }

    private static func shortest(_ value: Double) -> String {
        var text = DisplayText.fixed(value, decimals: 2)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// A quantisation label in the short form of unified records (routing-and-config 1.9 and 7.3).
    static func quantization(_ label: String?) -> String {
        guard let label, !label.isEmpty else { return "" }
        return Self.quantizations[label.uppercased()] ?? Self.shortened(label.lowercased())
    }

    private static let quantizations = [
        "Q4_K_M": "q4km", "Q4_K_S": "q4ks", "Q4_K_XL": "q4kxl", "Q3_K_L": "q3kl", "Q3_K_M": "q3km",
        "Q3_K_S": "q3ks", "Q5_K_M": "q5km", "Q5_K_S": "q5ks", "Q6_K": "q6k", "Q2_K": "q2k", "Q4_0": "q4",
        "Q4_1": "q4_1", "Q5_0": "q5", "Q5_1": "q5_1", "Q8_0": "q8", "F16": "f16", "FP16": "f16", "F32": "f32",
        "FP32": "f32", "BF16": "bf16", "GPTQ_4BIT": "gptq4", "GPTQ-4BIT": "gptq4", "AWQ_4BIT": "awq4",
        "AWQ-4BIT": "awq4", "INT8": "int8", "INT4": "int4", "MXFP4": "mxfp4", "NVFP4": "nvfp4",
    ]

    /// `qN_k_s` → `qNks`, `fpN` → `fN`; other labels stay.
    private static func shortened(_ label: String) -> String {
        let parts = label.split(separator: "_")
        if parts.count >= 3, parts[0].hasPrefix("q"), parts[0].dropFirst().allSatisfy(\.isNumber), parts[1] == "k",
            ["s", "m", "l"].contains(parts[2])
        {
            return "\(parts[0])k\(parts[2])"
        }
        if label.hasPrefix("fp"), label.utf8.count > 2, label.dropFirst(2).allSatisfy(\.isNumber) {
            return "f" + label.dropFirst(2)
        }
        return label
    }
}
