import Dialects
import Domain

/// Answers whose events repeat each other but for the text of the delta, as most of a stream does.
extension Transcript {
    /// Ways a text may stand in a document: short, long, escaped, beside a line end that is none.
    private static let texts = [
        "Hel", "lo", #"\n"#, #"say \"hi\" \\"#, " ", #"é"#, "ü日本",
        #"a text that is longer than sixteen bytes \/ and goes on"#, "]}", "{", "data: [DONE]",
    ]

    private static func chunk(
        _ delta: String, finish: String = "null", usage: String = "null"
    ) -> String {
        #"data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1741570283,"model":"m","choices":[{"index":0,"delta":{\#(delta)},"finish_reason":\#(finish)}],"usage":\#(usage)}"#
    }

    private static func texts(_ document: (String) -> String) -> [String] {
        Self.texts.map(document)
    }

    static let repeating: [Transcript] = [
        Transcript(
            name: "OpenAI deltas, an empty one and one with usage among them",
            body: (Self.texts { Self.chunk(#""content":"\#($0)""#) }
                + [Self.chunk(#""content":"""#), Self.chunk(#""content":"""#), ": ping"]
                + Self.texts { Self.chunk(#""content":"\#($0)""#) } + [
                    Self.chunk(#""content":"x""#, usage: #"{"prompt_tokens":3}"#),
                    Self.chunk(#""content":"y""#, usage: #"{"prompt_tokens":3}"#),
                    Self.chunk(#""content":"z""#, usage: #"{"prompt_tokens":4}"#),
                    Self.chunk(#""content":"w""#, usage: #"{"prompt_tokens":3}"#),
                    Self.chunk(#""content":"end""#, finish: #""stop""#), "data: [DONE]",
                ]).map { $0 + "\n\n" }.joined(),
            deltas: 2 * Self.texts.count + 5, usage: TokenUsage(input: 3), finish: .stop),
        Transcript(
            name: "OpenAI deltas with CRLF, CR and LF",
            body: (["\r\n\r\n", "\r\r", "\n\n", "\r\n\r\n"].map { end in
                Self.texts { Self.chunk(#""content":"\#($0)""#) + end }.joined()
            }).joined(),
            deltas: 4 * Self.texts.count, ends: false),
        Transcript(
            name: "OpenAI tool call arguments",
            body: Self.texts {
                Self.chunk(#""tool_calls":[{"index":0,"function":{"arguments":"\#($0)"}}]"#) + "\n\n"
            }.joined() + Self.chunk(#""tool_calls":[{"index":0,"function":{"arguments":""}}]"#)
                + "\n\n",
            deltas: Self.texts.count + 1, ends: false),
        Transcript(
            name: "OpenAI responses deltas, numbered",
            body: Self.texts.enumerated().map { number, text in
                "event: response.output_text.delta\n"
                    + #"data: {"type":"response.output_text.delta","sequence_number":\#(number + 5),"item_id":"m","delta":"\#(text)","obfuscation":"\#(number * 77)"}"#
                    + "\n\n"
            }.joined(),
            deltas: Self.texts.count, ends: false),
        Transcript(
            name: "Anthropic deltas, then an error of the same shape",
            body: Self.texts {
                "event: content_block_delta\n"
                    + #"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\#($0)"}}"#
                    + "\n\n"
            }.joined() + "event: error\ndata: {\"type\":\"error\",\"delta\":{\"text\":\"a\"}}\n\n",
            deltas: Self.texts.count + 1, ends: false, fails: true),
        Transcript(
            name: "Ollama deltas", framing: .ndjson,
            body: Self.texts.enumerated().map { number, text in
                #"{"model":"m","created_at":"2026-01-02T03:04:\#(number + 10).5Z","message":{"role":"assistant","content":"\#(text)"},"done":false}"#
                    + "\n"
            }.joined()
                + #"{"model":"m","created_at":"2026-01-02T03:05:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":11}"#
                + "\n",
            deltas: Self.texts.count, usage: TokenUsage(input: 9, output: 11), finish: .stop),
        Transcript(
            name: "two documents an event, and an event over two lines",
            body: Self.texts { text in
                let line = Self.chunk(#""content":"\#(text)""#)
                return "\(line)\n\(line)\n\ndata: {\"choices\":[{\"delta\":\ndata: {\"content\":\"\(text)\"}}]}\n\n"
            }.joined(),
            deltas: 2 * Self.texts.count, ends: false),
    ]
}
