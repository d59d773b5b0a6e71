import Foundation

/// What a JSON document looks like: names, nesting and types, as the shapes of `docs/HTTP.md` say it.
struct Shape: Sendable {
    /// A block of shapes could not be read.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// What stands under a name.
    indirect enum Content: Sendable {
        /// A value that is one of these words: a form, or a text in quotes.
        case value([String])
        /// An object.
        case object([Member])
    }

    /// A name with what it holds.
    struct Member: Sendable {
        let name: String
        var isMap = false
        var isArray = false
        var isOptional = false
        var content: Content
    }

    /// The requests whose answers look so: method, blank, target.
    var targets: [String] = []
    /// The document's own members.
    var members: [Member] = []

    /// Every name that it has, with the names that lead to it.
    var paths: Set<String> { Set(Self.paths(self.members, below: "")) }

    private static func paths(_ members: [Member], below prefix: String) -> [String] {
        members.flatMap { member in
            let path = prefix + "." + member.name
            guard case .object(let inner) = member.content else { return [path] }
            return [path] + self.paths(inner, below: path)
        }
    }
}

// MARK: - Reading

extension Shape {
    /// The shapes of the documentation, in its order.
    static func all() throws -> [Shape] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = String(decoding: try Data(contentsOf: root.appending(path: "docs/HTTP.md")), as: UTF8.self)
        return try text.components("```shape\n").dropFirst().map { block in
            try Shape(block.components("\n```").first ?? "")
        }
    }

    /// Reads a block: requests, an empty line, then one line for each name, two blanks deeper for each level.
    init(_ text: String) throws {
        let parts = text.components("\n\n")
        guard parts.count == 2 else { throw Malformed(description: "no empty line behind the requests: \(text)") }
        self.targets = parts[0].components("\n")
        var lines = parts[1].components("\n").filter { !$0.isEmpty }[...]
        self.members = try Self.members(of: &lines, depth: 0)
        guard let rest = lines.first else { return }
        throw Malformed(description: "not so deep: \(rest)")
    }

    private static func members(of lines: inout ArraySlice<String>, depth: Int) throws -> [Member] {
        var members: [Member] = []
        while let line = lines.first, line.prefix(while: { $0 == " " }).count == 2 * depth {
            lines.removeFirst()
            guard let colon = line.firstIndex(of: ":") else { throw Malformed(description: line) }
            var name = line[..<colon].drop { $0 == " " }
            var member = Member(name: "", content: .value([]))
            member.isOptional = Self.cut("?", from: &name)
            member.isArray = Self.cut("[]", from: &name)
            member.isMap = Self.cut("*", from: &name)
            let words = line[line.index(after: colon)...].split(separator: "|")
                .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            let content: Content =
                words.isEmpty ? .object(try Self.members(of: &lines, depth: depth + 1)) : .value(words)
            members.append(
                Member(
                    name: String(name), isMap: member.isMap, isArray: member.isArray, isOptional: member.isOptional,
                    content: content))
        }
        guard !members.isEmpty else { throw Malformed(description: "no names at depth \(depth)") }
        return members
    }

    private static func cut(_ ending: String, from name: inout Substring) -> Bool {
        guard name.hasSuffix(ending) else { return false }
        name = name.dropLast(ending.count)
        return true
    }
}

// MARK: - Comparing

/// A JSON document as it came.
enum JSONTree: Decodable, Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONTree])
    case object([String: JSONTree])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Int.self) {
            self = .integer(number)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let elements = try? container.decode([JSONTree].self) {
            self = .array(elements)
        } else {
            self = .object(try container.decode([String: JSONTree].self))
        }
    }

    /// Reads a document.
    init(_ bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSONTree.self, from: Data(bytes)) }

    /// Whether the value is what a word of a shape says.
    func matches(_ word: String) -> Bool {
        switch self {
        case .null: return word == "null"
        case .bool: return word == "bool"
        case .integer: return word == "int" || word == "number"
        case .number: return word == "number"
        case .array, .object: return false
        case .string(let text):
            if word == "string" || word == "\"\(text)\"" { return true }
            guard let form = Self.forms[word] else { return false }
            return text.range(of: "^(\(form))$", options: .regularExpression) != nil
        }
    }

    /// The forms of texts, as regular expressions.
    private static let forms = [
        "time": #"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"#,
        "bytes": #"\d{1,4} B|\d{1,4}\.\d\d [KMGTP]B"#, "percent": #"0%|100%|\d{1,2}\.\d%|100\.0%"#,
        "latency": #"\d{1,3}ms|\d+\.\ds"#, "uptime": #"\d{1,2}s|\d{1,2}m|\d{1,2}h \d{1,2}m|\d+d \d{1,2}h"#,
        "duration": #"\d+(\.\d+)?ms|((\d+h)?\d+m)?\d+s"#, "ago": #"never|\d+[smhd] ago"#,
        "until": #"unknown|now|in \d+[smhd]"#, "ratio": #"\d+/\d+"#, "id": #"[0-9a-z]+(-\d+)?"#,
        "url": #"https?://.+"#,
        "state": "healthy|busy|warming|unhealthy|offline|unknown|config_error|rate_limited",
    ]
}

/// The comparison of documents with their shape.
struct ShapeCheck {
    /// What does not fit.
    private(set) var faults: [String] = []
    /// The names that have been there.
    private(set) var seen: Set<String> = []

    /// Compares one document.
    mutating func compare(_ document: JSONTree, with shape: Shape) { self.compare(document, shape.members, at: "") }

    private mutating func compare(_ value: JSONTree, _ members: [Shape.Member], at path: String) {
        guard case .object(let found) = value else { return self.faults.append("\(path) is no object") }
        for name in found.keys.sorted() where !members.contains(where: { $0.name == name }) {
            self.faults.append("\(path).\(name) is new")
        }
        for member in members {
            let place = "\(path).\(member.name)"
            guard let value = found[member.name] else {
                if !member.isOptional { self.faults.append("\(place) is missing") }
                continue
            }
            self.seen.insert(place)
            guard member.isMap else {
                self.compare(value, member, at: place)
                continue
            }
            guard case .object(let entries) = value else {
                self.faults.append("\(place) is no map")
                continue
            }
            for entry in entries.values { self.compare(entry, member, at: place) }
        }
    }

    private mutating func compare(_ value: JSONTree, _ member: Shape.Member, at path: String) {
        guard member.isArray else { return self.compare(value, member.content, at: path) }
        guard case .array(let elements) = value else { return self.faults.append("\(path) is no array") }
        for element in elements { self.compare(element, member.content, at: path) }
    }

    private mutating func compare(_ value: JSONTree, _ content: Shape.Content, at path: String) {
        switch content {
        case .object(let members): self.compare(value, members, at: path)
        case .value(let words):
            if !words.contains(where: value.matches) {
                self.faults.append("\(path) is \(value), not \(words.joined(separator: " or "))")
            }
        }
    }
}
