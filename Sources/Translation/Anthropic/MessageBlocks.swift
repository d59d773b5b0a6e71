import ByteScan

/// The blocks of a streamed message: opens, fills and closes them one after the other.
///
/// Calls are told apart by their index. The first that is known by name is open, and its arguments go out as they
/// come; those of the others are held until every call before them is known to be complete, or the stream ends.
struct MessageBlocks: Sendable {
    /// A kind of block that holds text.
    enum Text: Equatable {
        case text
        case thinking
    }

    private enum Open: Equatable {
        case nothing
        case text(Text)
        /// A call, by its place in `calls`.
        case call(Int)
    }

    /// A call of a tool; its id and name as they are spelled between quotes.
    private struct Call: Sendable {
        let index: Int
        var id: [UInt8] = []
        var name: [UInt8] = []
        var held: [UInt8] = []
        var completion = CallCompletion()
        var isClosed = false
    }

    private var open = Open.nothing
    private var nextIndex = 0
    private var calls: [Call] = []
    /// The first call whose block has not begun.
    private var firstWaiting = 0
    private var heldBytes = 0
    private var messageID = MessageID(high: 0, low: 0)
    private var scratch: [UInt8] = []
    /// Bytes of text, thinking and arguments so far, escapes decoded or not.
    private(set) var contentBytes = 0
    /// Why the message cannot be completed; nil while it can.
    private(set) var problem: String?

    /// Starts a message afresh.
    mutating func begin(_ id: MessageID) {
        self.open = .nothing
        self.nextIndex = 0
        self.calls.removeAll(keepingCapacity: true)
        self.firstWaiting = 0
        self.heldBytes = 0
        self.messageID = id
        self.contentBytes = 0
        self.problem = nil
    }

    mutating func forget() {
        self.calls = []
        if self.scratch.capacity > 1 << 18 { self.scratch = [] }
    }

    /// Whether a block of a call has begun.
    var hasCall: Bool { self.firstWaiting > 0 }

    // MARK: Text

    /// Adds text between quotes, as it is spelled.
    mutating func add(_ kind: Text, _ text: Range<Int>, in tree: JSONTree, into output: inout [UInt8]) {
        if self.open != .text(kind) {
            // What the model says after its calls means that they are complete.
            self.flushCalls(into: &output)
            self.close(into: &output)
            self.open = .text(kind)
            self.start(into: &output)
            switch kind {
            case .text: output.append("{\"type\":\"text\",\"text\":\"\"}}\n\n" as StaticString)
            case .thinking: output.append("{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n" as StaticString)
            }
        }
        self.contentBytes += text.count
        self.delta(into: &output)
        switch kind {
        case .text: output.append("{\"type\":\"text_delta\",\"text\":\"" as StaticString)
        case .thinking: output.append("{\"type\":\"thinking_delta\",\"thinking\":\"" as StaticString)
        }
        tree.append(text, to: &output)
        output.append("\"}}\n\n" as StaticString)
    }

    // MARK: Calls

    /// Adds part of a call: its id and name, arguments, or both.
    mutating func add(
        call index: Int, id: Range<Int>?, function: JSONNode?, in tree: JSONTree, into output: inout [UInt8]
    ) {
        let name = tree.textRange(tree.member("name", of: function)).flatMap { $0.isEmpty ? nil : $0 }
        guard let place = self.place(of: index, id: id, hasName: name != nil, in: tree) else {
            self.problem = "the endpoint called more than \(MessageStream.callsMax) tools"
            return
        }
        if self.calls[place].id.isEmpty, let id { tree.append(id, to: &self.calls[place].id) }
        if self.calls[place].name.isEmpty, let name { tree.append(name, to: &self.calls[place].name) }
        self.gatherArguments(tree.member("arguments", of: function), in: tree)
        guard !self.scratch.isEmpty else { return self.advance(into: &output) }
        guard !self.calls[place].isClosed else {
            self.problem = "the endpoint sent arguments for a tool call that was already complete"
            return
        }
        self.contentBytes += self.scratch.count
        let text = self.scratch
        JSONEscapes.decode(text.rawSpan) { self.calls[place].completion.take($0) }
        if self.open == .call(place) {
            self.sendArguments(text, into: &output)
        } else {
            self.heldBytes += text.count
            guard self.heldBytes <= MessageStream.heldBytesMax else {
                self.problem =
                    "the endpoint sent more than \(MessageStream.heldBytesMax) bytes of arguments out of order"
                return
            }
            self.calls[place].held.append(contentsOf: text)
        }
        self.advance(into: &output)
    }

    /// The place of a call; a further one with another id under the same index is another call.
    private mutating func place(of index: Int, id: Range<Int>?, hasName: Bool, in tree: JSONTree) -> Int? {
        if let place = self.calls.lastIndex(where: { $0.index == index }) {
            let known = self.calls[place].id
            guard let id, hasName, !known.isEmpty, !tree.source[id].elementsEqual(known) else { return place }
        }
        guard self.calls.count < MessageStream.callsMax else { return nil }
        self.calls.append(Call(index: index))
        return self.calls.count - 1
    }

    /// Puts the arguments into `scratch`, spelled as between quotes.
    private mutating func gatherArguments(_ arguments: JSONNode?, in tree: JSONTree) {
        self.scratch.removeAll(keepingCapacity: true)
        guard let arguments else { return }
        if let range = tree.textRange(arguments) {
            tree.append(range, to: &self.scratch)
        } else if tree.kind(arguments) == .object {
            var compact: [UInt8] = []
            tree.appendCompact(arguments, to: &compact)
            self.scratch.append(escaping: compact.rawSpan)
        }
    }

    /// Begins the blocks whose turn it is.
    private mutating func advance(into output: inout [UInt8]) {
        while self.firstWaiting < self.calls.count {
            if case .call(let place) = self.open, !self.calls[place].completion.isComplete { return }
            let call = self.calls[self.firstWaiting]
            guard !call.id.isEmpty, !call.name.isEmpty else { return }
            self.startCall(into: &output)
        }
    }

    /// Begins the block of the first call that waits, and sends what was held.
    private mutating func startCall(into output: inout [UInt8]) {
        self.close(into: &output)
        let place = self.firstWaiting
        self.firstWaiting += 1
        self.open = .call(place)
        self.start(into: &output)
        output.append("{\"type\":\"tool_use\",\"id\":\"" as StaticString)
        if self.calls[place].id.isEmpty {
            self.messageID.append(call: place, to: &output)
        } else {
            output.append(contentsOf: self.calls[place].id)
        }
        output.append("\",\"name\":\"" as StaticString)
        output.append(contentsOf: self.calls[place].name)
        output.append("\",\"input\":{}}}\n\n" as StaticString)
        let held = self.calls[place].held
        self.heldBytes -= held.count
        self.calls[place].held = []
        if !held.isEmpty { self.sendArguments(held, into: &output) }
    }

    private mutating func sendArguments(_ text: [UInt8], into output: inout [UInt8]) {
        self.delta(into: &output)
        output.append("{\"type\":\"input_json_delta\",\"partial_json\":\"" as StaticString)
        output.append(contentsOf: text)
        output.append("\"}}\n\n" as StaticString)
    }

    /// Begins and ends the blocks of all calls that wait; one that was never given a name is nobody's.
    private mutating func flushCalls(into output: inout [UInt8]) {
        while self.firstWaiting < self.calls.count {
            if self.calls[self.firstWaiting].name.isEmpty {
                self.calls.remove(at: self.firstWaiting)
            } else {
                self.startCall(into: &output)
            }
        }
    }

    // MARK: Blocks

    /// Ends the message's content; a message without any gets one empty text.
    mutating func finish(into output: inout [UInt8]) {
        self.flushCalls(into: &output)
        self.close(into: &output)
        guard self.nextIndex == 0 else { return }
        self.open = .text(.text)
        self.start(into: &output)
        output.append("{\"type\":\"text\",\"text\":\"\"}}\n\n" as StaticString)
        self.close(into: &output)
    }

    private mutating func close(into output: inout [UInt8]) {
        guard self.open != .nothing else { return }
        if case .call(let place) = self.open { self.calls[place].isClosed = true }
        self.open = .nothing
        output.append("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":" as StaticString)
        output.append(decimal: self.nextIndex)
        output.append("}\n\n" as StaticString)
        self.nextIndex += 1
    }

    private func start(into output: inout [UInt8]) {
        output.append("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":" as StaticString)
        output.append(decimal: self.nextIndex)
        output.append(",\"content_block\":" as StaticString)
    }

    private func delta(into output: inout [UInt8]) {
        output.append("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":" as StaticString)
        output.append(decimal: self.nextIndex)
        output.append(",\"delta\":" as StaticString)
    }
}
