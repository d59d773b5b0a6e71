import Foundation

/// One file of the package's own Swift code, with a copy in which comments and texts are blank.
struct SourceFile: Sendable, CustomStringConvertible {
    /// The path from the package's root.
    let path: String
    /// The lines as they stand.
    let lines: [String]
    /// The lines with every comment and every content of a text replaced by spaces.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blanker = Blanker(text)
        self.code = blanker.blanked().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    var description: String { self.path }

    /// The target folder, for a file under `Sources` or `Tests`.
    var target: String { self.path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// The root of the package.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All Swift files of the targets.
    static let sources = Result { try SourceFile.all(under: "Sources") }

    /// All Swift files of the tests.
    static let tests = Result { try SourceFile.all(under: "Tests") }

    private static func all(under folder: String) throws -> [SourceFile] {
        let base = self.root.appendingPathComponent(folder)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { $0.hasSuffix(".swift") }
        return try paths.sorted().map { path in
            let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
            return SourceFile(path: "\(folder)/\(path)", text: text)
        }
    }

    /// Every line of the code (not of comments or texts) that a pattern matches, as `path:line: text`.
    ///
    /// Only lines with one of the hints are tried, which is most of the speed.
    func findings(_ pattern: Regex<Substring>, hints: [String]) -> [String] {
        self.code.indices
            .filter { index in hints.contains { self.code[index].contains($0) } }
            .filter { self.code[$0].contains(pattern) }
            .map { "\(self.path):\($0 + 1): \(self.lines[$0].trimmingCharacters(in: .whitespaces))" }
    }
}

/// Blanks comments and texts of Swift source, keeping every line feed where it is.
///
/// It knows line and nested block comments, texts with one or three quotes, raw texts, and interpolations,
/// whose code is blanked with the text around it.
private struct Blanker {
    private let source: [UInt8]
    private var position = 0
    private var output: [UInt8] = []

    init(_ text: String) {
        self.source = Array(text.utf8)
        self.output.reserveCapacity(self.source.count)
    }

    mutating func blanked() -> String {
        while self.position < self.source.count {
            switch self.source[self.position] {
            case UInt8(ascii: "/") where self.starts(with: "//"):
                while self.position < self.source.count, self.source[self.position] != UInt8(ascii: "\n") {
                    self.blank()
                }
            case UInt8(ascii: "/") where self.starts(with: "/*"):
                self.blankBlockComment()
            case UInt8(ascii: "\""), UInt8(ascii: "#"):
                guard let pounds = self.poundsBeforeQuote() else { fallthrough }
                self.blankText(pounds: pounds)
            default:
                self.output.append(self.source[self.position])
                self.position += 1
            }
        }
        return String(decoding: self.output, as: UTF8.self)
    }

    private func starts(with text: String) -> Bool {
        let end = self.position + text.utf8.count
        return end <= self.source.count && self.source[self.position..<end].elementsEqual(text.utf8)
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where self.position < self.source.count {
            let isLineFeed = self.source[self.position] == UInt8(ascii: "\n")
            self.output.append(isLineFeed ? UInt8(ascii: "\n") : UInt8(ascii: " "))
            self.position += 1
        }
    }

    private mutating func blankBlockComment() {
        var depth = 0
        repeat {
            if self.starts(with: "/*") {
                depth += 1
                self.blank(2)
            } else if self.starts(with: "*/") {
                depth -= 1
                self.blank(2)
            } else {
                self.blank()
            }
        } while depth > 0 && self.position < self.source.count
    }

    /// The number of pound signs before a quote that begins here; nil when no text begins here.
    private func poundsBeforeQuote() -> Int? {
        var ahead = self.position
        while ahead < self.source.count, self.source[ahead] == UInt8(ascii: "#") { ahead += 1 }
        guard ahead < self.source.count, self.source[ahead] == UInt8(ascii: "\"") else { return nil }
        return ahead - self.position
    }

    private mutating func blankText(pounds: Int) {
        let mark = String(repeating: "#", count: pounds)
        self.blank(pounds)
        let quote = self.starts(with: "\"\"\"") ? "\"\"\"" : "\""
        self.blank(quote.count)
        while self.position < self.source.count {
            switch self.source[self.position] {
            case UInt8(ascii: "\"") where self.starts(with: quote + mark):
                return self.blank(quote.count + pounds)
            case UInt8(ascii: "\\") where self.starts(with: "\\" + mark + "("):
                self.blank(pounds + 2)
                self.blankInterpolation()
            case UInt8(ascii: "\\") where self.starts(with: "\\" + mark):
                self.blank(pounds + 2)
            default: self.blank()
            }
        }
    }

    private mutating func blankInterpolation() {
        var depth = 1
        while depth > 0, self.position < self.source.count {
            if let pounds = self.poundsBeforeQuote() {
                self.blankText(pounds: pounds)
                continue
            }
            if self.source[self.position] == UInt8(ascii: "(") { depth += 1 }
            if self.source[self.position] == UInt8(ascii: ")") { depth -= 1 }
            self.blank()
        }
    }
}
