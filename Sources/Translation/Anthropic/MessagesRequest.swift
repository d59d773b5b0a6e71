import ByteScan
public import Domain

/// The body of a request to Anthropic's Messages API: checked, looked at, and turned into an OpenAI chat completion.
///
/// The rules are those of http-surface 4.2 and 4.4. Texts, numbers, tool inputs and schemas are copied as they are
/// spelled, so nothing is lost on the way.
///
/// - Isolation: single owner; kept and filled again.
/// - Bounds: those of ``JSONTree``; allocates nothing once it has grown.
public struct MessagesRequest: Sendable {
    /// The longest model name, in bytes.
    public static let nameBytesMax = 512

    var tree = JSONTree()
    /// Where the value of `model` stands in the body, quotes included.
    public private(set) var modelRange = 0..<0
    /// The model's name, decoded and without white space around it, spelled as the client spells it.
    public private(set) var modelName: [UInt8] = []
    /// Whether a stream of events is asked for.
    public private(set) var isStream = false
    /// What is needed of a server.
    public private(set) var needs: MessageNeeds = []
    /// The estimate of ``TokenEstimate``.
    public private(set) var inputTokens = 0

    // Pieces of text on their way into one string; kept for their memory.
    var scratch: [UInt8] = []

    /// A request that has not been read.
    public init() {}

    /// Reads and checks a body (http-surface 4.2); fields that are not known are ignored.
    ///
    /// - Parameter body: the whole body.
    /// - Throws: ``RequestFault`` for the first rule that is broken.
    public mutating func read(_ body: RawSpan) throws(RequestFault) {
        let root = try self.readObject(body)
        try self.checkModel(root)
        let messages = self.tree.member("messages", of: root)
        guard let messages, self.tree.kind(messages) == .array else {
            throw RequestFault("messages must be a list, found \(self.tree.kindWord(messages))")
        }
        guard !self.tree.elements(of: messages).isEmpty else {
            throw RequestFault("messages must hold at least one message, found an empty list")
        }
        try self.checkNumbers(root)
        self.isStream = self.tree.isTrue(self.tree.member("stream", of: root))
        self.needs = self.needs(of: root, messages)
        self.inputTokens = TokenEstimate.inputTokens(root, in: self.tree)
    }

    /// Reads a body of which only the tokens are wanted: any JSON object will do (http-surface 4.7).
    ///
    /// - Parameter body: the whole body.
    /// - Throws: ``RequestFault`` when it is no JSON object.
    public mutating func readForCounting(_ body: RawSpan) throws(RequestFault) {
        let root = try self.readObject(body)
        self.inputTokens = TokenEstimate.inputTokens(root, in: self.tree)
    }

    /// Forgets the request, and gives back the memory of an unusually large one.
    public mutating func forget() {
        self.tree.clear()
        self.tree.shrink()
        if self.scratch.capacity > 1 << 18 { self.scratch = [] }
    }

    private mutating func readObject(_ body: RawSpan) throws(RequestFault) -> JSONNode {
        self.modelRange = 0..<0
        self.modelName.removeAll(keepingCapacity: true)
        self.isStream = false
        self.needs = []
        self.inputTokens = 0
        guard body.byteCount > 0 else { throw RequestFault("the body is empty; a JSON object is expected") }
        let root: JSONNode
        do {
            root = try self.tree.read(body)
        } catch {
            if error.kind == .empty { throw RequestFault("the body is empty; a JSON object is expected") }
            throw RequestFault(error)
        }
        guard self.tree.kind(root) == .object else {
            throw RequestFault(
                "model is required: the body must be a JSON object, found \(self.tree.kindWord(root))")
        }
        return root
    }

    // MARK: Checks

    private mutating func checkModel(_ root: JSONNode) throws(RequestFault) {
        guard let model = self.tree.member("model", of: root) else {
            throw RequestFault("model is required: the body has no such field")
        }
        guard let range = self.tree.textRange(model) else {
            throw RequestFault("model must be a string, found \(self.tree.kindWord(model))")
        }
        guard range.count <= Self.nameBytesMax else {
            throw RequestFault("model must not be longer than \(Self.nameBytesMax) bytes, found \(range.count)")
        }
        self.tree.appendDecoded(range, to: &self.modelName)
        while let last = self.modelName.last, last <= 0x20 { self.modelName.removeLast() }
        while let first = self.modelName.first, first <= 0x20 { self.modelName.removeFirst() }
        guard !self.modelName.isEmpty else { throw RequestFault("model must not be empty") }
        self.modelRange = self.tree.range(model)
    }

    private func checkNumbers(_ root: JSONNode) throws(RequestFault) {
        let limit = self.tree.member("max_tokens", of: root)
        guard let limit else { throw RequestFault("max_tokens is required: a whole number of at least 1") }
        guard let tokens = self.tree.integer(limit), tokens >= 1 else {
            throw RequestFault("max_tokens must be a whole number of at least 1, found \(self.spelling(limit))")
        }
        try self.check("temperature", of: root, "a number from 0 to 2") { (0...2).contains($0) }
        try self.check("top_p", of: root, "a number from 0 to 1") { (0...1).contains($0) }
        try self.check("top_k", of: root, "a whole number of at least 0") { $0 >= 0 && $0.rounded() == $0 }
    }

    /// Checks an optional number; null counts as absent.
    private func check(
        _ name: StaticString, of root: JSONNode, _ rule: String, _ holds: (Double) -> Bool
    ) throws(RequestFault) {
        guard let node = self.tree.member(name, of: root), self.tree.kind(node) != .null else { return }
        guard let value = self.tree.number(node), holds(value) else {
            throw RequestFault("\(name) must be \(rule), found \(self.spelling(node))")
        }
    }

    /// A value as the client wrote it, cut short.
    private func spelling(_ node: JSONNode) -> String {
        guard self.tree.kind(node) == .number else { return self.tree.kindWord(node) }
        return String(decoding: self.tree.source[self.tree.range(node)].prefix(40), as: UTF8.self)
    }

    // MARK: Needs

    private func needs(of root: JSONNode, _ messages: JSONNode) -> MessageNeeds {
        var needs: MessageNeeds = []
        if !self.tree.elements(of: self.tree.member("tools", of: root)).isEmpty { needs.insert(.tools) }
        if self.tree.member("thinking", of: root) != nil { needs.insert(.thinking) }
        for message in self.tree.elements(of: messages) {
            if self.holdsImage(self.tree.member("content", of: message)) {
                needs.insert(.images)
                break
            }
        }
        return needs
    }

    /// Whether content holds an image, in itself or as part of a tool's result.
    private func holdsImage(_ content: JSONNode?) -> Bool {
        guard let content else { return false }
        if self.tree.kind(content) == .object { return self.isImage(content) }
        return self.tree.elements(of: content).contains { self.isImage($0) }
    }

    private func isImage(_ block: JSONNode) -> Bool {
        let type = self.tree.member("type", of: block)
        if self.tree.equals(type, "image") { return true }
        return self.tree.equals(type, "tool_result") && self.holdsImage(self.tree.member("content", of: block))
    }
}
