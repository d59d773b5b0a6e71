import ByteScan
import SeededRandomness
import Testing

@Suite struct JSONFieldScannerTests {
    static let pattern = JSONFieldPattern([
        .init("model", field: 1, capturesText: true),
        .init("stream", field: 2),
        .init("messages[0].model", field: 3, capturesText: true),
        .init("messages", field: 4),
        .init("usage.prompt_tokens", field: 5),
        .init("choices[].delta.content", field: 6, capturesText: true),
        .init("choices[].delta.tool_calls[]", field: 7),
    ])
    static let captured: Set<UInt8> = [1, 3, 6]

    private func log(_ document: String) -> ScanLog {
        ScanLog(Self.pattern, [Array(document.utf8)], captured: Self.captured)
    }

    @Test func `finds a top-level member and tells its range with the quotes`() throws {
        let log = self.log(#"{"model": "llama", "x": 1}"#)
        let model = try #require(log.values(of: 1).first)
        #expect(model.range == 10..<17)
        #expect(model.kind == .string)
        #expect(String(decoding: model.text, as: UTF8.self) == "llama")
        #expect(log.ending == .complete)
    }

    @Test func `does not mistake a nested member for a top-level one`() {
        let log = self.log(#"{"a":{"model":"no"},"b":[{"model":"no"}],"c":"\"model\":\"no\""}"#)
        #expect(log.entries.isEmpty)
        #expect(log.ending == .complete)
    }

    @Test func `steps into the first element only when the path says so`() {
        let log = self.log(#"{"messages":[{"model":"a"},{"model":"b"}],"choices":[]}"#)
        #expect(log.values(of: 3).map(\.text) == [Array("a".utf8)])
        #expect(log.values(of: 4).map(\.range) == [12..<41])
    }

    @Test func `steps into every element when the path says so`() {
        let log = self.log(
            #"{"choices":[{"delta":{"content":"a"}},7,{"delta":{"content":"b","tool_calls":[{},1]}}]}"#
        )
        #expect(log.values(of: 6).map(\.text) == [Array("a".utf8), Array("b".utf8)])
        #expect(log.values(of: 7).map(\.kind) == [.object, .number])
    }

    @Test func `lets a path into the first element stand beside one into all`() {
        let pattern = JSONFieldPattern([
            .init("m[0].a", field: 1), .init("m[].b", field: 2),
        ])
        let log = ScanLog(pattern, [Array(#"{"m":[{"a":1,"b":2},{"a":3,"b":4}]}"#.utf8)])
        #expect(log.values(of: 1).map(\.integer) == [1])
        #expect(log.values(of: 2).map(\.integer) == [2, 4])
    }

    @Test func `reports a repeated name each time`() {
        #expect(
            self.log(#"{"stream":true,"stream":false}"#).values(of: 2).map(\.kind) == [
                .true, .false,
            ])
    }

    @Test(arguments: [
        (#"{"mod\u0065l":"x"}"#, 1), (#"{"\u006d\u006f\u0064\u0065\u006C":"x"}"#, 1),
        (#"{"model\u0000":"x"}"#, 0), (#"{"m\u00f6del":"x"}"#, 0), (#"{"mod\/el":"x"}"#, 0),
        (#"{"Model":"x"}"#, 0), (#"{"model ":"x"}"#, 0), (#"{"":"x"}"#, 0),
    ])
    func `compares names after decoding them`(document: String, count: Int) {
        for pieces in Cuts.all(Array(document.utf8)) {
            let log = ScanLog(Self.pattern, pieces)
            #expect(log.values(of: 1).count == count)
            #expect(log.ending == .complete)
        }
    }

    @Test(arguments: ["model", "MODEL", "mOdEl", #"m\u004fdel"#])
    func `ignores case when the pattern does`(name: String) {
        let pattern = JSONFieldPattern([.init("Model", field: 1)], ignoresCase: true)
        for pieces in Cuts.all(Array("{\"\(name)\":\"x\"}".utf8)) {
            #expect(ScanLog(pattern, pieces).values(of: 1).count == 1)
        }
    }

    @Test func `folds letters and no other bytes`() {
        let braces = JSONFieldPattern([.init("x{y", field: 1)], ignoresCase: true)
        #expect(ScanLog(braces, [Array(#"{"x[y":1}"#.utf8)]).entries.isEmpty)
        #expect(ScanLog(braces, [Array(#"{"X{Y":1}"#.utf8)]).entries.count == 1)
    }

    @Test(arguments: [
        ("0", 0), ("12", 12), ("-7", -7), ("9223372036854775807", Int64.max),
        ("-9223372036854775808", Int64.min), ("9223372036854775808", nil),
        ("99999999999999999999999", nil), ("1.5", nil), ("1e3", nil), ("-", nil),
    ])
    func `reads integers and refuses what is none`(literal: String, expected: Int64?) {
        let document = Array("{\"usage\":{\"prompt_tokens\":\(literal)}}".utf8)
        for pieces in Cuts.all(document) {
            #expect(ScanLog(Self.pattern, pieces).values(of: 5).map(\.integer) == [expected])
        }
    }

    @Test func `completes a number at the top level when the document is said to be over`() {
        let pattern = JSONFieldPattern([.init("a", field: 1)])
        #expect(ScanLog(pattern, [Array("12".utf8)]).ending == .complete)
        #expect(ScanLog(pattern, [Array("tru".utf8)]).ending == .malformed)
        #expect(ScanLog(pattern, [Array(" null ".utf8)]).ending == .complete)
    }

    @Test func `leaves bytes behind the document alone`() {
        let bytes = Array(#"{"stream":true} {"#.utf8)
        var scanner = JSONFieldScanner(Self.pattern)
        var position = 0
        var event = scanner.next(bytes.span.bytes, from: &position)
        while event != .end { event = scanner.next(bytes.span.bytes, from: &position) }
        #expect(position == 15)
        let hasEnded = scanner.hasEnded
        #expect(hasEnded)
    }

    @Test func `begins anew after a reset`() {
        let bytes = Array(#"{"model":["#.utf8)
        var scanner = JSONFieldScanner(Self.pattern)
        var position = 0
        while scanner.next(bytes.span.bytes, from: &position) != .needMore {}
        scanner.reset()
        let next = Array(#"{"stream":true}"#.utf8)
        position = 0
        let event = scanner.next(next.span.bytes, from: &position)
        #expect(event == .value(.init(field: 2, kind: .true, start: 10, end: 14)))
    }

    @Test func `cuts a captured text at its limit and says so`() {
        let limit = JSONFieldScanner.textBytesMax
        for (count, isTruncated) in [(limit, false), (limit + 1, true), (limit * 3, true)] {
            let bytes = Array("{\"model\":\"\(String(repeating: "x", count: count))\"}".utf8)
            for pieces in [Cuts.whole(bytes), Cuts.single(bytes), Cuts.at(100, bytes)] {
                var scanner = JSONFieldScanner(Self.pattern)
                var found: JSONScanEvent = .needMore
                for piece in pieces where found == .needMore {
                    var position = 0
                    found = scanner.next(piece.span.bytes, from: &position)
                }
                let text = scanner.text.byteCount
                let truncated = scanner.isTextTruncated
                #expect(found == .value(.init(field: 1, kind: .string, start: 9, end: 11 + count)))
                #expect(text == min(count, limit))
                #expect(truncated == isTruncated)
            }
        }
    }

    @Test func `follows nesting to its limit and no further`() {
        let limit = JSONFieldScanner.depthMax
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(ScanLog(Self.pattern, [nested(limit)]).ending == .complete)
        #expect(ScanLog(Self.pattern, [nested(limit + 1)]).ending == .malformed)
    }

    @Test func `finds members behind deep nesting`() {
        let deep = String(repeating: #"{"a":["#, count: 60) + String(repeating: "]}", count: 60)
        let log = self.log("{\"tools\":\(deep),\"model\":\"m\"}")
        #expect(log.values(of: 1).map(\.text) == [Array("m".utf8)])
    }

    @Test(arguments: MalformedDocuments.all)
    func `stops at what is not JSON, wherever it is cut`(document: String) {
        let bytes = Array(document.utf8)
        let whole = ScanLog(Self.pattern, [bytes], captured: Self.captured)
        #expect(whole.ending == .malformed)
        for pieces in Cuts.all(bytes) {
            #expect(ScanLog(Self.pattern, pieces, captured: Self.captured) == whole)
        }
    }
}

/// Documents whose structure RFC 8259 does not allow.
enum MalformedDocuments {
    static let all = [
        "", " ", "\0", "\u{feff}{}",
        "{", "[", "[[[[", "}", "]", ",", ":", "{]", "[}", "{{}}", "{,}", "[,]", "[1,]", "[,1]",
        #"""#, #""abc"#, #"{"model":"x""#, #"{"model":"x"#, #"{"a":{"b":1}"#, #"{"a":[1,2}"#,
        #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, #"{"a":1 "b":2}"#, #"{"a":1,"b"}"#,
        "{a:1}", "{'a':1}", "{1:2}", #"{"model""x"}"#, #"["a":1]"#, "[1 2]", "[1}", #"{"a":1]"#,
        #"[{"a":1}}]"#, #"{"mo\xdel":1}"#, #"{"mo\u00g0":1}"#,
        "tru", "truee", "True", "nul", "nulll", "fals", "falsey", "+1", ".5", "NaN", "x", "[tru]",
        #"{"model":nulx}"#, #"{"model":nullx,"stream":true}"#, #"{"model":truth}"#,
    ]
}
