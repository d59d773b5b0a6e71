/// Takes values out of a mapping by dotted paths; absent and null ones keep what stands for them.
///
/// A value of the wrong shape is reported and counts as absent.
struct YAMLFields {
    private let root: YAMLNode

    /// The fields of a document's root; nil when that is no mapping.
    init?(_ root: YAMLNode) {
        guard case .mapping = root.content else { return nil }
        self.root = root
    }

    /// The fields of the mapping that a companion file is; nil after a report.
    init?(reading text: String, file: String, findings: inout Findings) {
        findings.fallback = .file(file)
        guard let root = YAMLDocument.read(text, file: file, findings: &findings) else {
            if findings.problems.isEmpty { findings.error("", "is empty") }
            return nil
        }
        guard case .mapping = root.content else {
            findings.error("", "must be a mapping, not \(root.shape)")
            return nil
        }
        self.root = root
    }

    /// The value at a path, or nil when it is absent or null.
    func node(_ path: String) -> YAMLNode? {
        var current = self.root
        for name in path.split(separator: ".") {
            guard case .mapping(let entries) = current.content,
                let entry = entries.first(where: { entry in entry.key == name })
            else { return nil }
            current = entry.value
        }
        return current.isNull ? nil : current
    }

    /// The value at a path as a codec reads it.
    func value<Value>(
        _ path: String, _ codec: Codec<Value>, orElse fallback: Value, findings: inout Findings
    ) -> Value {
        guard let node = self.node(path) else { return fallback }
        findings.note(path, at: findings.fallback.at(line: node.line))
        return codec.decode(node, path, &findings) ?? fallback
    }

    /// The mapping of texts at a path, or nil when it is absent.
    func texts(_ path: String, findings: inout Findings) -> [String: String]? {
        self.entries(path, .text, findings: &findings)
    }

    /// The mapping at a path with each value as a codec reads it, or nil when it is absent.
    func entries<Value>(
        _ path: String, _ codec: Codec<Value>, findings: inout Findings
    ) -> [String: Value]? {
        guard let node = self.node(path) else { return nil }
        findings.note(path, at: findings.fallback.at(line: node.line))
        guard case .mapping(let entries) = node.content else {
            findings.error(path, "must be a mapping, not \(node.shape)")
            return nil
        }
        var result: [String: Value] = [:]
        for entry in entries where !entry.value.isNull {
            let place = "\(path).\(entry.key)"
            findings.note(place, at: findings.fallback.at(line: entry.line))
            if let value = codec.decode(entry.value, place, &findings) { result[entry.key] = value }
        }
        return result
    }

    /// The mappings of a list at a path, each with its own path, or nil when the list is absent.
    func list(_ path: String, findings: inout Findings) -> [(path: String, fields: YAMLFields)]? {
        guard let node = self.node(path) else { return nil }
        findings.note(path, at: findings.fallback.at(line: node.line))
        guard case .sequence(let elements) = node.content else {
            findings.error(path, "must be a list, not \(node.shape)")
            return nil
        }
        return elements.enumerated().compactMap { position, element in
            let place = "\(path)[\(position)]"
            findings.note(place, at: findings.fallback.at(line: element.line))
            guard let fields = YAMLFields(element) else {
                findings.error(place, "must be a mapping, not \(element.shape)")
                return nil
            }
            return (place, fields)
        }
    }
}
