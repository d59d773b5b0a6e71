/// Answers in the form of OpenAI's Responses API, and of its routes for speech and pictures.
struct ResponsesDialect: Sendable {
    let behaviour: MockBehaviour

    static let path = "/v1/responses"

    func answer(_ request: InferenceRequest) -> Answer {
        let completion = Completion.answer(request, behaviour: self.behaviour)
        let whole = self.document(request, completion, isDone: true)
        guard request.isStream else {
            return Answer(
                body: .whole(whole.bytes, tokens: completion.outputTokens), inputTokens: completion.promptTokens,
                outputTokens: completion.outputTokens)
        }
        return self.stream(request, completion, whole)
    }

    private func item(_ completion: Completion, isDone: Bool) -> JSONValue {
        if let call = completion.toolCall {
            return [
                "type": "function_call", "id": .string("fc_\(completion.identity)"),
                "call_id": .string("call_\(completion.identity)"), "name": .string(call.name),
                "arguments": .string(isDone ? call.arguments : ""),
                "status": .string(isDone ? "completed" : "in_progress"),
            ]
        }
        let part: JSONValue = ["type": "output_text", "text": .string(completion.text), "annotations": []]
        return [
            "type": "message", "id": .string("msg_\(completion.identity)"), "role": "assistant",
            "status": .string(isDone ? "completed" : "in_progress"), "content": isDone ? [part] : [],
        ]
    }

    private func document(_ request: InferenceRequest, _ completion: Completion, isDone: Bool) -> JSONValue {
        let isCut = completion.finishReason == "length"
        var members: [JSONMember] = [
            JSONMember(key: "id", value: .string("resp_\(completion.identity)")),
            JSONMember(key: "object", value: "response"),
            JSONMember(key: "created_at", value: .integer(MockTime.unixSeconds)),
            JSONMember(key: "status", value: .string(isDone ? isCut ? "incomplete" : "completed" : "in_progress")),
            JSONMember(key: "error", value: nil),
            JSONMember(
                key: "incomplete_details", value: isDone && isCut ? ["reason": "max_output_tokens"] : nil),
            JSONMember(key: "instructions", value: nil),
            JSONMember(key: "metadata", value: [:]),
            JSONMember(key: "model", value: .string(request.model)),
            JSONMember(key: "output", value: isDone ? [self.item(completion, isDone: true)] : []),
            JSONMember(key: "parallel_tool_calls", value: true),
            JSONMember(key: "tool_choice", value: "auto"),
            JSONMember(key: "tools", value: []),
        ]
        let usage: JSONValue = [
            "input_tokens": JSONValue(completion.promptTokens), "input_tokens_details": ["cached_tokens": 0],
            "output_tokens": JSONValue(completion.outputTokens), "output_tokens_details": ["reasoning_tokens": 0],
            "total_tokens": JSONValue(completion.promptTokens + completion.outputTokens),
        ]
        members.append(JSONMember(key: "usage", value: isDone ? usage : nil))
        return .object(members)
    }

    private func stream(
        _ request: InferenceRequest, _ completion: Completion, _ whole: JSONValue
    ) -> Answer {
        var parts: [Answer.Part] = []
        func add(_ name: String, _ members: [JSONMember], isContent: Bool = false) {
            let number = JSONMember(key: "sequence_number", value: JSONValue(parts.count))
            let data = JSONValue.object([JSONMember(key: "type", value: .string(name)), number] + members)
            parts.append(
                Answer.Part(
                    bytes: Array("event: \(name)\ndata: ".utf8) + data.bytes + Array("\n\n".utf8),
                    isContent: isContent))
        }
        let place = JSONMember(key: "output_index", value: 0)
        let isCall = completion.toolCall != nil
        let id = JSONMember(
            key: "item_id", value: .string((isCall ? "fc_" : "msg_") + completion.identity))
        let begun = JSONMember(
            key: "response", value: self.document(request, completion, isDone: false))
        add("response.created", [begun])
        add("response.in_progress", [begun])
        add(
            "response.output_item.added",
            [place, JSONMember(key: "item", value: self.item(completion, isDone: false))])
        if let call = completion.toolCall {
            for piece in call.argumentPieces {
                add(
                    "response.function_call_arguments.delta",
                    [id, place, JSONMember(key: "delta", value: .string(piece))], isContent: true)
            }
            add(
                "response.function_call_arguments.done",
                [id, place, JSONMember(key: "arguments", value: .string(call.arguments))])
        } else {
            let content = JSONMember(key: "content_index", value: 0)
            let empty: JSONValue = ["type": "output_text", "text": "", "annotations": []]
            add("response.content_part.added", [id, place, content, JSONMember(key: "part", value: empty)])
            for token in completion.content {
                add(
                    "response.output_text.delta",
                    [id, place, content, JSONMember(key: "delta", value: .string(token))], isContent: true)
            }
            add(
                "response.output_text.done",
                [id, place, content, JSONMember(key: "text", value: .string(completion.text))])
        }
        add(
            "response.output_item.done",
            [place, JSONMember(key: "item", value: self.item(completion, isDone: true))])
        let isCut = completion.finishReason == "length"
        add(isCut ? "response.incomplete" : "response.completed", [JSONMember(key: "response", value: whole)])
        return Answer(
            contentType: "text/event-stream", body: .stream(parts), inputTokens: completion.promptTokens,
            outputTokens: completion.outputTokens)
    }

    // MARK: Speech and pictures

    /// What a recording of `bytes` bytes says: the same for the same length.
    func transcription(bytes: Int) -> Answer { .json(["text": .string("heard \(bytes) bytes")]) }

    /// A recording that says nothing: a few bytes of a media type that is not text.
    func speech() -> Answer {
        Answer(contentType: "audio/mpeg", body: .whole([0xFF, 0xFB, 0x90, 0x00, 0x0D, 0x0A, 0x00], tokens: 0))
    }

    /// One picture of a single transparent point.
    func picture() -> Answer {
        let point = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
        return .json(["created": .integer(MockTime.unixSeconds), "data": [["b64_json": .string(point)]]])
    }
}
