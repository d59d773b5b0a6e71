/// Why a model stopped, as the endpoint says.
public enum FinishReason: UInt8, CaseIterable, Sendable {
    case stop
    case length
    case toolCalls
    case contentFilter
    case other

    /// The word used as metric label and log value.
    public var label: StaticString {
        switch self {
        case .stop: "stop"
        case .length: "length"
        case .toolCalls: "tool_calls"
        case .contentFilter: "content_filter"
        case .other: "other"
        }
    }
}

/// The kind of LLM operation; the `operation` label.
public enum LLMOperation: UInt8, CaseIterable, Sendable {
    case chat
    case textCompletion
    case embeddings

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .chat: "chat"
        case .textCompletion: "text_completion"
        case .embeddings: "embeddings"
        }
    }
}

/// Token counts as the endpoint reported them; negative means "not reported".
public struct TokenUsage: Equatable, Sendable {
    /// Tokens of the prompt.
    public var input: Int64
    /// Tokens produced.
    public var output: Int64
    /// The part of `input` that was read from a prompt cache.
    public var inputCached: Int64
    /// The part of `input` that was written to a prompt cache.
    public var inputCacheCreation: Int64
    /// The part of `output` that was reasoning.
    public var outputReasoning: Int64

    /// Nothing reported.
    @inlinable
    public init(
        input: Int64 = -1, output: Int64 = -1, inputCached: Int64 = -1, inputCacheCreation: Int64 = -1,
        outputReasoning: Int64 = -1
    ) {
        self.input = input
        self.output = output
        self.inputCached = inputCached
        self.inputCacheCreation = inputCacheCreation
        self.outputReasoning = outputReasoning
    }

    /// Whether the endpoint reported input or output tokens.
    @inlinable
    public var isKnown: Bool { self.input >= 0 || self.output >= 0 }
}
