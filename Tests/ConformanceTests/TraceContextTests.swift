import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Trace context")
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let usual = "00-\(trace)-00f067aa0ba902b7-01"
    private static let ok: [ScriptStep] = [
        .readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ]

    /// The values of a field in everything a backend got, in order.
    private static func values(of name: String, at backend: ScriptedBackend) -> [String] {
        String(decoding: backend.received(), as: UTF8.self).components("\r\n")
            .filter { $0.lowercased().hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    /// What one request with these fields leads to: the parent the backend is told, its state, and the log line.
    private func passOn(
        _ engine: Engine, _ fields: String, lines: [String] = []
    ) async throws -> (parent: String, states: [String], line: [String: any Sendable]) {
        let backend = try await ScriptedBackend.start(scripts: [Self.ok])
        var line: [String: any Sendable] = [:]
        try await World.with(engine, [Place(backend, lines: lines)]) { world in
            let answer = try await world.get("/olla/proxy/v1/x", fields)
            #expect(answer.status == 200)
            let lines = try await world.logAfterStop()
            line = try #require(lines.first { $0["path"] as? String == "/olla/proxy/v1/x" })
        }
        let parents = Self.values(of: "traceparent", at: backend)
        let states = Self.values(of: "tracestate", at: backend)
        try await backend.stop()
        #expect(parents.count == 1)
        return (try #require(parents.first), states, line)
    }

    @Test("of the client is continued with a parent of our own", arguments: Engine.allCases)
    func continued(engine: Engine) async throws {
        let found = try await self.passOn(
            engine, "traceparent: \(Self.usual)\r\ntracestate: a=1\r\nTraceState: b=2,c=3\r\n")
        let parts = found.parent.components("-")
        #expect(parts.count == 4 && parts[0] == "00" && parts[1] == Self.trace && parts[3] == "01")
        #expect(parts[2].utf8.count == 16 && parts[2] != "00f067aa0ba902b7")
        #expect(found.states == ["a=1", "b=2,c=3"])
        #expect(found.line["trace_id"] as? String == Self.trace)
        let span = try #require(found.line["span_id"] as? String)
        #expect(span.utf8.count == 16 && span != parts[2] && span != "00f067aa0ba902b7")
    }

    @Test(
        "that is broken, doubled or missing begins anew, unsampled and without state", arguments: Engine.allCases,
        [
            "", "traceparent: \(usual)\r\ntraceparent: \(usual)\r\n", "traceparent: \(usual.uppercased())\r\n",
            "traceparent: ff-\(trace)-00f067aa0ba902b7-01\r\n", "traceparent: \(usual)-x\r\n",
            "traceparent: \(usual)\r\nConnection: close, traceparent\r\n",
        ])
    func begun(engine: Engine, fields: String) async throws {
        let found = try await self.passOn(engine, fields + "tracestate: a=1\r\n")
        let bytes = Array(found.parent.utf8)
        let read = Traceparent(bytes.span)
        let parent = try #require(read)
        #expect(parent.flags == [])
        #expect(!found.parent.contains(Self.trace))
        #expect(found.states.isEmpty)
        #expect(found.line["trace_id"] as? String == found.parent.components("-")[1])
    }

    @Test("keeps its flags of level 2 and reads higher versions as version 00", arguments: Engine.allCases)
    func levels(engine: Engine) async throws {
        let random = try await self.passOn(engine, "traceparent: 00-\(Self.trace)-00f067aa0ba902b7-fe\r\n")
        #expect(random.parent.hasPrefix("00-\(Self.trace)-") && random.parent.hasSuffix("-02"))
        let future = try await self.passOn(engine, "traceparent: cc-\(Self.trace)-00f067aa0ba902b7-ff-news\r\n")
        #expect(future.parent.hasPrefix("00-\(Self.trace)-") && future.parent.hasSuffix("-01"))
    }

    @Test("with more state than may be passed on keeps only the parent", arguments: Engine.allCases)
    func crowded(engine: Engine) async throws {
        let states = (0..<33).map { "k\($0)=v" }.joined(separator: ",")
        let found = try await self.passOn(engine, "traceparent: \(Self.usual)\r\ntracestate: \(states)\r\n")
        #expect(found.parent.hasPrefix("00-\(Self.trace)-"))
        #expect(found.states.isEmpty)
    }

    @Test("that an endpoint is configured with stands alone", arguments: Engine.allCases)
    func configured(engine: Engine) async throws {
        let fixed = "00-11111111111111111111111111111111-2222222222222222-00"
        let found = try await self.passOn(
            engine, "traceparent: \(Self.usual)\r\n", lines: ["headers: {Traceparent: \"\(fixed)\"}"])
        #expect(found.parent == fixed)
    }

    @Test("has another parent for each attempt of one request", arguments: Engine.allCases)
    func attempts(engine: Engine) async throws {
        let busy: [ScriptStep] = [
            .readHead, .send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        ]
        let first = try await ScriptedBackend.start(scripts: [busy])
        let second = try await ScriptedBackend.start(scripts: [busy])
        let places = [Place(first), Place(second, name: "beta")]
        try await World.with(engine, places) { world in
            let answer = try await world.get("/olla/proxy/v1/x", "traceparent: \(Self.usual)\r\n")
            #expect(answer.status == 503)
        }
        let parents = [first, second].flatMap { Self.values(of: "traceparent", at: $0) }
        #expect(parents.count == 2)
        #expect(Set(parents).count == 2)
        #expect(parents.allSatisfy { $0.hasPrefix("00-\(Self.trace)-") && $0.hasSuffix("-01") })
        try await first.stop()
        try await second.stop()
    }
}
