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
}
