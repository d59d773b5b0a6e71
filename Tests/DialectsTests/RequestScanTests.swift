import Dialects
import SeededRandomness
import Testing

@Suite struct RequestScanTests {
    @Test(
        arguments: [
            (#"{"model":"llama3.2:3b","messages":[],"stream":true}"#, "llama3.2:3b", true),
            (
                #" {"messages":[{"role":"user","content":"\"model\":\"no\""}],"model":"a/b"}"#,
                "a/b", nil
            ),
            (#"{"MODEL":" Padded Name\n","Stream":false}"#, "Padded Name", false),
            (#"{"model":"org\/name\u002d7b"}"#, "org/name-7b", nil),
            (#"{"model":7,"model":"second","model":"third"}"#, "second", nil),
            (#"{"model":"","messages":[{"model":"inner"}]}"#, "inner", nil),
            (#"{"model":"  ","stream":"true"}"#, nil, nil),
            (#"{"messages":[{"model":"inner"},{"model":"x"}],"model":"outer"}"#, "outer", nil),
            (#"{"messages":[{"role":"x"},{"model":"second"}]}"#, nil, nil),
            (#"{"messages":[{"model":"inner"}]"#, nil, nil),
            (#"{"model":"kept","messages":[}"#, "kept", nil),
            (#"{"model":"bad \ud800"}"#, nil, nil),
            (#"{"options":{"model":"no"},"stream":true}"#, nil, true),
            (#"[{"model":"no"}]"#, nil, nil), ("", nil, nil), ("model=llama", nil, nil),
        ] as [(String, String?, Bool?)])
    func `finds the model and the stream flag wherever the body is cut`(
        body: String, model: String?, stream: Bool?
    ) {
        for pieces in Cuts.all(Array(body.utf8)) {
            let sighting = RequestSighting(pieces)
            #expect(sighting.model == model)
            #expect(sighting.stream == stream)
        }
    }

    @Test func `tells the range of the model with its quotes`() throws {
        let body = Array(#"{"messages":[{"role":"user"}], "model" : "a\"b", "n":1}"#.utf8)
        let range = try #require(RequestSighting([body]).range)
        #expect(String(decoding: body[range], as: UTF8.self) == #""a\"b""#)
    }

    @Test func `is decided as soon as the model is known`() {
        var scan = RequestScan(contentType: Array("application/json".utf8).span.bytes)
        func feed(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            scan.feed(bytes.span.bytes)
            return scan.isDecided
        }
        #expect(!feed(#"{"messages":[{"model":"inner"}],"#))
        let early = scan.model
        #expect(early == nil)
        #expect(!feed(#""model":"x"#))
        #expect(feed(#"","#))
        let isFinished = scan.isFinished
        #expect(!isFinished)
        #expect(feed(#""stream":true}"#))
        let stream = scan.stream
        #expect(stream == true)
        let end = scan.isFinished
        #expect(end)
    }

    @Test(arguments: [
        ("application/json", "{", true), ("Application/JSON; charset=utf-8", "{", true),
        ("application/vnd.x+json", "{", false), ("", "  {", true), ("", "[", false),
        ("", "x", false),
        ("application/x-www-form-urlencoded", "\n{", true),
        ("application/x-www-form-urlencoded", "a=b{", false),
        ("text/plain", "{", false), ("multipart/form-data", "{", false),
        ("application/octet-stream", "{", false),
    ])
    func `looks into bodies of the types the contract names`(
        type: String, prefix: String, isScanned: Bool
    ) {
        for pieces in Cuts.all(Array((prefix + #""model":"m"}"#).utf8)) {
            #expect((RequestSighting(pieces, type: type).model == "m") == isScanned)
        }
    }

    @Test func `finds the conversation wherever it stands`() throws {
        let chat = Array(#"{"temperature":1,"messages":[{"a":"]"}],"model":"m"}"#.utf8)
        let messages = try #require(RequestSighting([chat]).messages)
        let end = try #require(messages.end)
        #expect(String(decoding: chat[messages.start..<end], as: UTF8.self) == #"[{"a":"]"}]"#)
        let text = Array(#"{"prompt":"Once","model":"m"}"#.utf8)
        let prompt = try #require(RequestSighting([text]).prompt)
        #expect(prompt.start == 10)
        #expect(prompt.end == 16)
        #expect(RequestSighting([Array(#"{"messages":null}"#.utf8)]).messages == nil)
        let cut = RequestSighting([Array(#"{"messages":[1,2"#.utf8)]).messages
        #expect(cut?.start == 12)
        #expect(cut?.end == nil)
    }

    @Test(
        arguments: [
            (#""tools":[{"type":"function"}]"#, RequestNeeds.functionCalling),
            (#""tools":null"#, []),
            (#""tool_choice":"auto""#, .functionCalling), (#""functions":[]"#, .functionCalling),
            (#""input":["a","b"]"#, .embeddings), (#""input":null"#, []),
            (
                #""messages":[{"content":[{"type":"text"},{"type":"image_url","image_url":{}}]}]"#,
                .vision
            ),
            (#""messages":[{"content":"x"},{"content":[{"type":"image"}]}]"#, .vision),
            (#""messages":[{"content":{"type":"image"}}]"#, .vision),
            (#""messages":[{"images":["aGk="]}]"#, .vision),
            (#""images":["aGk="]"#, .vision), (#""images":[]"#, []),
            (#""messages":[{"content":[{"type":"text","text":"image_url"}]}]"#, []),
            (#""input":[{"content":[{"type":"input_image"}]}]"#, [.embeddings, .vision]),
        ] as [(String, RequestNeeds)])
    func `notices what a request needs wherever the body is cut`(
        members: String, needs: RequestNeeds
    ) {
        for pieces in Cuts.all(Array("{\"model\":\"m\",\(members)}".utf8)) {
            #expect(RequestSighting(pieces).needs == needs)
        }
    }

    @Test func `takes a name up to its limit and reports a longer one`() {
        let limit = RequestScan.nameBytesMax
        for (count, isTooLong) in [(limit, false), (limit + 1, true)] {
            let name = String(repeating: "n", count: count)
            let body = Array("{\"model\":\"\(name)\"}".utf8)
            for pieces in [Cuts.whole(body), Cuts.single(body)] {
                let sighting = RequestSighting(pieces)
                #expect(sighting.model == (isTooLong ? nil : name))
                #expect(sighting.isModelTooLong == isTooLong)
            }
        }
    }

    @Test func `stops at its limits`() {
        func decide(padding: Int, _ rest: String, chunk: Int) -> (RequestSighting, Bool) {
            var scan = RequestScan(contentType: Array("application/json".utf8).span.bytes)
            let body = Array("{\"x\":\"\(String(repeating: "x", count: padding))\",\(rest)".utf8)
            var pieces: [[UInt8]] = []
            var start = 0
            while start < body.count {
                pieces.append(Array(body[start..<min(start + chunk, body.count)]))
                start += chunk
            }
            for piece in pieces { scan.feed(piece.span.bytes) }
            let isFinished = scan.isFinished
            return (RequestSighting(&scan, []), isFinished)
        }
        let mebi = 1 << 20
        for chunk in [9 * mebi, 60_000] {
            let past = decide(padding: mebi, #""model":"m","stream":true}"#, chunk: chunk)
            #expect(past.0.model == "m")
            #expect(past.0.stream == nil)
            #expect(past.1)
            let beyond = decide(padding: 8 * mebi, #""model":"m"}"#, chunk: chunk)
            #expect(beyond.0.model == nil)
            #expect(beyond.1)
            let inside = decide(padding: 8 * mebi - 100, #""model":"m"}"#, chunk: chunk)
            #expect(inside.0.model == "m")
        }
        let early =
            "{\"model\":\"m\",\"x\":\"\(String(repeating: "x", count: mebi))\",\"stream\":true}"
        #expect(RequestSighting([Array(early.utf8)]).stream == nil)
        #expect(RequestSighting([Array(early.utf8)]).model == "m")
    }

    @Test func `reads one body after the other when it is restarted`() {
        var scan = RequestScan()
        let isIdle = scan.isFinished
        #expect(isIdle)
        let form =
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--b--\r\n"
        for _ in 0..<2 {
            for (type, body) in [
                ("application/json", #"{"model":"m","stream":true,"tools":[1],"messages":[]}"#),
                ("multipart/form-data; boundary=b", form), ("text/plain", "x"), ("", "{}"),
            ] {
                let pieces = [Array(body.utf8)]
                scan.restart(contentType: Array(type.utf8).span.bytes)
                let sighting = RequestSighting(&scan, pieces)
                #expect(sighting == RequestSighting(pieces, type: type))
            }
        }
    }
}

@Suite struct MultipartScanTests {
    private static let type = "multipart/form-data; boundary=\"----X y'1\""
    private static let body =
        "preamble\r\n------X y'1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model; name=\\\"model\\\"\"\r\n"
        + "Content-Type: audio/wav\r\n\r\nRIFF\r\r\n--\r\n------X y'2\0\r\n------X y'\r\n------X y'1\r\n"
        + "content-disposition:form-data;name=model\r\n\r\n whisper-1 \r\n------X y'1\r\n"
        + "Content-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n------X y'1--\r\nepilogue"

    @Test func `finds the fields of a form wherever it is cut`() throws {
        for pieces in Cuts.all(Array(Self.body.utf8)) {
            let sighting = RequestSighting(pieces, type: Self.type)
            #expect(sighting.model == "whisper-1")
            #expect(sighting.encoding == .multipart)
            #expect(sighting.stream == true)
        }
        let range = try #require(RequestSighting([Array(Self.body.utf8)], type: Self.type).range)
        #expect(String(decoding: Array(Self.body.utf8)[range], as: UTF8.self) == " whisper-1 ")
    }

    @Test(
        arguments: [
            ("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\r\n--b--", nil),
            ("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm", nil),
            ("--b\r\nContent-Disposition: form-data; name=\"models\"\r\n\r\nm\r\n--b--", nil),
            (
                "--b--\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--",
                nil
            ),
            (
                "--bc\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--",
                "m"
            ),
            (
                "--b \r\nX: y\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\r\n--b--",
                "m"
            ),
            (
                "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n-x-bz\r\n--b--",
                "m\r\n-x-bz"
            ),
            (
                "--b\r\nContent-Disposition: form-data; filename=\"a\\\"; name=model; \"\r\n\r\nm\r\n--b--", nil
            ),
            ("{\"model\":\"m\"}", nil), ("", nil),
        ] as [(String, String?)])
    func `understands what is odd and finds nothing in what is broken`(body: String, model: String?) {
        for pieces in Cuts.all(Array(body.utf8)) {
            #expect(RequestSighting(pieces, type: "multipart/form-data; boundary=b").model == model)
        }
    }

    @Test func `takes a value up to its limit`() {
        for count in [512, 513, 2000] {
            let name = String(repeating: "n", count: count)
            let body = Array(
                "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\(name)\r\n--b--".utf8
            )
            for pieces in [Cuts.whole(body), Cuts.single(body)] {
                let sighting = RequestSighting(pieces, type: "multipart/form-data; boundary=b")
                #expect(sighting.model == (count > 512 ? nil : name))
                #expect(sighting.isModelTooLong == (count > 512))
            }
        }
    }

    @Test(arguments: [0, 1, 70, 71])
    func `accepts the boundaries RFC 2046 allows`(length: Int) {
        let boundary = String(repeating: "b", count: length)
        let scan = RequestScan(
            contentType: Array("multipart/form-data; boundary=\(boundary)".utf8).span.bytes)
        let isApplicable = scan.isApplicable
        #expect(isApplicable == (1...70 ~= length))
    }
}
