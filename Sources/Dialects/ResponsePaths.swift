internal import ByteScan

/// The paths of all dialects' answers that the gateway looks at, streamed and not.
///
/// The dialects do not contradict each other, so one set serves all, and an answer is understood
/// whatever path it was asked on.
enum ResponsePaths {
    /// What stands at a path.
    enum Field: UInt8 {
        /// Text, reasoning or the arguments of a tool call: content when it is a string with
        /// something in it.
        case content = 1
        /// An element of a list of tool calls, or a call itself: content when it is an object.
        case toolCall
        /// The type of a content block that begins.
        case blockType
        /// The type of an output item.
        case itemType
        /// The type of the event.
        case eventType
        /// Why the model stopped.
        case finishReason
        /// The state of a response that may have ended.
        case status
        /// True on the last document of a stream.
        case done
        /// A failure, as object or text.
        case error
        /// Prompt tokens, cached ones included.
        case promptTokens
        /// Prompt tokens; without cached ones where a cache count stands beside them.
        case inputTokens
        case outputTokens
        case cachedTokens
        case cacheReadTokens
        case cacheCreationTokens
        case reasoningTokens
        /// A text or number that says nothing here but differs from one delta to the next.
        case passing
    }

    static let pattern = JSONFieldPattern(
        Self.common + Self.openAI + Self.responses + Self.anthropic + Self.ollama + Self.lmStudio
            + Self.llamaCpp)

    private static let common = [
        path("type", .eventType, capturesText: true),
        path("error", .error),
    ]

    /// Chat and text completions, of OpenAI and all that speak like it.
    private static let openAI =
        [
            path("choices[0].finish_reason", .finishReason, capturesText: true),
            path("choices[].delta.content", .content),
            path("choices[].delta.reasoning_content", .content),
            path("choices[].delta.reasoning", .content),
            path("choices[].delta.thinking", .content),
            path("choices[].delta.refusal", .content),
            path("choices[].delta.tool_calls[]", .toolCall),
            path("choices[].delta.tool_calls[].function.arguments", .passing),
            path("choices[].delta.function_call", .toolCall),
            path("choices[].text", .content),
            path("usage.prompt_tokens", .promptTokens),
            path("usage.completion_tokens", .outputTokens),
            path("usage.prompt_tokens_details.cached_tokens", .cachedTokens),
            path("usage.completion_tokens_details.reasoning_tokens", .reasoningTokens),
        ]

    /// The Responses API: a response in itself, or inside an event.
    private static let responses =
        [
            path("delta", .content),
            path("sequence_number", .passing),
            path("obfuscation", .passing),
            path("item.type", .itemType, capturesText: true),
            path("status", .status, capturesText: true),
            path("incomplete_details.reason", .finishReason, capturesText: true),
            path("usage.input_tokens_details.cached_tokens", .cachedTokens),
            path("usage.output_tokens_details.reasoning_tokens", .reasoningTokens),
            path("response.error", .error),
            path("response.status", .status, capturesText: true),
            path("response.incomplete_details.reason", .finishReason, capturesText: true),
            path("response.usage.input_tokens", .inputTokens),
            path("response.usage.output_tokens", .outputTokens),
            path("response.usage.input_tokens_details.cached_tokens", .cachedTokens),
            path("response.usage.output_tokens_details.reasoning_tokens", .reasoningTokens),
        ]

    private static let anthropic =
        [
            path("content_block.type", .blockType, capturesText: true),
            path("content_block.text", .content),
            path("content_block.thinking", .content),
            path("delta.text", .content),
            path("delta.thinking", .content),
            path("delta.partial_json", .content),
            path("delta.stop_reason", .finishReason, capturesText: true),
            path("stop_reason", .finishReason, capturesText: true),
            path("usage.input_tokens", .inputTokens),
            path("usage.output_tokens", .outputTokens),
            path("usage.cache_read_input_tokens", .cacheReadTokens),
            path("usage.cache_creation_input_tokens", .cacheCreationTokens),
            path("message.usage.input_tokens", .inputTokens),
            path("message.usage.output_tokens", .outputTokens),
            path("message.usage.cache_read_input_tokens", .cacheReadTokens),
            path("message.usage.cache_creation_input_tokens", .cacheCreationTokens),
        ]

    private static let ollama =
        [
            path("message.content", .content),
            path("message.thinking", .content),
            path("message.tool_calls[]", .toolCall),
            path("response", .content),
            path("thinking", .content),
            path("created_at", .passing),
            path("done", .done),
            path("done_reason", .finishReason, capturesText: true),
            path("prompt_eval_count", .promptTokens),
            path("eval_count", .outputTokens),
        ]

    /// LM Studio's own chat events; its other interfaces are those of OpenAI and Anthropic.
    private static let lmStudio =
        [
            path("content", .content),
            path("result.stats.input_tokens", .inputTokens),
            path("result.stats.total_output_tokens", .outputTokens),
            path("result.stats.reasoning_output_tokens", .reasoningTokens),
        ]

    /// The native completion of the llama.cpp server; its text is a top-level `content` too.
    private static let llamaCpp =
        [
            path("stop", .done),
            path("stop_type", .finishReason, capturesText: true),
            path("tokens_evaluated", .promptTokens),
            path("tokens_predicted", .outputTokens),
        ]

    private static func path(
        _ path: String, _ field: Field, capturesText: Bool = false
    ) -> JSONFieldPattern.Path {
        .init(path, field: field.rawValue, capturesText: capturesText)
    }
}
