/// Answers in the form of OpenAI's API and of the servers that speak it.
struct OpenAIDialect: Sendable {
    let kind: MockKind
    let behaviour: MockBehaviour

    func models() -> Answer {
        let entries = self.behaviour.models.map { model -> JSONValue in
            var members: [JSONMember] = [
                JSONMember(key: "id", value: .string(model.name)),
                JSONMember(key: "object", value: "model"),
                JSONMember(key: "created", value: .integer(MockTime.unixSeconds)),
                JSONMember(key: "owned_by", value: .string(self.owner)),
            ]
            switch self.kind {
            case .vllm:
                members += [
                    JSONMember(key: "root", value: .string(model.name)),
                    JSONMember(key: "parent", value: nil),
                    JSONMember(key: "max_model_len", value: JSONValue(model.contextLength)),
                ]
            case .llamacpp:
                members.append(
                    JSONMember(
                        key: "meta",
                        value: [
                            "vocab_type": 2, "n_vocab": 49152,
                            "n_ctx_train": JSONValue(model.contextLength), "n_embd": 576,
                            "n_params": 134_515_008, "size": 144_811_904,
                        ]))
            case .openAI, .ollama, .lmStudio: break
            }
            return .object(members)
        }
        return .json(["object": "list", "data": .array(entries)])
    }

    private var owner: String {
        switch self.kind {
        case .openAI: "mock"
        case .vllm: "vllm"
        case .llamacpp: "llamacpp"
        case .ollama: "library"
        case .lmStudio: "organization_owner"
        }
    }

    func failure(status: Int, message: String) -> Answer {
        let type =
            switch status {
            case 400: "invalid_request_error"
            case 404: "not_found_error"
            case 429: "rate_limit_error"
            default: status < 500 ? "invalid_request_error" : "server_error"
            }
        return .json(
            [
                "error": [
                    "message": .string(message), "type": .string(type), "param": nil,
                    "code": JSONValue(status),
                ]
            ], status: status)
    }

    func answer(_ request: InferenceRequest) -> Answer {
        guard request.operation != .embeddings else { return self.embeddings(request) }
        let completion = Completion.answer(request, behaviour: self.behaviour)
        return request.isStream
            ? self.stream(request, completion) : self.whole(request, completion)
    }

    private func embeddings(_ request: InferenceRequest) -> Answer {
        let entries = request.inputs.enumerated().map { position, text -> JSONValue in
            let vector = Completion.embedding(
                of: text, model: request.model, behaviour: self.behaviour)
            let form: JSONValue =
                request.wantsBase64
                ? .string(Base64.encode(vector.flatMap(Self.littleEndianFloat)))
                : .array(vector.map { .number($0) })
            return ["object": "embedding", "index": JSONValue(position), "embedding": form]
        }
        let tokens = JSONValue(request.promptTokens)
        var answer = Answer.json([
            "object": "list", "data": .array(entries), "model": .string(request.model),
            "usage": ["prompt_tokens": tokens, "total_tokens": tokens],
        ])
        answer.inputTokens = request.promptTokens
        return answer
    }

    private static func littleEndianFloat(_ value: Double) -> [UInt8] {
        let bits = Float(value).bitPattern
        return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: bits >> UInt32($0)) }
    }

    private func whole(_ request: InferenceRequest, _ completion: Completion) -> Answer {
        let choice: JSONValue
        if request.operation == .chat {
            var message: [JSONMember] = [
                JSONMember(key: "role", value: "assistant"),
                JSONMember(
                    key: "content",
                    value: completion.toolCall == nil ? .string(completion.text) : nil),
            ]
            if !completion.reasoning.isEmpty {
                message.append(
                    JSONMember(key: self.reasoningKey, value: .string(completion.reasoningText)))
            }
            if let call = completion.toolCall {
                let function: JSONValue = [
                    "id": .string("call_\(completion.identity)"), "type": "function",
                    "function": [
                        "name": .string(call.name), "arguments": .string(call.arguments),
                    ],
                ]
                message.append(JSONMember(key: "tool_calls", value: [function]))
            }
            choice = [
                "index": 0, "message": .object(message), "logprobs": nil,
                "finish_reason": .string(completion.finishReason),
            ]
        } else {
            choice = [
                "index": 0, "text": .string(completion.text), "logprobs": nil,
                "finish_reason": .string(completion.finishReason),
            ]
        }
        var document = self.frame(request, completion, isChunk: false).adding([
            JSONMember(key: "choices", value: [choice]),
            JSONMember(key: "usage", value: self.usage(completion)),
        ])
        if self.kind == .llamacpp {
            document = document.adding([
                JSONMember(key: "timings", value: self.timings(completion))
            ])
        }
        if self.kind == .lmStudio {
            document = document.adding([JSONMember(key: "stats", value: [:])])
        }
        return Answer(
            body: .whole(document.bytes, tokens: completion.outputTokens),
            inputTokens: completion.promptTokens, outputTokens: completion.outputTokens)
    }

    private func stream(_ request: InferenceRequest, _ completion: Completion) -> Answer {
        var parts: [Answer.Part] = []
        func add(_ members: [JSONMember], isContent: Bool = false) {
            var document = self.frame(request, completion, isChunk: true).adding(members)
            // OpenAI sends a null usage with every chunk once usage was asked for.
            if self.kind == .openAI, request.includesUsage, document["usage"] == nil {
                document = document.adding([JSONMember(key: "usage", value: nil)])
            }
            parts.append(
                Answer.Part(
                    bytes: Array("data: ".utf8) + document.bytes + Array("\n\n".utf8),
                    isContent: isContent))
        }
        func addDelta(_ delta: JSONValue, finish: JSONValue = nil, isContent: Bool = false) {
            let choice: JSONValue =
                request.operation == .chat
                ? ["index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish]
                : [
                    "index": 0, "text": delta["content"] ?? "", "logprobs": nil,
                    "finish_reason": finish,
                ]
            add([JSONMember(key: "choices", value: [choice])], isContent: isContent)
        }
        if request.operation == .chat {
            addDelta(["role": "assistant", "content": self.kind == .llamacpp ? nil : ""])
        }
        for token in completion.reasoning {
            addDelta(
                .object([JSONMember(key: self.reasoningKey, value: .string(token))]),
                isContent: true)
        }
        for token in completion.content { addDelta(["content": .string(token)], isContent: true) }
        for delta in self.toolDeltas(completion) { addDelta(delta, isContent: true) }
        var last: [JSONMember] = []
        let timings = JSONMember(key: "timings", value: self.timings(completion))
        if self.kind == .llamacpp, !request.includesUsage { last.append(timings) }
        let finish: JSONValue =
            request.operation == .chat
            ? ["index": 0, "delta": [:], "finish_reason": .string(completion.finishReason)]
            : ["index": 0, "text": "", "finish_reason": .string(completion.finishReason)]
        add([JSONMember(key: "choices", value: [finish])] + last)
        if request.includesUsage {
            add(
                [
                    JSONMember(key: "choices", value: []),
                    JSONMember(key: "usage", value: self.usage(completion)),
                ] + (self.kind == .llamacpp ? [timings] : []))
        }
        parts.append(Answer.Part(bytes: Array("data: [DONE]\n\n".utf8), isContent: false))
        return Answer(
            contentType: self.kind == .vllm ? "text/event-stream; charset=utf-8" : "text/event-stream",
            body: .stream(parts), inputTokens: completion.promptTokens,
            outputTokens: completion.outputTokens)
    }

    private func toolDeltas(_ completion: Completion) -> [JSONValue] {
        guard let call = completion.toolCall else { return [] }
        return call.argumentPieces.enumerated().map { position, piece in
            let function: JSONValue =
                position == 0
                ? ["name": .string(call.name), "arguments": .string(piece)]
                : ["arguments": .string(piece)]
            let opening: JSONValue =
                position == 0
                ? [
                    "index": 0, "id": .string("call_\(completion.identity)"), "type": "function",
                    "function": function,
                ]
                : ["index": 0, "function": function]
            return ["tool_calls": [opening]]
        }
    }

    /// The members every document of an answer begins with.
    private func frame(
        _ request: InferenceRequest, _ completion: Completion, isChunk: Bool
    ) -> JSONValue {
        let isChat = request.operation == .chat
        let object = isChat ? (isChunk ? "chat.completion.chunk" : "chat.completion") : "text_completion"
        var members: [JSONMember] = [
            JSONMember(
                key: "id", value: .string((isChat ? "chatcmpl-" : "cmpl-") + completion.identity)),
            JSONMember(key: "object", value: .string(object)),
            JSONMember(key: "created", value: .integer(MockTime.unixSeconds)),
            JSONMember(key: "model", value: .string(request.model)),
        ]
        switch self.kind {
        case .llamacpp:
            members.append(JSONMember(key: "system_fingerprint", value: "b6000-mock"))
        case .ollama: members.append(JSONMember(key: "system_fingerprint", value: "fp_ollama"))
        case .lmStudio:
            members.append(JSONMember(key: "system_fingerprint", value: .string(request.model)))
        case .openAI, .vllm: break
        }
        return .object(members)
    }

    /// Where the servers put reasoning text; OpenAI itself shows none and follows vLLM here.
    private var reasoningKey: String { self.kind == .ollama ? "reasoning" : "reasoning_content" }

    private func usage(_ completion: Completion) -> JSONValue {
        let base: JSONValue = [
            "prompt_tokens": JSONValue(completion.promptTokens),
            "completion_tokens": JSONValue(completion.outputTokens),
            "total_tokens": JSONValue(completion.promptTokens + completion.outputTokens),
        ]
        guard self.kind == .openAI || !completion.reasoning.isEmpty else { return base }
        return base.adding([
            JSONMember(key: "prompt_tokens_details", value: ["cached_tokens": 0]),
            JSONMember(
                key: "completion_tokens_details",
                value: ["reasoning_tokens": JSONValue(completion.reasoning.count)]),
        ])
    }

    /// llama.cpp's own account of the answer, from the nominal pace.
    private func timings(_ completion: Completion) -> JSONValue {
        let prompt = max(1, self.behaviour.pacing.firstToken.milliseconds)
        let perToken = max(1, self.behaviour.pacing.gap.milliseconds)
        let predicted = perToken * Int64(completion.outputTokens)
        return [
            "cache_n": 0,
            "prompt_n": JSONValue(completion.promptTokens),
            "prompt_ms": .number(Double(prompt)),
            "prompt_per_token_ms": .number(
                Double(prompt) / Double(max(1, completion.promptTokens))),
            "prompt_per_second": .number(
                Double(completion.promptTokens) * 1000 / Double(prompt)),
            "predicted_n": JSONValue(completion.outputTokens),
            "predicted_ms": .number(Double(predicted)),
            "predicted_per_token_ms": .number(Double(perToken)),
            "predicted_per_second": .number(1000 / Double(perToken)),
        ]
    }
}
