internal import ByteScan
public import Domain

/// Watches a model's answer go by and notes what the metrics and the log line need.
///
/// Fed with the bytes of the body, without transfer coding, cut anywhere. Understands OpenAI chat
/// and text completions and the Responses API, Anthropic messages, Ollama's native interface, LM
/// Studio and the llama.cpp server, streamed or not, without being told which. It never changes,
/// keeps or copies the bytes.
///
/// A *content delta* is a document of a stream that carries text, reasoning text or a part of a
/// tool call. Documents with only a role, an empty text, a ping or usage are none. It counts once
/// its document is complete.
///
/// An event or line that repeats the one before it, but for the text of its delta and values that
/// say nothing here, is not looked into: it sets again what that one has set, and is one delta more.
///
/// - Isolation: owned by one attempt.
/// - Bounds: constant size, no allocation; of a stream's line only the first 1 MiB is looked at.
public struct ResponseObserver: ~Copyable {
    /// What the event at hand, or the line, consists of so far.
    private enum Payload {
        /// Nothing but blanks.
        case empty
        /// JSON that goes on.
        case json
        /// JSON that is complete or broken; the rest is passed over.
        case settled
        /// Something that begins like `[DONE]`.
        case marker
    }

    /// What the document at hand has shown.
    private struct DocumentFacts {
        var hasContent = false
        var beginsItem = false
        var itemIsCall = false
    }

    /// What has to be known of the event or line at hand to learn a template from it.
    private struct Unit {
        /// Its first byte, as an offset into the piece; nil when it cannot be learned, because it
        /// began in another piece or is not one document on one line.
        var start: Int?
        /// The first byte of its document, as an offset into the piece.
        var document = 0
        var isDelta = false
    }

    /// How the documents of this answer follow each other.
    public private(set) var framing: ResponseFraming
    private var json = JSONFieldScanner(ResponsePaths.pattern)
    private var sse = SSESplitter()
    private var ndjson = NDJSONSplitter()
    private var payload: Payload = .empty
    private var facts = DocumentFacts()
    private var tally = UsageTally()
    private var unit = Unit()
    /// What the last event or line had in common with those that repeat it.
    private var template = ByteTemplate()
    /// The last bytes of a marker or an event name, newest lowest.
    private var word: UInt64 = 0
    private var wordLength = 0
    private var deltasOfPiece = 0
    /// How many events or lines were passed over because they repeat the one before; for the tests,
    /// to which they look like parsed ones.
    private(set) var repeats = 0

    /// Why the model stopped, when the endpoint said so.
    public private(set) var finishReason: FinishReason?
    /// Whether the answer's own end has been seen: `[DONE]`, `message_stop`, `done`, a final
    /// response event; for ``ResponseFraming/document`` the end of the document.
    public private(set) var hasEndMarker = false
    /// Whether the endpoint reported a failure inside the answer.
    public private(set) var hasError = false
    /// Content deltas of the whole stream.
    public private(set) var contentDeltas = 0
    /// Documents that are not JSON or that ended too early.
    public private(set) var malformedDocuments = 0

    /// Prepares for an answer.
    public init(framing: ResponseFraming) { self.framing = framing }

    /// Forgets everything and prepares for another answer; cheaper than a new observer.
    public mutating func restart(framing: ResponseFraming) {
        self.framing = framing
        self.sse = SSESplitter()
        self.ndjson = NDJSONSplitter()
        self.endDocument()
        self.unit = Unit()
        self.template.forget()
        self.tally = UsageTally()
        self.finishReason = nil
        self.hasEndMarker = false
        self.hasError = false
        self.contentDeltas = 0
        self.malformedDocuments = 0
        self.repeats = 0
    }

    /// Token counts as the endpoint reported them.
    public var usage: TokenUsage { self.tally.usage }

    /// Lines of which only the beginning was looked at.
    public var overlongLines: Int { self.sse.overlongLines + self.ndjson.overlongLines }

    /// Whether the stream so far ends where a document ends, so that an error event may follow;
    /// never in a plain document.
    public var isBetweenEvents: Bool {
        switch self.framing {
        case .document: false
        case .sse: self.sse.isBetweenEvents
        case .ndjson: self.ndjson.isBetweenLines
        }
    }

    /// Looks at the next bytes of the body.
    ///
    /// - Returns: how many content deltas became complete in this piece; always 0 for a plain
    ///   document.
    public mutating func observe(_ piece: RawSpan) -> Int {
        self.deltasOfPiece = 0
        switch self.framing {
        case .document: self.take(piece, 0..<piece.byteCount)
        case .sse: self.observeSSE(piece)
        case .ndjson: self.observeNDJSON(piece)
        }
        self.contentDeltas &+= self.deltasOfPiece
        return self.deltasOfPiece
    }
}

extension ResponseObserver {
    private mutating func observeSSE(_ piece: RawSpan) {
        var position = 0
        self.beginUnit(piece, &position)
        while true {
            switch self.sse.next(piece, from: &position) {
            case .field(.data, let range, _):
                self.take(piece, range)
            case .field(.event, let range, let endsLine):
                for index in range { self.spell(piece[index]) }
                guard endsLine else { continue }
                if self.wordLength == 5, self.word == Self.errorWord { self.hasError = true }
                self.forgetWord()
            case .field(.error, _, let endsLine):
                if endsLine { self.hasError = true }
            case .overlongLine:
                self.abandon()
            case .boundary:
                self.endDocument()
                self.endUnit(piece, &position)
            case .needMore:
                return
            }
        }
    }

    private mutating func observeNDJSON(_ piece: RawSpan) {
        var position = 0
        self.beginUnit(piece, &position)
        while true {
            switch self.ndjson.next(piece, from: &position) {
            case .line(let range, let endsLine):
                self.take(piece, range)
                guard endsLine else { continue }
                self.endDocument()
                self.endUnit(piece, &position)
            case .overlongLine:
                self.abandon()
            case .needMore:
                return
            }
        }
    }

    /// Takes bytes of one document, which stand in the range of the piece; what it is shows in its
    /// first byte that is not blank.
    private mutating func take(_ piece: RawSpan, _ range: Range<Int>) {
        var position = range.lowerBound
        if self.payload == .empty {
            while position < range.upperBound, piece[position].isBlank { position &+= 1 }
            guard position < range.upperBound else { return }
            // No dialect sends an array as an event; as a document it holds nothing that is looked
            // for.
            let isMarker = self.framing == .sse && piece[position] == UInt8(ascii: "[")
            self.payload = isMarker ? .marker : .json
            self.unit.document = position
        } else {
            self.unit.start = nil
        }
        let piece = piece.extracting(first: range.upperBound)
        switch self.payload {
        case .json: self.scan(piece, from: &position)
        case .marker:
            while position < piece.byteCount {
                self.spell(piece[position])
                position &+= 1
                if self.wordLength == 6, self.word == Self.doneWord { self.hasEndMarker = true }
            }
        case .empty, .settled: break
        }
    }

    private mutating func scan(_ piece: RawSpan, from position: inout Int) {
        while true {
            switch self.json.next(piece, from: &position) {
            case .value(let found): self.note(found)
            case .opened(let found): self.noteOpened(found)
            case .needMore: return
            case .end:
                self.payload = .settled
                self.conclude()
                return
            case .malformed:
                self.payload = .settled
                self.malformedDocuments &+= 1
                return
            }
        }
    }

    /// Ends the event or line, whatever it held, and prepares for the next.
    private mutating func endDocument() {
        if self.payload == .json { self.malformedDocuments &+= 1 }
        self.payload = .empty
        self.json.reset()
        self.facts = DocumentFacts()
        self.forgetWord()
    }

    /// Drops the document at hand, whose line is too long; the rest of its line does not arrive
    /// here.
    private mutating func abandon() {
        self.unit.start = nil
        if self.framing == .ndjson { return self.endDocument() }
        if self.payload == .json { self.malformedDocuments &+= 1 }
        self.payload = .settled
    }

    // MARK: Repetition

    /// Passes over the events or lines that repeat the one before.
    ///
    /// - Parameters:
    ///   - piece: the bytes at hand.
    ///   - position: where the next one would begin; on return the first byte that is to be looked
    ///     into.
    private mutating func beginUnit(_ piece: RawSpan, _ position: inout Int) {
        self.unit.start = nil
        guard self.framing == .sse ? self.sse.isAtEventStart : self.ndjson.isBetweenLines else {
            return
        }
        while let end = self.template.end(in: piece, from: position),
            end &- position < SSESplitter.lineBytesMax
        {
            self.deltasOfPiece &+= 1
            self.repeats &+= 1
            position = end
        }
        guard position < piece.byteCount else { return }
        self.template.forget()
        self.unit = Unit(start: position)
    }

    /// Learns from an event or line that has ended, when it was one delta, and begins the next.
    private mutating func endUnit(_ piece: RawSpan, _ position: inout Int) {
        // A carriage return might be half of a line end.
        if let start = self.unit.start, self.unit.isDelta,
            piece[position &- 1] == UInt8(ascii: "\n")
        {
            self.template.learn(piece, start..<position)
        }
        self.beginUnit(piece, &position)
    }

    /// Notes what may differ in an event or line that repeats this one.
    private mutating func noteGap(_ gap: ByteTemplate.Gap, _ found: JSONField) {
        guard self.unit.start != nil else { return }
        let quote = gap == .text ? 1 : 0
        let start = self.unit.document &+ found.start &+ quote
        self.template.note(gap, at: start..<(self.unit.document &+ found.end &- quote))
    }

    private mutating func spell(_ byte: UInt8) {
        self.word = self.word &<< 8 | UInt64(byte)
        self.wordLength = min(self.wordLength &+ 1, 9)
    }

    private mutating func forgetWord() {
        self.word = 0
        self.wordLength = 0
    }

    /// `[DONE]`, newest byte lowest.
    private static var doneWord: UInt64 { 0x5b44_4f4e_455d }
    /// `error`, newest byte lowest.
    private static var errorWord: UInt64 { 0x65_7272_6f72 }

    // MARK: Facts

    private mutating func noteOpened(_ found: JSONField) {
        switch ResponsePaths.Field(rawValue: found.field) {
        case .toolCall: self.facts.hasContent = true
        case .error: self.hasError = true
        default: break
        }
    }

    private mutating func note(_ found: JSONField) {
        guard let field = ResponsePaths.Field(rawValue: found.field) else { return }
        switch found.kind {
        case .string:
            if found.isNonEmptyString, field == .content || field == .passing {
                self.noteGap(.text, found)
            }
            self.noteText(field, isEmpty: !found.isNonEmptyString)
        case .number:
            if field == .passing { self.noteGap(.digits, found) }
            self.noteCount(field)
        case .true: if field == .done, self.framing != .document { self.hasEndMarker = true }
        case .false, .null, .object, .array: break
        }
    }

    private mutating func noteText(_ field: ResponsePaths.Field, isEmpty: Bool) {
        switch field {
        case .content:
            if !isEmpty { self.facts.hasContent = true }
        case .error:
            if !isEmpty { self.hasError = true }
        case .finishReason:
            if let reason = FinishReason(word: self.json.text) { self.finishReason = reason }
        case .status:
            if self.finishReason == nil { self.finishReason = FinishReason(status: self.json.text) }
        case .eventType:
            self.noteEventType()
        case .blockType:
            let type = self.json.text
            if type.equals("tool_use") || type.equals("server_tool_use")
                || type.equals("mcp_tool_use")
            {
                self.facts.hasContent = true
            }
        case .itemType:
            let type = self.json.text
            self.facts.itemIsCall = type.equals("function_call") || type.equals("custom_tool_call")
        default: break
        }
    }

    private mutating func noteEventType() {
        let type = self.json.text
        switch type.byteCount {
        case 5: if type.equals("error") { self.hasError = true }
        case 8: if type.equals("chat.end") { self.hasEndMarker = true }
        case 12: if type.equals("message_stop") { self.hasEndMarker = true }
        case 15:
            if type.equals("response.failed") {
                self.hasEndMarker = true
                self.hasError = true
            }
        case 18: if type.equals("response.completed") { self.hasEndMarker = true }
        case 19: if type.equals("response.incomplete") { self.hasEndMarker = true }
        case 26: if type.equals("response.output_item.added") { self.facts.beginsItem = true }
        default: break
        }
    }

    private mutating func noteCount(_ field: ResponsePaths.Field) {
        guard let count = self.json.integer, count >= 0 else { return }
        switch field {
        case .promptTokens: self.tally.promptTokens = count
        case .inputTokens: self.tally.inputTokens = count
        case .outputTokens: self.tally.outputTokens = count
        case .cachedTokens: self.tally.cachedTokens = count
        case .cacheReadTokens: self.tally.cacheReadTokens = count
        case .cacheCreationTokens: self.tally.cacheCreationTokens = count
        case .reasoningTokens: self.tally.reasoningTokens = count
        default: break
        }
    }

    /// Draws the conclusions of a complete document.
    private mutating func conclude() {
        guard self.framing != .document else {
            self.hasEndMarker = true
            return
        }
        if self.facts.hasContent || self.facts.beginsItem && self.facts.itemIsCall {
            self.deltasOfPiece &+= 1
            self.unit.isDelta = true
        }
    }
}
