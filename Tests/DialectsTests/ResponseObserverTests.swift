import Domain
import SeededRandomness
import Testing

@testable import Dialects

@Suite struct ResponseObserverTests {
    @Test(arguments: Transcript.all)
    func `sees in a transcript what stands in it`(transcript: Transcript) {
        let bytes = Array(transcript.body.utf8)
        let sighting = Sighting(transcript.framing, [bytes])
        #expect(transcript.matches(sighting), "\(sighting)")
    }

    @Test(arguments: Transcript.all)
    func `sees the same wherever a transcript is cut`(transcript: Transcript) {
        let bytes = Array(transcript.body.utf8)
        let expected = Sighting(transcript.framing, [bytes])
        for pieces in Cuts.all(bytes) {
            let sighting = Sighting(transcript.framing, pieces)
            #expect(sighting == expected)
            // One failure says enough; the rest of a thousand cuts would bury it.
            guard sighting == expected else { return }
        }
    }

    @Test func `sees one answer after the other when it is restarted`() {
        var observer = ResponseObserver(framing: .document)
        for transcript in Transcript.all + Transcript.all.reversed() {
            observer.restart(framing: transcript.framing)
            let total = observer.contentDeltas
            #expect(total == 0)
            let sighting = Sighting(&observer, [Array(transcript.body.utf8)])
            #expect(transcript.matches(sighting), "\(transcript.name): \(sighting)")
        }
    }

    @Test(arguments: 0..<16)
    func `sees the same of damaged transcripts wherever they are cut`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for transcript in Transcript.all {
            var bytes = Array(transcript.body.utf8)
            for _ in 0..<(1 + random.below(4)) where !bytes.isEmpty {
                let index = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[index] = UInt8(random.below(256))
                case 1: bytes.remove(at: index)
                default: bytes.insert(Array("{}[],:\"\n\r\\".utf8)[random.below(10)], at: index)
                }
            }
            let whole = Sighting(transcript.framing, [bytes])
            #expect(
                Sighting(transcript.framing, Cuts.random(bytes, &random)) == whole, "seed \(seed)")
            #expect(Sighting(transcript.framing, Cuts.single(bytes)) == whole, "seed \(seed)")
        }
    }

    @Test func `counts a delta in the piece that completes its document`() {
        var observer = ResponseObserver(framing: .sse)
        func observe(_ text: String) -> Int {
            let bytes = Array(text.utf8)
            return observer.observe(bytes.span.bytes)
        }
        #expect(observe("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]") == 0)
        #expect(observe("}") == 1)
        #expect(observe("\n\n") == 0)
        let two = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
        #expect(observe(two + two) == 2)
        let total = observer.contentDeltas
        #expect(total == 3)
    }

    @Test func `passes over what repeats the event before`() {
        // Of eleven equal shapes in a row ten; nine where they open the stream, whose first bytes
        // might be a byte order mark.
        let repeats = [9 + 10 + 1, 9 + 0 + 10 + 10, 9, 9, 9, 10, 0]
        #expect(repeats.count == Transcript.repeating.count)
        for (transcript, repeats) in zip(Transcript.repeating, repeats) {
            var observer = ResponseObserver(framing: transcript.framing)
            _ = observer.observe(Array(transcript.body.utf8).span.bytes)
            let passed = observer.repeats
            #expect(passed == repeats, "\(transcript.name)")
        }
    }

    @Test func `passes over nothing in another answer, nor in a line that is too long`() {
        var observer = ResponseObserver(framing: .ndjson)
        func repeats(_ text: String) -> Int {
            let bytes = Array((#"{"response":""# + text + #""}"# + "\n").utf8)
            let before = observer.repeats
            let deltas = observer.observe(bytes.span.bytes)
            #expect(deltas == (text.utf8.count < 1 << 20 ? 1 : 0))
            return observer.repeats - before
        }
        #expect(repeats("a") == 0)
        #expect(repeats("b") == 1)
        #expect(repeats(String(repeating: "c", count: 1 << 20)) == 0)
        let overlong = observer.overlongLines
        #expect(overlong == 1)
        #expect(repeats("d") == 0)
        #expect(repeats("e") == 1)
        observer.restart(framing: .ndjson)
        #expect(repeats("f") == 0)
        #expect(repeats("g") == 1)
    }

    @Test func `knows when an error event may follow`() {
        var sse = ResponseObserver(framing: .sse)
        var ndjson = ResponseObserver(framing: .ndjson)
        var document = ResponseObserver(framing: .document)
        func isBetween(_ observer: inout ResponseObserver, _ text: String) -> Bool {
            let bytes = Array(text.utf8)
            _ = observer.observe(bytes.span.bytes)
            return observer.isBetweenEvents
        }
        #expect(isBetween(&sse, ""))
        #expect(!isBetween(&sse, "data: {}\n"))
        #expect(isBetween(&sse, "\n"))
        #expect(isBetween(&ndjson, ""))
        #expect(!isBetween(&ndjson, "{}"))
        #expect(isBetween(&ndjson, "\n"))
        #expect(!isBetween(&document, ""))
        #expect(!isBetween(&document, "{}"))
    }

    @Test func `looks only at the beginning of an endless line and carries on behind it`() {
        let endless = String(repeating: "x", count: 1 << 20)
        let content = "\"choices\":[{\"delta\":{\"content\":\"a\"}}]"
        let sse = Array("data: {\"x\":\"\(endless)\",\(content)}\n\ndata: {\(content)}\n\n".utf8)
        let half = sse.count / 3
        for pieces in [[sse], [Array(sse[..<half]), Array(sse[half...])]] {
            let sighting = Sighting(.sse, pieces)
            #expect(sighting.deltas == 1)
            #expect(sighting.overlong == 1)
            #expect(sighting.malformed == 1)
        }
        let lines = Array("{\"response\":\"\(endless)\"}\n{\"response\":\"a\"}\n".utf8)
        let sighting = Sighting(.ndjson, [lines])
        #expect(sighting.deltas == 1)
        #expect(sighting.overlong == 1)
    }

    @Test func `adds cached tokens to the prompt only where they are left out of it`() {
        func usage(_ json: String) -> TokenUsage {
            Sighting(.document, [Array("{\"usage\":{\(json)}}".utf8)]).usage
        }
        #expect(
            usage(#""input_tokens":5,"cache_read_input_tokens":7,"output_tokens":1"#)
                == TokenUsage(input: 12, output: 1, inputCached: 7))
        #expect(
            usage(#""prompt_tokens":12,"cache_read_input_tokens":7,"completion_tokens":1"#)
                == TokenUsage(input: 12, output: 1, inputCached: 7))
        #expect(
            usage(#""input_tokens":9223372036854775807,"cache_read_input_tokens":7"#)
                == TokenUsage(input: .max, inputCached: 7))
        #expect(
            usage(#""prompt_tokens":12,"input_tokens":12,"cache_read_input_tokens":7"#)
                == TokenUsage(input: 12, inputCached: 7))
        #expect(!usage(#""total_tokens":4"#).isKnown)
    }

    @Test(
        arguments: [
            ("stop", FinishReason.stop), ("end_turn", .stop), ("stop_sequence", .stop),
            ("length", .length),
            ("max_tokens", .length), ("model_context_window_exceeded", .length),
            ("tool_calls", .toolCalls),
            ("function_call", .toolCalls), ("tool_use", .toolCalls),
            ("content_filter", .contentFilter),
            ("refusal", .contentFilter), ("pause_turn", .other), ("", nil),
        ] as [(String, FinishReason?)])
    func `translates finish words`(word: String, expected: FinishReason?) {
        let body = "{\"choices\":[{\"finish_reason\":\"\(word)\"}]}"
        #expect(Sighting(.document, [Array(body.utf8)]).finish == expected)
    }

    @Test(
        arguments: [
            ("text/event-stream", ResponseFraming.sse), ("text/event-stream; charset=utf-8", .sse),
            ("Text/Event-Stream", .sse), ("application/x-ndjson", .ndjson),
            ("application/jsonl", .ndjson),
            ("application/json", .document), ("application/json; charset=utf-8", .document),
            ("application/jsonx", nil), ("text/plain", nil), ("", nil), ("audio/mpeg", nil),
        ] as [(String, ResponseFraming?)])
    func `tells the framing from the content type`(contentType: String, expected: ResponseFraming?) {
        let bytes = Array(contentType.utf8)
        let framing = ResponseFraming(contentType: bytes.span.bytes)
        #expect(framing == expected)
    }
}
