import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Known delays land where they belong", .serialized)
struct TimingTests {
    private static func chunk(_ text: String) -> String {
        String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n"
    }

    private static func head(_ type: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n"
    }

    /// A dialect's words for a role, a piece of text, and the end with its usage.
    struct Dialect: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let path: String
        let type: String
        let endpointType: String
        /// Comes before the first content and must not count as one.
        let role: String
        let content: String
        let end: String
    }

    private static let dialects = [
        Dialect(
            testDescription: "OpenAI", path: "/olla/openai/v1/chat/completions", type: "text/event-stream",
            endpointType: "openai-compatible",
            role: #"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"# + "\n\n",
            content: #"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}"# + "\n\n",
            end: #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"# + "\n\n"
                + #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#
                + "\n\ndata: [DONE]\n\n"),
        Dialect(
            testDescription: "Ollama", path: "/olla/ollama/api/chat", type: "application/x-ndjson",
            endpointType: "ollama",
            role: #"{"model":"m","message":{"role":"assistant","content":""},"done":false}"# + "\n",
            content: #"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}"# + "\n",
            end: #"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","#
                + #""prompt_eval_count":7,"eval_count":3}"# + "\n"),
    ]

    @Test("in a stream: first token, gaps, stall", arguments: Engine.allCases, dialects)
    func stream(engine: Engine, dialect: Dialect) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hi\"]}"), .send(Self.head(dialect.type) + Self.chunk(dialect.role)),
                .pause(.milliseconds(560)), .send(Self.chunk(dialect.content)),
                .pause(.milliseconds(310)), .send(Self.chunk(dialect.content)),
                // Two deltas in one read: the second has no gap of its own.
                .pause(.milliseconds(310)), .send(Self.chunk(dialect.content + dialect.content)),
                .send(Self.chunk(dialect.end) + "0\r\n\r\n"),
            ]
        ])
        var place = Place(backend)
        place.type = dialect.endpointType
        try await World.with(engine, [place], alone: true) { world in
            let answer = try await world.post(dialect.path, #"{"stream":true,"messages":["hi"]}"#)
            #expect(answer.text == dialect.role + String(repeating: dialect.content, count: 4) + dialect.end)
            let page = try await world.metrics()
            let ttft = "glasspot_time_to_first_token_seconds"
            #expect(page.count("\(ttft)_count") == 1)
            #expect(page.bucket(ttft, above: "0.5", through: "0.75") == 1)
            let gaps = "glasspot_inter_chunk_duration_seconds"
            #expect(page.count("\(gaps)_count") == 3)
            #expect(page.bucket(gaps, above: "0.3", through: "0.4") == 2)
            #expect(page.bucket(gaps, above: nil, through: "0.001") == 1)
            #expect(page.bucket("glasspot_stream_longest_stall_seconds", above: "0.25", through: "0.5") == 1)
            #expect(page.bucket("glasspot_time_to_first_byte_seconds", above: nil, through: "0.25") == 1)
            #expect(page.count("glasspot_stream_chunks_total") == 4)
            // 620 ms over the two tokens behind the first.
            #expect(page.bucket("glasspot_time_per_output_token_seconds", above: "0.3", through: "0.4") == 1)
            #expect(page.count("glasspot_tokens_total", ["token_type": "input"]) == 7)
            #expect(page.count("glasspot_tokens_total", ["token_type": "output"]) == 3)
            #expect(page.count("glasspot_finish_reasons_total", ["reason": "stop"]) == 1)
            #expect(page.count("glasspot_streams_in_flight") == 0)
            #expect(page.count("glasspot_stream_aborts_total") == 0)
            // The wait was the endpoint's, all of it.
            let waited = page.nanoseconds(
                "glasspot_request_party_seconds_total", ["route": "provider", "party": "endpoint"])
            #expect(waited > 1_100_000_000)
            let log = try await world.logAfterStop()
            let line = try #require(log.first { $0["path"] as? String == dialect.path })
            let first = try #require(line["ttft_ms"] as? Double)
            #expect((560..<750).contains(first))
            #expect(line["output_tokens"] as? Int == 3)
            #expect(line["finish_reason"] as? String == "stop")
            let stages = try #require(line["stages_us"] as? [String: Double])
            let total = try #require(line["duration_ms"] as? Double)
            #expect(abs(stages.values.reduce(0, +) / 1_000 - total) < 0.1)
        }
        try await backend.stop()
    }

    /// A first delta of some kind, in the words of a dialect.
    struct FirstDelta: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let dialect: Dialect
        /// What comes before it and must not count: no content, content of no length, a ping, usage alone.
        let prelude: String
        let delta: String
    }

    private static func openAI(_ delta: String) -> String {
        #"data: {"choices":[{"index":0,"delta":\#(delta)}]}"# + "\n\n"
    }

    private static func ollama(_ message: String) -> String {
        #"{"model":"m","message":\#(message),"done":false}"# + "\n"
    }

    private static let firstDeltas: [FirstDelta] = {
        let sse =
            ": ping\n\n" + Self.openAI("{}") + Self.openAI(#"{"content":null}"#) + Self.openAI(#"{"tool_calls":[]}"#)
            + #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":0,"total_tokens":7}}"# + "\n\n"
        let lines = "\n" + Self.ollama(#"{"role":"assistant","content":"","tool_calls":[]}"#)
        return [
            FirstDelta(
                testDescription: "SSE, reasoning", dialect: Self.dialects[0], prelude: sse,
                delta: Self.openAI(#"{"reasoning_content":"Hm"}"#)),
            FirstDelta(
                testDescription: "SSE, tool call", dialect: Self.dialects[0], prelude: sse,
                delta: Self.openAI(#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#)),
            FirstDelta(
                testDescription: "NDJSON, reasoning", dialect: Self.dialects[1], prelude: lines,
                delta: Self.ollama(#"{"role":"assistant","content":"","thinking":"Hm"}"#)),
            FirstDelta(
                testDescription: "NDJSON, tool call", dialect: Self.dialects[1], prelude: lines,
                delta: Self.ollama(
                    #"{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}"#)),
        ]
    }()

    @Test("in a stream: what is the first token, and what is not", arguments: Engine.allCases, firstDeltas)
    func firstToken(engine: Engine, first: FirstDelta) async throws {
        let dialect = first.dialect
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hi\"]}"), .send(Self.head(dialect.type) + Self.chunk(dialect.role + first.prelude)),
                .pause(.milliseconds(560)), .send(Self.chunk(first.delta)),
                .send(Self.chunk(dialect.end) + "0\r\n\r\n"),
            ]
        ])
        var place = Place(backend)
        place.type = dialect.endpointType
        try await World.with(engine, [place], alone: true) { world in
            let answer = try await world.post(dialect.path, #"{"stream":true,"messages":["hi"]}"#)
            #expect(answer.status == 200)
            let page = try await world.metrics()
            let ttft = "glasspot_time_to_first_token_seconds"
            #expect(page.count("\(ttft)_count") == 1)
            #expect(page.bucket(ttft, above: "0.5", through: "0.75") == 1)
            #expect(page.count("glasspot_stream_chunks_total") == 1)
            #expect(page.count("glasspot_inter_chunk_duration_seconds_count") == 0)
        }
        try await backend.stop()
    }

    @Test("in an answer of one piece: first byte and no first token", arguments: Engine.allCases)
    func whole(engine: Engine) async throws {
        let body =
            #"{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"length"}],"#
            + #""usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hi\"]}"), .pause(.milliseconds(560)),
                .send(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                        + body),
            ]
        ])
        try await World.with(engine, [Place(backend)], alone: true) { world in
            _ = try await world.post("/olla/openai/v1/chat/completions", #"{"messages":["hi"]}"#)
            let page = try await world.metrics()
            #expect(page.bucket("glasspot_time_to_first_byte_seconds", above: "0.5", through: "0.75") == 1)
            #expect(page.count("glasspot_time_to_first_token_seconds_count") == 0)
            #expect(page.count("glasspot_inter_chunk_duration_seconds_count") == 0)
            #expect(page.bucket("glasspot_operation_duration_seconds", above: "0.32", through: "0.64") == 1)
            #expect(page.count("glasspot_tokens_total") == 7)
            #expect(page.count("glasspot_finish_reasons_total", ["reason": "length"]) == 1)
            // The endpoint may read the request, and begin to wait, before the gateway's thread has noted that it is sent.
            let stages = ["send", "wait"].map {
                page.nanoseconds("glasspot_upstream_stage_duration_seconds_sum", ["stage": $0])
            }
            #expect((560_000_000..<750_000_000).contains(stages[0] + stages[1]))
            #expect(stages[0] < stages[1])
        }
        try await backend.stop()
    }
}
