import ByteScan

/// Why a message ended, in Anthropic's words (http-surface 4.5).
struct StopReason {
    /// Tells the reason.
    ///
    /// - Parameters:
    ///   - finish: the server's `finish_reason`; nil when it gave none.
    ///   - hasCall: whether the message holds a tool call.
    ///   - hasRefused: whether the model's text is a refusal.
    ///   - hasStopText: whether the server said which of the stop sequences matched.
    /// - Returns: the value of `stop_reason`.
    static func word(_ finish: Finish?, hasCall: Bool, hasRefused: Bool, hasStopText: Bool) -> StaticString {
        switch finish {
        case .stop:
            if hasCall { return "tool_use" }
            if hasRefused { return "refusal" }
            return hasStopText ? "stop_sequence" : "end_turn"
        case .length: return "max_tokens"
        case .calls: return "tool_use"
        case .filtered: return "refusal"
        case .other, nil: return hasCall ? "tool_use" : hasRefused ? "refusal" : "end_turn"
        }
    }

    /// The words of chat completions.
    enum Finish {
        case stop
        case length
        case calls
        case filtered
        case other

        /// Reads `finish_reason`; nil for null and when it is missing.
        init?(_ node: JSONNode?, in tree: JSONTree) {
            guard let range = tree.textRange(node), !range.isEmpty else { return nil }
            if tree.equals(node, "stop") {
                self = .stop
            } else if tree.equals(node, "length") {
                self = .length
            } else if tree.equals(node, "tool_calls") || tree.equals(node, "function_call") {
                self = .calls
            } else if tree.equals(node, "content_filter") {
                self = .filtered
            } else {
                self = .other
            }
        }
    }
}

/// What a server counted.
struct ReportedUsage {
    private(set) var isKnown = false
    private(set) var input = 0
    private(set) var output = 0
    private(set) var cacheRead: Int?

    /// Takes a `usage` object over.
    ///
    /// The last one wins; anything else is ignored.
    mutating func take(_ node: JSONNode?, in tree: JSONTree) {
        guard let node, tree.kind(node) == .object else { return }
        self.isKnown = true
        self.input = Self.count("prompt_tokens", of: node, in: tree) ?? 0
        self.output = Self.count("completion_tokens", of: node, in: tree) ?? 0
        self.cacheRead = Self.count("cached_tokens", of: tree.member("prompt_tokens_details", of: node), in: tree)
    }

    private static func count(_ name: StaticString, of node: JSONNode?, in tree: JSONTree) -> Int? {
        tree.integer(tree.member(name, of: node)).map { max(0, $0) }
    }
}
