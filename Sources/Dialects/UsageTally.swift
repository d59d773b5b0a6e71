internal import Domain

/// Gathers token counts from the places where the dialects report them; the last report of each
/// wins.
struct UsageTally {
    /// Prompt tokens as OpenAI and Ollama count them: with those read from a cache.
    var promptTokens: Int64 = -1
    /// Prompt tokens under the name that Anthropic and the Responses API use.
    var inputTokens: Int64 = -1
    var outputTokens: Int64 = -1
    var cachedTokens: Int64 = -1
    var cacheReadTokens: Int64 = -1
    var cacheCreationTokens: Int64 = -1
    var reasoningTokens: Int64 = -1

    /// The counts with one meaning: `input` is the whole prompt, the details are parts of it.
    ///
    /// Anthropic leaves tokens read from and written to a cache out of `input_tokens`, so they are
    /// added back where both stand side by side. Where the prompt has its OpenAI name it is whole
    /// already.
    var usage: TokenUsage {
        var usage = TokenUsage(
            input: self.promptTokens, output: self.outputTokens,
            inputCached: max(self.cachedTokens, self.cacheReadTokens),
            inputCacheCreation: self.cacheCreationTokens, outputReasoning: self.reasoningTokens)
        guard self.promptTokens < 0, self.inputTokens >= 0 else { return usage }
        let read = max(self.cacheReadTokens, 0)
        let created = max(self.cacheCreationTokens, 0)
        // Saturates: a sum past the limit can only come from nonsense.
        usage.input = [read, created].reduce(self.inputTokens) { sum, part in
            let (total, overflow) = sum.addingReportingOverflow(part)
            return overflow ? .max : total
        }
        return usage
    }
}
