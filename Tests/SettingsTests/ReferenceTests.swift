import Foundation
import Testing

@testable import Settings

@Suite("Reference")
struct ReferenceTests {
    static let begin = "<!-- keys: written by ReferenceTests from KeyCatalog; UPDATE_GOLDEN=1 rewrites -->\n"
    static let end = "<!-- end of keys -->\n"

    @Test("docs/CONFIGURATION.md holds exactly the keys, types, defaults and variables of the tables")
    func document() throws {
        let path = "docs/CONFIGURATION.md"
        let text = try PackageFiles.text(path)
        let start = try #require(text.range(of: Self.begin))
        let stop = try #require(text.range(of: Self.end))
        let tables = ReferenceTables.text
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            let updated = text[..<start.upperBound] + tables + text[stop.lowerBound...]
            try Data(updated.utf8).write(to: PackageFiles.root.appendingPathComponent(path))
        } else {
            #expect(text[start.upperBound..<stop.lowerBound] == tables)
        }
    }

    @Test("config/config.yaml loads without a word and equals the defaults")
    func defaultFile() throws {
        let loaded = try Fixture.load(PackageFiles.text("config/config.yaml"))
        #expect(loaded.lines == [])
        #expect(loaded.configuration == Configuration())
        #expect(ConfigurationReport(loaded).exitCode == 0)
    }

    @Test("config/config.yaml shows every key, those without a default behind a #")
    func defaultFileIsComplete() throws {
        let text = try PackageFiles.text("config/config.yaml")
        let active = Samples.paths(in: text)
        let everything = Samples.paths(in: Self.enabled(text))
        for path in Samples.allPaths { #expect(everything.contains(path), "\(path)") }
        for key in KeyCatalog.configuration.keys where !key.defaultText.isEmpty {
            #expect(active.contains(key.path), "\(key.path)")
        }
    }

    @Test("Every key line of config/config.yaml has a comment above it or above its group")
    func defaultFileIsCommented() throws {
        let lines = try PackageFiles.text("config/config.yaml").split(separator: "\n", omittingEmptySubsequences: false)
        var lastWasComment = false
        var isCovered = false
        for line in lines {
            let text = line.trimmingCharacters(in: .whitespaces)
            let isComment = text.hasPrefix("# ")
            if isComment { isCovered = true } else if text.isEmpty { isCovered = lastWasComment }
            let isSection = text.hasSuffix(":") || line.first?.isLetter == true || text == "keys: []"
            if !text.isEmpty, !isComment, !isSection { #expect(isCovered, "\(text)") }
            lastWasComment = isComment
        }
    }

    /// The text with every line of the form `#key: value` or `#- value` made active, and the values that
    /// stand for an empty list or mapping above them removed.
    private static func enabled(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let indent = line.prefix { character in character == " " }
            let rest = line.dropFirst(indent.count)
            let isDisabled = rest.first == "#" && rest.dropFirst().first.map { $0 != " " } == true
            if isDisabled {
                if let last = lines.last(where: { text in !text.trimmingCharacters(in: .whitespaces).hasPrefix("# ") }),
                    last.hasSuffix("[]") || last.hasSuffix("{}"), let position = lines.lastIndex(of: last)
                {
                    lines[position] = String(last.dropLast(3))
                }
                lines.append(String(indent) + String(rest.dropFirst()))
            } else {
                lines.append(String(line))
            }
        }
        return lines.joined(separator: "\n")
    }
}

/// Writes the tables of docs/CONFIGURATION.md.
enum ReferenceTables {
    static var text: String {
        var parts: [String] = []
        let sections = KeyCatalog.configuration.keys.reduce(into: [String]()) { names, key in
            let name = Self.section(of: key.path)
            if !names.contains(name) { names.append(name) }
        }
        for section in sections {
            let keys = KeyCatalog.configuration.keys.filter { key in Self.section(of: key.path) == section }
            parts.append(Self.table(title: section, keys: keys, prefix: ""))
            if section == "discovery" {
                parts.append(
                    Self.table(
                        title: "discovery.static.endpoints[]", keys: KeyCatalog.endpoint.keys,
                        prefix: "discovery.static.endpoints[]."))
                parts.append(
                    Self.table(
                        title: "discovery.static.endpoints[].auth", keys: KeyCatalog.authentication.keys,
                        prefix: "discovery.static.endpoints[].auth."))
            }
            if section == "server" {
                parts.append(
                    Self.table(
                        title: "server.auth.keys[]", keys: KeyCatalog.clientKey.keys,
                        prefix: "server.auth.keys[]."))
            }
        }
        return parts.joined(separator: "\n")
    }

    private static func section(of path: String) -> String {
        String(path.prefix { character in character != "." })
    }

    private static func table<Root>(title: String, keys: [Key<Root>], prefix: String) -> String {
        var lines = [
            "### `\(title)`", "", "| Key | Type | Default | Variable | Meaning |", "|---|---|---|---|---|",
        ]
        for key in keys {
            let path = prefix + key.path
            let variable = key.variable.map { name in "`\(name)`" } ?? ""
            let defaultText = key.defaultText.isEmpty ? "—" : key.defaultText
            lines.append(
                "| `\(path)` | \(key.typeName) | \(defaultText) | \(variable) |"
                    + " \(key.meaning) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
