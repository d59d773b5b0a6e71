import Domain
import Testing
import Translation

@Suite("A request of the Messages API")
struct MessagesRequestTests {
    private static func body(_ messages: String, _ more: String = "") -> String {
        #"{"model":"m","max_tokens":5,"messages":["# + messages + "]" + (more.isEmpty ? "" : "," + more) + "}"
    }

    private static func messages(_ messages: String, _ more: String = "") throws -> String {
        try Translating.chat(self.body(messages, more))?["messages"]?.description ?? "-"
    }

    @Test("becomes a chat request with the same settings")
    func settings() throws {
        let chat = try Translating.chat(
            #"{"model":" Qwen ","max_tokens":1e2,"temperature":0.70,"top_p":1,"top_k":40,"stop_sequences":["a","\n"],"#
                + #""metadata":{"user_id":"u"},"stream":true,"thinking":{"type":"enabled"},"unknown":[{}],"#
                + #""messages":[{"role":"user","content":"hi"}],"system":"be brief"}"#)
        #expect(
            chat
                == Plain(
                    json:
                        #"{"model":" Qwen ","max_tokens":100,"temperature":0.7,"top_p":1,"top_k":40,"stop":["a","\n"],"#
                        + #""user":"u","stream":true,"stream_options":{"include_usage":true},"messages":["#
                        + #"{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]}"#))
    }

    @Test("keeps numbers and texts as they are spelled")
    func spelling() throws {
        var request = MessagesRequest()
        let body = Array(
            Self.body(#"{"role":"user","content":"\u00e9\/\ud83d\ude00"}"#, #""temperature":0.1000000000000000000001"#)
                .utf8)
        try body.lent { bytes throws(RequestFault) in try request.read(bytes) }
        var output: [UInt8] = []
        try request.appendChatRequest(model: nil, to: &output)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains(#""temperature":0.1000000000000000000001"#))
        #expect(text.contains(#""content":"\u00e9\/\ud83d\ude00""#))
    }

    @Test("gets another name for the model where it is an alias")
    func alias() throws {
        let chat = try Translating.chat(Self.body(#"{"role":"user","content":"x"}"#), model: "real\"one")
        #expect(chat?["model"] == .text("real\"one"))
    }

    @Test(
        "has its messages mapped one by one",
        arguments: [
            (#"{"role":"user","content":"hi"}"#, #"[{"content":"hi","role":"user"}]"#),
            (#"{"role":"user","content":""},{"role":"user","content":[]}"#, "[]"),
            (
                #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
                #"[{"content":"ab","role":"user"}]"#
            ),
            (#"{"role":"user","content":{"type":"text","text":"a"}}"#, #"[{"content":"a","role":"user"}]"#),
            (
                #"{"role":"user","content":[{"type":"text","text":"see"},{"type":"image","source":{"type":"base64","#
                    + #""media_type":"image/png","data":"QUJD"}},{"type":"image","source":{"type":"url","url":"http://x/y"}}]}"#,
                #"[{"content":[{"text":"see","type":"text"},{"image_url":{"url":"data:image/png;base64,QUJD"},"type":"image_url"},"#
                    + #"{"image_url":{"url":"http://x/y"},"type":"image_url"}],"role":"user"}]"#
            ),
            (
                #"{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"a"},"#
                    + #"{"type":"redacted_thinking","data":"x"},{"type":"text","text":"b"}]}"#,
                #"[{"content":"ab","role":"assistant"}]"#
            ),
            (#"{"role":"assistant","content":[{"type":"thinking","thinking":"t"}]}"#, "[]"),
            (
                #"{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{"a" : "q\"\\"}},"#
                    + #"{"type":"tool_use","id":"c2","name":"g"},{"type":"tool_use","name":"lost"},{"type":"tool_use","id":"c3"}]}"#,
                #"[{"content":null,"role":"assistant","tool_calls":["#
                    + #"{"function":{"arguments":"{\"a\":\"q\\\"\\\\\"}","name":"f"},"id":"c1","type":"function"},"#
                    + #"{"function":{"arguments":"{}","name":"g"},"id":"c2","type":"function"}]}]"#
            ),
            (
                #"{"role":"assistant","content":[{"type":"text","text":"now"},{"type":"tool_use","id":"c","name":"f","input":{}}]}"#,
                #"[{"content":"now","role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"f"},"id":"c","type":"function"}]}]"#
            ),
            (
                #"{"role":"user","content":[{"type":"text","text":"so"},{"type":"tool_result","tool_use_id":"c","content":"42"},"#
                    + #"{"type":"tool_result","tool_use_id":"d","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#,
                #"[{"content":"42","role":"tool","tool_call_id":"c"},{"content":"ab","role":"tool","tool_call_id":"d"},"#
                    + #"{"content":"so","role":"user"}]"#
            ),
            (
                #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","is_error":true,"content":"no file"},"#
                    + #"{"type":"tool_result","tool_use_id":"d","is_error":true,"content":"\u0045RROR 5"},{"type":"tool_result","tool_use_id":"e"}]}"#,
                #"[{"content":"Error: no file","role":"tool","tool_call_id":"c"},{"content":"ERROR 5","role":"tool","tool_call_id":"d"},"#
                    + #"{"content":"","role":"tool","tool_call_id":"e"}]"#
            ),
            (
                #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"shot"},"#
                    + #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QQ"}}]}]}"#,
                #"[{"content":"shot","role":"tool","tool_call_id":"c"},"#
                    + #"{"content":[{"image_url":{"url":"data:image/png;base64,QQ"},"type":"image_url"}],"role":"user"}]"#
            ),
            (
                #"{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"doc"}},"#
                    + #"{"type":"text","text":"?"}]}"#, #"[{"content":"doc?","role":"user"}]"#
            ),
        ])
    func messages(input: String, output: String) throws { #expect(try Self.messages(input) == output) }

    @Test("has its system blocks joined")
    func system() throws {
        let one = #"{"role":"user","content":"x"}"#
        let blocks =
            #""system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}]"#
        #expect(
            try Self.messages(one, blocks)
                == #"[{"content":"ab","role":"system"},{"content":"x","role":"user"}]"#)
        #expect(try Self.messages(one, #""system":"""#) == #"[{"content":"x","role":"user"}]"#)
    }

    @Test("has its tools mapped")
    func tools() throws {
        let tools =
            #""tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}},"#
            + #"{"type":"web_search_20250305","name":"web_search"},{"name":"g","description":"","input_schema":null}]"#
        let chat = try Translating.chat(Self.body(#"{"role":"user","content":"x"}"#, tools))
        #expect(
            chat?["tools"]
                == Plain(
                    json:
                        #"[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}},"#
                        + #"{"type":"function","function":{"name":"web_search","parameters":{"type":"object","properties":{}}}},"#
                        + #"{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}]"#
                ))
        #expect(chat?["tool_choice"] == nil)
    }

    @Test(
        "has its choice of tools mapped",
        arguments: [
            (#""auto""#, #""auto""#, false), (#"{"type":"auto"}"#, #""auto""#, false),
            (#"{"type":"any","disable_parallel_tool_use":true}"#, #""required""#, true),
            (#"{"type":"none"}"#, #""none""#, false), (#""any""#, #""required""#, false),
            (#"{"type":"tool","name":"f"}"#, #"{"function":{"name":"f"},"type":"function"}"#, false),
            (#"{"type":"later"}"#, #""auto""#, false),
        ])
    func choice(choice: String, expected: String, isSingle: Bool) throws {
        let tools = #""tools":[{"name":"f"}],"tool_choice":"# + choice
        let chat = try Translating.chat(Self.body(#"{"role":"user","content":"x"}"#, tools))
        #expect(chat?["tool_choice"]?.description == expected)
        #expect(chat?["parallel_tool_calls"] == (isSingle ? .bool(false) : nil))
        let none = try Translating.chat(Self.body(#"{"role":"user","content":"x"}"#, #""tool_choice":"# + choice))
        #expect(none?["tool_choice"] == nil)
    }

    @Test(
        "is refused with the field, the rule and what was found",
        arguments: [
            ("", "the body is empty"), ("[]", "model is required"), ("{\"a\":}", "invalid JSON at byte 5"),
            ("{}", "model is required"), (#"{"model":5}"#, "model must be a string, found a number"),
            (#"{"model":"  "}"#, "model must not be empty"),
            (#"{"model":"m"}"#, "messages must be a list, found nothing"),
            (#"{"model":"m","messages":[]}"#, "at least one message"),
            (#"{"model":"m","messages":[{}]}"#, "max_tokens is required"),
            (
                #"{"model":"m","messages":[{}],"max_tokens":0}"#,
                "max_tokens must be a whole number of at least 1, found 0"
            ),
            (#"{"model":"m","messages":[{}],"max_tokens":1.5}"#, "found 1.5"),
            (#"{"model":"m","messages":[{}],"max_tokens":"9"}"#, "found a string"),
            (
                #"{"model":"m","messages":[{}],"max_tokens":1,"temperature":2.1}"#,
                "temperature must be a number from 0 to 2"
            ),
            (#"{"model":"m","messages":[{}],"max_tokens":1,"top_p":-0.1}"#, "top_p must be a number from 0 to 1"),
            (#"{"model":"m","messages":[{}],"max_tokens":1,"top_k":-1}"#, "top_k must be a whole number"),
            (Self.body(#"{"role":"user"}"#), "messages[0].content must be a string or a list of blocks, found nothing"),
            (Self.body(#"{"role":"user","content":7}"#), "messages[0].content must be a string"),
            (Self.body(#"{"role":"robot","content":"x"}"#), "messages[0].role must be"),
            (Self.body(#"{"role":"user","content":["x"]}"#), "messages[0].content[0] must be an object"),
            (
                Self.body(#"{"role":"user","content":[{"type":"tool_result"}]}"#),
                "messages[0].content[0].tool_use_id is required"
            ),
            (
                Self.body(#"{"role":"user","content":[{"type":"image","source":{"type":"file"}}]}"#),
                "messages[0].content[0].source must be"
            ),
            (
                Self.body(#"{"role":"user","content":[{"type":"document","source":{"type":"base64"}}]}"#),
                "messages[0].content[0] is a document that is not text"
            ),
            (
                Self.body(#"{"role":"user","content":"x"}"#, #""tools":[{"description":"d"}]"#),
                "tools[0].name is required"
            ),
            (
                Self.body(#"{"role":"user","content":"x"}"#, #""tools":[{"name":"f"}],"tool_choice":{"type":"tool"}"#),
                "tool_choice.name is required"
            ),
        ])
    func refusals(body: String, part: String) {
        let refusal = Translating.refusal(body)
        #expect(refusal?.contains(part) == true, "\(refusal ?? "accepted")")
    }

    @Test("tells what a server must be able to do")
    func needs() throws {
        func needs(_ body: String) throws -> MessageNeeds {
            var request = MessagesRequest()
            try Array(body.utf8).lent { bytes throws(RequestFault) in try request.read(bytes) }
            return request.needs
        }
        let plain = #"{"role":"user","content":"x"}"#
        #expect(try needs(Self.body(plain, #""tools":[]"#)) == [])
        #expect(try needs(Self.body(plain, #""tools":[{"name":"f"}],"thinking":null"#)) == [.tools, .thinking])
        let image = #"{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}"#
        #expect(try needs(Self.body(plain + "," + image)) == [.images])
    }

    @Test(
        "is counted by its text",
        arguments: [
            ("{}", 1), (#"{"system":"12345678"}"#, 2), (#"{"messages":[{"role":"user","content":"1234567"}]}"#, 1),
            (#"{"system":"\u00e9\u00e9\u00e9\u00e9"}"#, 2),
            (
                #"{"system":[{"type":"text","text":"1234"}],"messages":[{"content":[{"type":"text","text":"5678"},{"type":"image"}]}]}"#,
                2
            ),
            (#"{"messages":[{"content":[{"type":"tool_use","name":"abcd","input":{"a" : [1, 2]}}]}]}"#, 3),
            (#"{"messages":[{"content":[{"type":"tool_result","content":[{"type":"text","text":"12345678"}]}]}]}"#, 2),
            (#"{"tools":[{"name":"abcd","description":"efgh","input_schema":{ }}]}"#, 2),
        ])
    func counting(body: String, tokens: Int) throws {
        var request = MessagesRequest()
        try Array(body.utf8).lent { bytes throws(RequestFault) in try request.readForCounting(bytes) }
        #expect(request.inputTokens == tokens)
    }

    @Test("names where its model stands, for another name to be put there")
    func modelRange() throws {
        let body = #"{"messages":[{"model":"no"}],"max_tokens":1,"model" : "a\u0062 "}"#
        var request = MessagesRequest()
        try Array(body.utf8).lent { bytes throws(RequestFault) in try request.read(bytes) }
        #expect(String(decoding: request.modelName, as: UTF8.self) == "ab")
        #expect(String(decoding: Array(body.utf8)[request.modelRange], as: UTF8.self) == #""a\u0062 ""#)
    }
}
