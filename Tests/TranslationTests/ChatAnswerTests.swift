import Testing
import Translation

@Suite("A whole chat completion")
struct ChatAnswerTests {
    private static func choice(_ message: String, _ finish: String = #""stop""#, _ more: String = "") -> String {
        #"{"model":"q","choices":[{"index":0,"message":"# + message + #","finish_reason":"# + finish + more + "}],"
            + #""usage":{"prompt_tokens":11,"completion_tokens":4}}"#
    }

    @Test("becomes a message")
    func message() throws {
        let message = try Translating.message(Self.choice(#"{"role":"assistant","content":"Grüezi \u00e9"}"#))
        #expect(
            message
                == Plain(
                    json:
                        #"{"id":"\#(message?["id"]?.text ?? "")","type":"message","role":"assistant","model":"q","#
                        + #""content":[{"type":"text","text":"Grüezi é"}],"stop_reason":"end_turn","stop_sequence":null,"#
                        + #""usage":{"input_tokens":11,"output_tokens":4}}"#))
        let id = try #require(message?["id"]?.text)
        #expect(id.wholeMatch(of: #/msg_01[1-9A-HJ-NP-Za-km-z]{16,22}/#) != nil)
    }

    @Test("without content is one empty text")
    func nothing() throws {
        let message = try Translating.message(#"{"choices":[{"message":{"content":null}}]}"#)
        #expect(message?["content"] == Plain(json: #"[{"type":"text","text":""}]"#))
        #expect(message?["model"] == .text("unknown"))
        #expect(message?["usage"] == Plain(json: #"{"input_tokens":0,"output_tokens":0}"#))
    }

    @Test("keeps thinking, text and calls in this order")
    func blocks() throws {
        let message = try Translating.message(
            Self.choice(
                #"{"reasoning_content":"hm","content":"so","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{\"a\": 1.50}"}},"#
                    + #"{"id":"c2","function":{"name":"g","arguments":""}},{"function":{"name":"h","arguments":"broken"}},"#
                    + #"{"id":"c4","function":{"name":"i","arguments":{"b":2}}}]}"#))
        let content = try #require(message?["content"]?.list)
        #expect(content.count == 6)
        #expect(content[0] == Plain(json: #"{"type":"thinking","thinking":"hm"}"#))
        #expect(content[1] == Plain(json: #"{"type":"text","text":"so"}"#))
        #expect(content[2] == Plain(json: #"{"type":"tool_use","id":"c1","name":"f","input":{"a":1.5}}"#))
        #expect(content[3] == Plain(json: #"{"type":"tool_use","id":"c2","name":"g","input":{}}"#))
        #expect(content[4]["input"] == .object([:]))
        #expect(content[4]["id"]?.text?.hasPrefix("toolu_01") == true)
        #expect(content[5]["input"] == Plain(json: #"{"b":2}"#))
        #expect(message?["stop_reason"] == .text("tool_use"))
    }

    @Test("tells how many calls had arguments that nobody can read")
    func brokenCalls() throws {
        var answer = ChatAnswer()
        var output: [UInt8] = []
        let body = Self.choice(
            #"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"[1]"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#
        )
        try Array(body.utf8).lent { bytes throws(ChatAnswer.Fault) in
            try answer.appendMessage(bytes, id: MessageID(high: 0, low: 0), to: &output)
        }
        #expect(answer.brokenCalls == 1)
    }

    @Test("of the old form holds its call too")
    func functionCall() throws {
        let message = try Translating.message(
            Self.choice(#"{"content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}}"#, #""function_call""#))
        #expect(message?["content"]?[0]?["input"] == Plain(json: #"{"a":1}"#))
        #expect(message?["stop_reason"] == .text("tool_use"))
    }

    @Test(
        "has its reason to stop mapped",
        arguments: [
            (#""stop""#, "", "end_turn", "null"), (#""length""#, "", "max_tokens", "null"),
            (#""tool_calls""#, "", "tool_use", "null"), (#""function_call""#, "", "tool_use", "null"),
            (#""content_filter""#, "", "refusal", "null"), (#""new""#, "", "end_turn", "null"),
            ("null", "", "end_turn", "null"),
            (#""stop""#, #","stop_reason":"END""#, "stop_sequence", #""END""#),
            (#""stop""#, #","stop_reason":151645"#, "end_turn", "null"),
        ])
    func reasons(finish: String, more: String, reason: String, stop: String) throws {
        let message = try Translating.message(Self.choice(#"{"content":"x"}"#, finish, more))
        #expect(message?["stop_reason"] == .text(reason))
        #expect(message?["stop_sequence"]?.description == stop)
    }

    @Test("tells tokens read from a cache")
    func cached() throws {
        let message = try Translating.message(
            #"{"choices":[{"message":{}}],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":5}}}"#
        )
        #expect(message?["usage"] == Plain(json: #"{"input_tokens":9,"output_tokens":1,"cache_read_input_tokens":5}"#))
    }

    @Test(
        "that is none is refused",
        arguments: [
            ("", "not"), ("<html>", "invalid JSON"), ("{}", "no choices"), (#"{"choices":[]}"#, "no choices"),
            (#"{"error":{"message":"out of memory"}}"#, "out of memory"),
        ])
    func unusable(body: String, part: String) {
        let fault = #expect(throws: ChatAnswer.Fault.self) { try Translating.message(body) }
        #expect(fault?.message.isEmpty == false)
        if !body.isEmpty { #expect(fault?.message.contains(part) == true) }
    }

    @Test(
        "that is an error gives its own words",
        arguments: [
            (#"{"error":{"message":"m","type":"t"}}"#, "m"), (#"{"error":"s"}"#, "s"), (#"{"message":"v"}"#, "v"),
            (#"{"detail":"d"}"#, "d"), (#"{"error":{}}"#, "Backend error"), ("oops", "Backend error"),
            ("", "Backend error"),
        ])
    func errors(body: String, message: String) {
        #expect(Array(body.utf8).lent { AnthropicError.message(inBackendError: $0) } == message)
    }

    @Test(
        "and every status has its type",
        arguments: [
            (400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
            (404, "not_found_error"), (405, "api_error"), (408, "timeout_error"), (409, "api_error"),
            (413, "request_too_large"), (422, "api_error"), (426, "api_error"), (429, "rate_limit_error"),
            (431, "api_error"), (500, "api_error"), (502, "api_error"), (503, "api_error"), (504, "timeout_error"),
            (529, "api_error"),
        ])
    func types(status: Int, type: String) {
        var output: [UInt8] = []
        AnthropicError.append(status: status, message: "a\"b", requestID: "r-1", to: &output)
        #expect(
            Plain(output)
                == Plain(json: #"{"type":"error","error":{"type":"\#(type)","message":"a\"b"},"request_id":"r-1"}"#))
    }
}
