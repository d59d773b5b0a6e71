/// Where a request body holds what its conversation is recognised by.
///
/// Two readings of it: the first bytes of the `messages`, as sticky sessions have always hashed them, and the opening of
/// the conversation, which stays the same from its first turn to its last.
public enum Conversation {
    /// How much of an opening counts at most, in bytes.
    public static let openingBytesMax = 4_096
    /// How much of a `prompt` counts as its opening, in bytes: it grows from turn to turn, only its beginning stays.
    public static let promptBytesMax = 256
    /// How long an array may be and still be found empty, in bytes: it is looked at with every piece of the body.
    private static let emptyArrayBytesMax = 64

    /// What is known while the body arrives.
    public enum Reading: Equatable, Sendable {
        /// These bytes of the body.
        case found(Range<Int>)
        /// More of the body is needed.
        case incomplete
        /// There is no conversation.
        case none
    }

    /// The first bytes of the raw `messages` value, of `prompt` when `messages` is absent, `[]` or `null`.
    ///
    /// - Parameters:
    ///   - scan: the search through the body.
    ///   - body: the body so far, from its first byte.
    ///   - count: how many bytes; 0 means all.
    ///   - isWhole: no more of the body will come, or be waited for.
    /// - Returns: where they stand.
    public static func prefix(
        _ scan: borrowing RequestScan, in body: RawSpan, count: Int, isWhole: Bool
    ) -> Reading {
        self.read(scan, in: body, isWhole: isWhole) { stretch, _ in
            let available = (stretch.end ?? body.byteCount) - stretch.start
            let wanted = count > 0 ? min(count, available) : available
            let isComplete = stretch.end != nil || (count > 0 && available >= count)
            return (stretch.start..<stretch.start + wanted, isComplete)
        }
    }

    /// The messages up to the end of the first one of the user, or the beginning of the `prompt`.
    ///
    /// What a user says later comes behind it, so all turns of a conversation have one opening; conversations that
    /// share a system prompt only have different ones.
    ///
    /// - Parameters:
    ///   - scan: the search through the body.
    ///   - body: the body so far, from its first byte.
    ///   - isWhole: no more of the body will come, or be waited for.
    /// - Returns: where it stands.
    public static func opening(_ scan: borrowing RequestScan, in body: RawSpan, isWhole: Bool) -> Reading {
        self.read(scan, in: body, isWhole: isWhole) { stretch, isPrompt in
            let end = stretch.end ?? body.byteCount
            let limit = isPrompt ? self.promptBytesMax : self.openingBytesMax
            let bytes = body.extracting(stretch.start..<min(end, stretch.start + limit))
            var search = OpeningSearch()
            let count = isPrompt ? nil : search.end(of: bytes)
            let isComplete = count != nil || stretch.end != nil || bytes.byteCount >= limit
            return (stretch.start..<stretch.start + (count ?? bytes.byteCount), isComplete)
        }
    }

    private static func read(
        _ scan: borrowing RequestScan, in body: RawSpan, isWhole: Bool,
        _ part: (_ stretch: BodyStretch, _ isPrompt: Bool) -> (range: Range<Int>, isComplete: Bool)
    ) -> Reading {
        let isOver = isWhole || scan.isFinished
        if let messages = scan.messages, messages.start < body.byteCount,
            !self.isEmptyArray(messages, in: body)
        {
            let (range, isComplete) = part(messages, false)
            return isComplete || isOver ? .found(range) : .incomplete
        }
        // Messages may still come and go before a prompt.
        guard isOver else { return .incomplete }
        guard let prompt = scan.prompt, prompt.start < body.byteCount else { return .none }
        let range = part(prompt, true).range
        return range.isEmpty ? .none : .found(range)
    }

    private static func isEmptyArray(_ stretch: BodyStretch, in body: RawSpan) -> Bool {
        guard let end = stretch.end, end <= body.byteCount, (2...self.emptyArrayBytesMax).contains(end - stretch.start),
            body[stretch.start] == UInt8(ascii: "[")
        else { return false }
        return (stretch.start + 1..<end - 1).allSatisfy { body[$0].isBlank }
    }
}

/// Looks for the end of the first message of the user in an array of messages.
private struct OpeningSearch {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var stringStart = 0
    /// The member name at hand is `role`, and its value comes next.
    private var isRole = false
    private var isUser = false
    private var lastString = 0..<0

    /// How many bytes the messages up to that one take; nil when its end is not among the bytes.
    mutating func end(of bytes: RawSpan) -> Int? {
        for offset in 0..<bytes.byteCount where self.step(bytes, offset) { return offset + 1 }
        return nil
    }

    /// Takes a byte; true when it ends the opening.
    private mutating func step(_ bytes: RawSpan, _ offset: Int) -> Bool {
        let byte = bytes[offset]
        if self.isInString {
            self.stepInString(bytes, byte, offset)
            return false
        }
        switch byte {
        case UInt8(ascii: "\""):
            self.isInString = true
            self.stringStart = offset + 1
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            self.depth += 1
            if self.depth == 2 { self.isUser = false }
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            self.depth -= 1
            if self.depth == 0 { return true }
            if self.depth == 1, self.isUser { return true }
        case UInt8(ascii: ":"):
            if self.depth == 2 { self.isRole = bytes.extracting(self.lastString).equals("role") }
        case UInt8(ascii: ","): self.isRole = false
        default: break
        }
        return false
    }

    private mutating func stepInString(_ bytes: RawSpan, _ byte: UInt8, _ offset: Int) {
        if self.isEscaped {
            self.isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            self.isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            self.isInString = false
            guard self.depth == 2 else { return }
            self.lastString = self.stringStart..<offset
            if self.isRole, bytes.extracting(self.lastString).equals("user") { self.isUser = true }
        }
    }
}
