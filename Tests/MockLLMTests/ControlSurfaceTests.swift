import Testing

@testable import MockLLM

@Suite(.timeLimit(.minutes(1))) struct ControlSurfaceTests {
    @Test("behaviour changes over HTTP and shows in the state")
    func change() async throws {
        try await MockBackendTests.with(.openAI) { mock in
            let (status, state) = try await MockBackendTests.json(
                RawRequest.post(
                    "/_mock/behaviour",
                    """
                    {"models":["new","new-embed"],"ttft_ms":5,"gap_ms":1.5,"jitter":0.2,"speed":2,\
                    "answer_tokens":[3,4],"seed":9,"always_reasons":true,\
                    "always_calls_tools":true,"faults":["500",null],"fault":"hang",\
                    "fault_odds":[{"fault":"garbage","probability":0.5}],\
                    "fault_scope":"everything","fault_seed":4}
                    """), mock)
            #expect(status == 200)
            #expect(state["behaviour"]?["faults"] == ["500", nil])
            #expect(state["counts"]?["requests"] == 0)
            let expected = MockBehaviour(
                models: [MockModel("new"), MockModel("new-embed")],
                pacing: TokenPacing(
                    firstToken: .milliseconds(5), gap: .microseconds(1500), jitter: 0.2, speed: 2),
                faults: FaultPlan(
                    script: [.status(500), nil], always: .hang,
                    odds: [FaultPlan.Odds(.garbage, probability: 0.5)], scope: .everything, seed: 4),
                answerTokens: 3...4, seed: 9, alwaysReasons: true, alwaysCallsTools: true)
            #expect(mock.behaviour == expected)
        }
    }

    @Test(
        "a bad patch changes nothing and names its fault",
        arguments: [
            ("[]", "object"), (#"{"speed":1,"nonsense":1}"#, "nonsense"),
            (#"{"ttft_ms":-1}"#, "ttft_ms"), (#"{"fault":"nothing"}"#, "fault"),
            (#"{"answer_tokens":[4,3]}"#, "answer_tokens"), (#"{"models":[1]}"#, "models"),
            (#"{"fault_scope":"some"}"#, "fault_scope"), ("{", "JSONParseError"),
            (#"{"fault_odds":[{"fault":null}]}"#, "fault_odds"),
            (#"{"listening":1}"#, "listening"),
        ])
    func badPatch(body: String, word: String) async throws {
        try await MockBackendTests.with(.openAI) { mock in
            let before = mock.behaviour
            let (status, document) = try await MockBackendTests.json(
                RawRequest.post("/_mock/behaviour", body), mock)
            #expect(status == 400)
            #expect(document["error"]?.string?.contains(word) == true)
            #expect(mock.behaviour == before)
        }
    }

    @Test("the state shows the last requests and a reset forgets them")
    func stateAndReset() async throws {
        try await MockBackendTests.with(.ollama) { mock in
            _ = try await RawClient.exchange(RawRequest.get("/api/version"), port: mock.port)
            let (_, state) = try await MockBackendTests.json(RawRequest.get("/_mock/state"), mock)
            #expect(state["kind"] == "ollama")
            #expect(state["counts"]?["requests_by_path"] == ["/api/version": 1])
            #expect(state["last_requests"]?.array?.first?["target"] == "/api/version")
            let (_, empty) = try await MockBackendTests.json(
                RawRequest.post("/_mock/reset", ""), mock)
            #expect(empty["counts"]?["requests"] == 0)
            #expect(empty["last_requests"] == [])
        }
    }

    @Test("a mock told over HTTP to stop listening obeys, and hears the order to come back")
    func listening() async throws {
        try await MockBackendTests.with(.openAI) { mock in
            let other = try await RawClient.connect(to: mock.port)
            try await other.send(RawRequest.get("/v1/models", keep: true))
            _ = try await other.read(until: "mock-embed")
            let control = try await RawClient.connect(to: mock.port)
            try await control.send(
                RawRequest.post("/_mock/behaviour", #"{"listening":false}"#, keep: true))
            #expect(await other.readToEnd().isReset)
            #expect(!mock.isListening)
            try await control.send(RawRequest.post("/_mock/behaviour", #"{"listening":true}"#))
            _ = await control.readToEnd()
            while !mock.isListening { await Task.yield() }
            let (status, _) = try await MockBackendTests.json(RawRequest.get("/v1/models"), mock)
            #expect(status == 200)
        }
    }
}
