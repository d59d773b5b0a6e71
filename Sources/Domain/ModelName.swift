/// How model names are compared: trimmed, ASCII letters in lower case, and `name` equal to `name:latest`.
///
/// Ollama adds the tag `latest` to a name without one, so a client may send either. All functions work on the bytes
/// as they arrived and allocate nothing.
public enum ModelName {
    /// A name without surrounding white space.
    @inlinable
    public static func trimmedRange(of name: Span<UInt8>) -> Range<Int> {
        var lower = 0
        var upper = name.count
        while lower < upper, ASCII.isWhitespace(name[lower]) { lower += 1 }
        while upper > lower, ASCII.isWhitespace(name[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    /// The part of a name that identifies the model: without surrounding white space and without `:latest`.
    ///
    /// A name that is nothing but `:latest` keeps it. Letter case is left to ``hash(_:in:)`` and
    /// ``isEqual(_:in:toKey:in:)``.
    @inlinable
    public static func significantRange(of name: Span<UInt8>) -> Range<Int> {
        let range = self.trimmedRange(of: name)
        return self.hasLatestTag(name, in: range) ? range.lowerBound..<(range.upperBound - 7) : range
    }

    @inlinable
    static func hasLatestTag(_ name: Span<UInt8>, in range: Range<Int>) -> Bool {
        guard range.count > 7 else { return false }
        let tag: InlineArray<7, UInt8> = [0x3A, 0x6C, 0x61, 0x74, 0x65, 0x73, 0x74]
        for offset in 0..<7 where ASCII.lowercased(name[range.upperBound - 7 + offset]) != tag[offset] {
            return false
        }
        return true
    }

    /// FNV-1a, 32 bits, over the lower-cased bytes of a range.
    @inlinable
    public static func hash(_ name: Span<UInt8>, in range: Range<Int>) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        for offset in range { hash = (hash ^ UInt32(ASCII.lowercased(name[offset]))) &* 0x0100_0193 }
        return hash
    }

    /// Whether a range of a name equals a range that is in lower case already.
    @inlinable
    public static func isEqual(
        _ name: Span<UInt8>, in range: Range<Int>, toKey key: Span<UInt8>, in keyRange: Range<Int>
    ) -> Bool {
        guard range.count == keyRange.count else { return false }
        for offset in 0..<range.count
        where ASCII.lowercased(name[range.lowerBound + offset]) != key[keyRange.lowerBound + offset] {
            return false
        }
        return true
    }

    /// The text that stands for a name and all its spellings.
    public static func key(_ name: String) -> String {
        let bytes = Array(name.utf8)
        let range = self.significantRange(of: bytes.span)
        return String(decoding: bytes[range].map(ASCII.lowercased), as: UTF8.self)
    }
}
