import Dialects
import Domain

extension Transcript {
    static let anthropic: [Transcript] = [
        Transcript(
            name: "Anthropic stream",
            body: Self.events(
                "event: message_start\n"
                    + #"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":1}}}"#,
                "event: content_block_start\n"
                    + #"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                "event: ping\ndata: {\"type\": \"ping\"}",
                "event: content_block_delta\n"
                    + #"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}",
                "event: content_block_start\n"
                    + #"data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"get","input":{}}}"#,
                "event: content_block_delta\n"
                    + #"data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
                "event: content_block_delta\n"
                    + #"data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
                "event: message_delta\n"
                    + #"data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}"#,
                "event: message_stop\ndata: {\"type\":\"message_stop\"}"), deltas: 3,
            usage: TokenUsage(input: 2125, output: 89, inputCached: 2000, inputCacheCreation: 100),
            finish: .toolCalls),
        Transcript(
            name: "Anthropic thinking, then overloaded",
            body: Self.events(
                #"data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
                #"data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let"}}"#,
                #"data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
                "event: error\n"
                    + #"data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
            ),
            deltas: 1, ends: false, fails: true),
        Transcript(
            name: "Anthropic body", framing: .document,
            body:
                #"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"max_tokens","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":4}}"#,
            usage: TokenUsage(input: 10, output: 4), finish: .length),
    ]

    static let ollama: [Transcript] = [
        Transcript(
            name: "Ollama chat stream", framing: .ndjson,
            body: Self.lines(
                #"{"model":"llama3.2","created_at":"2025-03-10T01:31:23.1Z","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}"#,
                #"{"model":"llama3.2","created_at":"2025-03-10T01:31:23.2Z","message":{"role":"assistant","content":"The"},"done":false}"#,
                #"{"model":"llama3.2","created_at":"2025-03-10T01:31:23.3Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get","arguments":{"a":1}}}]},"done":false}"#,
                #"{"model":"llama3.2","created_at":"2025-03-10T01:31:24Z","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":282,"eval_duration":4535599000}"#
            ), deltas: 3, usage: TokenUsage(input: 26, output: 282), finish: .stop),
        Transcript(
            name: "Ollama generate stream without a last line end", framing: .ndjson,
            body: #"{"model":"m","response":"The","done":false}"# + "\r\n\r\n"
                + #"{"model":"m","response":"","done":true,"done_reason":"length","context":[1,2,3],"eval_count":5}"#,
            deltas: 1, usage: TokenUsage(output: 5), finish: .length),
        Transcript(
            name: "Ollama error in the stream", framing: .ndjson,
            body: Self.lines(
                #"{"model":"m","message":{"role":"assistant","content":"A"},"done":false}"#,
                #"{"error":"an error was encountered while running the model"}"#), deltas: 1,
            ends: false,
            fails: true),
        Transcript(
            name: "Ollama chat body", framing: .document,
            body:
                #"{"model":"m","message":{"role":"assistant","content":"Hello"},"done_reason":"load","done":true,"prompt_eval_count":1,"eval_count":2}"#,
            usage: TokenUsage(input: 1, output: 2), finish: .other),
    ]

    /// What no well-behaved server sends, and what still must be seen in it.
    static let odd: [Transcript] = [
        Transcript(
            name: "data split over lines, CR line ends, no blank after the colon",
            body: "data:{\"choices\":[{\"delta\":\rdata:{\"content\":\"x\"}}]}\r\rdata:[DONE]\r\r",
            deltas: 1),
        Transcript(
            name: "blank lines, comments and a byte order mark",
            body:
                "\u{feff}\n\n: keep-alive\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n:\n\ndata:  [DONE] \n\n",
            deltas: 1),
        Transcript(
            name: "broken events between sound ones",
            body: Self.events(
                "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}", "data: hello",
                "data: {\"choices\":[{\"delta\":{\"content\":\"y\"}}]}", "data: {]",
                "data: [DONE"), deltas: 1, ends: false, malformed: 3),
        Transcript(
            name: "broken lines between sound ones", framing: .ndjson,
            body: Self.lines(
                "{\"response\":\"x\"", "{\"response\":\"y\"}", "nonsense", "[1]", "{\"done\":true}"),
            deltas: 1, malformed: 2),
        Transcript(
            name: "several pieces of content in one chunk are one delta",
            body: Self.events(
                #"data: {"choices":[{"index":0,"delta":{"reasoning":"a","content":"b"}},{"index":1,"delta":{"content":"c"}}]}"#
            ), deltas: 1, ends: false),
        Transcript(
            name: "names and values that only look right",
            body: Self.events(
                #"data: {"choices":[{"delta":{"Content":"x","content":null,"tool_calls":null,"role":"content"}}],"error":null,"done":"true","usage":{"prompt_tokens":"5","completion_tokens":-1}}"#,
                #"data: {"x":{"choices":[{"delta":{"content":"x"}}]},"error":"","type":"message_stopped"}"#
            ),
            ends: false),
        Transcript(
            name: "escaped names and words",
            body: Self.events(
                #"data: {"\u0063hoices":[{"delta":{"conten\u0074":"\u0000"},"finish_reason":"weird"}]}"#
            ),
            deltas: 1, finish: .other, ends: false),
        Transcript(
            name: "truncated body", framing: .document,
            body: #"{"usage":{"prompt_tokens":7},"choices":["#,
            usage: TokenUsage(input: 7), ends: false),
        Transcript(
            name: "truncated body that says it is done", framing: .document,
            body: #"{"done":true,"eval_count":3,"context":["#, usage: TokenUsage(output: 3), ends: false),
        Transcript(
            name: "body that is not JSON", framing: .document, body: "<html>", ends: false,
            malformed: 1),
        Transcript(name: "nothing", body: "", ends: false),
    ]
}
