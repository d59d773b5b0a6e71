import ByteScan

/// The rule of thumb for tokens where nobody has counted them (http-surface 4.7).
public enum TokenEstimate {
    /// Bytes of text taken for one token.
    static let bytesPerToken = 4

    /// The tokens that a number of bytes of text make; at least 1.
    static func tokens(bytes: Int) -> Int { max(1, bytes / self.bytesPerToken) }

    /// Estimates the prompt of a request: a quarter of its bytes of text.
    ///
    /// Counted are the system text, texts of messages and tool results, names and inputs of tool calls, and names,
    /// descriptions and schemas of tools. Images and thinking count nothing.
    static func inputTokens(_ root: JSONNode, in tree: JSONTree) -> Int {
        var bytes = self.text(tree.member("system", of: root), in: tree)
        for message in tree.elements(of: tree.member("messages", of: root)) {
            bytes += self.text(tree.member("content", of: message), in: tree)
        }
        for tool in tree.elements(of: tree.member("tools", of: root)) {
            bytes += tree.decodedLength(tree.member("name", of: tool))
            bytes += tree.decodedLength(tree.member("description", of: tool))
            bytes += self.compact(tree.member("input_schema", of: tool), in: tree)
        }
        return self.tokens(bytes: bytes)
    }

    /// The bytes of content: a string, a block, or a list of blocks.
    private static func text(_ content: JSONNode?, in tree: JSONTree) -> Int {
        guard let content else { return 0 }
        switch tree.kind(content) {
        case .string: return tree.decodedLength(content)
        case .object: return self.block(content, in: tree)
        case .array: return tree.elements(of: content).reduce(0) { $0 + self.block($1, in: tree) }
        case .number, .true, .false, .null: return 0
        }
    }

    private static func block(_ block: JSONNode, in tree: JSONTree) -> Int {
        let type = tree.member("type", of: block)
        if tree.equals(type, "text") { return tree.decodedLength(tree.member("text", of: block)) }
        if tree.equals(type, "tool_use") {
            return tree.decodedLength(tree.member("name", of: block))
                + self.compact(tree.member("input", of: block), in: tree)
        }
        if tree.equals(type, "tool_result") { return self.text(tree.member("content", of: block), in: tree) }
        return 0
    }

    private static func compact(_ node: JSONNode?, in tree: JSONTree) -> Int {
        node.map { tree.compactLength($0) } ?? 0
    }
}
