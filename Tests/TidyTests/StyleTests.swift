import Foundation
import Testing

@Suite("The code keeps the house rules")
struct StyleTests {
    private static let fileLinesMax = 600
    private static let functionLinesMax = 70

    /// Sources and tests with the folder that a rule is about.
    private static func files() throws -> [SourceFile] {
        try SourceFile.sources.get() + SourceFile.tests.get()
    }

    @Test("files are short")
    func fileLength() throws {
        let long = try Self.files().filter { $0.lines.count > Self.fileLinesMax + 1 }
        #expect(long.map { "\($0.path): \($0.lines.count - 1) lines" }.joined(separator: "\n") == "")
    }

    @Test("functions are short")
    func functionLength() throws {
        let long = try Self.files().flatMap { file in
            Function.all(in: file)
                .filter { $0.lineCount > Self.functionLinesMax }
                .map { "\(file.path):\($0.line): \($0.lineCount) lines" }
        }
        #expect(long.joined(separator: "\n") == "")
    }

    @Test("nothing is left over")
    func leftovers() throws {
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
        let findings = try Self.files().flatMap { file in
            file.lines.indices
                .filter { index in words.contains { file.lines[index].contains($0) } }
                .map { "\(file.path):\($0 + 1): \(file.lines[$0])" }
        }
        #expect(findings.joined(separator: "\n") == "")
    }

    @Test("no input can stop the process")
    func traps() throws {
        let findings = try SourceFile.sources.get().flatMap(Self.traps)
        #expect(findings.joined(separator: "\n") == "")
    }

    private static func traps(_ file: SourceFile) -> [String] {
        // The second form is every `!` after a value or a type: forced values, `try!`, `as!`, implicit optionals.
        file.findings(#/\bfatalError\b|[\w\)\]\}>]!(?![=\w])/#, hints: ["!", "fatalError"])
    }

    @Test("only Telemetry spells the name of a metric")
    func metricNames() throws {
        // Readers of the finished page spell names too; tests of their own hold them against the catalogue.
        let mayName: Set<String> = ["Telemetry", "DashboardAssets", "TopView"]
        let findings = try SourceFile.sources.get().filter { !mayName.contains($0.target) }.flatMap { file in
            file.lines.indices
                .filter { file.lines[$0].contains("\"glasspot_") }
                .map { "\(file.path):\($0 + 1): \(file.lines[$0])" }
        }
        #expect(findings.joined(separator: "\n") == "")
    }

    @Test("no room is a box for odds and ends")
    func folders() throws {
        let banned: Set<String> = ["Common", "Utils", "Helpers", "Constants", "Util", "Helper", "Misc"]
        let folders = try Self.files().flatMap { $0.path.split(separator: "/").dropLast().map(String.init) }
        #expect(banned.isDisjoint(with: folders))
    }

    @Test(
        "and a trap is found",
        arguments: [
            ("let a = b!", 1), ("let a = b()!.c", 1), ("x = try! y()", 1), ("let a = b as! C", 1),
            ("fatalError(\"no\")", 1), ("let a: Int!", 1), ("if !a, b != c { d = !e }", 0), ("a!=b", 0),
            ("// never try! this!", 0), ("let a = \"hello!\" + #\"x!\"#", 0), ("let a = \"\\(b!)\"", 0),
            ("let text = \"\"\"\n  a! try!\n  \"\"\"\nlet b = c!", 1), ("/* a! /* b! */ c! */ d!", 1),
        ])
    func plantedTraps(text: String, count: Int) {
        #expect(Self.traps(SourceFile(path: "Sources/A/A.swift", text: text)).count == count)
    }

    @Test("and the length of a function is measured")
    func plantedFunctions() {
        let text = """
            protocol P {
                func one() -> Int
                init(a: Int)
            }
            struct S: P {
                init(a: Int) { self.init(b: { $0 }) }
                func one(
                    a: Int
                ) -> Int {
                    let text = "}"
                    if a { return 1 }
                    return 2
                }
                deinit {
                }
            }
            """
        let functions = Function.all(in: SourceFile(path: "A.swift", text: text))
        #expect(functions.map(\.line) == [6, 7, 14])
        #expect(functions.map(\.lineCount) == [1, 7, 2])
    }
}

/// Where a function with a body stands.
private struct Function {
    let line: Int
    let lineCount: Int

    /// All functions, initialisers and deinitialisers of a file that have a body.
    static func all(in file: SourceFile) -> [Function] {
        file.code.indices.compactMap { index in
            guard ["func ", "init", "deinit"].contains(where: { file.code[index].contains($0) }) else { return nil }
            guard let match = file.code[index].firstMatch(of: #/(?:^|[^.\w`])(?:func\s|init[?(<]|deinit\b)/#) else {
                return nil
            }
            return self.body(in: file, from: index, after: match.range.upperBound)
        }
    }

    /// Finds the body: the first brace outside parentheses, unless another declaration comes first.
    private static func body(in file: SourceFile, from start: Int, after column: String.Index) -> Function? {
        var (braces, parentheses) = (0, file.code[start][..<column].hasSuffix("(") ? 1 : 0)
        for index in start..<file.code.count {
            let line = file.code[index]
            if index > start, braces == 0, parentheses == 0,
                line.contains(#/^\s*(?:@\w+\s+)*(?:\w+\s+)*(?:func|init|var|let|case|struct|enum|class)\b/#)
            {
                return nil
            }
            for character in index == start ? line[column...] : line[...] {
                switch character {
                case "(": parentheses += 1
                case ")": parentheses -= 1
                case "{" where parentheses == 0 || braces > 0: braces += 1
                case "}" where parentheses == 0 || braces > 0:
                    braces -= 1
                    if braces < 0 { return nil }
                    if braces == 0 { return Function(line: start + 1, lineCount: index - start + 1) }
                default: break
                }
            }
        }
        return nil
    }
}
