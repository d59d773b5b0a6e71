public import Domain

extension LLMOperation {
    /// Names the operation a path asks for.
    ///
    /// Only the last segments count, so gateway prefixes and `/v1` may stand before them: the paths
    /// of OpenAI, Ollama, Anthropic, LM Studio and llama.cpp that generate or embed.
    ///
    /// Every other path is nil.
    ///
    /// - Parameter path: the path without its query.
    public init?(path: RawSpan) {
        // A path that ends in `chat/completions` also ends in `completions`: the longer one is
        // asked first.
        if path.endsWithSegments("chat/completions") || path.endsWithSegments("v1/messages")
            || path.endsWithSegments("responses") || path.endsWithSegments("api/chat")
            || path.endsWithSegments("api/v1/chat")
        {
            self = .chat
        } else if path.endsWithSegments("completions") || path.endsWithSegments("api/generate")
            || path.endsWithSegments("completion") || path.endsWithSegments("infill")
        {
            self = .textCompletion
        } else if path.endsWithSegments("embeddings") || path.endsWithSegments("api/embed")
            || path.endsWithSegments("embedding")
        {
            self = .embeddings
        } else {
            return nil
        }
    }
}
