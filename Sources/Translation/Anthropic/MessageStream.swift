import ByteScan

/// Turns a stream of chat completion chunks into the events of a streamed message (http-surface 4.6).
///
/// Bytes of the server go in as they come, cut anywhere; whole events come out, each ready to be flushed. Texts and
/// arguments are copied as they are spelled. One block is open at a time; arguments of parallel calls wait until it is
/// their turn. Whatever comes after the end, or after a failure, is ignored.
///
/// - Isolation: single owner; ``begin(id:model:inputTokens:into:)`` starts it afresh.
/// - Bounds: a chunk of ``chunkBytesMax``, ``callsMax`` calls, ``heldBytesMax`` of arguments that wait; beyond them
///   the stream fails with a message that says so. Allocates nothing once it has grown.
public struct MessageStream: Sendable {
    /// The longest chunk: 4 MiB.
    public static let chunkBytesMax = 4 << 20
    /// The most calls of one message.
    public static let callsMax = 256
    /// The most bytes of arguments that wait for their turn: 4 MiB.
    public static let heldBytesMax = 4 << 20

    /// How far the stream is.
    public enum Phase: Equatable, Sendable {
        /// Chunks are expected. Exits: `ended`, `failed`.
        case open
        /// The message is complete.
        case ended
        /// The client has been told that it will not be.
        case failed
    }

    /// How far the stream is.
    public private(set) var phase = Phase.ended
    /// Chunks that could not be read and were left out.
    public private(set) var unreadableChunks = 0
    /// The beginning of the first chunk that could not be read, for the log; at most 60 bytes.
    public private(set) var unreadableText: [UInt8] = []

    var blocks = MessageBlocks()
    private var splitter = SSESplitter(lineBytesMax: MessageStream.chunkBytesMax)
    private var tree = JSONTree()
    private var data: [UInt8] = []
    private var dataLines = 0
    private var isLineOpen = false
    private var eventName: UInt64 = 0
    private var usage = ReportedUsage()
    private var finish: StopReason.Finish?
    private var stopText: [UInt8] = []
    private var hasRefusal = false
    private var hasChunk = false
    private var inputEstimate = 0

    /// A stream that has not begun.
    public init() {}

    /// Begins a message: `message_start` and a first `ping`.
    ///
    /// - Parameters:
    ///   - id: the id of the message.
    ///   - model: the model's name as the client spells it.
    ///   - inputTokens: the estimate of the prompt, which stands until the server reports.
    ///   - output: receives the events.
    public mutating func begin(id: MessageID, model: [UInt8], inputTokens: Int, into output: inout [UInt8]) {
        self.phase = .open
        self.unreadableChunks = 0
        self.unreadableText.removeAll(keepingCapacity: true)
        self.blocks.begin(id)
        self.splitter = SSESplitter(lineBytesMax: Self.chunkBytesMax)
        self.data.removeAll(keepingCapacity: true)
        self.dataLines = 0
        self.isLineOpen = false
        self.eventName = 0
        self.usage = ReportedUsage()
        self.finish = nil
        self.stopText.removeAll(keepingCapacity: true)
        self.hasRefusal = false
        self.hasChunk = false
        self.inputEstimate = inputTokens
        output.append("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"" as StaticString)
        id.append(to: &output)
        output.append("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"" as StaticString)
        output.append(escaping: model.rawSpan)
        output.append("\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":" as StaticString)
        self.appendUsage(output: 0, to: &output)
        output.append("}}\n\n" as StaticString)
        self.ping(into: &output)
    }

    /// Appends a `ping`, which says that the message is still being worked on; nothing once it is over.
    public mutating func ping(into output: inout [UInt8]) {
        guard self.phase == .open else { return }
        output.append("event: ping\ndata: {\"type\":\"ping\"}\n\n" as StaticString)
    }

    /// Takes bytes of the server's stream.
    public mutating func feed(_ piece: RawSpan, into output: inout [UInt8]) {
        var position = 0
        while self.phase == .open {
            switch self.splitter.next(piece, from: &position) {
            case .needMore: return
            case .field(let field, let range, let endsLine):
                let fragment = piece.extracting(range)
                switch field {
                case .data: self.takeData(fragment, endsLine: endsLine, into: &output)
                case .error: self.takeError(fragment, endsLine: endsLine, into: &output)
                case .event:
                    for offset in 0..<fragment.byteCount {
                        self.eventName = self.eventName << 8 | UInt64(fragment[offset])
                    }
                }
            case .boundary:
                self.endEvent(into: &output)
                self.eventName = 0
            case .overlongLine:
                self.fail("the endpoint sent a chunk of more than \(Self.chunkBytesMax) bytes", into: &output)
            }
        }
    }

    /// Takes an answer that came whole although a stream was asked for, and ends the message.
    ///
    /// - Parameters:
    ///   - body: the server's completion.
    ///   - output: receives the events.
    /// - Throws: ``ChatAnswer/Fault`` when there is no message in it; no event has been appended then.
    public mutating func take(whole body: RawSpan, into output: inout [UInt8]) throws(ChatAnswer.Fault) {
        let root: JSONNode
        do {
            root = try self.tree.read(body, acceptsHalfPairs: true)
        } catch {
            throw .notJSON(error)
        }
        if let error = self.tree.member("error", of: root), self.tree.kind(error) != .null {
            throw .backendError(AnthropicError.message(in: self.tree, root) ?? "the endpoint reported an error")
        }
        guard !self.tree.elements(of: self.tree.member("choices", of: root)).isEmpty else { throw .noChoice }
        self.take(root, into: &output)
        self.end(into: &output)
    }

    /// The server's stream has ended.
    ///
    /// - Parameters:
    ///   - isWhole: whether the end was marked, so that nothing can be missing without the server saying so.
    ///   - output: receives the last events.
    /// - Returns: whether the message is complete; when it is not, the client has to be told with ``fail(_:into:)``.
    public mutating func finish(isWhole: Bool, into output: inout [UInt8]) -> Bool {
        if self.phase == .open { self.endEvent(into: &output) }
        guard self.phase == .open else { return self.phase == .ended }
        guard self.hasChunk, isWhole || self.finish != nil else { return false }
        self.end(into: &output)
        return self.phase == .ended
    }

    /// Tells the client that the message will not be completed; nothing once it is over.
    public mutating func fail(_ message: String, into output: inout [UInt8]) {
        guard self.phase == .open else { return }
        self.phase = .failed
        output.append(
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":" as StaticString)
        output.append(quoting: message)
        output.append("}}\n\n" as StaticString)
    }

    /// Gives back the memory of an unusually large stream.
    public mutating func forget() {
        self.tree.clear()
        self.tree.shrink()
        if self.data.capacity > 1 << 18 { self.data = [] }
        self.blocks.forget()
    }

    // MARK: Events of the server

    private mutating func takeData(_ fragment: RawSpan, endsLine: Bool, into output: inout [UInt8]) {
        if !self.isLineOpen {
            self.isLineOpen = true
            if self.dataLines > 0 { self.data.append(0x0A) }
        }
        guard self.data.count + fragment.byteCount <= Self.chunkBytesMax else {
            return self.fail("the endpoint sent a chunk of more than \(Self.chunkBytesMax) bytes", into: &output)
        }
        self.data.append(bytes: fragment)
        guard endsLine else { return }
        self.isLineOpen = false
        self.dataLines += 1
        // Nearly every server puts a chunk on one line; some forget the empty line behind it.
        if self.dataLines == 1, self.readChunk(into: &output) { self.forgetData() }
    }

    /// `error: …` instead of an event: older llama.cpp servers.
    private mutating func takeError(_ fragment: RawSpan, endsLine: Bool, into output: inout [UInt8]) {
        self.data.append(bytes: fragment)
        guard endsLine else { return }
        let text = self.data
        let said = AnthropicError.message(inBackendError: text.rawSpan)
        self.fail(said, into: &output)
    }

    private mutating func endEvent(into output: inout [UInt8]) {
        guard self.dataLines > 0 || !self.data.isEmpty else { return }
        if self.dataLines == 1 && !self.isLineOpen || !self.readChunk(into: &output) { self.noteUnreadable() }
        self.forgetData()
    }

    private mutating func noteUnreadable() {
        self.unreadableChunks += 1
        if self.unreadableChunks == 1 { self.unreadableText.append(contentsOf: self.data.prefix(60)) }
    }

    private mutating func forgetData() {
        self.data.removeAll(keepingCapacity: true)
        self.dataLines = 0
        self.isLineOpen = false
    }

    private static let errorName: UInt64 = 0x65_7272_6F72
    private static let doneMark = Array("[DONE]".utf8)

    /// Reads the gathered data as one chunk; false when it is none.
    private mutating func readChunk(into output: inout [UInt8]) -> Bool {
        if self.isDoneMark {
            self.end(into: &output)
            return true
        }
        let text = self.data
        var chunk = try? self.tree.read(text.rawSpan, acceptsHalfPairs: true)
        if chunk == nil, !text.isEmpty, text.contains(where: { $0 >= 0x80 }) {
            // A character cut in two by the server's tokenizer must not cost the rest of the chunk.
            let mended = Array(String(decoding: text, as: UTF8.self).utf8)
            chunk = try? self.tree.read(mended.rawSpan, acceptsHalfPairs: true)
        }
        guard let chunk, self.tree.kind(chunk) == .object else { return false }
        self.take(chunk, into: &output)
        return true
    }

    private var isDoneMark: Bool {
        guard self.data.count < 32, self.data.contains(UInt8(ascii: "[")) else { return false }
        return self.data.filter { $0 > 0x20 } == Self.doneMark
    }

    // MARK: Chunks

    private mutating func take(_ chunk: JSONNode, into output: inout [UInt8]) {
        let error = self.tree.member("error", of: chunk)
        let isError = error.map { self.tree.kind($0) != .null } ?? false
        if isError || self.eventName == Self.errorName
            || self.tree.equals(self.tree.member("object", of: chunk), "error")
        {
            let message = AnthropicError.message(in: self.tree, chunk) ?? "the endpoint reported an error"
            return self.fail(message, into: &output)
        }
        self.hasChunk = true
        self.usage.take(self.tree.member("usage", of: chunk), in: self.tree)
        for choice in self.tree.elements(of: self.tree.member("choices", of: chunk)) {
            // Of several choices the first is the message.
            if let index = self.tree.integer(self.tree.member("index", of: choice)), index != 0 { continue }
            self.take(choice: choice, into: &output)
            break
        }
    }

    private mutating func take(choice: JSONNode, into output: inout [UInt8]) {
        // A message in place of a delta is whole, and numbers nothing.
        let piece = self.tree.member("delta", of: choice)
        let delta = piece ?? self.tree.member("message", of: choice)
        if let thinking = self.text("reasoning", of: delta) ?? self.text("reasoning_content", of: delta) {
            self.blocks.add(.thinking, thinking, in: self.tree, into: &output)
        }
        if let content = self.tree.member("content", of: delta) { self.take(content: content, into: &output) }
        if let refusal = self.text("refusal", of: delta) {
            self.hasRefusal = true
            self.blocks.add(.text, refusal, in: self.tree, into: &output)
        }
        var position = 0
        for call in self.tree.elements(of: self.tree.member("tool_calls", of: delta)) {
            let index = self.tree.integer(self.tree.member("index", of: call)) ?? (piece == nil ? position : 0)
            position += 1
            let function = self.tree.member("function", of: call)
            self.blocks.add(
                call: index, id: self.text("id", of: call), function: function, in: self.tree, into: &output)
        }
        if let function = self.tree.member("function_call", of: delta), self.tree.kind(function) == .object {
            self.blocks.add(call: 0, id: nil, function: function, in: self.tree, into: &output)
        }
        if let problem = self.blocks.problem { return self.fail(problem, into: &output) }
        if let finish = StopReason.Finish(self.tree.member("finish_reason", of: choice), in: self.tree) {
            self.finish = finish
            if let stop = self.text("stop_reason", of: choice) ?? self.text("matched_stop", of: choice) {
                self.stopText.removeAll(keepingCapacity: true)
                self.tree.append(stop, to: &self.stopText)
            }
        }
    }

    private mutating func take(content: JSONNode, into output: inout [UInt8]) {
        if let text = self.tree.textRange(content), !text.isEmpty {
            self.blocks.add(.text, text, in: self.tree, into: &output)
        }
        for part in self.tree.elements(of: content) {
            guard let text = self.text("text", of: part) else { continue }
            self.blocks.add(.text, text, in: self.tree, into: &output)
        }
    }

    /// The text of a member that is a string with something in it.
    private func text(_ name: StaticString, of node: JSONNode?) -> Range<Int>? {
        self.tree.textRange(self.tree.member(name, of: node)).flatMap { $0.isEmpty ? nil : $0 }
    }

    // MARK: End

    private mutating func end(into output: inout [UInt8]) {
        guard self.phase == .open else { return }
        guard self.hasChunk else { return self.fail("the endpoint's stream was empty", into: &output) }
        self.blocks.finish(into: &output)
        let hasCall = self.blocks.hasCall
        let word = StopReason.word(
            self.finish, hasCall: hasCall, hasRefused: self.hasRefusal, hasStopText: !self.stopText.isEmpty)
        output.append(
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" as StaticString)
        output.append(word)
        output.append("\",\"stop_sequence\":" as StaticString)
        if self.finish == .stop, !self.stopText.isEmpty, !hasCall, !self.hasRefusal {
            output.append("\"" as StaticString)
            output.append(contentsOf: self.stopText)
            output.append("\"" as StaticString)
        } else {
            output.append("null" as StaticString)
        }
        output.append("},\"usage\":" as StaticString)
        let bytes = self.blocks.contentBytes
        let estimate = bytes == 0 ? 0 : TokenEstimate.tokens(bytes: bytes)
        self.appendUsage(output: self.usage.isKnown ? self.usage.output : estimate, to: &output)
        output.append("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" as StaticString)
        self.phase = .ended
    }

    private func appendUsage(output tokens: Int, to output: inout [UInt8]) {
        output.append("{\"input_tokens\":" as StaticString)
        output.append(decimal: self.usage.isKnown ? self.usage.input : self.inputEstimate)
        output.append(",\"output_tokens\":" as StaticString)
        output.append(decimal: tokens)
        output.append(",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":" as StaticString)
        output.append(decimal: self.usage.cacheRead ?? 0)
        output.append("}" as StaticString)
    }
}
