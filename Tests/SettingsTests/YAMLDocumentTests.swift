import Domain
import Testing

@testable import Settings

@Suite("YAML document")
struct YAMLDocumentTests {
    @Test("Anchors, aliases and merge keys are resolved, and explicit keys win over merged ones")
    func merges() throws {
        let loaded = try Fixture.load(
            """
            defaults: &defaults
              type: ollama
              priority: 7
            more: &more {priority: 8, check_interval: 9s}
            discovery:
              static:
                endpoints:
                  - <<: *defaults
                    url: http://a:1
                    name: a
                  - <<: [*defaults, *more]
                    url: http://b:1
                    name: b
                    type: vllm
            """)
        let endpoints = try #require(loaded.configuration).discovery.endpoints
        #expect(endpoints.map(\.priority) == [7, 7])
        #expect(endpoints.map(\.type) == ["ollama", "vllm"])
        #expect(endpoints.map(\.checkInterval) == [.seconds(5), .seconds(9)])
    }

    @Test("Every duplicate key is an error with its path and both lines")
    func duplicates() throws {
        let loaded = try Fixture.load(
            """
            server:
              port: 1
              host: a
              port: 2
            proxy:
              "engine": olla
              retry: {enabled: true, enabled: false}
              'engine': sherpa
            server:
              port: 70000
            """)
        #expect(loaded.configuration == nil)
        #expect(
            loaded.errorLines == [
                "config.yaml:4: server.port: duplicate key; first given in line 2",
                "config.yaml:7: proxy.retry.enabled: duplicate key; first given in line 7",
                "config.yaml:8: proxy.engine: duplicate key; first given in line 6",
                "config.yaml:9: server: duplicate key; first given in line 1",
                "config.yaml:10: server.port: must be from 1 to 65535, not 70000",
            ])
    }

    @Test("A file full of duplicate keys is refused instead of read again and again")
    func manyDuplicates() throws {
        let text = (0..<150).map { number in "k\(number): 1\nk\(number): 2\n" }.joined()
        #expect(try Fixture.load(text).errorLines == ["config.yaml: more than 100 duplicate keys"])
    }

    @Test(
        "A text that is not YAML is refused with its line and without repeating it",
        arguments: [
            ("server:\n  port: [1, 2\n", 3), ("server:\n\tport: 1\n", 2), ("a: 'secret-word\n", 2),
            ("a: *secret-word\n", 1), ("a: b: secret-word\n", 1), ("a: \"\\q secret-word\"\n", 1),
        ])
    func syntax(text: String, line: Int) throws {
        let loaded = try Fixture.load(text)
        #expect(loaded.configuration == nil)
        #expect(loaded.errors.count == 1)
        #expect(loaded.errorLines.first?.hasPrefix("config.yaml:\(line): not valid YAML") == true)
        #expect(!loaded.lines.joined().contains("secret-word"))
    }

    @Test("Only the first document counts")
    func documents() throws {
        let loaded = try Fixture.load("server: {port: 1}\n---\nserver: {port: 2}\n")
        #expect(loaded.configuration?.server.port == 1)
    }

    @Test(
        "An empty file, one of comments, and one of an empty document equal the defaults",
        arguments: ["", "# nothing\n", "---\n", "\n\n", "\u{feff}", "null\n", "{}\n"])
    func empty(text: String) throws {
        let loaded = try Fixture.load(text)
        #expect(loaded.problems.isEmpty)
        #expect(loaded.configuration == Configuration())
        #expect(loaded.path == "config.yaml")
    }

    @Test("A file whose top is not a mapping is refused", arguments: ["- a\n", "text\n", "7\n"])
    func topLevel(text: String) throws {
        let loaded = try Fixture.load(text)
        #expect(loaded.errors.count == 1)
        #expect(loaded.errorLines.first?.contains("must be a mapping") == true)
    }

    @Test("An alias bomb and a deep nesting stop at a bound")
    func bounds() throws {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(alias)]\n"
        }
        let message = "config.yaml: more than 200000 values or 64 levels"
        #expect(try Fixture.load(bomb).errorLines == [message])
        let deep = String(repeating: "[", count: 80) + String(repeating: "]", count: 80)
        #expect(try Fixture.load("a: \(deep)\n").errorLines == [message])
    }

    @Test("A key that is not text and a merge of a text are refused")
    func keys() throws {
        let loaded = try Fixture.load("? [a]\n: 1\nserver:\n  <<: word\n")
        #expect(
            loaded.errorLines == [
                "config.yaml:1: a key must be text",
                "config.yaml:4: server: a merge key needs a mapping or a list of mappings",
            ])
    }

    /// Nested aliases that stand for 2²⁰ texts.
    private static let bomb =
        "a0: &a0 [x]\n" + (1...20).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()

    @Test(
        "A key that is an alias or holds one is refused before it is expanded",
        .timeLimit(.minutes(1)),
        arguments: ["? *a20\n: 1", "*a20 : 1", "z: {[*a20]: 1}", "? {b: *a20}\n: 1", "z: [{*a20 : 1}]"])
    func aliasKeys(line: String) throws {
        let loaded = try Fixture.load(String(repeating: Self.bomb, count: 1) + line + "\n")
        #expect(loaded.errorLines == ["config.yaml:22: a key must be text, not an alias, a list or a mapping"])
    }

    @Test("Stars and ampersands in texts are no aliases", arguments: ["\"*\": &a x", "'*a': &a x", "&a \"*b\": x"])
    func stars(line: String) throws {
        #expect(try Fixture.load("server: {host: a}\n" + line).configuration?.server.host == "a")
    }

    @Test("A text made of the marks for duplicate keys costs no more than another", .timeLimit(.minutes(1)))
    func marks() throws {
        let text =
            "# duplicate-key-" + String(repeating: "x-", count: 200_000) + "\n"
            + (0..<2_000).map { "duplicate-key-\($0)-: 1\n" }.joined() + "a: 1\na: 2\n"
        #expect(try Fixture.load(text).errorLines == ["config.yaml:2003: a: duplicate key; first given in line 2002"])
    }
}
