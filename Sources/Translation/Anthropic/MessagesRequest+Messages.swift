import ByteScan

// The messages of a conversation, one by one (http-surface 4.4).

extension MessagesRequest {
    /// Appends what becomes of one message: none, one, or several.
    mutating func append(
        _ message: JSONNode, _ path: FieldPath, to output: inout [UInt8], _ hasMessage: inout Bool
    ) throws(RequestFault) {
        let role = self.tree.member("role", of: message)
        let content = self.tree.member("content", of: message)
        guard let content, self.isContent(content) else {
            throw RequestFault(
                "\(path).content must be a string or a list of blocks, found \(self.tree.kindWord(content))")
        }
        if self.tree.equals(role, "user") {
            try self.appendUser(content, path.member("content"), to: &output, &hasMessage)
        } else if self.tree.equals(role, "assistant") {
            try self.appendAssistant(content, path.member("content"), to: &output, &hasMessage)
        } else if self.tree.equals(role, "system") {
            self.scratch.removeAll(keepingCapacity: true)
            self.gatherText(content)
            self.appendText(role: "system", to: &output, &hasMessage)
        } else {
            throw RequestFault("\(path).role must be \"user\" or \"assistant\"")
        }
    }

    private func isContent(_ node: JSONNode) -> Bool {
        switch self.tree.kind(node) {
        case .string, .array, .object: true
        case .number, .true, .false, .null: false
        }
    }

    /// Appends a message with the text gathered so far; none when there is no text.
    private func appendText(role: StaticString, to output: inout [UInt8], _ hasMessage: inout Bool) {
        guard !self.scratch.isEmpty else { return }
        self.begin(role, to: &output, &hasMessage)
        output.append("\"content\":\"" as StaticString)
        output.append(contentsOf: self.scratch)
        output.append("\"}" as StaticString)
    }

    private func begin(_ role: StaticString, to output: inout [UInt8], _ hasMessage: inout Bool) {
        if hasMessage { output.append(UInt8(ascii: ",")) }
        hasMessage = true
        output.append("{\"role\":\"" as StaticString)
        output.append(role)
        output.append("\"," as StaticString)
    }

    /// The blocks of content that is not a string: an object stands for a list of one.
    private func blocks(_ content: JSONNode) -> JSONTree.Elements {
        self.tree.kind(content) == .object
            ? self.tree.alone(content) : self.tree.elements(of: content)
    }

    // MARK: Users

    private mutating func appendUser(
        _ content: JSONNode, _ path: FieldPath, to output: inout [UInt8], _ hasMessage: inout Bool
    ) throws(RequestFault) {
        self.scratch.removeAll(keepingCapacity: true)
        guard self.tree.kind(content) != .string else {
            self.gather(content)
            return self.appendText(role: "user", to: &output, &hasMessage)
        }
        // Results come first: chat completions want them right behind the calls they answer.
        var position = 0
        var images = 0
        for block in self.blocks(content) {
            let place = path.element(position)
            position += 1
            guard self.tree.kind(block) == .object else {
                throw RequestFault("\(place) must be an object, found \(self.tree.kindWord(block))")
            }
            let type = self.tree.member("type", of: block)
            if self.tree.equals(type, "tool_result") {
                images += try self.appendResult(block, place, to: &output, &hasMessage)
            } else if self.tree.equals(type, "image") {
                images += 1
            } else if self.tree.equals(type, "document") {
                try self.checkDocument(block, place)
            }
        }
        self.scratch.removeAll(keepingCapacity: true)
        if images > 0 {
            self.begin("user", to: &output, &hasMessage)
            output.append("\"content\":[" as StaticString)
            var hasPart = false
            try self.appendParts(content, path, to: &output, &hasPart)
            output.append("]}" as StaticString)
        } else {
            self.gatherText(content)
            self.appendText(role: "user", to: &output, &hasMessage)
        }
    }

    /// Appends texts and images in their order; images that a tool returned stand where its result stood.
    private mutating func appendParts(
        _ content: JSONNode, _ path: FieldPath, to output: inout [UInt8], _ hasPart: inout Bool,
        isResult: Bool = false
    ) throws(RequestFault) {
        var position = 0
        for block in self.blocks(content) {
            let place = path.element(position)
            position += 1
            let type = self.tree.member("type", of: block)
            if self.tree.equals(type, "image") {
                if hasPart { output.append(UInt8(ascii: ",")) }
                hasPart = true
                try self.append(image: block, place, to: &output)
            } else if self.tree.equals(type, "tool_result") {
                guard let inner = self.tree.member("content", of: block), self.tree.kind(inner) != .string else {
                    continue
                }
                try self.appendParts(inner, place.member("content"), to: &output, &hasPart, isResult: true)
            } else if !isResult {
                self.scratch.removeAll(keepingCapacity: true)
                self.gatherPart(block)
                guard !self.scratch.isEmpty else { continue }
                if hasPart { output.append(UInt8(ascii: ",")) }
                hasPart = true
                output.append("{\"type\":\"text\",\"text\":\"" as StaticString)
                output.append(contentsOf: self.scratch)
                output.append("\"}" as StaticString)
            }
        }
    }

    private mutating func gatherPart(_ block: JSONNode) {
        // An object stands for a list of one wherever content is read.
        self.gatherText(block)
    }

    private func append(image block: JSONNode, _ path: FieldPath, to output: inout [UInt8]) throws(RequestFault) {
        let source = self.tree.member("source", of: block)
        let type = self.tree.member("type", of: source)
        output.append("{\"type\":\"image_url\",\"image_url\":{\"url\":\"" as StaticString)
        if self.tree.equals(type, "base64"),
            let media = self.tree.textRange(self.tree.member("media_type", of: source)),
            let data = self.tree.textRange(self.tree.member("data", of: source))
        {
            output.append("data:" as StaticString)
            self.tree.append(media, to: &output)
            output.append(";base64," as StaticString)
            self.tree.append(data, to: &output)
        } else if self.tree.equals(type, "url"), let url = self.tree.textRange(self.tree.member("url", of: source)) {
            self.tree.append(url, to: &output)
        } else {
            throw RequestFault(
                "\(path).source must be {\"type\":\"base64\",\"media_type\",\"data\"} or {\"type\":\"url\",\"url\"}: "
                    + "the endpoints of this model take no other images")
        }
        output.append("\"}}" as StaticString)
    }

    /// Documents go on as their text; one without text would be lost without a word.
    private func checkDocument(_ block: JSONNode, _ path: FieldPath) throws(RequestFault) {
        let source = self.tree.member("source", of: block)
        let type = self.tree.member("type", of: source)
        guard self.tree.equals(type, "text") || self.tree.equals(type, "content") else {
            throw RequestFault(
                "\(path) is a document that is not text: the endpoints of this model take none; send its text instead")
        }
    }

    // MARK: Results

    /// Appends a tool's result as a message of its own; returns how many images it holds.
    private mutating func appendResult(
        _ block: JSONNode, _ path: FieldPath, to output: inout [UInt8], _ hasMessage: inout Bool
    ) throws(RequestFault) -> Int {
        guard let id = self.tree.member("tool_use_id", of: block), self.tree.textRange(id)?.isEmpty == false else {
            throw RequestFault("\(path).tool_use_id is required: the id of the call that is answered")
        }
        let content = self.tree.member("content", of: block)
        var images = 0
        if let content, self.tree.kind(content) != .string {
            var position = 0
            for inner in self.blocks(content) {
                let type = self.tree.member("type", of: inner)
                if self.tree.equals(type, "image") { images += 1 }
                if self.tree.equals(type, "document") {
                    try self.checkDocument(inner, path.member("content").element(position))
                }
                position += 1
            }
        }
        self.scratch.removeAll(keepingCapacity: true)
        self.gatherText(content)
        self.begin("tool", to: &output, &hasMessage)
        output.append("\"tool_call_id\":" as StaticString)
        self.tree.append(id, to: &output)
        output.append(",\"content\":\"" as StaticString)
        if self.tree.isTrue(self.tree.member("is_error", of: block)), !self.saysError {
            output.append("Error: " as StaticString)
        }
        output.append(contentsOf: self.scratch)
        output.append("\"}" as StaticString)
        return images
    }

    /// Whether the text gathered begins with `error` in any case.
    private var saysError: Bool {
        let text = self.scratch
        var word: [UInt8] = []
        JSONEscapes.decode(text.rawSpan.extracting(first: 30)) { if word.count < 5 { word.append($0 | 0x20) } }
        return word.elementsEqual("error".utf8)
    }

    // MARK: Assistants

    private mutating func appendAssistant(
        _ content: JSONNode, _ path: FieldPath, to output: inout [UInt8], _ hasMessage: inout Bool
    ) throws(RequestFault) {
        self.scratch.removeAll(keepingCapacity: true)
        guard self.tree.kind(content) != .string else {
            self.gather(content)
            return self.appendText(role: "assistant", to: &output, &hasMessage)
        }
        var position = 0
        for block in self.blocks(content) {
            guard self.tree.kind(block) == .object else {
                throw RequestFault("\(path.element(position)) must be an object, found \(self.tree.kindWord(block))")
            }
            position += 1
        }
        self.gatherText(content)
        guard self.blocks(content).contains(where: self.isCall) else {
            return self.appendText(role: "assistant", to: &output, &hasMessage)
        }
        self.begin("assistant", to: &output, &hasMessage)
        if self.scratch.isEmpty {
            output.append("\"content\":null" as StaticString)
        } else {
            output.append("\"content\":\"" as StaticString)
            output.append(contentsOf: self.scratch)
            output.append("\"" as StaticString)
        }
        output.append(",\"tool_calls\":[" as StaticString)
        var hasCall = false
        for block in self.blocks(content) where self.isCall(block) {
            if hasCall { output.append(UInt8(ascii: ",")) }
            hasCall = true
            self.append(call: block, to: &output)
        }
        output.append("]}" as StaticString)
    }

    /// Whether a block is a call that can be answered: one with an id and a name.
    private func isCall(_ block: JSONNode) -> Bool {
        self.tree.equals(self.tree.member("type", of: block), "tool_use")
            && self.tree.textRange(self.tree.member("id", of: block))?.isEmpty == false
            && self.tree.textRange(self.tree.member("name", of: block))?.isEmpty == false
    }

    private mutating func append(call block: JSONNode, to output: inout [UInt8]) {
        guard let id = self.tree.member("id", of: block), let name = self.tree.member("name", of: block) else { return }
        output.append("{\"id\":" as StaticString)
        self.tree.append(id, to: &output)
        output.append(",\"type\":\"function\",\"function\":{\"name\":" as StaticString)
        self.tree.append(name, to: &output)
        output.append(",\"arguments\":\"" as StaticString)
        if let input = self.tree.member("input", of: block), self.tree.kind(input) != .null {
            self.scratch.removeAll(keepingCapacity: true)
            self.tree.appendCompact(input, to: &self.scratch)
            let text = self.scratch
            output.append(escaping: text.rawSpan)
        } else {
            output.append("{}" as StaticString)
        }
        output.append("\"}}" as StaticString)
    }
}

extension JSONTree {
    /// A list that holds one value.
    func alone(_ node: JSONNode) -> Elements {
        Elements(entries: self.entries, position: node.position, end: Int(self.entries[node.position].next))
    }
}
