/// Answers in the form of Ollama's native API.
struct OllamaDialect: Sendable {
    let behaviour: MockBehaviour

    static let version = "0.12.6"

    func tags() -> Answer {
        .json(["models": .array(self.behaviour.models.map { .object(Self.entry($0)) })])
    }

    /// The loaded models: all of them.
    func running() -> Answer {
        .json([
            "models": .array(
                self.behaviour.models.map { model in
                    .object(
                        Self.entry(model).filter { $0.key != "modified_at" } + [
                            JSONMember(key: "expires_at", value: "2026-01-01T01:00:00Z"),
                            JSONMember(key: "size_vram", value: .integer(Self.sizeBytes)),
                            JSONMember(
                                key: "context_length", value: JSONValue(model.contextLength)),
                        ])
                })
        ])
    }

    func show(_ name: String) -> Answer {
        guard let model = self.behaviour.models.first(where: { $0.name == name }) else {
            return self.failure(status: 404, message: "model '\(name)' not found")
        }
        return .json([
            "license": "", "modelfile": .string("FROM \(name)"), "parameters": "", "template": "",
            "details": Self.details(model),
            "model_info": [
                "general.architecture": "llama",
                "llama.context_length": JSONValue(model.contextLength),
            ],
            "capabilities": JSONValue(model.isEmbedding ? ["embedding"] : ["completion", "tools"]),
            "modified_at": .string(MockTime.timestamp),
        ])
    }

    func failure(status: Int, message: String) -> Answer {
        .json(["error": .string(message)], status: status)
    }

    private static let sizeBytes: Int64 = 2_019_393_189

    private static func entry(_ model: MockModel) -> [JSONMember] {
        let hash = UInt64.fnv1a(model.name.utf8)
        let digest = (0..<4).map { (hash &+ UInt64($0)).hexDigits }.joined()
        return [
            JSONMember(key: "name", value: .string(model.name)),
            JSONMember(key: "model", value: .string(model.name)),
            JSONMember(key: "modified_at", value: .string(MockTime.timestamp)),
            JSONMember(key: "size", value: .integer(Self.sizeBytes)),
            JSONMember(key: "digest", value: .string(digest)),
            JSONMember(key: "details", value: Self.details(model)),
        ]
    }

    private static func details(_ model: MockModel) -> JSONValue {
        // `llama3.2:3b` says its size after the colon.
        let tag = model.name.split(separator: ":").dropFirst().first.map(String.init) ?? ""
        let size = tag.prefix { $0.isNumber || $0 == "." }
        let parameters = size.isEmpty ? "135M" : "\(size)B"
        return [
            "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"],
            "parameter_size": .string(parameters), "quantization_level": "Q4_K_M",
        ]
    }

    /// Answers with text that goes into `message` for a chat, else into `response`.
    func answer(_ request: InferenceRequest, isChat: Bool) -> Answer {
        let completion = Completion.answer(request, behaviour: self.behaviour)
        let frame: [JSONMember] = [
            JSONMember(key: "model", value: .string(request.model)),
            JSONMember(key: "created_at", value: .string(MockTime.timestamp)),
        ]
        guard request.isStream else {
            let document = JSONValue.object(
                frame
                    + Self.payload(
                        isChat: isChat, content: completion.text,
                        thinking: completion.reasoningText, call: completion.toolCall)
                    + self.ending(completion))
            return Answer(
                contentType: "application/json; charset=utf-8",
                body: .whole(document.bytes, tokens: completion.outputTokens),
                inputTokens: completion.promptTokens, outputTokens: completion.outputTokens)
        }
        var parts: [Answer.Part] = []
        func add(_ members: [JSONMember], isContent: Bool) {
            parts.append(
                Answer.Part(
                    bytes: JSONValue.object(frame + members).bytes + [UInt8(ascii: "\n")],
                    isContent: isContent))
        }
        let notDone = [JSONMember(key: "done", value: false)]
        for token in completion.reasoning {
            add(Self.payload(isChat: isChat, thinking: token) + notDone, isContent: true)
        }
        for token in completion.content {
            add(Self.payload(isChat: isChat, content: token) + notDone, isContent: true)
        }
        if let call = completion.toolCall {
            add(Self.payload(isChat: isChat, call: call) + notDone, isContent: true)
        }
        add(Self.payload(isChat: isChat) + self.ending(completion), isContent: false)
        return Answer(
            contentType: "application/x-ndjson", body: .stream(parts),
            inputTokens: completion.promptTokens, outputTokens: completion.outputTokens)
    }

    /// `/api/embed` with its list, or the older `/api/embeddings` with one vector.
    func embeddings(_ request: InferenceRequest, isList: Bool) -> Answer {
        let vectors = request.inputs.map { text -> JSONValue in
            .array(
                Completion.embedding(of: text, model: request.model, behaviour: self.behaviour)
                    .map { .number($0) })
        }
        var answer = Answer.json(
            isList
                ? [
                    "model": .string(request.model), "embeddings": .array(vectors),
                    "total_duration": 14_143_917, "load_duration": 1_019_500,
                    "prompt_eval_count": JSONValue(request.promptTokens),
                ]
                : ["embedding": vectors.first ?? []])
        // The older form reports no usage, so none is counted for it.
        answer.inputTokens = isList ? request.promptTokens : 0
        return answer
    }

    private static func payload(
        isChat: Bool, content: String = "", thinking: String = "",
        call: Completion.ToolCall? = nil
    ) -> [JSONMember] {
        var members: [JSONMember] = [
            JSONMember(key: isChat ? "content" : "response", value: .string(content))
        ]
        if !thinking.isEmpty {
            members.append(JSONMember(key: "thinking", value: .string(thinking)))
        }
        if let call {
            // Here the arguments are an object, not its text.
            let arguments = (try? JSONParser.parse(Array(call.arguments.utf8))) ?? [:]
            members.append(
                JSONMember(
                    key: "tool_calls",
                    value: [["function": ["name": .string(call.name), "arguments": arguments]]]))
        }
        guard isChat else { return members }
        let role = JSONMember(key: "role", value: "assistant")
        return [JSONMember(key: "message", value: .object([role] + members))]
    }

    private func ending(_ completion: Completion) -> [JSONMember] {
        let pacing = self.behaviour.pacing
        let prompt = max(1_000_000, pacing.firstToken.nanoseconds)
        let output = max(1_000_000, pacing.gap.nanoseconds) * Int64(completion.outputTokens)
        // Ollama says "stop" also after a tool call.
        let reason = completion.finishReason == "length" ? "length" : "stop"
        return [
            JSONMember(key: "done", value: true),
            JSONMember(key: "done_reason", value: .string(reason)),
            JSONMember(key: "total_duration", value: .integer(1_000_000 + prompt + output)),
            JSONMember(key: "load_duration", value: 1_000_000),
            JSONMember(key: "prompt_eval_count", value: JSONValue(completion.promptTokens)),
            JSONMember(key: "prompt_eval_duration", value: .integer(prompt)),
            JSONMember(key: "eval_count", value: JSONValue(completion.outputTokens)),
            JSONMember(key: "eval_duration", value: .integer(output)),
        ]
    }
}
