import Dialects
import Testing

@Suite("What a conversation is recognised by")
struct ConversationTests {
    private static let json = Array("application/json".utf8)

    /// Feeds a body in two pieces and reads it after each.
    private func readings(
        _ body: String, cut: Int? = nil, _ read: (borrowing RequestScan, RawSpan, Bool) -> Conversation.Reading
    ) -> (early: Conversation.Reading, final: String?) {
        let bytes = Array(body.utf8)
        let cut = cut ?? bytes.count
        var scan = RequestScan(contentType: Self.json.span.bytes)
        scan.feed(bytes.span.bytes.extracting(0..<cut))
        let early = read(scan, bytes.span.bytes.extracting(0..<cut), false)
        scan.feed(bytes.span.bytes.extracting(cut..<bytes.count))
        scan.finish()
        guard case .found(let range) = read(scan, bytes.span.bytes, true) else { return (early, nil) }
        return (early, String(decoding: bytes[range], as: UTF8.self))
    }

    private func prefix(_ body: String, _ count: Int, cut: Int? = nil) -> (early: Conversation.Reading, final: String?)
    {
        self.readings(body, cut: cut) { Conversation.prefix($0, in: $1, count: count, isWhole: $2) }
    }

    private func opening(_ body: String, cut: Int? = nil) -> (early: Conversation.Reading, final: String?) {
        self.readings(body, cut: cut) { Conversation.opening($0, in: $1, isWhole: $2) }
    }

    @Test(
        "The prefix is the raw text of messages, wherever they stand, else of prompt",
        arguments: [
            (#"{"model":"m","messages":[{"role":"user"}]}"#, 0, #"[{"role":"user"}]"#),
            (#"{"model":"m","messages":[{"role":"user"}]}"#, 5, #"[{"ro"#),
            (#"{"tools":[1,2,{"a":[3]}],"messages": [ 1 ] ,"model":"m"}"#, 512, "[ 1 ]"),
            (#"{"messages":[],"prompt":"once"}"#, 512, #""once""#),
            (#"{"messages":[ ],"prompt":"once"}"#, 512, #""once""#),
            (#"{"prompt":"once","messages":null}"#, 4, #""onc"#),
            (#"{"prompt":"once","messages":["later"]}"#, 512, #"["later"]"#),
            (#"{"prompt":["a","b"]}"#, 0, #"["a","b"]"#),
            (#"{"model":"m"}"#, 512, nil),
        ] as [(String, Int, String?)])
    func prefixes(body: String, count: Int, expected: String?) {
        #expect(self.prefix(body, count).final == expected)
    }

    @Test("The prefix is complete as soon as its bytes are there, at every cut")
    func cuts() {
        let body = #"{"model":"m","messages":[{"role":"user","content":"a \"long\" text"}],"stream":true}"#
        let messages = #"[{"role":"user","content":"a \"long\" text"}],"stream":true}"#
        let start = Array(body.utf8).count - Array(messages.utf8).count
        let end = Array(body.utf8).count - Array(#","stream":true}"#.utf8).count
        for cut in 0...Array(body.utf8).count {
            let short = self.prefix(body, 8, cut: cut)
            #expect((short.early == .incomplete) == (cut < start + 8), "cut \(cut)")
            #expect(short.final == #"[{"role""#)
            let whole = self.prefix(body, 0, cut: cut)
            #expect((whole.early == .incomplete) == (cut < end), "cut \(cut)")
            let opening = self.opening(body, cut: cut)
            // The opening ends with the brace of the first message.
            #expect((opening.early == .incomplete) == (cut < end - 1), "cut \(cut)")
        }
    }

    @Test("All turns of a conversation have one opening, conversations with one system prompt have two")
    func turns() {
        let system = #"{"role":"system","content":"You are } a \"user\" ] pot"}"#
        let first = #"{"content":[{"type":"text","text":"boil"}],"role":"user"}"#
        let opening = "[\(system),\(first)"
        let laters = [
            "", #",{"role":"assistant","content":"ok"}"#, #",{"role":"user","content":"again"},{"role":"user"}"#,
        ]
        for later in laters {
            #expect(self.opening(#"{"model":"m","messages":["# + system + "," + first + later + "]}").final == opening)
        }
        let other = #"{"role":"user","content":"fry"}"#
        #expect(self.opening(#"{"messages":["# + system + "," + other + "]}").final == "[\(system),\(other)")
    }

    @Test("Without a user all messages are the opening; a role deeper down is none")
    func noUser() {
        let messages = #"[{"role":"system","content":{"role":"user"}},{"role":"assistant"}]"#
        #expect(self.opening(#"{"messages":"# + messages + "}").final == messages)
    }

    @Test("An opening is bounded, and so is a prompt")
    func bounds() {
        let long = String(repeating: "x", count: 10_000)
        let body = #"{"messages":[{"role":"user","content":""# + long + #""}]}"#
        #expect(self.opening(body).final?.utf8.count == Conversation.openingBytesMax)
        #expect(self.opening(body, cut: 6_000).early != .incomplete)
        let prompt = #"{"prompt":""# + long + #""}"#
        #expect(self.opening(prompt).final?.utf8.count == Conversation.promptBytesMax)
    }
}
