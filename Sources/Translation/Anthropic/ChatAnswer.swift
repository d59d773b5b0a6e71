import ByteScan

/// Turns a whole chat completion into a message of Anthropic's API (http-surface 4.5).
///
/// - Isolation: single owner; kept and used again.
/// - Bounds: those of ``JSONTree``.
public struct ChatAnswer: Sendable {
    /// Why a completion cannot be turned into a message.
    public enum Fault: Error, Equatable, Sendable {
        /// It is not JSON.
        case notJSON(JSONFault)
        /// It has no choice.
        case noChoice
        /// It is an error in spite of its status; the server's words.
        case backendError(String)

        /// What is wrong, for people.
        public var message: String {
            switch self {
            case .notJSON(let fault): "the endpoint's answer is \(fault.message)"
            case .noChoice: "the endpoint's answer holds no choices"
            case .backendError(let message): message
            }
        }
    }

    private var tree = JSONTree()
    private var inner = JSONTree()
    private var scratch: [UInt8] = []
    /// How many calls of the last answer had arguments that are no JSON object, and got an empty one.
    public private(set) var brokenCalls = 0

    /// A translator that has seen nothing.
    public init() {}

    /// Appends the message that a completion holds.
    ///
    /// - Parameters:
    ///   - body: the server's answer.
    ///   - id: the id of the message.
    ///   - output: receives the message; what it holds after an error means nothing.
    /// - Throws: ``Fault`` when there is no message in it.
    public mutating func appendMessage(_ body: RawSpan, id: MessageID, to output: inout [UInt8]) throws(Fault) {
        self.brokenCalls = 0
        let (root, choice) = try self.readChoice(body)
        let message = self.tree.member("message", of: choice)
        output.append("{\"id\":\"" as StaticString)
        id.append(to: &output)
        output.append("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":" as StaticString)
        if let model = self.tree.member("model", of: root), self.tree.kind(model) == .string {
            self.tree.append(model, to: &output)
        } else {
            output.append("\"unknown\"" as StaticString)
        }
        output.append(",\"content\":[" as StaticString)
        let contents = self.appendContent(message, id: id, to: &output)
        output.append("]" as StaticString)
        self.appendEnd(choice, contents, to: &output)
        self.appendUsage(root, to: &output)
        output.append("}" as StaticString)
    }

    /// Gives back the memory of an unusually large answer.
    public mutating func forget() {
        self.tree.clear()
        self.tree.shrink()
        self.inner.clear()
        if self.scratch.capacity > 1 << 18 { self.scratch = [] }
    }

    private mutating func readChoice(_ body: RawSpan) throws(Fault) -> (root: JSONNode, choice: JSONNode) {
        let root: JSONNode
        do {
            root = try self.tree.read(body, acceptsHalfPairs: true)
        } catch {
            throw .notJSON(error)
        }
        for choice in self.tree.elements(of: self.tree.member("choices", of: root))
        where self.tree.kind(choice) == .object {
            return (root, choice)
        }
        if let error = self.tree.member("error", of: root), self.tree.kind(error) != .null {
            throw .backendError(AnthropicError.message(in: self.tree, root) ?? "the endpoint reported an error")
        }
        throw .noChoice
    }

    // MARK: Content

    private struct Contents {
        var hasBlock = false
        var hasCall = false
        var hasRefusal = false
    }

    private mutating func appendContent(
        _ message: JSONNode?, id: MessageID, to output: inout [UInt8]
    ) -> Contents {
        var contents = Contents()
        let thinking = self.nonEmpty("reasoning", of: message) ?? self.nonEmpty("reasoning_content", of: message)
        if let thinking {
            contents.hasBlock = true
            output.append("{\"type\":\"thinking\",\"thinking\":\"" as StaticString)
            self.tree.append(thinking, to: &output)
            output.append("\"}" as StaticString)
        }
        self.gatherText(self.tree.member("content", of: message))
        if self.scratch.isEmpty, let refusal = self.nonEmpty("refusal", of: message) {
            contents.hasRefusal = true
            self.tree.append(refusal, to: &self.scratch)
        }
        if !self.scratch.isEmpty {
            if contents.hasBlock { output.append(UInt8(ascii: ",")) }
            contents.hasBlock = true
            output.append("{\"type\":\"text\",\"text\":\"" as StaticString)
            output.append(contentsOf: self.scratch)
            output.append("\"}" as StaticString)
        }
        var position = 0
        for call in self.tree.elements(of: self.tree.member("tool_calls", of: message)) {
            self.append(call: call, id: id, position, &contents, to: &output)
            position += 1
        }
        // The form of old servers: one call, without an id.
        if position == 0, let call = self.tree.member("function_call", of: message) {
            self.append(function: call, named: nil, id: id, position, &contents, to: &output)
        }
        if !contents.hasBlock { output.append("{\"type\":\"text\",\"text\":\"\"}" as StaticString) }
        return contents
    }

    private func nonEmpty(_ name: StaticString, of node: JSONNode?) -> Range<Int>? {
        self.tree.textRange(self.tree.member(name, of: node)).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Gathers text: a string, or the text parts of a list.
    private mutating func gatherText(_ content: JSONNode?) {
        self.scratch.removeAll(keepingCapacity: true)
        if let range = self.tree.textRange(content) { self.tree.append(range, to: &self.scratch) }
        for part in self.tree.elements(of: content) {
            guard let range = self.tree.textRange(self.tree.member("text", of: part)) else { continue }
            self.tree.append(range, to: &self.scratch)
        }
    }

    private mutating func append(
        call: JSONNode, id: MessageID, _ position: Int, _ contents: inout Contents, to output: inout [UInt8]
    ) {
        let function = self.tree.member("function", of: call)
        self.append(function: function, named: self.nonEmpty("id", of: call), id: id, position, &contents, to: &output)
    }

    private mutating func append(
        function: JSONNode?, named callID: Range<Int>?, id: MessageID, _ position: Int, _ contents: inout Contents,
        to output: inout [UInt8]
    ) {
        // Nobody could say what a call without a name calls.
        guard let name = self.nonEmpty("name", of: function) else {
            if function != nil { self.brokenCalls += 1 }
            return
        }
        if contents.hasBlock { output.append(UInt8(ascii: ",")) }
        contents.hasBlock = true
        contents.hasCall = true
        output.append("{\"type\":\"tool_use\",\"id\":\"" as StaticString)
        if let callID {
            self.tree.append(callID, to: &output)
        } else {
            id.append(call: position, to: &output)
        }
        output.append("\",\"name\":\"" as StaticString)
        self.tree.append(name, to: &output)
        output.append("\",\"input\":" as StaticString)
        self.append(arguments: self.tree.member("arguments", of: function), to: &output)
        output.append("}" as StaticString)
    }

    /// Appends arguments, which are JSON inside a string, as JSON.
    private mutating func append(arguments: JSONNode?, to output: inout [UInt8]) {
        if let arguments, self.tree.kind(arguments) == .object {
            return self.tree.appendCompact(arguments, to: &output)
        }
        if let range = self.tree.textRange(arguments), !range.isEmpty {
            self.scratch.removeAll(keepingCapacity: true)
            self.tree.appendDecoded(range, to: &self.scratch)
            if let root = try? self.inner.read(taking: &self.scratch, acceptsHalfPairs: true),
                self.inner.kind(root) == .object
            {
                return self.inner.appendCompact(root, to: &output)
            }
            self.brokenCalls += 1
        }
        output.append("{}" as StaticString)
    }

    // MARK: End

    private func appendEnd(_ choice: JSONNode, _ contents: Contents, to output: inout [UInt8]) {
        let finish = StopReason.Finish(self.tree.member("finish_reason", of: choice), in: self.tree)
        // vLLM and SGLang name what matched; a number there is a token's.
        let stop = self.nonEmpty("stop_reason", of: choice) ?? self.nonEmpty("matched_stop", of: choice)
        let word = StopReason.word(
            finish, hasCall: contents.hasCall, hasRefused: contents.hasRefusal, hasStopText: stop != nil)
        output.append(",\"stop_reason\":\"" as StaticString)
        output.append(word)
        output.append("\",\"stop_sequence\":" as StaticString)
        if let stop, finish == .stop, !contents.hasCall, !contents.hasRefusal {
            output.append("\"" as StaticString)
            self.tree.append(stop, to: &output)
            output.append("\"" as StaticString)
        } else {
            output.append("null" as StaticString)
        }
    }

    private func appendUsage(_ root: JSONNode, to output: inout [UInt8]) {
        var usage = ReportedUsage()
        usage.take(self.tree.member("usage", of: root), in: self.tree)
        output.append(",\"usage\":{\"input_tokens\":" as StaticString)
        output.append(decimal: usage.input)
        output.append(",\"output_tokens\":" as StaticString)
        output.append(decimal: usage.output)
        if let cached = usage.cacheRead {
            output.append(",\"cache_read_input_tokens\":" as StaticString)
            output.append(decimal: cached)
        }
        output.append("}" as StaticString)
    }
}
