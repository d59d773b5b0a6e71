import ByteScan

// From the Messages API to chat completions (http-surface 4.4).

extension MessagesRequest {
    /// Appends the request as the body of `POST /v1/chat/completions`.
    ///
    /// - Parameters:
    ///   - model: another name for the model; nil keeps the client's spelling.
    ///   - output: receives the body; what it holds after an error means nothing.
    /// - Throws: ``RequestFault`` for content that chat completions have no place for.
    public mutating func appendChatRequest(model: String?, to output: inout [UInt8]) throws(RequestFault) {
        guard let root = self.tree.root else { throw RequestFault("the body is empty; a JSON object is expected") }
        output.append("{\"model\":" as StaticString)
        if let model {
            output.append(quoting: model)
        } else {
            self.tree.append(self.modelRange, to: &output)
        }
        output.append(",\"messages\":[" as StaticString)
        var hasMessage = false
        self.appendSystem(root, to: &output, &hasMessage)
        let path = FieldPath("messages")
        var position = 0
        for message in self.tree.elements(of: self.tree.member("messages", of: root)) {
            try self.append(message, path.element(position), to: &output, &hasMessage)
            position += 1
        }
        output.append("]" as StaticString)
        self.appendSettings(root, to: &output)
        try self.appendTools(root, to: &output)
        output.append("}" as StaticString)
    }

    // MARK: Settings

    private func appendSettings(_ root: JSONNode, to output: inout [UInt8]) {
        self.append("max_tokens", as: ",\"max_tokens\":", .number, of: root, to: &output)
        self.append("temperature", as: ",\"temperature\":", .number, of: root, to: &output)
        self.append("top_p", as: ",\"top_p\":", .number, of: root, to: &output)
        self.append("top_k", as: ",\"top_k\":", .number, of: root, to: &output)
        let stops = self.tree.member("stop_sequences", of: root)
        if let stops, !self.tree.elements(of: stops).isEmpty {
            output.append(",\"stop\":" as StaticString)
            self.tree.appendCompact(stops, to: &output)
        }
        if let metadata = self.tree.member("metadata", of: root) {
            self.append("user_id", as: ",\"user\":", .string, of: metadata, to: &output)
        }
        if self.isStream {
            // Without being asked, servers do not say in a stream how many tokens it took.
            output.append(",\"stream\":true,\"stream_options\":{\"include_usage\":true}" as StaticString)
        }
    }

    /// Copies a member of one kind; others, null among them, are left out.
    private func append(
        _ name: StaticString, as label: StaticString, _ kind: JSONKind, of node: JSONNode, to output: inout [UInt8]
    ) {
        guard let value = self.tree.member(name, of: node) else { return }
        switch (kind, self.tree.kind(value)) {
        case (.number, .number), (.string, .string):
            output.append(label)
            self.tree.append(value, to: &output)
        default: return
        }
    }

    private enum JSONKind {
        case number
        case string
    }

    // MARK: System

    private mutating func appendSystem(_ root: JSONNode, to output: inout [UInt8], _ hasMessage: inout Bool) {
        self.scratch.removeAll(keepingCapacity: true)
        self.gatherText(self.tree.member("system", of: root))
        guard !self.scratch.isEmpty else { return }
        output.append("{\"role\":\"system\",\"content\":\"" as StaticString)
        output.append(contentsOf: self.scratch)
        output.append("\"}" as StaticString)
        hasMessage = true
    }

    /// Gathers a string, or the texts of blocks without anything between them, as they are spelled.
    mutating func gatherText(_ content: JSONNode?) {
        guard let content else { return }
        switch self.tree.kind(content) {
        case .string: self.gather(content)
        case .object: self.gatherText(ofBlock: content)
        case .array: for block in self.tree.elements(of: content) { self.gatherText(ofBlock: block) }
        case .number, .true, .false, .null: return
        }
    }

    private mutating func gatherText(ofBlock block: JSONNode) {
        let type = self.tree.member("type", of: block)
        if self.tree.equals(type, "text") {
            self.gather(self.tree.member("text", of: block))
        } else if self.tree.equals(type, "search_result") {
            self.gatherText(self.tree.member("content", of: block))
        } else if self.tree.equals(type, "document") {
            self.gatherDocument(self.tree.member("source", of: block))
        }
    }

    /// The text of a document that is one; ``MessagesRequest`` refuses the others before.
    mutating func gatherDocument(_ source: JSONNode?) {
        if self.tree.equals(self.tree.member("type", of: source), "text") {
            self.gather(self.tree.member("data", of: source))
        } else {
            self.gatherText(self.tree.member("content", of: source))
        }
    }

    /// Gathers the text of a string as it is spelled.
    mutating func gather(_ node: JSONNode?) {
        guard let range = self.tree.textRange(node) else { return }
        self.tree.append(range, to: &self.scratch)
    }

    // MARK: Tools

    private func appendTools(_ root: JSONNode, to output: inout [UInt8]) throws(RequestFault) {
        let tools = self.tree.elements(of: self.tree.member("tools", of: root))
        guard !tools.isEmpty else { return }
        output.append(",\"tools\":[" as StaticString)
        var position = 0
        for tool in tools {
            if position > 0 { output.append(UInt8(ascii: ",")) }
            try self.append(tool: tool, FieldPath("tools").element(position), to: &output)
            position += 1
        }
        output.append(UInt8(ascii: "]"))
        try self.appendChoice(root, to: &output)
    }

    private func append(tool: JSONNode, _ path: FieldPath, to output: inout [UInt8]) throws(RequestFault) {
        guard let name = self.tree.member("name", of: tool), self.tree.textRange(name)?.isEmpty == false else {
            throw RequestFault("\(path).name is required: a string that is not empty")
        }
        output.append("{\"type\":\"function\",\"function\":{\"name\":" as StaticString)
        self.tree.append(name, to: &output)
        let description = self.tree.member("description", of: tool)
        if let description, self.tree.textRange(description)?.isEmpty == false {
            output.append(",\"description\":" as StaticString)
            self.tree.append(description, to: &output)
        }
        output.append(",\"parameters\":" as StaticString)
        if let schema = self.tree.member("input_schema", of: tool), self.tree.kind(schema) == .object {
            self.tree.appendCompact(schema, to: &output)
        } else {
            // Tools that Anthropic's servers run themselves have none; a function must have one.
            output.append("{\"type\":\"object\",\"properties\":{}}" as StaticString)
        }
        output.append("}}" as StaticString)
    }

    private func appendChoice(_ root: JSONNode, to output: inout [UInt8]) throws(RequestFault) {
        guard let choice = self.tree.member("tool_choice", of: root), self.tree.kind(choice) != .null else { return }
        let word = self.tree.kind(choice) == .string ? choice : self.tree.member("type", of: choice)
        output.append(",\"tool_choice\":" as StaticString)
        if self.tree.equals(word, "any") {
            output.append("\"required\"" as StaticString)
        } else if self.tree.equals(word, "none") {
            output.append("\"none\"" as StaticString)
        } else if self.tree.equals(word, "tool") {
            let name = self.tree.member("name", of: choice)
            guard let name, self.tree.textRange(name)?.isEmpty == false else {
                throw RequestFault("tool_choice.name is required when tool_choice.type is \"tool\"")
            }
            output.append("{\"type\":\"function\",\"function\":{\"name\":" as StaticString)
            self.tree.append(name, to: &output)
            output.append("}}" as StaticString)
        } else {
            output.append("\"auto\"" as StaticString)
        }
        if self.tree.isTrue(self.tree.member("disable_parallel_tool_use", of: choice)) {
            output.append(",\"parallel_tool_calls\":false" as StaticString)
        }
    }
}
