/// A value that a table of keys can fill: it starts from its defaults.
protocol KeyRoot: Equatable, Sendable {
    /// Makes the defaults.
    init()
}

extension Configuration: KeyRoot {}
extension Configuration.Endpoint: KeyRoot {}
extension Configuration.Authentication: KeyRoot {}
extension Configuration.ClientKey: KeyRoot {}

/// One key: where its value lives, how it is spelled, what it is called in the environment, what it means.
struct Key<Root: KeyRoot>: Sendable {
    /// The dotted path below the root.
    let path: String
    /// The kind's name in the reference.
    let typeName: String
    /// The default in the reference; empty when there is none.
    let defaultText: String
    /// The variable that overrides the key.
    let variable: String?
    /// What the key means, one sentence without a full stop.
    let meaning: String
    /// Reads a YAML value.
    let read: @Sendable (_ node: YAMLNode, _ path: String, inout Root, inout Findings) -> Void
    /// Reads the variable's text.
    let readVariable: @Sendable (_ text: String, inout Root, inout Findings) -> Void
    /// Whether a root has the key's default.
    let isDefault: @Sendable (Root) -> Bool
    /// Whether two roots have the same value.
    let isSame: @Sendable (Root, Root) -> Bool
    /// Puts the first root's value into the second.
    let carry: @Sendable (Root, inout Root) -> Void

    /// Ties a path to a property.
    init<Value>(
        _ path: String, _ property: any WritableKeyPath<Root, Value> & Sendable, _ codec: Codec<Value>,
        variable: String? = nil, _ meaning: String
    ) {
        self.path = path
        self.typeName = codec.typeName
        self.defaultText = codec.render(Root()[keyPath: property])
        self.variable = variable
        self.meaning = meaning
        self.isDefault = { root in root[keyPath: property] == Root()[keyPath: property] }
        self.isSame = { left, right in left[keyPath: property] == right[keyPath: property] }
        self.carry = { source, root in root[keyPath: property] = source[keyPath: property] }
        self.read = { node, place, root, findings in
            if node.isNull {
                if let cleared = codec.cleared { root[keyPath: property] = cleared }
            } else if let value = codec.decode(node, place, &findings) {
                root[keyPath: property] = value
            }
        }
        self.readVariable = { text, root, findings in
            let name = variable ?? path
            switch codec.parse(text) {
            case .value(let value):
                findings.note(path, at: .variable(name))
                root[keyPath: property] = value
            case .replaced(let value, let message):
                findings.note(path, at: .variable(name))
                findings.warning(path, message)
                root[keyPath: property] = value
            case .refused(let message):
                findings.note(path, at: .variable(name))
                findings.error(path, message)
            case .malformed:
                findings.warning(
                    path, "the variable's value is not of the kind \(codec.typeName) and is ignored",
                    at: .variable(name))
            }
        }
    }
}

/// The keys of one mapping and of the mappings below it.
struct KeyTable<Root: KeyRoot>: Sendable {
    /// The keys in the order of the reference.
    let keys: [Key<Root>]
    private let byPath: [String: Key<Root>]
    private let children: [String: [String]]

    /// Indexes keys; their paths are unique.
    init(_ keys: [Key<Root>]) {
        self.keys = keys
        self.byPath = Dictionary(keys.map { key in (key.path, key) }) { first, _ in first }
        var children: [String: [String]] = [:]
        for key in keys {
            var parent = ""
            for part in key.path.split(separator: ".") {
                let name = String(part)
                if children[parent]?.contains(name) != true { children[parent, default: []].append(name) }
                parent = parent.isEmpty ? name : "\(parent).\(name)"
            }
        }
        self.children = children
    }

    /// Fills a root from a mapping, reporting what is wrong, unknown or without meaning.
    ///
    /// The place is the root's own path in the file, empty for the file's top level.
    func read(_ node: YAMLNode, into root: inout Root, at place: String, findings: inout Findings) {
        self.read(node, section: "", into: &root, at: place, findings: &findings)
    }

    private func read(
        _ node: YAMLNode, section: String, into root: inout Root, at place: String,
        findings: inout Findings
    ) {
        guard case .mapping(let entries) = node.content else {
            findings.error(place, "must be a mapping, not \(node.shape)")
            return
        }
        for entry in entries {
            let relative = section.isEmpty ? entry.key : "\(section).\(entry.key)"
            let absolute = place.isEmpty ? entry.key : "\(place).\(entry.key)"
            let line = findings.fallback.at(line: entry.line)
            if let key = self.byPath[relative] {
                findings.note(absolute, at: line)
                key.read(entry.value, absolute, &root, &findings)
            } else if self.children[relative] != nil {
                findings.note(absolute, at: line)
                // A mapping without a value changes nothing.
                guard !entry.value.isNull else { continue }
                self.read(
                    entry.value, section: relative, into: &root, at: absolute, findings: &findings)
            } else {
                Self.reportUnknown(
                    entry, at: absolute, line: line, siblings: self.children[section] ?? [],
                    findings: &findings)
            }
        }
    }

    private static func reportUnknown(
        _ entry: YAMLNode.Entry, at path: String, line: Problem.Place, siblings: [String],
        findings: inout Findings
    ) {
        if let reason = Inaction.reason(toIgnore: path) {
            findings.information(path, reason, at: line)
            return
        }
        let near = Spelling.nearest(to: entry.key, among: siblings)
        let hint = near.map { name in "; did you mean \(name)?" } ?? ""
        findings.information(path, "unknown key, ignored\(hint)", at: line)
    }
}

extension Codec {
    /// A mapping read by a table of its own; null means that there is none.
    static func object<Object: KeyRoot>(_ table: KeyTable<Object>) -> Codec where Value == Object? {
        Codec(
            typeName: "mapping",
            decode: { node, path, findings in
                guard case .mapping = node.content else {
                    findings.error(path, "must be a mapping, not \(node.shape)")
                    return nil
                }
                var object = Object()
                table.read(node, into: &object, at: path, findings: &findings)
                return .some(object)
            },
            parse: { _ in .malformed }, cleared: .some(nil), render: { _ in "" })
    }

    /// A list of mappings, each read by the same table.
    static func objects<Object: KeyRoot>(_ table: KeyTable<Object>) -> Codec where Value == [Object] {
        Codec(
            typeName: "list of mappings",
            decode: { node, path, findings in
                guard case .sequence(let nodes) = node.content else {
                    findings.error(path, "must be a list, not \(node.shape)")
                    return nil
                }
                var objects: [Object] = []
                for (position, element) in nodes.enumerated() {
                    let place = "\(path)[\(position)]"
                    findings.note(place, at: findings.fallback.at(line: element.line))
                    var object = Object()
                    table.read(element, into: &object, at: place, findings: &findings)
                    objects.append(object)
                }
                return objects
            },
            parse: { _ in .malformed }, cleared: [], render: { _ in "" })
    }

    /// Header names with their values, in file order.
    static func headers() -> Codec where Value == [Configuration.Header] {
        Codec(
            typeName: "mapping of text to text",
            decode: { node, path, findings in
                guard case .mapping(let entries) = node.content else {
                    findings.error(path, "must be a mapping, not \(node.shape)")
                    return nil
                }
                return entries.compactMap { entry in
                    let place = "\(path).\(entry.key)"
                    findings.note(place, at: findings.fallback.at(line: entry.line))
                    guard case .scalar(let text, _) = entry.value.content else {
                        findings.error(place, "must be text, not \(entry.value.shape)")
                        return nil
                    }
                    return Configuration.Header(
                        name: entry.key, value: Secret(entry.value.isNull ? "" : text))
                }
            },
            parse: { _ in .malformed }, cleared: [], render: { _ in "" })
    }

    /// Alias names with their lists of models, in file order.
    static func aliases() -> Codec where Value == [Configuration.ModelAlias] {
        Codec(
            typeName: "mapping of text to list of text",
            decode: { node, path, findings in
                guard case .mapping(let entries) = node.content else {
                    findings.error(path, "must be a mapping, not \(node.shape)")
                    return nil
                }
                return entries.compactMap { entry in
                    let place = "\(path).\(entry.key)"
                    findings.note(place, at: findings.fallback.at(line: entry.line))
                    if entry.value.isNull { return .init(name: entry.key, models: []) }
                    let elements = Codec<[String]>.elements(
                        of: entry.value, path: place, findings: &findings)
                    return elements.map { elements in
                        .init(name: entry.key, models: elements.map { element in element.text })
                    }
                }
            },
            parse: { _ in .malformed }, cleared: [], render: { _ in "" })
    }
}
