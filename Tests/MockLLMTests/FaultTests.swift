import SeededRandomness
import Testing

@testable import MockLLM

@Suite(.timeLimit(.minutes(1))) struct FaultTests {
    /// Sends one chat with a fault asked for by header, and reads to the end.
    private func transcript(
        _ fault: String, stream: Bool, kind: MockKind = .openAI
    ) async throws -> RawClient.Transcript {
        let mock = try await MockBackend.start(kind: kind)
        let transcript = try await RawClient.exchange(
            RawRequest.chat(stream: stream, fault: fault), port: mock.port)
        #expect(mock.counts.faults.values.reduce(0, +) == 1)
        #expect(mock.counts.cancellations == 0)
        try await mock.stop()
        return transcript
    }

    @Test("refuse resets without a byte")
    func refuse() async throws {
        let transcript = try await self.transcript("refuse", stream: true)
        #expect(transcript == RawClient.Transcript(bytes: [], isReset: true))
    }

    @Test("hang says nothing until the client leaves, which is a cancellation")
    func hang() async throws {
        let mock = try await MockBackend.start(kind: .openAI)
        let client = try await RawClient.connect(to: mock.port)
        try await client.send(RawRequest.chat(stream: false, fault: "hang"))
        #expect(await mock.waitUntil { $0.faults["hang"] == 1 })
        #expect(mock.counts.responseBytes == 0)
        try await client.close()
        #expect(await mock.waitUntil { $0.cancellations == 1 })
        try await mock.stop()
    }

    @Test("late answers are whole", arguments: ["slow-head:5", "slow-first-token:5", "stall:2:5"])
    func late(fault: String) async throws {
        for stream in [true, false] {
            let response = try RawResponse(try await self.transcript(fault, stream: stream).bytes)
            #expect(response.status == 200)
            #expect(response.text.hasSuffix(stream ? "data: [DONE]\n\n" : "}"))
        }
    }

    @Test(
        "a cut stream has its chunks, no end, and the ending asked for",
        arguments: [0, 1, 5, 1000], ["fin", "reset"])
    func cutBetweenChunks(chunks: Int, ending: String) async throws {
        let transcript = try await self.transcript("cut:\(chunks):\(ending)", stream: true)
        #expect(transcript.isReset == (ending == "reset"))
        #expect(throws: RawResponse.Malformed.self) { try RawResponse(transcript.bytes) }
        // Everything that did come is in whole chunks.
        let closed = try RawResponse(transcript.bytes + Array("0\r\n\r\n".utf8))
        let contents = MockBackendTests.events(of: closed).filter {
            $0.contains("\"delta\":{\"content\":\"") && !$0.contains("\"content\":\"\"")
        }
        #expect(chunks == 1000 ? contents.count >= 12 : contents.count == chunks)
    }

    @Test("a stream cut in the middle of a chunk breaks off inside it")
    func cutMidChunk() async throws {
        let transcript = try await self.transcript("cut:2:fin:mid-chunk", stream: true)
        #expect(!transcript.isReset)
        #expect(throws: RawResponse.Malformed.self) {
            try RawResponse(transcript.bytes + Array("0\r\n\r\n".utf8))
        }
    }

    @Test("an answer in one piece is cut inside its body")
    func cutWhole() async throws {
        let transcript = try await self.transcript("cut:0", stream: false)
        #expect(transcript.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(throws: RawResponse.Malformed(reason: "short body")) {
            try RawResponse(transcript.bytes)
        }
    }

    @Test("a stall without end lasts until the client leaves")
    func stall() async throws {
        let mock = try await MockBackend.start(kind: .openAI)
        let client = try await RawClient.connect(to: mock.port)
        try await client.send(RawRequest.chat(stream: true, fault: "stall:2"))
        #expect(await mock.waitUntil { $0.chunks == 2 })
        try await client.close()
        #expect(await mock.waitUntil { $0.cancellations == 1 })
        #expect(mock.counts.chunks == 2)
        try await mock.stop()
    }

    @Test(
        "error statuses carry a body in the kind's own form",
        arguments: [("429:7", 429), ("500", 500), ("503", 503), ("404", 404)])
    func statuses(fault: String, status: Int) async throws {
        let response = try RawResponse(try await self.transcript(fault, stream: true).bytes)
        #expect(response.status == status)
        #expect(response.fields["retry-after"] == (status == 429 ? "7" : nil))
        let error = try JSONParser.parse(response.body)["error"]
        #expect(error?["code"]?.integer == status)
    }

    @Test("Ollama's own API has its own errors")
    func ollamaStatus() async throws {
        try await MockBackendTests.with(.ollama) { mock in
            let (status, document) = try await MockBackendTests.json(
                RawRequest.post("/api/chat", "{}", fault: "503"), mock)
            #expect(status == 503)
            #expect(document["error"]?.string != nil)
        }
    }

    @Test("garbage is no HTTP")
    func garbage() async throws {
        let transcript = try await self.transcript("garbage", stream: false)
        #expect(!transcript.bytes.isEmpty)
        #expect(throws: RawResponse.Malformed.self) { try RawResponse(transcript.bytes) }
    }

    @Test("a length that is too long ends early", arguments: [true, false])
    func lengthTooLong(stream: Bool) async throws {
        let transcript = try await self.transcript("content-length:+10", stream: stream)
        #expect(throws: RawResponse.Malformed(reason: "short body")) {
            try RawResponse(transcript.bytes)
        }
    }

    @Test("a length that is too short leaves bytes behind", arguments: [true, false])
    func lengthTooShort(stream: Bool) async throws {
        let response = try RawResponse(
            try await self.transcript("content-length:-4", stream: stream).bytes)
        #expect(response.rest.count == 4)
    }

    @Test("close-on-reuse spares a connection's first request only")
    func closeOnReuse() async throws {
        let mock = try await MockBackend.start(
            kind: .openAI,
            behaviour: MockBehaviour(faults: FaultPlan(always: .closeOnReuse)))
        let client = try await RawClient.connect(to: mock.port)
        try await client.send(RawRequest.chat(stream: false, keep: true))
        _ = try await client.read(until: "usage")
        try await client.send(RawRequest.chat(stream: false, keep: true))
        #expect(await client.readToEnd() == RawClient.Transcript())
        #expect(mock.counts.faults == ["close-on-reuse": 1])
        try await mock.stop()
    }

    @Test("a huge header has the size asked for")
    func hugeHeader() async throws {
        let response = try RawResponse(
            try await self.transcript("huge-header:70000", stream: false).bytes)
        #expect(response.fields["x-mock-huge"]?.utf8.count == 70_000)
    }

    @Test("an interim response comes before the answer", arguments: [true, false])
    func interim(stream: Bool) async throws {
        let first = try RawResponse(try await self.transcript("interim:103", stream: stream).bytes)
        #expect(first.status == 103)
        #expect(try RawResponse(first.rest).status == 200)
    }

    @Test("a bad chunk size is no number")
    func badChunk() async throws {
        let transcript = try await self.transcript("bad-chunk:1", stream: true)
        #expect(transcript.text.hasSuffix("\r\nzz\r\n"))
    }

    @Test("a script is used up in order, then the standing fault rules")
    func script() {
        var plan = FaultPlan(script: [.status(500), nil, .hang], always: .garbage)
        var random = SeededGenerator(seed: 1)
        let faults = (0..<4).map { _ in
            plan.next(header: nil, isInference: true, random: &random)
        }
        #expect(faults == [.status(500), nil, .hang, .garbage])
    }

    @Test("probes stay well unless the plan says everything")
    func scope() {
        var random = SeededGenerator(seed: 1)
        var narrow = FaultPlan(always: .hang)
        #expect(narrow.next(header: nil, isInference: false, random: &random) == nil)
        #expect(narrow.next(header: "500", isInference: false, random: &random) == .status(500))
        var wide = FaultPlan(always: .hang, scope: .everything, obeysHeader: false)
        #expect(wide.next(header: "500", isInference: false, random: &random) == .hang)
    }

    @Test("odds strike about as often as they say, the same for the same seed")
    func odds() {
        func draws(seed: UInt64) -> [Bool] {
            var plan = FaultPlan(odds: [FaultPlan.Odds(.hang, probability: 0.25)])
            var random = SeededGenerator(seed: seed)
            return (0..<4000).map { _ in
                plan.next(header: nil, isInference: true, random: &random) != nil
            }
        }
        #expect(draws(seed: 3) == draws(seed: 3))
        #expect(draws(seed: 3) != draws(seed: 4))
        // Four standard deviations either way.
        #expect((890...1110).contains(draws(seed: 3).count { $0 }))
    }

    @Test("waits follow pace, jitter and speed")
    func pacing() {
        var random = SeededGenerator(seed: 9)
        let nominal = Duration.milliseconds(100)
        #expect(TokenPacing(speed: 1).wait(nominal, &random) == nominal)
        #expect(TokenPacing(speed: 4).wait(nominal, &random) == .milliseconds(25))
        #expect(TokenPacing.immediate.wait(nominal, &random) == .zero)
        let jittered = (0..<100).map { _ in TokenPacing(jitter: 0.5).wait(nominal, &random) }
        #expect(jittered.allSatisfy { (.milliseconds(50) ... .milliseconds(150)).contains($0) })
        #expect(Set(jittered).count > 90)
    }

    @Test("a paced stream waits before each token and nowhere else")
    func pacedScore() {
        let parts = [false, true, true, true, false].map {
            Answer.Part(bytes: [0x61], isContent: $0)
        }
        var score = AnswerScore(
            answer: Answer(contentType: "text/event-stream", body: .stream(parts)), fault: nil,
            pacing: TokenPacing(firstToken: .milliseconds(9), gap: .milliseconds(2)), isHead: false,
            isHTTP10: false, keepsConnection: true, random: SeededGenerator(seed: 1))
        let pauses = score.steps().compactMap { step -> Duration? in
            if case .pause(let duration) = step { duration } else { nil }
        }
        #expect(pauses == [.milliseconds(9), .milliseconds(2), .milliseconds(2)])
    }
}
