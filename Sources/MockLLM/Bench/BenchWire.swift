import NIOCore

/// The fixed bytes of the benchmark backend.
enum BenchWire {
    /// The digits of a time stamp: enough for every 63-bit number.
    static let stampDigits = 19
    /// What stands before a time stamp.
    static let stampMark = Array(" @".utf8)

    static let reply = Self.message(body: Self.replyBody)
    static let models = Self.message(
        body: """
            {"object":"list","data":[{"id":"\(BenchBackend.model)","object":"model",\
            "created":1767225600,"owned_by":"vllm","root":"bench","max_model_len":8192}]}
            """)
    static let refusal = ByteBuffer(
        string: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    static let streamHead = ByteBuffer(
        string: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            + "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n")
    static let streamEnd = ByteBuffer(
        bytes: Self.chunk(
            """
            data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1767225600,\
            "model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: \
            [DONE]\n\n
            """) + Array("0\r\n\r\n".utf8))

    /// One event as a chunk, its time stamp all zeros, and where the stamp stands in it.
    ///
    /// The stamp is the text of the delta, the one thing that differs between the events of a server.
    static let event: (buffer: ByteBuffer, stampOffset: Int) = {
        let zeros = String(repeating: "0", count: Self.stampDigits)
        let bytes = Self.chunk(
            """
            data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1767225600,\
            "model":"bench","choices":[{"index":0,"delta":{"content":" @\(zeros)"},\
            "finish_reason":null}]}\n\n
            """)
        let mark = Self.stampMark
        let start = bytes.indices.first { bytes[$0...].starts(with: mark) } ?? 0
        return (ByteBuffer(bytes: bytes), start + mark.count)
    }()

    private static let replyBody: String = {
        let front = """
            {"id":"chatcmpl-bench","object":"chat.completion","created":1767225600,"model":"bench",\
            "choices":[{"index":0,"message":{"role":"assistant","content":"
            """
        let back = """
            "},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":20,\
            "total_tokens":32}}
            """
        let text = String(repeating: "glass pots boil ", count: 40)
        let room = BenchBackend.replyBytes - front.utf8.count - back.utf8.count
        return front + text.prefix(room) + back
    }()

    private static func message(body: String) -> ByteBuffer {
        ByteBuffer(
            string: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private static func chunk(_ text: String) -> [UInt8] {
        Array("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n".utf8)
    }
}
