import Foundation
import SeededRandomness
import Testing
import Translation

@Suite("A stream of chunks")
struct MessageStreamTests {
    private static func chunk(_ delta: String, _ finish: String = "null", _ more: String = "") -> String {
        #"data: {"id":"x","choices":[{"index":0,"delta":"# + delta + #","finish_reason":"# + finish + more + "}]}\n\n"
    }

    private static let usage = #"data: {"choices":[],"usage":{"prompt_tokens":21,"completion_tokens":3}}"# + "\n\n"
    private static let done = "data: [DONE]\n\n"

    private static func call(_ index: Int, _ arguments: String, id: String? = nil, name: String? = nil) -> String {
        let named = name.map { #""name":"\#($0)","# } ?? ""
        let ident = id.map { #""id":"\#($0)","# } ?? ""
        return self.chunk(
            #"{"tool_calls":[{"index":\#(index),\#(ident)"function":{\#(named)"arguments":"\#(arguments)"}}]}"#)
    }

    @Test("becomes a stream of events")
    func text() {
        let events = Translating.stream(
            Self.chunk(#"{"role":"assistant","content":""}"#) + Self.chunk(#"{"content":"Grü"}"#)
                + Self.chunk(#"{"content":"ezi\n"}"#) + Self.chunk("{}", #""stop""#) + Self.usage + Self.done)
        #expect(events.breaches == [])
        #expect(
            events.names == [
                "message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta",
                "content_block_stop", "message_delta", "message_stop",
            ])
        let start = events.events[0].data["message"]
        #expect(start?["model"] == .text("m"))
        #expect(start?["content"] == .list([]))
        #expect(
            start?["usage"]
                == Plain(
                    json:
                        #"{"input_tokens":7,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}"#
                ))
        #expect(events.blocks == [Plain(json: #"{"type":"text","text":"Grüezi\n"}"#)])
        #expect(
            events.end
                == Plain(
                    json:
                        #"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"#
                        + #""usage":{"input_tokens":21,"output_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}"#
                ))
    }

    @Test("is spelled byte for byte as its documents say")
    func bytes() {
        let bytes = Translating.stream([Array((Self.chunk(#"{"content":"a\u00e9"}"#) + Self.done).utf8)])
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text.hasSuffix(
                """
                event: ping
                data: {"type":"ping"}

                event: content_block_start
                data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

                event: content_block_delta
                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\\u00e9"}}

                event: content_block_stop
                data: {"type":"content_block_stop","index":0}

                event: message_delta
                data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},\
                "usage":{"input_tokens":7,"output_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}

                event: message_stop
                data: {"type":"message_stop"}


                """))
    }

    @Test("may carry thinking, text and calls in one chunk")
    func kinds() {
        let events = Translating.stream(
            Self.chunk(
                #"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}],"content":"t","reasoning":"r"}"#,
                #""tool_calls""#) + Self.done)
        #expect(events.breaches == [])
        #expect(
            events.blocks == [
                Plain(json: #"{"type":"thinking","thinking":"r"}"#), Plain(json: #"{"type":"text","text":"t"}"#),
                Plain(json: #"{"type":"tool_use","id":"c","name":"f","input":{}}"#),
            ])
        #expect(events.end?["delta"]?["stop_reason"] == .text("tool_use"))
    }

    @Test("without anything in it is one empty text")
    func empty() {
        let events = Translating.stream(Self.chunk("{}", #""stop""#) + Self.done)
        #expect(events.blocks == [Plain(json: #"{"type":"text","text":""}"#)])
        #expect(events.end?["usage"]?["output_tokens"] == .number(0))
    }

    @Test("with a call whose arguments come in pieces keeps every piece")
    func pieces() {
        let events = Translating.stream(
            Self.call(0, "", id: "c", name: "f") + Self.call(0, #"{\"a\":"#) + Self.call(0, #"\"ü}\"}"#) + Self.done)
        #expect(events.blocks == [Plain(json: #"{"type":"tool_use","id":"c","name":"f","input":{"a":"ü}"}}"#)])
        #expect(events.names.count { $0 == "content_block_delta" } == 2)
        #expect(events.end?["delta"]?["stop_reason"] == .text("tool_use"))
    }

    @Test("with calls one after the other opens each as soon as the one before is complete")
    func sequential() {
        let events = Translating.stream(
            Self.call(0, #"{\"a\":1}"#, id: "c", name: "f") + Self.call(1, "{", id: "d", name: "g") + Self.call(1, "}")
                + Self.done)
        #expect(events.breaches == [])
        // The first is closed and the second open before its arguments are complete.
        let names = events.names
        #expect(names.count { $0 == "content_block_delta" } == 3)
        #expect(events.blocks.map { $0["id"] } == [.text("c"), .text("d")])
    }

    @Test("with calls that take turns puts each into one block")
    func interleaved() {
        let events = Translating.stream(
            Self.call(0, #"{\"a\""#, id: "c", name: "f") + Self.call(1, #"{\"b\""#, id: "d", name: "g")
                + Self.call(0, ":1}") + Self.call(1, ":2}") + Self.call(2, "{}", id: "e", name: "h") + Self.done)
        #expect(events.breaches == [])
        #expect(
            events.blocks == [
                Plain(json: #"{"type":"tool_use","id":"c","name":"f","input":{"a":1}}"#),
                Plain(json: #"{"type":"tool_use","id":"d","name":"g","input":{"b":2}}"#),
                Plain(json: #"{"type":"tool_use","id":"e","name":"h","input":{}}"#),
            ])
    }

    @Test("with arguments before the name holds them until it is known")
    func lateName() {
        let events = Translating.stream(
            Self.call(0, "{") + Self.call(0, "", id: "c") + Self.call(0, "}", name: "f") + Self.done)
        #expect(events.blocks == [Plain(json: #"{"type":"tool_use","id":"c","name":"f","input":{}}"#)])
        #expect(events.names.count { $0 == "content_block_delta" } == 1)
    }

    @Test("with calls that share an index and differ by id keeps them apart")
    func sharedIndex() {
        let events = Translating.stream(
            Self.call(0, "{}", id: "c", name: "f") + Self.call(0, "{}", id: "d", name: "f")
                + Self.call(0, "", id: "d", name: "f") + Self.done)
        #expect(events.blocks.map { $0["id"] } == [.text("c"), .text("d")])
    }

    @Test("with a call without an id gives it one")
    func missingID() {
        let events = Translating.stream(Self.call(0, #"{\"a\":1}"#, name: "f") + Self.done)
        #expect(events.blocks.first?["id"]?.text?.hasPrefix("toolu_01") == true)
        #expect(events.blocks.first?["input"] == Plain(json: #"{"a":1}"#))
    }

    @Test("that goes on with a call it had closed ends with an error")
    func closedCall() {
        let events = Translating.stream(
            Self.call(0, "{", id: "c", name: "f") + Self.chunk(#"{"content":"so"}"#) + Self.call(0, "}") + Self.done)
        #expect(events.names.last == "error")
        #expect(events.names.contains("message_stop") == false)
        #expect(events.last?["error"]?["message"]?.text?.contains("already complete") == true)
    }

    @Test(
        "that reports an error ends with it",
        arguments: [
            (#"data: {"error":{"message":"out of memory","code":500}}"# + "\n\n", "out of memory"),
            (#"data: {"error":"boom"}"# + "\n\n", "boom"), ("error: {\"message\":\"slot\"}\n\n", "slot"),
            (#"data: {"object":"error","message":"too long"}"# + "\n\n", "too long"),
            ("event: error\ndata: {\"detail\":\"gone\"}\n\n", "gone"),
        ])
    func errors(text: String, message: String) {
        let events = Translating.stream(Self.chunk(#"{"content":"a"}"#) + text + Self.chunk(#"{"content":"b"}"#))
        #expect(events.breaches == [])
        #expect(events.last == Plain(json: #"{"type":"error","error":{"type":"api_error","message":"\#(message)"}}"#))
        #expect(events.names.count { $0 == "content_block_delta" } == 1)
    }

    @Test("that ends early is not taken for complete")
    func early() {
        let begun = Self.chunk(#"{"content":"a"}"#)
        #expect(Translating.stream(begun, isWhole: false).names.last == "error")
        #expect(Translating.stream("", isWhole: true).names.last == "error")
        #expect(Translating.stream(Self.done, isWhole: true).names.last == "error")
        // Without the mark of the end, but with its reason, nothing is missing.
        #expect(Translating.stream(begun + Self.chunk("{}", #""length""#), isWhole: false).names.last == "message_stop")
        #expect(Translating.stream(begun, isWhole: true).names.last == "message_stop")
    }

    @Test(
        "is read however its lines are written",
        arguments: [
            "data:{C}\n\ndata:[DONE]\n\n", "data: {C}\r\n\r\ndata: [DONE]\r\n\r\n", "data: {C}\ndata: [DONE]\n",
            ": hello\n\nid: 1\nevent: message\ndata: {C}\n\ndata:  [DONE] \n\n", "\u{FEFF}data: {C}\n\n",
            "data: garbage\n\ndata: {C}\n\n", "data: \ndata: {C}\n\n", "data: {C}",
        ])
    func lines(form: String) {
        let chunk = #"{"choices":[{"delta":{"content":"ok"}}]}"#
        let events = Translating.stream(form.replacingOccurrences(of: "{C}", with: chunk))
        #expect(events.breaches == [])
        #expect(events.blocks == [Plain(json: #"{"type":"text","text":"ok"}"#)])
        #expect(events.names.last == "message_stop")
    }

    @Test("may spread a chunk over lines")
    func manyLines() {
        let events = Translating.stream("data: {\"choices\":\ndata: [{\"delta\":\ndata: {\"content\":\"ok\"}}]}\n\n")
        #expect(events.blocks == [Plain(json: #"{"type":"text","text":"ok"}"#)])
    }

    @Test("tells what it could not read")
    func unreadable() {
        var stream = MessageStream()
        var output: [UInt8] = []
        stream.begin(id: MessageID(high: 0, low: 0), model: [], inputTokens: 0, into: &output)
        let text = "data: \(String(repeating: "x", count: 90))\n\ndata: 5\n\n"
        Array(text.utf8).lent { stream.feed($0, into: &output) }
        #expect(stream.unreadableChunks == 2)
        #expect(stream.unreadableText.count == 60)
    }

    @Test("with a character cut in two loses nothing else")
    func brokenEncoding() {
        var bytes = Array(#"data: {"choices":[{"delta":{"content":"a"#.utf8)
        bytes += [0xC3]
        bytes += Array(#"b"}}]}"#.utf8) + Array("\n\n".utf8)
        #expect(Events(Translating.stream([bytes])).blocks == [Plain(json: #"{"type":"text","text":"a\#u{FFFD}b"}"#)])
    }

    @Test("estimates tokens where none are reported")
    func estimate() {
        let events = Translating.stream(Self.chunk(#"{"content":"12345678901234567890"}"#) + Self.done)
        #expect(events.end?["usage"]?["output_tokens"] == .number(5))
        #expect(events.end?["usage"]?["input_tokens"] == .number(7))
    }

    @Test("has limits that end it with a message")
    func limits() {
        let long = String(repeating: "x", count: MessageStream.chunkBytesMax + 10)
        #expect(Translating.stream("data: \(long)\n\n").last?["error"]?["message"]?.text?.contains("more than") == true)
        var many = ""
        for index in 0...MessageStream.callsMax { many += Self.call(index, "{}", id: "c\(index)", name: "f") }
        let events = Translating.stream(many + Self.done)
        #expect(events.names.last == "error")
        let held = String(repeating: "y", count: 1 << 20)
        var waiting = Self.call(0, "{", id: "a", name: "f") + Self.call(1, "", id: "b", name: "g")
        for _ in 0..<5 { waiting += Self.call(1, held) }
        #expect(Translating.stream(waiting).last?["error"]?["message"]?.text?.contains("out of order") == true)
    }

    /// Reads the same wherever it is cut.
    @Test("does not care where it is cut")
    func cuts() {
        let text =
            Self.chunk(#"{"reasoning":"hmé"}"#) + Self.chunk(#"{"content":"a\"\u00e9"}"#)
            + Self.call(0, #"{\"a\""#, id: "c", name: "f") + Self.call(1, "{}", id: "d", name: "g")
            + Self.call(0, ":1}")
            + "data: nonsense\r\n\r\n" + Self.chunk("{}", #""stop""#) + Self.usage + Self.done
        let bytes = Array(text.utf8)
        let whole = Translating.stream([bytes])
        #expect(Events(whole).breaches == [])
        for cut in Cuts.all(bytes) where Translating.stream(cut) != whole {
            Issue.record("differs when cut after \(cut.first?.count ?? 0)")
        }
    }
}
