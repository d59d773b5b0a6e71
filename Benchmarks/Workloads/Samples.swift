/// The traffic that is measured: the POST of Benchmarks/load and an event of a chat stream.
public enum Samples {
    /// The model all samples name.
    public static let model = "bench"

    /// A chat request of 250 bytes.
    public static let requestBody: [UInt8] = {
        let text =
            #"{"model":"bench","messages":[{"role":"system","content":"You are a terse assistant that answers "#
            + #"in one line."},{"role":"user","content":"Boil a glass pot, please, and tell me what you see"}],"#
            + #""temperature":0.7,"max_tokens":64,"stream":false}"#
        return Self.padded(text, to: 250)
    }()

    /// Its answer, 330 bytes.
    public static let replyBody: [UInt8] = {
        let text =
            #"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":"#
            + #"[{"index":0,"message":{"role":"assistant","content":"Small bubbles at first, then a rolling boil."},"#
            + #""finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":12,"total_tokens":43}}"#
        return Self.padded(text, to: 330)
    }()

    /// A head as an SDK sends it, with a request target and a `Content-Length`.
    public static func requestHead(path: String, length: Int) -> [UInt8] {
        Array(
            ("POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:40114\r\nContent-Type: application/json\r\n"
                + "Accept: application/json\r\nUser-Agent: glasspot-bench/1\r\nAuthorization: Bearer none\r\n"
                + "Content-Length: \(length)\r\n\r\n").utf8)
    }

    /// The head and body of the answer as a backend sends them.
    public static let reply: [UInt8] =
        Array(
            ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
                + "Content-Length: \(Self.replyBody.count)\r\n\r\n").utf8) + Self.replyBody

    /// A Server-Sent Event of 200 bytes with one token.
    public static let event = Self.event(text: " bubbles")

    static func event(text: String, id: String = "1") -> [UInt8] {
        let head =
            #"data: {"id":"chatcmpl-\#(id)","object":"chat.completion.chunk","created":1700000000,"model":"bench","#
        let tail = #""choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":null}]}"#
        let padding = max(0, 200 - head.utf8.count - tail.utf8.count - 2)
        return Array((head + String(repeating: " ", count: padding) + tail + "\n\n").utf8)
    }

    /// The end of a stream.
    public static let lastEvent = Array("data: [DONE]\n\n".utf8)

    /// A chunk of chunked coding (RFC 9112 section 7.1).
    public static func chunk(_ content: [UInt8]) -> [UInt8] {
        Array((String(content.count, radix: 16) + "\r\n").utf8) + content + Array("\r\n".utf8)
    }

    /// A JSON object made longer by blanks before its last brace.
    private static func padded(_ text: String, to count: Int) -> [UInt8] {
        Array((text.dropLast() + String(repeating: " ", count: max(0, count - text.utf8.count)) + "}").utf8)
    }
}
