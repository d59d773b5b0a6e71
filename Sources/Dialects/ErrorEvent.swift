internal import ByteScan

/// A failure told inside a stream whose head has long been sent.
///
/// It may stand only between two events, never in a body with `Content-Length` or
/// `Content-Encoding`; afterwards the connection is aborted, without a final chunk and without
/// `[DONE]`, so that no client takes the answer for complete.
public struct ErrorEvent: Sendable {
    /// What happened, for people.
    public let message: String
    /// A stable word for programs; only OpenAI's shape has a place for it.
    public let code: String

    /// Describes a failure.
    public init(message: String, code: String) {
        self.message = message
        self.code = code
    }

    /// Appends the event in a dialect's shape.
    ///
    /// Shapes: OpenAI's error object in a `data` event; Anthropic's `error` event of type
    /// `api_error`; Ollama's `{"error":…}` line.
    public func append(as dialect: StreamDialect, to buffer: inout [UInt8]) {
        switch dialect {
        case .openAI:
            buffer.append(contentsOf: #"data: {"error":{"message":"#.utf8)
            JSONText.appendQuoted(self.message, to: &buffer)
            buffer.append(contentsOf: #","type":"upstream_error","code":"#.utf8)
            JSONText.appendQuoted(self.code, to: &buffer)
            buffer.append(contentsOf: "}}\n\n".utf8)
        case .anthropic:
            buffer.append(contentsOf: "event: error\ndata: ".utf8)
            buffer.append(
                contentsOf: #"{"type":"error","error":{"type":"api_error","message":"#.utf8)
            JSONText.appendQuoted(self.message, to: &buffer)
            buffer.append(contentsOf: "}}\n\n".utf8)
        case .ollama:
            buffer.append(contentsOf: #"{"error":"#.utf8)
            JSONText.appendQuoted(self.message, to: &buffer)
            buffer.append(contentsOf: "}\n".utf8)
        }
    }
}
