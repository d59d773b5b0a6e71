/// Answers in the form of Anthropic's Messages API, which vLLM, llama.cpp, LM Studio and Ollama speak beside their own.
struct MessagesDialect: Sendable {
    let behaviour: MockBehaviour

    static let path = "/v1/messages"
    static let countPath = "/v1/messages/count_tokens"

    func failure(status: Int, message: String) -> Answer {
        let type =
            switch status {
            case 400: "invalid_request_error"
            case 404: "not_found_error"
            case 429: "rate_limit_error"
            default: "api_error"
            }
        return .json(
            ["type": "error", "error": ["type": .string(type), "message": .string(message)]], status: status)
    }

    func count(_ request: InferenceRequest) -> Answer { .json(["input_tokens": JSONValue(request.promptTokens)]) }

    func answer(_ request: InferenceRequest) -> Answer {
        let completion = Completion.answer(request, behaviour: self.behaviour)
        return request.isStream ? self.stream(request, completion) : self.whole(request, completion)
    }

    private func whole(_ request: InferenceRequest, _ completion: Completion) -> Answer {
        var blocks: [JSONValue] = []
        if !completion.reasoning.isEmpty {
            blocks.append(["type": "thinking", "thinking": .string(completion.reasoningText), "signature": ""])
        }
        if !completion.content.isEmpty { blocks.append(["type": "text", "text": .string(completion.text)]) }
        if let call = completion.toolCall {
            var block = self.call(call, completion)
            if let input = try? JSONParser.parse(Array(call.arguments.utf8)) {
                block.append(JSONMember(key: "input", value: input))
            }
            blocks.append(.object(block))
        }
        var members = self.head(request, completion, content: blocks)
        members += [
            JSONMember(key: "stop_reason", value: self.stopReason(completion)),
            JSONMember(key: "stop_sequence", value: nil),
            JSONMember(
                key: "usage",
                value: [
                    "input_tokens": JSONValue(completion.promptTokens),
                    "output_tokens": JSONValue(completion.outputTokens),
                ]),
        ]
        return Answer(
            body: .whole(JSONValue.object(members).bytes, tokens: completion.outputTokens),
            inputTokens: completion.promptTokens, outputTokens: completion.outputTokens)
    }

    private func call(_ call: Completion.ToolCall, _ completion: Completion) -> [JSONMember] {
        [
            JSONMember(key: "type", value: "tool_use"),
            JSONMember(key: "id", value: .string("toolu_\(completion.identity)")),
            JSONMember(key: "name", value: .string(call.name)),
        ]
    }

    private func head(
        _ request: InferenceRequest, _ completion: Completion, content: [JSONValue]
    ) -> [JSONMember] {
        [
            JSONMember(key: "id", value: .string("msg_\(completion.identity)")),
            JSONMember(key: "type", value: "message"), JSONMember(key: "role", value: "assistant"),
            JSONMember(key: "model", value: .string(request.model)),
            JSONMember(key: "content", value: .array(content)),
        ]
    }

    private func stopReason(_ completion: Completion) -> JSONValue {
        switch completion.finishReason {
        case "length": "max_tokens"
        case "tool_calls": "tool_use"
        default: "end_turn"
        }
    }

    private func stream(_ request: InferenceRequest, _ completion: Completion) -> Answer {
        var parts: [Answer.Part] = []
        func add(_ name: String, _ members: [JSONMember], isContent: Bool = false) {
            let data = JSONValue.object([JSONMember(key: "type", value: .string(name))] + members)
            parts.append(
                Answer.Part(
                    bytes: Array("event: \(name)\ndata: ".utf8) + data.bytes + Array("\n\n".utf8),
                    isContent: isContent))
        }
        var index = 0
        func block(_ start: JSONValue, _ deltas: [JSONValue]) {
            let place = JSONMember(key: "index", value: JSONValue(index))
            add("content_block_start", [place, JSONMember(key: "content_block", value: start)])
            for delta in deltas {
                add("content_block_delta", [place, JSONMember(key: "delta", value: delta)], isContent: true)
            }
            add("content_block_stop", [place])
            index += 1
        }
        let usage: JSONValue = ["input_tokens": JSONValue(completion.promptTokens), "output_tokens": 0]
        let message =
            self.head(request, completion, content: [])
            + [
                JSONMember(key: "stop_reason", value: nil), JSONMember(key: "stop_sequence", value: nil),
                JSONMember(key: "usage", value: usage),
            ]
        add("message_start", [JSONMember(key: "message", value: .object(message))])
        if !completion.reasoning.isEmpty {
            block(
                ["type": "thinking", "thinking": "", "signature": ""],
                completion.reasoning.map { ["type": "thinking_delta", "thinking": .string($0)] })
        }
        if !completion.content.isEmpty {
            block(
                ["type": "text", "text": ""], completion.content.map { ["type": "text_delta", "text": .string($0)] })
        }
        if let call = completion.toolCall {
            block(
                .object(self.call(call, completion) + [JSONMember(key: "input", value: [:])]),
                call.argumentPieces.map { ["type": "input_json_delta", "partial_json": .string($0)] })
        }
        add(
            "message_delta",
            [
                JSONMember(
                    key: "delta", value: ["stop_reason": self.stopReason(completion), "stop_sequence": nil]),
                JSONMember(key: "usage", value: ["output_tokens": JSONValue(completion.outputTokens)]),
            ])
        add("message_stop", [])
        return Answer(
            contentType: "text/event-stream", body: .stream(parts), inputTokens: completion.promptTokens,
            outputTokens: completion.outputTokens)
    }
}
