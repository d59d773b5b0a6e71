/// The shape in which a client expects a failure inside a stream.
public enum StreamDialect: UInt8, CaseIterable, Sendable {
    /// Server-Sent Events as of OpenAI, and of all paths that are not another dialect's.
    case openAI
    /// Server-Sent Events of Anthropic's messages.
    case anthropic
    /// Ollama's documents, one a line.
    case ollama

    /// Tells the dialect of a stream.
    ///
    /// Nil for a plain document, which has no place for an error once it has begun.
    ///
    /// - Parameters:
    ///   - framing: how the stream is framed.
    ///   - path: the path of the request without its query.
    public init?(framing: ResponseFraming, path: RawSpan) {
        switch framing {
        case .document: return nil
        case .ndjson: self = .ollama
        case .sse: self = path.endsWithSegments("v1/messages") ? .anthropic : .openAI
        }
    }
}
