internal import Domain

extension FinishReason {
    /// Translates the word an endpoint uses, of any dialect.
    ///
    /// Sources: OpenAI `finish_reason` and `incomplete_details.reason`, Anthropic `stop_reason`,
    /// Ollama `done_reason`, llama.cpp `stop_type`.
    ///
    /// - Returns: nil for an empty word and for llama.cpp's `none`; `other` for words not known.
    init?(word: RawSpan) {
        if word.equals("stop") || word.equals("end_turn") || word.equals("stop_sequence")
            || word.equals("eos") || word.equals("word")
        {
            self = .stop
        } else if word.equals("length") || word.equals("max_tokens")
            || word.equals("max_output_tokens")
            || word.equals("limit") || word.equals("model_context_window_exceeded")
        {
            self = .length
        } else if word.equals("tool_calls") || word.equals("tool_use")
            || word.equals("function_call")
        {
            self = .toolCalls
        } else if word.equals("content_filter") || word.equals("refusal") {
            self = .contentFilter
        } else if word.byteCount == 0 || word.equals("none") {
            return nil
        } else {
            self = .other
        }
    }

    /// Translates the status of a Responses object; nil while it is not final, and for words of
    /// other interfaces.
    init?(status: RawSpan) {
        if status.equals("completed") {
            self = .stop
        } else if status.equals("incomplete") || status.equals("failed")
            || status.equals("cancelled")
        {
            self = .other
        } else {
            return nil
        }
    }
}
