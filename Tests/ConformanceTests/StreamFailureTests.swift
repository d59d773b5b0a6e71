import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A stream that breaks")
struct StreamFailureTests {
    /// How the endpoint breaks off.
    enum Break: String, CaseIterable, Sendable {
        case closed, reset, badChunk, silence, midEvent

        var step: [ScriptStep] {
            switch self {
            case .closed: [.wait("go"), .close]
            case .reset: [.wait("go"), .reset]
            case .badChunk: [.wait("go"), .send("zz\r\n"), .awaitClose]
            case .silence: [.awaitClose]
            case .midEvent: [.send("6\r\ndata: \r\n"), .wait("go"), .close]
            }
        }

        var errorType: String {
            switch self {
            case .closed, .midEvent: "closed"
            case .reset: "reset"
            case .badChunk: "protocol"
            case .silence: "idle_timeout"
            }
        }
    }

    private static let event = #"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}"# + "\n\n"
    private static let line =
        #"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}"# + "\n"

    private static func chunk(_ text: String) -> String {
        String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n"
    }

    private static func head(_ type: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n"
    }

    private static let ask = #"{"stream":true,"messages":[{"role":"user","content":"hi"}]}"#

    /// Plays the stream and returns what the client got behind the first event, and the page.
    private static func play(
        _ engine: Engine, _ way: Break, type: String, first: String, path: String, endpointType: String,
        check: (WireBytes) throws -> Void
    ) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("hi\"}]}"), .send(Self.head(type) + Self.chunk(first))] + way.step
        ])
        var place = Place(backend)
        place.type = endpointType
        try await World.with(
            engine, [place], tuned: Tuning { if way == .silence { $0.proxy.readTimeout = .milliseconds(250) } }
        ) { world in
            let client = try await world.connect()
            try await client.send(World.postText(path, Self.ask))
            try await client.read(until: Self.chunk(first))
            if way == .midEvent { try await client.received(atLeast: 6) }
            backend.signal("go")
            let rest = try await client.rest()
            let outcome = way == .silence ? "upstream_timeout" : "upstream_error"
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "200", "outcome": outcome]) == 1)
            #expect(page.count("glasspot_upstream_requests_total", ["code": "200", "outcome": outcome]) == 1)
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": way.errorType]) == 1)
            let reason = way == .silence ? "idle_timeout" : "upstream"
            #expect(page.count("glasspot_stream_aborts_total", ["endpoint": "alpha", "reason": reason]) == 1)
            #expect(page.count("glasspot_streams_in_flight") == 0)
            #expect(page.count("glasspot_stream_chunks_total") == 1)
            #expect(page.count("glasspot_retries_total") == 0)
            try check(WireBytes(bytes: rest.bytes))
        }
        try await backend.stop()
    }

    /// Bytes behind the start of a chunked body.
    private struct WireBytes {
        let bytes: [UInt8]
        var text: String { String(decoding: self.bytes, as: UTF8.self) }
        var endsCleanly: Bool { self.text.hasSuffix("0\r\n\r\n") }
    }

    @Test("says so in OpenAI's dialect, and never ends cleanly", arguments: Engine.allCases, Break.allCases)
    func openAI(engine: Engine, way: Break) async throws {
        try await Self.play(
            engine, way, type: "text/event-stream", first: Self.event, path: "/olla/openai/v1/chat/completions",
            endpointType: "openai-compatible"
        ) { rest in
            #expect(!rest.endsCleanly)
            #expect(rest.text.contains(#"data: {"error":{"message":"#))
            #expect(rest.text.contains(#""type":"upstream_error""#))
            #expect(rest.text.contains(way == .silence ? #""code":"upstream_timeout""# : #""code":"upstream_error""#))
            #expect(rest.text.hasSuffix("}}\n\n\r\n"))
            #expect(!rest.text.contains("[DONE]"))
            if way == .midEvent { #expect(rest.text.hasPrefix("6\r\ndata: \r\n")) }
        }
    }

    @Test(
        "says so in Ollama's dialect, and never ends cleanly", arguments: Engine.allCases,
        [Break.closed, .reset, .silence])
    func ollama(engine: Engine, way: Break) async throws {
        try await Self.play(
            engine, way, type: "application/x-ndjson", first: Self.line, path: "/olla/ollama/api/chat",
            endpointType: "ollama"
        ) { rest in
            #expect(!rest.endsCleanly)
            #expect(rest.text.contains(#"{"error":""#))
            #expect(rest.text.hasSuffix("\"}\n\r\n"))
            #expect(!rest.text.contains("data:"))
        }
    }

    @Test("with a content coding gets no event between its bytes", arguments: Engine.allCases)
    func coded(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hi\"}]}"),
                .send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n4\r\nzzzz\r\n"), .wait("go"), .close,
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            let fields = "Accept-Encoding: gzip\r\n"
            try await client.send(World.postText("/olla/openai/v1/chat/completions", Self.ask, fields))
            try await client.read(until: "zzzz\r\n")
            backend.signal("go")
            #expect(try await client.rest().bytes == [])
        }
        try await backend.stop()
    }

    @Test("with a length is cut short of it", arguments: Engine.allCases)
    func withLength(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hi\"}]}"),
                .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 500\r\n\r\n\(Self.event)"),
                .wait("go"), .close,
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(World.postText("/olla/openai/v1/chat/completions", Self.ask))
            try await client.read(until: Self.event)
            backend.signal("go")
            #expect(try await client.rest().bytes == [])
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "200", "outcome": "upstream_error"]) == 1)
        }
        try await backend.stop()
    }

    @Test("towards a client of HTTP/1.0 ends in a reset", arguments: Engine.allCases)
    func oldClient(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(Self.head("text/plain") + "4\r\nhalf\r\n"), .wait("go"), .close]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.0\r\n\r\n")
            try await client.read(until: "half")
            backend.signal("go")
            #expect(try await client.rest().ending == .reset)
        }
        try await backend.stop()
    }

    @Test("before its first byte is an answer of the gateway", arguments: Engine.allCases)
    func beforeTheHead(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("hi\"}]}"), .send("HTTP/1.1 200 O"), .close]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.post("/olla/openai/v1/chat/completions", Self.ask)
            #expect(answer.status == 502)
            #expect(answer.text.hasPrefix("Proxy error: "))
        }
        try await backend.stop()
    }

    @Test("for longer than response_timeout is cut", arguments: Engine.allCases)
    func responseTimeout(engine: Engine) async throws {
        let beat = [ScriptStep.send(Self.chunk(Self.event)), .pause(.milliseconds(20))]
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("hi\"}]}"), .send(Self.head("text/event-stream"))] + repeatElement(beat, count: 500).joined()
        ])
        try await World.with(
            engine, [Place(backend)], tuned: Tuning { $0.proxy.responseTimeout = .seconds(2) }
        ) { world in
            let client = try await world.connect()
            try await client.send(World.postText("/olla/openai/v1/chat/completions", Self.ask))
            let (bytes, _) = try await client.rest()
            #expect(String(decoding: bytes, as: UTF8.self).contains(#""code":"upstream_timeout""#))
            #expect(await backend.closed(1))
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "200", "outcome": "upstream_timeout"]) == 1)
        }
        try await backend.stop()
    }
}
