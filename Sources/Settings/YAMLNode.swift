/// A YAML value with its line, aliases and merge keys resolved.
struct YAMLNode {
    /// The three shapes of a value.
    enum Content {
        /// A text; plain when neither quotes nor a block style protect it from being a number or null.
        case scalar(String, isPlain: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// Keys and values in file order; keys are unique.
        case mapping([Entry])
    }

    /// A key of a mapping with its value.
    struct Entry {
        /// The key's text.
        let key: String
        /// The key's line, counted from 1.
        let line: Int
        /// The value.
        let value: YAMLNode
    }

    /// The value.
    let content: Content
    /// The line where the value starts, counted from 1.
    let line: Int

    /// Whether the value is absent: an empty value, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = self.content else { return false }
        return Literals.isNull(text)
    }

    /// What the value is, for messages.
    var shape: String {
        switch self.content {
        case .scalar(let text, let isPlain):
            guard isPlain else { return "text" }
            if Literals.isNull(text) { return "nothing" }
            if Literals.yamlInteger(text) != nil || Literals.yamlFloat(text) != nil { return "a number" }
            return text == "true" || text == "false" ? "a boolean" : "text"
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        }
    }
}
