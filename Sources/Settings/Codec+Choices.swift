/// One of a closed set of names, as the configuration spells them.
typealias Choice = CaseIterable & Equatable & RawRepresentable<String> & Sendable

extension Codec where Value: Choice {
    /// A name; an unknown one refuses the start with a message that begins with `refusal`.
    static func choice(refusal: String) -> Codec {
        Self.choice { text in .refused("\(refusal) \"\(text)\"; known: \(Self.names)") }
    }

    /// A name; an unknown one is replaced by the default, with a warning.
    ///
    /// - Parameters:
    ///   - fallback: what an unknown name means.
    ///   - normalize: what is done to the text before it is compared.
    /// - Returns: the codec.
    static func choice(
        orElse fallback: Value, normalize: @escaping @Sendable (String) -> String = { text in text }
    ) -> Codec {
        Self.choice { text in
            if let value = Value(rawValue: normalize(text)) { return .value(value) }
            return .replaced(
                fallback, "unknown value \"\(text)\"; \(fallback.rawValue) is used; known: \(Self.names)")
        }
    }

    private static var names: String {
        Value.allCases.map { choice in choice.rawValue }.joined(separator: ", ")
    }

    private static func choice(unknown: @escaping @Sendable (String) -> Parsed) -> Codec {
        let parse: @Sendable (String) -> Parsed = { text in
            Value(rawValue: text).map(Parsed.value) ?? unknown(text)
        }
        return Codec(
            typeName: Value.allCases.map { choice in "`\(choice.rawValue)`" }.joined(separator: " / "),
            decode: { node, path, findings in
                guard case .scalar(let text, _) = node.content else {
                    findings.error(path, "must be text, not \(node.shape)")
                    return nil
                }
                switch parse(text) {
                case .value(let value):
                    return value
                case .replaced(let value, let message):
                    findings.warning(path, message)
                    return value
                case .refused(let message):
                    findings.error(path, message)
                    return nil
                case .malformed:
                    return nil
                }
            },
            parse: parse, cleared: nil, render: { value in "`\(value.rawValue)`" })
    }
}

extension Codec {
    /// A list of texts; a variable is split at commas.
    ///
    /// - Parameter trims: whether blanks around the entries of a variable are removed.
    /// - Returns: the codec.
    static func texts(trims: Bool = false) -> Codec where Value == [String] {
        Codec(
            typeName: "list of text",
            decode: { node, path, findings in
                Self.elements(of: node, path: path, findings: &findings)?.map { element in element.text }
            },
            parse: { text in
                let entries = text.split(separator: ",", omittingEmptySubsequences: false)
                return .value(entries.map { entry in trims ? entry.trimmingBlanks() : String(entry) })
            },
            cleared: [],
            render: { values in values.map { value in "`\(value)`" }.joined(separator: ", ") })
    }

    /// A list of whole numbers in a range.
    static func integers(_ range: ClosedRange<Int>) -> Codec where Value == [Int] {
        let one = Codec<Int>.integer(range)
        return Codec(
            typeName: "list of integers",
            decode: { node, path, findings in
                guard case .sequence(let nodes) = node.content else {
                    findings.error(path, "must be a list, not \(node.shape)")
                    return nil
                }
                return nodes.enumerated().compactMap { position, element in
                    one.decode(element, "\(path)[\(position)]", &findings)
                }
            },
            parse: { _ in .malformed }, cleared: [],
            render: { values in values.map { value in "`\(value)`" }.joined(separator: ", ") })
    }

    /// A list of names of a closed set.
    ///
    /// - Parameter skipsUnknown: whether an unknown name is left out with a warning instead of refused.
    /// - Returns: the codec.
    static func choices<Name: Choice>(skipsUnknown: Bool) -> Codec where Value == [Name] {
        let names = Name.allCases.map { name in name.rawValue }.joined(separator: ", ")
        return Codec(
            typeName: "list of "
                + Name.allCases.map { name in "`\(name.rawValue)`" }.joined(separator: " / "),
            decode: { node, path, findings in
                guard let elements = Self.elements(of: node, path: path, findings: &findings) else {
                    return nil
                }
                var values: [Name] = []
                for element in elements {
                    if let value = Name(rawValue: element.text) {
                        values.append(value)
                    } else if skipsUnknown {
                        findings.warning(
                            element.path, "unknown name \"\(element.text)\" is left out; known: \(names)")
                    } else {
                        findings.error(
                            element.path, "unknown name \"\(element.text)\"; known: \(names)")
                    }
                }
                return values
            },
            parse: { _ in .malformed }, cleared: [],
            render: { values in values.map { value in "`\(value.rawValue)`" }.joined(separator: ", ") })
    }

    /// The texts of a list with the path of each; nil after a report.
    static func elements(
        of node: YAMLNode, path: String, findings: inout Findings
    ) -> [(text: String, path: String)]? {
        guard case .sequence(let nodes) = node.content else {
            findings.error(path, "must be a list, not \(node.shape)")
            return nil
        }
        let file = findings.fallback
        var elements: [(text: String, path: String)] = []
        for (position, element) in nodes.enumerated() {
            let place = "\(path)[\(position)]"
            findings.note(place, at: file.at(line: element.line))
            guard case .scalar(let text, _) = element.content else {
                findings.error(place, "must be text, not \(element.shape)")
                continue
            }
            elements.append((element.isNull ? "" : text, place))
        }
        return elements
    }
}

extension Problem.Place {
    /// A line of the same file.
    func at(line: Int) -> Problem.Place {
        switch self {
        case .line(let file, _), .file(let file): .line(file: file, number: line)
        case .variable, .nowhere: self
        }
    }
}

extension StringProtocol {
    /// The text without white space around it.
    func trimmingBlanks() -> String {
        let start = self.firstIndex { character in !character.isWhitespace } ?? self.endIndex
        let rest = self[start...]
        let end = rest.lastIndex { character in !character.isWhitespace }
        return end.map { end in String(rest[...end]) } ?? ""
    }
}
