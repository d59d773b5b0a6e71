import Domain
import Foundation
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Spans")
struct SpanTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"
    private static let question =
        #"{"model":"mock","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#

    /// A span as the collector reads it.
    private struct Span {
        let fields: [String: any Sendable]

        func text(_ name: String) -> String { self.fields[name] as? String ?? "" }

        var start: Int { Int(self.text("startTimeUnixNano")) ?? 0 }
        var end: Int { Int(self.text("endTimeUnixNano")) ?? 0 }
        var isServer: Bool { self.fields["kind"] as? Int == 2 }
        var isError: Bool { (self.fields["status"] as? [String: Int])?["code"] == 2 }

        var attributes: [String: String] {
            var found: [String: String] = [:]
            for entry in self.fields["attributes"] as? [[String: any Sendable]] ?? [] {
                let value = (entry["value"] as? [String: any Sendable])?.values.first
                if let key = entry["key"] as? String, let value { found[key] = "\(value)" }
            }
            return found
        }

        var events: [(name: String, time: Int)] {
            (self.fields["events"] as? [[String: any Sendable]] ?? []).map {
                ($0["name"] as? String ?? "", Int($0["timeUnixNano"] as? String ?? "") ?? 0)
            }
        }

        static func all(_ collector: TraceCollector) throws -> [Span] {
            try collector.exports.flatMap { export -> [Span] in
                let document = try JSONSerialization.jsonObject(with: Data(export.body)) as? [String: any Sendable]
                let resource = (document?["resourceSpans"] as? [[String: any Sendable]])?.first
                let scope = (resource?["scopeSpans"] as? [[String: any Sendable]])?.first
                let spans = try #require(scope?["spans"] as? [[String: any Sendable]])
                return spans.map(Span.init)
            }
        }
    }

    /// The spans and log lines that `body` leaves behind in a gateway with a collector, the gateway stopped.
    private func spans(
        _ engine: Engine, _ places: [Place], ratio: Double = 1, queue: Int = 2_048,
        _ body: (World) async throws -> Void
    ) async throws -> (spans: [Span], log: [[String: any Sendable]]) {
        let collector = try await TraceCollector.start()
        let port = collector.port
        var log: [[String: any Sendable]] = []
        let tuning = Tuning { settings in
            settings.tracing.endpoint = "http://127.0.0.1:\(port)"
            settings.tracing.sampleRatio = ratio
            settings.tracing.queue = queue
        }
        try await World.with(engine, places, tuned: tuning) { world in
            try await body(world)
            log = try await world.logAfterStop()
        }
        let spans = try Span.all(collector)
        try await collector.stop()
        return (spans, log)
    }

    @Test("of a request and its one attempt hang together and lie in each other", arguments: Engine.allCases)
    func pair(engine: Engine) async throws {
        let backend = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("mock")]))
        let place = Place(backend)
        let found = try await self.spans(engine, [place]) { world in
            let answer = try await world.post(
                "/olla/openai/v1/chat/completions?api_key=hunter2", Self.question,
                "traceparent: 00-\(Self.trace)-\(Self.parent)-01\r\nUser-Agent: test/1\r\n")
            #expect(answer.status == 200)
        }
        #expect(found.spans.count == 2)
        let server = try #require(found.spans.first { $0.isServer })
        let client = try #require(found.spans.first { !$0.isServer })
        #expect(server.text("traceId") == Self.trace && client.text("traceId") == Self.trace)
        #expect(server.text("parentSpanId") == Self.parent)
        #expect(client.text("parentSpanId") == server.text("spanId"))
        #expect(server.text("name") == "POST /olla/openai/*")
        #expect(client.text("name") == "chat mock")
        #expect(server.start <= client.start && client.start <= client.end && client.end <= server.end)
        #expect(!server.isError && !client.isError)
        let line = try #require(found.log.first { $0["trace_id"] as? String == Self.trace })
        #expect(line["span_id"] as? String == server.text("spanId"))
        #expect(server.attributes["url.query"] == "api_key=[REDACTED]")
        #expect(server.attributes["user_agent.original"] == "test/1")
        #expect(server.attributes["glasspot.request_id"] == line["request_id"] as? String)
        #expect(client.attributes["url.full"]?.contains("hunter2") == false)
        #expect(client.attributes["server.port"] == "\(backend.port)")
        #expect(client.attributes["gen_ai.usage.output_tokens"] == (line["output_tokens"] as? Int).map { "\($0)" })
        #expect(client.attributes["gen_ai.usage.input_tokens"] == (line["input_tokens"] as? Int).map { "\($0)" })
        // The stages in the order of a request's life, each within its span.
        #expect(server.events.map(\.name).first == "read_head" && server.events.map(\.name).last == "finish")
        #expect(client.events.map(\.name).filter { $0 != "first_token" } == ["acquire", "send", "wait", "stream"])
        #expect(client.events.contains { $0.name == "first_token" })
        for span in [server, client] {
            #expect(span.events.allSatisfy { (span.start...span.end).contains($0.time) })
        }
        try await backend.stop()
    }

    @Test("of each attempt name their failure and their number", arguments: Engine.allCases)
    func retries(engine: Engine) async throws {
        let busy: [ScriptStep] = [
            .readHead, .send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        ]
        let first = try await ScriptedBackend.start(scripts: [busy])
        let second = try await ScriptedBackend.start(scripts: [busy])
        let places = [Place(first), Place(second, name: "beta")]
        let found = try await self.spans(engine, places) { world in
            let answer = try await world.get("/olla/proxy/v1/x")
            #expect(answer.status == 503)
        }
        let server = try #require(found.spans.first { $0.isServer })
        let attempts = found.spans.filter { !$0.isServer }.sorted { $0.start < $1.start }
        #expect(attempts.count == 2)
        #expect(server.isError && server.attributes["error.type"] == "upstream_error")
        #expect(server.text("parentSpanId").isEmpty)
        #expect(attempts.map { $0.attributes["error.type"] } == ["503", "503"])
        #expect(attempts.map { $0.attributes["http.request.resend_count"] } == [nil, "1"])
        #expect(Set(attempts.map { $0.attributes["glasspot.endpoint"] }) == ["alpha", "beta"])
        #expect(attempts.allSatisfy { $0.isError && $0.text("parentSpanId") == server.text("spanId") })
        let told = [first, second].map { String(decoding: $0.received(), as: UTF8.self) }
        for attempt in attempts {
            let parent = "traceparent: 00-\(attempt.text("traceId"))-\(attempt.text("spanId"))-01\r\n"
            #expect(told.count { $0.contains(parent) } == 1)
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("of a broken connection and its fresh one are two attempts on one endpoint", arguments: Engine.allCases)
    func stale(engine: Engine) async throws {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send(ok), .readHead, .close], [.readHead, .send(ok)],
        ])
        let found = try await self.spans(engine, [Place(backend)]) { world in
            for _ in 0..<2 {
                let answer = try await world.get("/olla/proxy/v1/x")
                #expect(answer.status == 200)
            }
        }
        let servers = found.spans.filter(\.isServer).sorted { $0.start < $1.start }
        #expect(servers.map { $0.attributes["glasspot.attempts"] } == ["1", "2"])
        let id = try #require(servers.last).text("spanId")
        let attempts = found.spans.filter { $0.text("parentSpanId") == id }.sorted { $0.start < $1.start }
        #expect(attempts.map { $0.attributes["error.type"] } == ["closed", nil])
        #expect(attempts.allSatisfy { $0.events.map(\.name).contains("send") })
        try await backend.stop()
    }

    @Test("are left out when the caller says so, or the share is zero", arguments: Engine.allCases)
    func unsampled(engine: Engine) async throws {
        let ok: [ScriptStep] = [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        let backend = try await ScriptedBackend.start(scripts: [ok])
        let refused = try await self.spans(engine, [Place(backend)]) { world in
            _ = try await world.get("/olla/proxy/v1/x", "traceparent: 00-\(Self.trace)-\(Self.parent)-00\r\n")
            _ = try await world.get("/internal/health")
        }
        #expect(refused.spans.isEmpty)
        let none = try await self.spans(engine, [Place(backend)], ratio: 0) { world in
            _ = try await world.get("/olla/proxy/v1/x")
        }
        #expect(none.spans.isEmpty)
        let asked = try await self.spans(engine, [Place(backend)], ratio: 0) { world in
            _ = try await world.get("/internal/health", "traceparent: 00-\(Self.trace)-\(Self.parent)-01\r\n")
            _ = try await world.get("/nowhere", "traceparent: 00-\(Self.trace)-\(Self.parent)-01\r\n")
        }
        #expect(Set(asked.spans.map { $0.text("name") }) == ["GET /internal/health", "GET"])
        try await backend.stop()
    }

    @Test("that find the queue full are counted, and nothing waits for them", arguments: Engine.allCases)
    func full(engine: Engine) async throws {
        let ok: [ScriptStep] = [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        let backend = try await ScriptedBackend.start(scripts: [ok])
        let found = try await self.spans(engine, [Place(backend)], queue: 1) { world in
            let answer = try await world.get("/olla/proxy/v1/x")
            #expect(answer.status == 200)
            let page = try await world.metrics { page in
                page["glasspot_trace_spans_dropped_total"].contains { $0.value > 0 }
            }
            let dropped = page["glasspot_trace_spans_dropped_total"].filter { $0.label("reason") == "queue_full" }
            #expect(dropped.map(\.value) == [1])
        }
        #expect(found.spans.count == 1)
        try await backend.stop()
    }
}
