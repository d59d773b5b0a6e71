import NIOCore
import Testing

@testable import MockLLM

@Suite(.timeLimit(.minutes(1))) struct BenchTests {
    @Test("the fixed answer has its size and is JSON")
    func reply() async throws {
        let backend = try await BenchBackend.start()
        let client = try await RawClient.connect(to: backend.port)
        try await client.send(RawRequest.chat(stream: false, keep: true))
        let response = try RawResponse(Array(try await client.read(until: "}}").utf8))
        #expect(response.body.count == BenchBackend.replyBytes)
        let document = try JSONParser.parse(response.body)
        #expect(document["usage"]?["completion_tokens"]?.integer == 20)
        try await client.send(RawRequest.get("/v1/models", keep: true))
        #expect(try await client.read(until: "]}").contains("\"id\":\"bench\""))
        try await backend.stop()
    }

    @Test("requests split anywhere, and several at once, are each answered")
    func splits() async throws {
        let request = RawRequest.post("/v1/chat/completions", #"{"model":"bench"}"#, keep: true)
        let backend = try await BenchBackend.start()
        let client = try await RawClient.connect(to: backend.port)
        for split in stride(from: 1, to: request.utf8.count, by: 7) {
            try await client.send(String(decoding: request.utf8.prefix(split), as: UTF8.self))
            try await client.send(String(decoding: request.utf8.dropFirst(split), as: UTF8.self))
            _ = try await client.read(until: "\"total_tokens\":32}}")
        }
        try await client.send(request + request)
        var answers = ""
        while answers.components(of: "\"total_tokens\":32}}") < 2 {
            answers += try await client.read(until: "}}")
        }
        #expect(answers.components(of: "HTTP/1.1 200 OK") == 2)
        try await backend.stop()
    }

    @Test(
        "what it cannot read is refused and closed",
        arguments: [
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        ])
    func refused(request: String) async throws {
        let backend = try await BenchBackend.start()
        let transcript = try await RawClient.exchange(request, port: backend.port)
        #expect(try RawResponse(transcript.bytes).status == 400)
        try await backend.stop()
    }

    @Test("streams run side by side and every event arrives with its time")
    func streams() async throws {
        let backend = try await BenchBackend.start(gap: .milliseconds(2))
        let report = await StreamBench(
            port: backend.port, streams: 20, eventsPerStream: 10
        ).run()
        #expect(report.streamsWhole == 20)
        #expect(report.streamsBroken == 0)
        #expect(report.events == 200)
        #expect(report.latencies.count == 200)
        try await backend.stop()
    }

    @Test("streams that fail are counted as broken")
    func brokenStreams() async throws {
        let mock = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(faults: FaultPlan(always: .status(500))))
        let report = await StreamBench(port: mock.port, streams: 3, eventsPerStream: 1).run()
        #expect(report.streamsBroken == 3)
        try await mock.stopListening()
        let unreachable = await StreamBench(port: mock.port, streams: 2).run()
        #expect(unreachable.streamsBroken == 2)
        #expect(unreachable.events == 0)
    }

    @Test("a stamp is found wherever the bytes are split")
    func stamps() {
        let text = #"data: {"x":" ","text":"  @0000000000123456789"}"# + "\n\ndata: [DONE]\n\n"
        let bytes = Array((text + text).utf8)
        for split in 0...bytes.count {
            var scanner = StampScanner()
            var stamps: [UInt64] = []
            for part in [bytes[..<split], bytes[split...]] {
                scanner.read(ByteBuffer(bytes: part)) { stamps.append($0) }
            }
            #expect(stamps == [123_456_789, 123_456_789])
            #expect(scanner.hasEnded)
        }
    }

    @Test("percentiles are samples, by the nearest rank")
    func percentiles() {
        let samples = (1...100).reversed().map { Duration.milliseconds($0) }
        #expect(Percentiles(samples).at(0.5) == .milliseconds(50))
        #expect(Percentiles(samples).at(0.99) == .milliseconds(99))
        #expect(Percentiles(samples).at(1) == .milliseconds(100))
        #expect(Percentiles(samples).at(0) == .milliseconds(1))
        #expect(Percentiles([]).at(0.5) == .zero)
    }
}

extension String {
    /// How often a text occurs, without overlap.
    func components(of text: String) -> Int { self.ranges(of: text).count }
}
