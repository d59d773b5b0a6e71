/// An answer in its final form, before time and faults act on it.
struct Answer: Equatable, Sendable {
    enum Body: Equatable, Sendable {
        /// Sent with `Content-Length`, when the last of `tokens` would have come.
        case whole([UInt8], tokens: Int)
        /// Sent as it comes, in chunks.
        case stream([Part])
    }

    /// One write of a streamed answer.
    struct Part: Equatable, Sendable {
        let bytes: [UInt8]
        /// Whether it carries content, reasoning or a tool call; such parts are paced.
        let isContent: Bool
    }

    var status = 200
    var contentType: String
    var body: Body
    /// What the finished answer adds to the token counts.
    var inputTokens = 0
    var outputTokens = 0

    init(
        status: Int = 200, contentType: String = "application/json", body: Body,
        inputTokens: Int = 0, outputTokens: Int = 0
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
    }

    static func json(_ value: JSONValue, status: Int = 200) -> Answer {
        Answer(status: status, body: .whole(value.bytes, tokens: 0))
    }

    static func text(_ text: String, status: Int = 200) -> Answer {
        Answer(
            status: status, contentType: "text/plain; charset=utf-8",
            body: .whole(Array(text.utf8), tokens: 0))
    }

    /// The same answer in one piece; a stream's parts are joined.
    var joined: [UInt8] {
        switch self.body {
        case .whole(let bytes, _): bytes
        case .stream(let parts): parts.flatMap(\.bytes)
        }
    }
}

/// The moment every mock says an answer was made: fixed, so that equal questions get equal bytes.
enum MockTime {
    static let unixSeconds: Int64 = 1_767_225_600
    static let timestamp = "2026-01-01T00:00:00Z"
}
