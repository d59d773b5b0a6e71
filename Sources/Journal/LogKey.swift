/// The name of a field in a log record.
///
/// The names of the access record are static members, so no caller spells one. A name is written as it
/// stands: it must be plain ASCII without a quote or a backslash.
public struct LogKey: Sendable {
    /// The name as it appears in the line.
    public let name: StaticString

    /// Names a field.
    @inlinable
    public init(_ name: StaticString) { self.name = name }
}

// What the request said.
extension LogKey {
    /// The request's id, as returned and forwarded.
    public static let requestID = LogKey("request_id")
    /// The client's address and port.
    public static let remoteAddress = LogKey("remote_addr")
    /// The method as received.
    public static let method = LogKey("method")
    /// The path as received, before any prefix is taken off.
    public static let path = LogKey("path")
    /// The query, secrets redacted.
    public static let query = LogKey("query")
    /// The `User-Agent` of the client.
    public static let userAgent = LogKey("user_agent")
    /// The `Referer` of the client.
    public static let referer = LogKey("referer")
    /// The `Content-Type` of the request.
    public static let contentType = LogKey("content_type")
    /// The `Accept` of the request.
    public static let accept = LogKey("accept")
    /// The name of the client's key.
    public static let clientKey = LogKey("client_key")
    /// The W3C trace id, 32 hexadecimal digits.
    public static let traceID = LogKey("trace_id")
    /// The W3C id of the gateway's own span, 16 hexadecimal digits.
    public static let spanID = LogKey("span_id")
}

// What became of it.
extension LogKey {
    /// The class of the path.
    public static let route = LogKey("route")
    /// How the request ended.
    public static let outcome = LogKey("outcome")
    /// The status the client saw.
    public static let status = LogKey("status")
    /// Body bytes read from the client.
    public static let requestBytes = LogKey("request_bytes")
    /// Body bytes sent to the client.
    public static let responseBytes = LogKey("response_bytes")
    /// From the first byte read to the last byte flushed, in milliseconds.
    public static let duration = LogKey("duration_ms")
    /// Tries on endpoints.
    public static let attempts = LogKey("attempts")
    /// The endpoint of the last attempt.
    public static let endpoint = LogKey("endpoint")
    /// The model, by its unified id.
    public static let model = LogKey("model")
    /// The state of the endpoint's breaker, unless closed.
    public static let breaker = LogKey("breaker")
    /// What the sticky session table said.
    public static let sticky = LogKey("sticky")
    /// The stage in which the client left.
    public static let clientGoneStage = LogKey("client_gone_stage")
    /// The time of each stage, in microseconds.
    public static let stages = LogKey("stages_us")
    /// What went wrong, for people.
    public static let error = LogKey("error")
}

// What the model said.
extension LogKey {
    /// Whether the answer was a stream.
    public static let isStream = LogKey("stream")
    /// From the request fully read to the response head, in milliseconds.
    public static let timeToFirstByte = LogKey("ttfb_ms")
    /// From the request fully read to the first content, in milliseconds.
    public static let timeToFirstToken = LogKey("ttft_ms")
    /// The longest gap between two deltas, in milliseconds.
    public static let longestStall = LogKey("longest_stall_ms")
    /// Tokens of the prompt, as the endpoint reports.
    public static let inputTokens = LogKey("input_tokens")
    /// Tokens produced, as the endpoint reports.
    public static let outputTokens = LogKey("output_tokens")
    /// Why the model stopped.
    public static let finishReason = LogKey("finish_reason")
}
