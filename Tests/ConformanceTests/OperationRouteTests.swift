import Domain
import MockLLM
import TestKit
import Testing

/// Routes of OpenAI's API beside chat: routed by model, passed on byte for byte.
@Suite("Beside chat")
struct OperationRouteTests {
    /// Two servers with a model each, so that the answer tells whether the model was found.
    private static func twins(_ engine: Engine, _ body: (World, MockBackend, MockBackend) async throws -> Void)
        async throws
    {
        var behaviour = MockBehaviour()
        behaviour.models = [MockModel("one"), MockModel("one-embed")]
        let first = try await MockBackend.start(kind: .vllm, behaviour: behaviour)
        behaviour.models = [MockModel("two"), MockModel("two-embed")]
        let second = try await MockBackend.start(kind: .openAI, behaviour: behaviour)
        try await World.with(engine, [Place(first, name: "first"), Place(second, name: "second")]) { world in
            try await body(world, first, second)
        }
        try await first.stop()
        try await second.stop()
    }

    @Test(
        "JSON is routed by its model", arguments: Engine.allCases,
        [
            ("/v1/responses", #""input":"hi""#, "\"object\":\"response\"", ""),
            ("/v1/completions", #""prompt":"hi""#, "\"object\":\"text_completion\"", ""),
            ("/v1/embeddings", #""input":["a","b"]"#, "\"object\":\"embedding\"", "-embed"),
            ("/v1/images/generations", #""prompt":"a pot""#, "\"b64_json\"", ""),
        ])
    func json(engine: Engine, row: (path: String, field: String, part: String, suffix: String)) async throws {
        try await Self.twins(engine) { world, _, _ in
            for (model, name) in [("one", "first"), ("two", "second")] {
                for prefix in ["/olla/proxy", "/olla/openai"] {
                    let answer = try await world.post(
                        prefix + row.path, "{\"model\":\"\(model)\(row.suffix)\",\(row.field)}")
                    #expect(answer.status == 200)
                    #expect(answer.value(of: "X-Olla-Endpoint") == name)
                    #expect(answer.value(of: "X-Olla-Model") == model + row.suffix)
                    #expect(answer.text.contains(row.part), "\(answer.text)")
                }
            }
            let missing = try await world.post("/olla/openai" + row.path, "{\"model\":\"three\",\(row.field)}")
            #expect(missing.status == 404)
        }
    }

    @Test("a streamed response keeps its events and has its tokens counted", arguments: Engine.allCases)
    func responses(engine: Engine) async throws {
        try await Self.twins(engine) { world, _, _ in
            let answer = try await world.post(
                "/olla/openai/v1/responses", #"{"model":"two","input":"hi","stream":true,"max_output_tokens":5}"#)
            let names = StreamEvent.all(in: answer.text).map(\.name)
            #expect(names.first == "response.created")
            #expect(names.last == "response.incomplete")
            #expect(names.count { $0 == "response.output_text.delta" } == 5)
            let page = try await world.metrics()
            #expect(page.count("glasspot_tokens_total", ["endpoint": "second", "token_type": "output"]) == 5)
            #expect(page.count("glasspot_stream_chunks_total", ["endpoint": "second"]) == 5)
        }
    }

    @Test("a recording in a multipart form is routed by its model field", arguments: Engine.allCases)
    func recording(engine: Engine) async throws {
        try await Self.twins(engine) { world, _, _ in
            let sound = String(repeating: "RIFF\r\n--not-the-boundary\r\n", count: 40)
            for (model, name) in [("one", "first"), ("two", "second")] {
                let form =
                    "--b-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
                    + "Content-Type: audio/wav\r\n\r\n\(sound)\r\n--b-1\r\n"
                    + "Content-Disposition: form-data; name=\"model\"\r\n\r\n\(model)\r\n--b-1--\r\n"
                let answer = try await world.exchange(
                    "POST /olla/openai/v1/audio/transcriptions HTTP/1.1\r\nHost: gateway\r\n"
                        + "Content-Type: multipart/form-data; boundary=b-1\r\n"
                        + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)")
                #expect(answer.status == 200)
                #expect(answer.value(of: "X-Olla-Endpoint") == name)
                // Every byte of the form arrived.
                #expect(answer.text == "{\"text\":\"heard \(form.utf8.count) bytes\"}")
            }
        }
    }

    @Test("speech comes back byte for byte", arguments: Engine.allCases)
    func speech(engine: Engine) async throws {
        try await Self.twins(engine) { world, _, _ in
            let answer = try await world.post(
                "/olla/openai/v1/audio/speech", #"{"model":"one","input":"hello","voice":"alloy"}"#)
            #expect(answer.value(of: "Content-Type") == "audio/mpeg")
            #expect(answer.value(of: "X-Olla-Endpoint") == "first")
            #expect(answer.body == [0xFF, 0xFB, 0x90, 0x00, 0x0D, 0x0A, 0x00])
        }
    }
}
