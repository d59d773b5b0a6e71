import Yams

/// Turns YAML text into a ``YAMLNode``, with every duplicate key and bad merge reported at once.
///
/// Only this file knows the YAML library.
///
/// - Bounds: ``nodesMax`` values after aliases are expanded, ``depthMax`` levels, ``duplicatesMax`` duplicate
///   keys; each is reported as an error when it is reached.
struct YAMLDocument {
    /// The most values of a document after aliases are expanded: an alias bomb stops here.
    static let nodesMax = 200_000
    /// The deepest nesting; the configuration needs seven.
    static let depthMax = 64
    /// The most duplicate keys that are reported.
    static let duplicatesMax = 100

    private let file: String
    private let marker: String
    private var nodeCount = 0
    private var isOverLimit = false

    /// Reads the first document of a text.
    ///
    /// - Returns: nil for an empty document, and after an error that leaves nothing to look at.
    static func read(_ text: String, file: String, findings: inout Findings) -> YAMLNode? {
        let marker = Self.marker(notIn: text)
        guard let root = Self.compose(text, marker: marker, file: file, findings: &findings) else {
            return nil
        }
        var document = YAMLDocument(file: file, marker: marker)
        let node = document.convert(root, path: "", depth: 0, findings: &findings)
        if document.isOverLimit {
            findings.error(
                "", "more than \(Self.nodesMax) values or \(Self.depthMax) levels", at: .file(file))
            return nil
        }
        return node.isNull ? nil : node
    }

    private init(file: String, marker: String) {
        self.file = file
        self.marker = marker
    }

    // MARK: - Composing

    private static func root(of text: String) throws -> Node? {
        try Parser(yaml: text, resolver: .basic, encoding: .utf8).nextRoot()
    }

    /// A prefix for keys that no text of the document begins with: one that the document holds would be misread.
    ///
    /// The numbers in use are gathered in one pass, so that a document made of prefixes costs no more than another.
    private static func marker(notIn text: String) -> String {
        let stem = "duplicate-key-"
        let numbers = text.split(separator: stem, omittingEmptySubsequences: false).dropFirst().compactMap { rest in
            Int(rest.prefix(9).prefix { character in character.isASCII && character.isNumber })
        }
        let taken = Set(numbers)
        let free = (0...taken.count).first { number in !taken.contains(number) } ?? taken.count
        return "\(stem)\(free)-"
    }

    /// Whether no key of a document is an alias, a list or a mapping; reports each that is.
    ///
    /// The library compares the keys of a mapping by all they hold with aliases expanded, and a few lines of nested
    /// aliases expand to more than any memory. So the document is composed once with a character in place of every
    /// `*` that makes no alias, where a key holds no more than the text does.
    private static func hasTextKeys(_ text: String, file: String, findings: inout Findings) throws -> Bool {
        guard text.utf8.contains(UInt8(ascii: "*")), text.utf8.contains(UInt8(ascii: "&")) else { return true }
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { plain.append(scalar == "*" ? Self.standIn : scalar) }
        guard let root = try Self.root(of: String(plain)) else { return true }
        var open = [root]
        var isFree = true
        while let node = open.popLast() {
            switch node {
            case .scalar, .alias: continue
            case .sequence(let elements): open.append(contentsOf: elements)
            case .mapping(let mapping):
                for (key, value) in mapping {
                    if case .scalar(let scalar) = key,
                        scalar.style != .plain || scalar.string.unicodeScalars.first != Self.standIn
                    {
                        open.append(value)
                        continue
                    }
                    isFree = false
                    findings.error(
                        "", "a key must be text, not an alias, a list or a mapping",
                        at: .line(file: file, number: key.mark?.line ?? 1))
                }
            }
        }
        return isFree
    }

    /// A character for private use (Unicode, section 23.5), which YAML takes as part of a text.
    private static let standIn: Unicode.Scalar = "\u{F8FF}"

    /// Composes the text; a duplicate key is marked and the text composed again, so that one mistake does not
    /// hide the next.
    private static func compose(
        _ text: String, marker: String, file: String, findings: inout Findings
    ) -> Node? {
        var text = text
        for _ in 0...Self.duplicatesMax {
            do {
                guard try Self.hasTextKeys(text, file: file, findings: &findings) else { return nil }
                return try Self.root(of: text)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                guard let marked = Self.mark(context.mark, in: text, with: marker) else {
                    let names = keys.joined(separator: ", ")
                    findings.error(
                        "", "duplicate keys: \(names)", at: .line(file: file, number: context.mark.line))
                    return nil
                }
                text = marked
            } catch {
                Self.report(error, file: file, findings: &findings)
                return nil
            }
        }
        findings.error("", "more than \(Self.duplicatesMax) duplicate keys", at: .file(file))
        return nil
    }

    /// Puts the marker in front of the key at a position.
    private static func mark(_ mark: Mark, in text: String, with marker: String) -> String? {
        let scalars = text.unicodeScalars
        var start = scalars.startIndex
        for _ in 1..<max(mark.line, 1) {
            guard let end = scalars[start...].firstIndex(of: "\n") else { return nil }
            start = scalars.index(after: end)
        }
        guard mark.line > 0,
            let position = scalars.index(
                start, offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
        else { return nil }
        var marked = text
        marked.insert(contentsOf: marker, at: position)
        return marked
    }

    /// Reports what the YAML library says, without the text around it: that could be a secret.
    private static func report(_ error: any Error, file: String, findings: inout Findings) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let prefix = context.map { context in context.text + ": " } ?? ""
            findings.error(
                "", "not valid YAML: \(prefix)\(problem)", at: .line(file: file, number: mark.line))
        case YamlError.reader(let problem, let offset, _, let yaml):
            let line = offset.map { offset in
                yaml.prefix(offset).count(where: { character in character.isNewline }) + 1
            }
            findings.error(
                "", "not valid YAML: \(problem)", at: .line(file: file, number: line ?? 1))
        default:
            findings.error("", "not valid YAML", at: .file(file))
        }
    }

    // MARK: - Converting

    private mutating func convert(
        _ node: Node, path: String, depth: Int, findings: inout Findings
    ) -> YAMLNode {
        self.nodeCount += 1
        let line = node.mark?.line ?? 1
        guard self.nodeCount <= Self.nodesMax, depth <= Self.depthMax else {
            self.isOverLimit = true
            return YAMLNode(content: .scalar("", isPlain: true), line: line)
        }
        switch node {
        case .scalar(let scalar):
            return YAMLNode(
                content: .scalar(scalar.string, isPlain: Self.isPlain(node, scalar)), line: line)
        case .sequence(let sequence):
            var elements: [YAMLNode] = []
            for (position, element) in sequence.enumerated() where !self.isOverLimit {
                let place = "\(path)[\(position)]"
                elements.append(
                    self.convert(element, path: place, depth: depth + 1, findings: &findings))
            }
            return YAMLNode(content: .sequence(elements), line: line)
        case .mapping(let mapping):
            let entries = self.entries(of: mapping, path: path, depth: depth, findings: &findings)
            return YAMLNode(content: .mapping(entries), line: line)
        case .alias:
            findings.error(path, "an alias without its anchor", at: .line(file: self.file, number: line))
            return YAMLNode(content: .scalar("", isPlain: true), line: line)
        }
    }

    /// Whether a scalar may be a number, a boolean or null: it is unquoted, or a tag says what it is.
    private static func isPlain(_ node: Node, _ scalar: Node.Scalar) -> Bool {
        let typed: Set<String> = [
            "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
            "tag:yaml.org,2002:null",
        ]
        return scalar.style == .plain || typed.contains(node.tag.rawValue)
    }

    private mutating func entries(
        of mapping: Node.Mapping, path: String, depth: Int, findings: inout Findings
    ) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var merged: [YAMLNode.Entry] = []
        var firsts: [(key: String, line: Int)] = []
        for (keyNode, valueNode) in mapping where !self.isOverLimit {
            let line = keyNode.mark?.line ?? 1
            guard case .scalar(let scalar) = keyNode else {
                findings.error(path, "a key must be text", at: .line(file: self.file, number: line))
                continue
            }
            let isMarked = scalar.string.hasPrefix(self.marker)
            // A quoted key keeps its quotes behind the marker; the path does without.
            let name =
                isMarked
                ? String(scalar.string.dropFirst(self.marker.count)).trimmingQuotes() : scalar.string
            let place = path.isEmpty ? name : "\(path).\(name)"
            let value = self.convert(valueNode, path: place, depth: depth + 1, findings: &findings)
            if isMarked {
                firsts.append((name, line))
            } else if scalar.string == "<<", scalar.style == .plain {
                merged += self.merge(value, path: path, line: line, findings: &findings)
            } else {
                entries.append(YAMLNode.Entry(key: scalar.string, line: line, value: value))
            }
        }
        for first in firsts {
            self.reportDuplicate(first, among: entries, path: path, findings: &findings)
        }
        var known = Set(entries.map { entry in entry.key })
        for entry in merged where known.insert(entry.key).inserted { entries.append(entry) }
        return entries
    }

    /// The entries that a merge key brings; the first mapping of a list wins.
    private func merge(
        _ value: YAMLNode, path: String, line: Int, findings: inout Findings
    ) -> [YAMLNode.Entry] {
        switch value.content {
        case .mapping(let entries):
            return entries
        case .sequence(let elements):
            return elements.flatMap { element in
                self.merge(element, path: path, line: line, findings: &findings)
            }
        case .scalar:
            findings.error(
                path, "a merge key needs a mapping or a list of mappings",
                at: .line(file: self.file, number: line))
            return []
        }
    }

    private func reportDuplicate(
        _ first: (key: String, line: Int), among entries: [YAMLNode.Entry], path: String,
        findings: inout Findings
    ) {
        let again = entries.first { entry in entry.key == first.key }?.line ?? first.line
        findings.error(
            path.isEmpty ? first.key : "\(path).\(first.key)", "duplicate key; first given in line \(first.line)",
            at: .line(file: self.file, number: again))
    }
}

extension String {
    fileprivate func trimmingQuotes() -> String {
        guard let first = self.first, first == "\"" || first == "'", self.last == first, self.count > 1
        else { return self }
        return String(self.dropFirst().dropLast())
    }
}
