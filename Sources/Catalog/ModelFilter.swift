/// A pattern of a model filter that cannot be used.
public struct ModelFilterError: Error, Equatable, Sendable {
    /// The pattern as written.
    public let pattern: String

    /// What is wrong, in words.
    public var message: String {
        "pattern \"\(self.pattern)\" is not valid: use a name, *, name*, *name or *name*"
    }
}

/// Which of an endpoint's models the gateway knows of (routing-and-config 4.6).
///
/// Included are all models if there is no include pattern, else those that match one; of these, all that match no exclude
/// pattern. Letter case does not matter.
public struct ModelFilter: Equatable, Sendable {
    private struct Pattern: Equatable {
        let text: String
        let isOpenAtStart: Bool
        let isOpenAtEnd: Bool

        init(_ source: String) throws(ModelFilterError) {
            var text = source.lowercased()[...]
            guard text.contains(where: { !$0.isWhitespace }) else { throw ModelFilterError(pattern: source) }
            if text == "*" {
                (self.text, self.isOpenAtStart, self.isOpenAtEnd) = ("", true, true)
                return
            }
            self.isOpenAtStart = text.hasPrefix("*")
            if self.isOpenAtStart { text.removeFirst() }
            self.isOpenAtEnd = text.hasSuffix("*")
            if self.isOpenAtEnd { text.removeLast() }
            guard !text.isEmpty, !text.contains("*") else { throw ModelFilterError(pattern: source) }
            self.text = String(text)
        }

        func matches(_ name: String) -> Bool {
            switch (self.isOpenAtStart, self.isOpenAtEnd) {
            case (false, false): name == self.text
            case (false, true): name.hasPrefix(self.text)
            case (true, false): name.hasSuffix(self.text)
            case (true, true): self.text.isEmpty || self.occurs(in: name)
            }
        }

        private func occurs(in name: String) -> Bool {
            let needle = Array(self.text.utf8)
            let bytes = Array(name.utf8)
            guard bytes.count >= needle.count else { return false }
            return (0...(bytes.count - needle.count)).contains { start in
                bytes[start..<(start + needle.count)].elementsEqual(needle)
            }
        }
    }

    private let include: [Pattern]
    private let exclude: [Pattern]

    /// Admits every model.
    public static let everything = ModelFilter()

    private init() {
        self.include = []
        self.exclude = []
    }

    /// Reads the patterns; the first unusable one is reported.
    public init(include: [String], exclude: [String]) throws(ModelFilterError) {
        var included: [Pattern] = []
        for pattern in include { included.append(try Pattern(pattern)) }
        var excluded: [Pattern] = []
        for pattern in exclude { excluded.append(try Pattern(pattern)) }
        self.include = included
        self.exclude = excluded
    }

    /// Whether a model may be known by its native name.
    public func admits(_ name: String) -> Bool {
        let name = name.lowercased()
        return (self.include.isEmpty || self.include.contains { $0.matches(name) })
            && !self.exclude.contains { $0.matches(name) }
    }
}
