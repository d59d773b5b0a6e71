import Synchronization

/// A pattern that cannot be used.
public struct NamePatternError: Error, Equatable, Sendable {
    /// The pattern as written.
    public let pattern: String
    /// What is wrong, in words.
    public let message: String
}

/// A regular expression over model names.
///
/// - Isolation: thread-safe; one look at a time.
/// - Bounds: a pattern of at most ``patternBytesMax`` bytes, looked for in the first ``nameBytesMax`` bytes of a name.
public final class NamePattern: Sendable {
    /// The longest pattern.
    public static let patternBytesMax = 1_024
    /// How much of a name is looked at.
    public static let nameBytesMax = 256

    /// The pattern as written.
    public let source: String
    private let expression: Mutex<Regex<AnyRegexOutput>>

    /// Reads a pattern of the RE2 family; letter case does not matter.
    public init(_ source: String) throws(NamePatternError) {
        guard source.utf8.count <= Self.patternBytesMax else {
            throw NamePatternError(
                pattern: String(source.prefix(64)), message: "longer than \(Self.patternBytesMax) bytes")
        }
        self.source = source
        do {
            let expression = try Regex<AnyRegexOutput>(source).ignoresCase().matchingSemantics(.unicodeScalar)
            self.expression = Mutex(expression)
        } catch {
            throw NamePatternError(pattern: source, message: "not a regular expression")
        }
    }

    /// The captures of the first match, the whole match at 0 and an empty text for a capture that took no part; nil when
    /// the name does not match.
    public func match(_ name: String) -> [String]? {
        let text = String(decoding: name.utf8.prefix(Self.nameBytesMax), as: UTF8.self)
        return self.expression.withLock { expression in
            guard let match = try? expression.firstMatch(in: text) else { return nil }
            return match.output.map { $0.substring.map(String.init) ?? "" }
        }
    }
}

extension NamePattern: Equatable {
    /// Patterns that are written alike are equal.
    public static func == (left: NamePattern, right: NamePattern) -> Bool { left.source == right.source }
}
