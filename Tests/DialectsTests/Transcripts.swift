import Dialects
import Domain
import Testing

/// An answer as servers send it, and what must be seen in it.
struct Transcript: Sendable, CustomTestStringConvertible {
    var name: String
    var framing: ResponseFraming = .sse
    var body: String
    var deltas = 0
    var usage = TokenUsage()
    var finish: FinishReason?
    var ends = true
    var fails = false
    var malformed = 0

    var testDescription: String { self.name }

    /// Whether what was seen is what stands in the transcript.
    func matches(_ sighting: Sighting) -> Bool {
        sighting.deltas == self.deltas && sighting.usage == self.usage && sighting.finish == self.finish
            && sighting.ends == self.ends && sighting.fails == self.fails
            && sighting.malformed == self.malformed && sighting.overlong == 0
    }
}

extension Transcript {
    static let all: [Transcript] =
        Self.openAI + Self.servers + Self.anthropic + Self.ollama + Self.odd + Self.repeating

    /// Puts lines together to events: a blank line after each.
    static func events(_ lines: String...) -> String { lines.map { $0 + "\n\n" }.joined() }

    /// Puts lines together.
    static func lines(_ lines: String...) -> String { lines.map { $0 + "\n" }.joined() }
}

extension Transcript {
    private static let head =
        #""id":"chatcmpl-B9MH","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-mini-2024-07-18","system_fingerprint":"fp_b705f0c291""#

    private static func chunk(_ choices: String, usage: String = "null") -> String {
        "data: {\(Self.head),\"choices\":[\(choices)],\"usage\":\(usage)}"
    }

    static let openAI: [Transcript] = [
        Transcript(
            name: "OpenAI chat stream",
            body: Self.events(
                Self.chunk(
                    #"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}"#
                ),
                Self.chunk(
                    #"{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}"#),
                Self.chunk(
                    #"{"index":0,"delta":{"content":"lo \"x\\\""},"logprobs":null,"finish_reason":null}"#
                ),
                Self.chunk(#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#),
                Self.chunk(
                    "",
                    usage:
                        #"{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0}}"#
                ),
                "data: [DONE]"),
            deltas: 2, usage: TokenUsage(input: 19, output: 10, inputCached: 4, outputReasoning: 2),
            finish: .stop),
        Transcript(
            name: "OpenAI tool calls",
            body: Self.events(
                #"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get","arguments":""}}]},"finish_reason":null}]}"#,
                #"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]},"finish_reason":null}]}"#,
                #"data: {"choices":[{"index":0,"delta":{"tool_calls":[]},"finish_reason":null}]}"#,
                #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
                "data: [DONE]"),
            deltas: 2, finish: .toolCalls),
        Transcript(
            name: "OpenAI text completion",
            body: Self.events(
                #"data: {"id":"cmpl-7","object":"text_completion","choices":[{"text":"This","index":0,"logprobs":null,"finish_reason":null}]}"#,
                #"data: {"id":"cmpl-7","object":"text_completion","choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
                "data: [DONE]"),
            deltas: 1, usage: TokenUsage(input: 3, output: 1), finish: .length),
        Transcript(
            name: "OpenAI responses",
            body: Self.events(
                "event: response.created\n"
                    + #"data: {"type":"response.created","response":{"id":"resp_6","status":"in_progress","error":null,"incomplete_details":null,"output":[],"usage":null},"sequence_number":0}"#,
                "event: response.output_item.added\n"
                    + #"data: {"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[]}}"#,
                "event: response.output_text.delta\n"
                    + #"data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"delta":"Hi"}"#,
                "event: response.output_text.done\n"
                    + #"data: {"type":"response.output_text.done","item_id":"msg_1","text":"Hi"}"#,
                "event: response.output_item.added\n"
                    + #"data: {"output_index":1,"item":{"type":"function_call","name":"get","arguments":""},"type":"response.output_item.added"}"#,
                "event: response.function_call_arguments.delta\n"
                    + #"data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","delta":"{"}"#,
                "event: response.output_item.done\n"
                    + #"data: {"type":"response.output_item.done","item":{"type":"function_call","arguments":"{}"}}"#,
                "event: response.completed\n"
                    + #"data: {"type":"response.completed","response":{"status":"completed","error":null,"incomplete_details":null,"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":5},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":48}}}"#
            ), deltas: 3,
            usage: TokenUsage(input: 37, output: 11, inputCached: 5, outputReasoning: 3),
            finish: .stop),
        Transcript(
            name: "OpenAI responses, cut short and failed",
            body: Self.events(
                #"data: {"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":1,"output_tokens":2}}}"#,
                #"data: {"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}"#
            ), usage: TokenUsage(input: 1, output: 2), finish: .length, fails: true),
        Transcript(
            name: "OpenAI chat body", framing: .document,
            body:
                #"{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"\"usage\":{\"prompt_tokens\":999}","refusal":null},"logprobs":null,"finish_reason":"content_filter"},{"index":1,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":0}}}"#
                + "\n",
            usage: TokenUsage(input: 9, output: 12, inputCached: 0), finish: .contentFilter),
        Transcript(
            name: "OpenAI responses body", framing: .document,
            body:
                #"{"id":"resp_1","object":"response","status":"completed","error":null,"incomplete_details":null,"output":[{"type":"message","status":"completed","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":0}}}"#,
            usage: TokenUsage(input: 3, output: 4, inputCached: 1, outputReasoning: 0),
            finish: .stop),
        Transcript(
            name: "embeddings body", framing: .document,
            body:
                #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0023,-1.5e-05,0,-0.0092]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
            usage: TokenUsage(input: 8)),
        Transcript(
            name: "error body", framing: .document,
            body:
                #"{"error":{"message":"nope","type":"invalid_request_error","param":null,"code":null}}"#,
            fails: true),
    ]

    static let servers: [Transcript] = [
        Transcript(
            name: "llama.cpp chat stream",
            body: Self.events(
                #"data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1741570283,"id":"chatcmpl-nZ8x","model":"smollm2","system_fingerprint":"b4882","object":"chat.completion.chunk"}"#,
                #"data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":" the"}}],"created":1741570283,"id":"chatcmpl-nZ8x","model":"smollm2","system_fingerprint":"b4882","object":"chat.completion.chunk"}"#,
                #"data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}],"created":1741570283,"id":"chatcmpl-nZ8x","model":"smollm2","object":"chat.completion.chunk","usage":{"completion_tokens":16,"prompt_tokens":31,"total_tokens":47},"timings":{"prompt_n":1,"prompt_ms":22.4,"predicted_n":99,"predicted_ms":210.0}}"#,
                "data: [DONE]"),
            deltas: 1, usage: TokenUsage(input: 31, output: 16), finish: .length),
        Transcript(
            name: "llama.cpp native completion",
            body: Self.events(
                #"data: {"index":0,"content":" sea","tokens":[1],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":7}"#,
                #"data: {"index":0,"content":"","tokens":[],"stop":true,"model":"m","tokens_predicted":2,"tokens_evaluated":7,"stop_type":"limit","stopping_word":"","timings":{"prompt_n":7}}"#
            ), deltas: 1, usage: TokenUsage(input: 7, output: 2), finish: .length),
        Transcript(
            name: "llama.cpp error line",
            body:
                "error: {\"code\":500,\"message\":\"context full\",\"type\":\"server_error\"}\n\n",
            ends: false,
            fails: true),
        Transcript(
            name: "vLLM reasoning with continuous usage",
            body: Self.events(
                #"data: {"id":"chatcmpl-9","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":12,"total_tokens":12,"completion_tokens":0}}"#,
                #"data: {"id":"chatcmpl-9","choices":[{"index":0,"delta":{"reasoning_content":"Hm"},"logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":{"prompt_tokens":12,"total_tokens":13,"completion_tokens":1}}"#,
                #"data: {"id":"chatcmpl-9","choices":[{"index":0,"delta":{"reasoning":"m"},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2}}"#,
                #"data: {"id":"chatcmpl-9","choices":[{"index":0,"delta":{"content":"A"},"logprobs":{"content":[{"token":"A","logprob":-0.1,"bytes":[65],"top_logprobs":[]}]},"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":12,"total_tokens":15,"completion_tokens":3}}"#,
                "data: [DONE]"), deltas: 3, usage: TokenUsage(input: 12, output: 3), finish: .stop),
        Transcript(
            name: "vLLM error in the stream",
            body: Self.events(
                #"data: {"choices":[{"index":0,"delta":{"content":"A"},"finish_reason":null}]}"#,
                #"data: {"error": {"message": "engine died", "type": "InternalServerError", "code": 500}}"#,
                "data: [DONE]"), deltas: 1, fails: true),
        Transcript(
            name: "LM Studio chat stream",
            body: Self.events(
                #"data: {"id":"chatcmpl-x","object":"chat.completion.chunk","model":"qwen","choices":[{"index":0,"delta":{"role":"assistant","content":"Sure"},"logprobs":null,"finish_reason":null}]}"#,
                #"data: {"id":"chatcmpl-x","object":"chat.completion.chunk","model":"qwen","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
                #"data: {"id":"chatcmpl-x","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},"stats":{"tokens_per_second":51.4,"stop_reason":"eosFound"}}"#,
                "data: [DONE]"), deltas: 1, usage: TokenUsage(input: 5, output: 1), finish: .stop),
        Transcript(
            name: "LM Studio native chat",
            body: Self.events(
                "event: chat.start\ndata: {\"type\":\"chat.start\",\"model_instance_id\":\"m\"}",
                "event: reasoning.delta\ndata: {\"type\":\"reasoning.delta\",\"content\":\"Hm\"}",
                "event: message.delta\ndata: {\"type\":\"message.delta\",\"content\":\"Hi\"}",
                "event: chat.end\n"
                    + #"data: {"type":"chat.end","result":{"output":[{"type":"message","content":"Hi"}],"stats":{"input_tokens":6,"total_output_tokens":4,"reasoning_output_tokens":2,"tokens_per_second":9.5}}}"#
            ), deltas: 2, usage: TokenUsage(input: 6, output: 4, outputReasoning: 2)),
        Transcript(
            name: "LM Studio error event",
            body: "event: error\ndata: {\"message\":\"model unloaded\"}\n\n", ends: false,
            fails: true),
    ]
}
