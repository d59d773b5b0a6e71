import NIOCore
import NIOPosix
import Testing

@testable import MockLLM

@Suite(.timeLimit(.minutes(1))) struct MockBackendTests {
    /// Runs `body` against a mock and stops it, whatever happens.
    static func with(
        _ kind: MockKind, _ behaviour: MockBehaviour = MockBehaviour(),
        _ body: (MockBackend) async throws -> Void
    ) async throws {
        let mock = try await MockBackend.start(kind: kind, behaviour: behaviour)
        do {
            try await body(mock)
        } catch {
            try await mock.stop()
            throw error
        }
        try await mock.stop()
    }

    static func json(_ request: String, _ mock: MockBackend) async throws -> (Int, JSONValue) {
        let response = try RawResponse(
            try await RawClient.exchange(request, port: mock.port).bytes)
        return (response.status, try JSONParser.parse(response.body))
    }

    @Test("every kind lists its models in OpenAI's form", arguments: MockKind.allCases)
    func openAIListing(kind: MockKind) async throws {
        try await Self.with(kind) { mock in
            let (status, document) = try await Self.json(RawRequest.get("/v1/models"), mock)
            #expect(status == 200)
            let names = document["data"]?.array?.compactMap { $0["id"]?.string }
            #expect(names == ["mock-chat", "mock-embed"])
        }
    }

    @Test(
        "every kind answers its health path",
        arguments: [
            (MockKind.ollama, "/"), (.lmStudio, "/v1/models"), (.llamacpp, "/health"),
            (.vllm, "/health"), (.openAI, "/v1/models"),
        ])
    func health(kind: MockKind, path: String) async throws {
        try await Self.with(kind) { mock in
            for method in ["GET", "HEAD"] {
                let transcript = try await RawClient.exchange(
                    RawRequest.get(path, method: method), port: mock.port)
                let response = try RawResponse(transcript.bytes, isHead: method == "HEAD")
                #expect(response.status == 200)
                #expect(method == "GET" || response.rest.isEmpty)
            }
        }
    }

    @Test(
        "native listings carry their own members",
        arguments: [
            (MockKind.ollama, "/api/tags", "models", "name"),
            (.ollama, "/api/ps", "models", "expires_at"),
            (.lmStudio, "/api/v0/models", "data", "max_context_length"),
            (.vllm, "/v1/models", "data", "max_model_len"),
            (.llamacpp, "/v1/models", "data", "meta"),
        ])
    func nativeListings(
        kind: MockKind, path: String, list: String, member: String
    ) async throws {
        try await Self.with(kind) { mock in
            let (status, document) = try await Self.json(RawRequest.get(path), mock)
            #expect(status == 200)
            #expect(document[list]?.array?.count == 2)
            #expect(document[list]?.array?.allSatisfy { $0[member] != nil } == true)
        }
    }

    @Test("a streamed chat says what the whole one says", arguments: MockKind.allCases)
    func streamEqualsWhole(kind: MockKind) async throws {
        try await Self.with(kind) { mock in
            let (status, whole) = try await Self.json(RawRequest.chat(stream: false), mock)
            #expect(status == 200)
            let text = try #require(
                whole["choices"]?.array?.first?["message"]?["content"]?.string)
            let output = try #require(whole["usage"]?["completion_tokens"]?.integer)
            let stream = try RawResponse(
                try await RawClient.exchange(RawRequest.chat(stream: true), port: mock.port).bytes)
            #expect(stream.fields["content-type"]?.hasPrefix("text/event-stream") == true)
            let events = Self.events(of: stream)
            #expect(events.last == "[DONE]")
            let chunks = try events.dropLast().map { try JSONParser.parse(Array($0.utf8)) }
            let deltas = chunks.compactMap { $0["choices"]?.array?.first?["delta"] }
            #expect(deltas.first?["role"]?.string == "assistant")
            let contents = deltas.compactMap { $0["content"]?.string }.filter { !$0.isEmpty }
            #expect(contents.joined() == text)
            #expect(contents.count == output)
            let last = try #require(chunks.last)
            #expect(last["choices"]?.array?.isEmpty == true)
            #expect(last["usage"] == whole["usage"])
            #expect((last["timings"] != nil) == (kind == .llamacpp))
            #expect(mock.counts.chunks == output)
            #expect(mock.counts.outputTokens == 2 * output)
        }
    }

    /// The data of each event of a stream.
    static func events(of response: RawResponse) -> [String] {
        response.text.split(separator: "\n\n").map { String($0.dropFirst("data: ".count)) }
    }

    @Test("usage is streamed only to those who ask for it")
    func usageOnRequest() async throws {
        try await Self.with(.vllm) { mock in
            let body = #"{"model":"mock-chat","stream":true,"messages":[{"role":"user","content":"x"}]}"#
            let response = try RawResponse(
                try await RawClient.exchange(
                    RawRequest.post("/v1/chat/completions", body), port: mock.port
                ).bytes)
            #expect(!response.text.contains("usage"))
            #expect(response.text.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test(
        "Ollama's own API streams lines by default and one document on request",
        arguments: [("/api/chat", true), ("/api/generate", false)])
    func ollamaNative(path: String, isChat: Bool) async throws {
        try await Self.with(.ollama) { mock in
            let question =
                isChat
                ? #""messages":[{"role":"user","content":"Hi"}]"# : #""prompt":"Hi""#
            func text(_ document: JSONValue) -> String? {
                isChat ? document["message"]?["content"]?.string : document["response"]?.string
            }
            let (status, whole) = try await Self.json(
                RawRequest.post(path, "{\"model\":\"mock-chat\",\"stream\":false,\(question)}"), mock)
            #expect(status == 200)
            #expect(whole["done"]?.bool == true)
            let stream = try RawResponse(
                try await RawClient.exchange(
                    RawRequest.post(path, "{\"model\":\"mock-chat\",\(question)}"), port: mock.port
                ).bytes)
            #expect(stream.fields["content-type"] == "application/x-ndjson")
            let lines = try stream.text.split(separator: "\n").map {
                try JSONParser.parse(Array($0.utf8))
            }
            #expect(lines.compactMap(text).joined() == text(whole))
            #expect(lines.filter { $0["done"]?.bool == true } == [try #require(lines.last)])
            for member in ["prompt_eval_count", "eval_count", "total_duration", "done_reason"] {
                #expect(lines.last?[member] == whole[member])
                #expect(whole[member] != nil)
            }
        }
    }

    @Test("embeddings come in each dialect's form and agree with each other")
    func embeddings() async throws {
        try await Self.with(.ollama, MockBehaviour(embeddingWidth: 3)) { mock in
            let (_, list) = try await Self.json(
                RawRequest.post("/api/embed", #"{"model":"mock-embed","input":["a","b"]}"#), mock)
            let (_, single) = try await Self.json(
                RawRequest.post("/api/embeddings", #"{"model":"mock-embed","prompt":"b"}"#), mock)
            let (_, openAI) = try await Self.json(
                RawRequest.post("/v1/embeddings", #"{"model":"mock-embed","input":"b"}"#), mock)
            let (_, coded) = try await Self.json(
                RawRequest.post(
                    "/v1/embeddings",
                    #"{"model":"mock-embed","input":"b","encoding_format":"base64"}"#), mock)
            let vectors = try #require(list["embeddings"]?.array)
            #expect(vectors.count == 2)
            #expect(vectors[0] != vectors[1])
            #expect(vectors[1].array?.count == 3)
            #expect(single["embedding"] == vectors[1])
            #expect(openAI["data"]?.array?.first?["embedding"] == vectors[1])
            // Three floats of four bytes make sixteen characters.
            #expect(coded["data"]?.array?.first?["embedding"]?.string?.utf8.count == 16)
        }
    }

    @Test("a token limit cuts the answer and says so")
    func tokenLimit() async throws {
        try await Self.with(.openAI) { mock in
            let (_, document) = try await Self.json(
                RawRequest.post(
                    "/v1/chat/completions",
                    #"{"model":"mock-chat","max_tokens":3,"messages":[{"role":"user","content":"x"}]}"#
                ), mock)
            #expect(document["choices"]?.array?.first?["finish_reason"]?.string == "length")
            #expect(document["usage"]?["completion_tokens"]?.integer == 3)
        }
    }

    @Test("tool calls come when they must, in pieces that join to JSON", arguments: [true, false])
    func toolCalls(isStream: Bool) async throws {
        try await Self.with(.openAI) { mock in
            let body = """
                {"model":"mock-chat","stream":\(isStream),"tool_choice":"required",\
                "tools":[{"type":"function","function":{"name":"weather"}}],\
                "messages":[{"role":"user","content":"x"}]}
                """
            let response = try RawResponse(
                try await RawClient.exchange(
                    RawRequest.post("/v1/chat/completions", body), port: mock.port
                ).bytes)
            var documents: [JSONValue]
            if isStream {
                documents = try Self.events(of: response).dropLast().map {
                    try JSONParser.parse(Array($0.utf8))
                }
            } else {
                documents = [try JSONParser.parse(response.body)]
            }
            let choices = documents.compactMap { $0["choices"]?.array?.first }
            let calls = choices.compactMap {
                ($0["delta"] ?? $0["message"])?["tool_calls"]?.array?.first?["function"]
            }
            #expect(calls.compactMap { $0["name"]?.string } == ["weather"])
            let arguments = calls.compactMap { $0["arguments"]?.string }.joined()
            #expect(try JSONParser.parse(Array(arguments.utf8)) == ["place": "Zürich"])
            #expect(choices.last?["finish_reason"]?.string == "tool_calls")
        }
    }

    @Test(
        "reasoning comes first and under the kind's own name",
        arguments: [(MockKind.vllm, "reasoning_content"), (.ollama, "reasoning")])
    func reasoning(kind: MockKind, member: String) async throws {
        try await Self.with(kind) { mock in
            let (_, document) = try await Self.json(
                RawRequest.post(
                    "/v1/chat/completions",
                    """
                    {"model":"mock-chat","reasoning_effort":"low",\
                    "messages":[{"role":"user","content":"x"}]}
                    """), mock)
            let message = document["choices"]?.array?.first?["message"]
            #expect(message?[member]?.string?.isEmpty == false)
            let details = document["usage"]?["completion_tokens_details"]
            #expect((details?["reasoning_tokens"]?.integer ?? 0) > 0)
        }
    }

    @Test(
        "a model nobody has is refused in the kind's own form",
        arguments: [
            (MockKind.openAI, "/v1/chat/completions", 404), (.vllm, "/v1/chat/completions", 404),
            (.ollama, "/api/chat", 404), (.ollama, "/v1/chat/completions", 404),
            (.lmStudio, "/v1/chat/completions", 404), (.llamacpp, "/v1/chat/completions", 200),
        ])
    func unknownModel(kind: MockKind, path: String, status: Int) async throws {
        try await Self.with(kind) { mock in
            let (actual, document) = try await Self.json(
                RawRequest.post(
                    path, #"{"model":"nobody","messages":[{"role":"user","content":"x"}]}"#), mock)
            #expect(actual == status)
            #expect((document["error"] != nil) == (status == 404))
            #expect((document["error"]?.string != nil) == (path == "/api/chat"))
        }
    }

    @Test(
        "bad requests get errors and the mock goes on",
        arguments: [
            (RawRequest.post("/v1/chat/completions", "{"), 400),
            (RawRequest.post("/v1/chat/completions", "{}"), 400),
            (RawRequest.get("/nowhere"), 404), (RawRequest.get("/v1/models", method: "PUT"), 405),
            ("GET\r\n\r\n", 400),
        ])
    func badRequests(request: String, status: Int) async throws {
        try await Self.with(.openAI) { mock in
            let transcript = try await RawClient.exchange(request, port: mock.port)
            #expect(try RawResponse(transcript.bytes).status == status)
            let (again, _) = try await Self.json(RawRequest.get("/v1/models"), mock)
            #expect(again == 200)
        }
    }

    @Test("answers depend on seed, model and prompt alone")
    func determinism() {
        let base = MockBehaviour(seed: 5)
        func text(_ prompt: String, _ behaviour: MockBehaviour) -> String {
            let body: JSONValue = [
                "model": "mock-chat", "messages": [["role": "user", "content": .string(prompt)]],
            ]
            return Completion.answer(
                InferenceRequest(openAI: body, operation: .chat, alwaysCallsTools: false),
                behaviour: behaviour
            ).text
        }
        #expect(text("a", base) == text("a", base))
        #expect(text("a", base) != text("b", base))
        #expect(text("a", base) != text("a", MockBehaviour(seed: 6)))
    }

    @Test("a request fed byte by byte is the same request")
    func byteByByte() async throws {
        try await Self.with(.openAI) { mock in
            let request = RawRequest.chat(stream: false)
            let whole = try await RawClient.exchange(request, port: mock.port)
            let client = try await RawClient.connect(to: mock.port)
            for byte in request.utf8 {
                try await client.send(String(Unicode.Scalar(byte)))
            }
            #expect(await client.readToEnd() == whole)
        }
    }

    @Test("a kept connection serves pipelined requests in order and in full")
    func pipelining() async throws {
        try await Self.with(.openAI) { mock in
            let client = try await RawClient.connect(to: mock.port)
            try await client.send(
                RawRequest.chat(stream: true, keep: true) + RawRequest.get("/v1/models", keep: true)
                    + RawRequest.get("/health"))
            let bytes = await client.readToEnd().bytes
            let first = try RawResponse(bytes)
            let second = try RawResponse(first.rest)
            let third = try RawResponse(second.rest)
            #expect(first.text.hasSuffix("data: [DONE]\n\n"))
            #expect(second.text.contains("mock-embed"))
            #expect(third.text == #"{"status":"ok"}"#)
            #expect(third.rest.isEmpty)
            #expect(mock.requests.map(\.ordinal) == [1, 2, 3])
            #expect(Set(mock.requests.map(\.connection)) == [1])
        }
    }

    @Test("what the mock saw is what was sent")
    func seenRequests() async throws {
        try await Self.with(.openAI) { mock in
            _ = try await RawClient.exchange(
                "POST /v1/completions?a=b HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\n"
                    + "Content-Length: 2\r\nConnection: close\r\n\r\n{}", port: mock.port)
            let request = try #require(mock.requests.first)
            #expect(request.method == "POST")
            #expect(request.target == "/v1/completions?a=b")
            #expect(request.values(of: "X-TWO") == ["1", "2"])
            #expect(request.body == Array("{}".utf8))
            #expect(mock.counts.requestsByPath == ["/v1/completions": 1])
            #expect(mock.counts.requestBytes == 2)
        }
    }

    @Test(
        "the page of its load tells what is being worked on, until the client leaves",
        arguments: [(MockKind.vllm, "vllm:num_requests_running"), (.llamacpp, "llamacpp:requests_processing")])
    func load(kind: MockKind, running: String) async throws {
        let pacing = TokenPacing(firstToken: .zero, gap: .seconds(3600))
        try await Self.with(kind, MockBehaviour(pacing: pacing)) { mock in
            let page = { try await RawClient.exchange(RawRequest.get("/metrics"), port: mock.port).text }
            #expect(try await page().contains("\(running) 0\n"))
            let client = try await RawClient.connect(to: mock.port)
            try await client.send(RawRequest.chat(stream: true))
            _ = try await client.read(until: "finish_reason\":null}]")
            let busy = try await page()
            #expect(busy.contains("\(running) 1\n"))
            #expect(!busy.contains("usage_perc 0.0\n") && !busy.contains("usage_ratio 0.0\n"))
            try await client.close()
            #expect(await mock.waitUntil { $0.cancellations == 1 })
            #expect(mock.counts.inferencesRunning == 0 && mock.counts.tokensHeld == 0)
        }
    }

    @Test("kinds that tell nothing of their load have no such page", arguments: [MockKind.ollama, .lmStudio, .openAI])
    func noLoad(kind: MockKind) async throws {
        try await Self.with(kind) { mock in
            let text = try await RawClient.exchange(RawRequest.get("/metrics"), port: mock.port).text
            #expect(text.hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test("a client that leaves before the end is a cancellation, one that stays is not")
    func cancellation() async throws {
        let behaviour = MockBehaviour(
            pacing: TokenPacing(firstToken: .zero, gap: .seconds(3600)))
        try await Self.with(.openAI, behaviour) { mock in
            let client = try await RawClient.connect(to: mock.port)
            try await client.send(RawRequest.chat(stream: true))
            _ = try await client.read(until: "finish_reason\":null}]")
            #expect(mock.counts.cancellations == 0)
            try await client.close()
            #expect(await mock.waitUntil { $0.cancellations == 1 && $0.connectionsOpen == 0 })
            #expect(mock.counts.answersFinished == 0)
            #expect(mock.counts.outputTokens == 0)
        }
    }

    @Test("a waiting test that is cancelled gets its answer")
    func cancelledWait() async throws {
        try await Self.with(.openAI) { mock in
            let waiting = Task { await mock.waitUntil { $0.requests == 99 } }
            waiting.cancel()
            #expect(await waiting.value == false)
        }
    }

    @Test("a mock that plays dead refuses, resets, and comes back on its port")
    func playingDead() async throws {
        try await Self.with(.openAI) { mock in
            let client = try await RawClient.connect(to: mock.port)
            try await client.send(RawRequest.get("/v1/models", keep: true))
            _ = try await client.read(until: "mock-embed")
            try await mock.stopListening()
            #expect(await client.readToEnd().isReset)
            #expect(!mock.isListening)
            await #expect(throws: (any Error).self) { try await RawClient.connect(to: mock.port) }
            // Nobody else is given the port meanwhile.
            await #expect(throws: IOError.self) {
                try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .bind(host: "127.0.0.1", port: mock.port).get()
            }
            try await mock.resumeListening()
            let (status, _) = try await Self.json(RawRequest.get("/v1/models"), mock)
            #expect(status == 200)
        }
    }

    @Test("HTTP/1.0 clients get a stream that ends with the connection")
    func http10() async throws {
        try await Self.with(.openAI) { mock in
            let request = RawRequest.chat(stream: true).replacing("HTTP/1.1", with: "HTTP/1.0")
            let response = try RawResponse(
                try await RawClient.exchange(request, port: mock.port).bytes)
            #expect(response.fields["transfer-encoding"] == nil)
            #expect(response.fields["connection"] == "close")
            #expect(response.text.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test("a client that waits for leave to send its body gets it")
    func expectContinue() async throws {
        try await Self.with(.openAI) { mock in
            let client = try await RawClient.connect(to: mock.port)
            try await client.send(
                "POST /v1/completions HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                    + "Content-Length: 2\r\nConnection: close\r\n\r\n")
            #expect(try await client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("{}")
            #expect(try RawResponse(await client.readToEnd().bytes).status == 400)
        }
    }
}
