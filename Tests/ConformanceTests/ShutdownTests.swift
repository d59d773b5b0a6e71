import Domain
import Foundation
import MockLLM
import Settings
import Synchronization
import TestKit
import Testing

@testable import GlasspotApp

@Suite("A gateway that stops")
struct ShutdownTests {
    private static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let event = #"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}"# + "\n\n"

    private static func chunk(_ text: String) -> String {
        String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n"
    }

    private static let ask = World.postText(
        "/olla/openai/v1/chat/completions", #"{"stream":true,"messages":["hi"]}"#)

    @Test("lets a stream end, closes idle connections and takes no new ones", arguments: Engine.allCases)
    func drains(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("hi\"]}"), .send(Self.head + Self.chunk(Self.event)), .wait("go"),
                .send(Self.chunk("data: [DONE]\n\n") + "0\r\n\r\n"),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let idle = try await world.connect()
            try await idle.send("GET /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await idle.answer().status == 200)
            let silent = try await world.connect()
            let streaming = try await world.connect()
            try await streaming.send(Self.ask)
            try await streaming.read(until: Self.event)
            await world.beginStop()
            #expect(try await idle.rest().ending == .closed)
            #expect(try await silent.rest().ending == .closed)
            let late = try? await world.connect()
            #expect(late == nil)
            backend.signal("go")
            let rest = try await streaming.rest()
            #expect(String(decoding: rest.bytes, as: UTF8.self).hasSuffix("data: [DONE]\n\n\r\n0\r\n\r\n"))
            #expect(rest.ending == .closed)
            let log = try await world.logAfterStop()
            let line = try #require(log.first { $0["path"] as? String == "/olla/openai/v1/chat/completions" })
            #expect(line["outcome"] as? String == "ok")
            #expect(log.contains { $0["msg"] as? String == "Stopped" })
        }
        try await backend.stop()
    }

    @Test("says close on answers while it drains", arguments: Engine.allCases)
    func closesAfterAnswer(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .announce("asked"), .wait("go"), .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let idle = try await world.connect()
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(await backend.reached("asked"))
            await world.beginStop()
            // The idle one is closed by the same step that tells the busy one.
            _ = try await idle.rest()
            backend.signal("go")
            let answer = try await client.answer()
            #expect(answer.text == "ok")
            #expect(answer.value(of: "Connection") == "close")
            #expect(try await client.rest().ending == .closed)
        }
        try await backend.stop()
    }

    @Test("cuts what does not end in time, never cleanly", arguments: Engine.allCases)
    func cuts(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("hi\"]}"), .send(Self.head + Self.chunk(Self.event)), .awaitClose],
            [.readHead, .announce("asked"), .awaitClose],
        ])
        try await World.with(
            engine, [Place(backend)], tuned: Tuning { $0.server.shutdownTimeout = .milliseconds(200) }
        ) { world in
            let streaming = try await world.connect()
            try await streaming.send(Self.ask)
            try await streaming.read(until: Self.event)
            let waiting = try await world.connect()
            try await waiting.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(await backend.reached("asked"))
            await world.beginStop()
            let rest = String(decoding: try await streaming.rest().bytes, as: UTF8.self)
            #expect(rest.contains(#"data: {"error":{"message":"the gateway is shutting down""#))
            #expect(!rest.hasSuffix("0\r\n\r\n"))
            // Nothing of an answer has gone out: this one can still be told in order.
            let told = try await waiting.answer()
            #expect(told.status == 503)
            #expect(told.text == "the gateway is shutting down\n")
            #expect(told.value(of: "Connection") == "close")
            #expect(try await waiting.rest().ending == .closed)
            #expect(await backend.closed(2))
            let log = try await world.logAfterStop()
            let lines = log.filter {
                $0["msg"] as? String == "Access log" && $0["outcome"] as? String == "gateway_error"
            }
            #expect(lines.count == 2)
        }
        try await backend.stop()
    }

    @Test("answers in order what it cuts before a rewritten answer is whole", arguments: Engine.allCases)
    func cutsWithheld(engine: Engine) async throws {
        let registry = try await MockBackend.start(kind: .openAI, behaviour: MockBehaviour(models: [MockModel("mock")]))
        let part = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"choices\":"
        let backend = try await ScriptedBackend.start(scripts: [[.readUntil("}]"), .send(part), .awaitClose]])
        let place = Place(backend, knownFrom: registry, type: "openai-compatible")
        let tuning = Tuning { $0.server.shutdownTimeout = .milliseconds(200) }
        try await World.with(engine, [place], tuned: tuning) { world in
            let client = try await world.connect()
            let body = #"{"model":"mock","max_tokens":50,"messages":[{"role":"user","content":"Hi"}]}"#
            try await client.send(World.postText("/olla/anthropic/v1/messages", body))
            try await world.metrics {
                $0.count("glasspot_upstream_bytes_total", ["direction": "received"]) >= part.utf8.count
            }
            await world.beginStop()
            let told = try await client.answer()
            #expect(told.status == 503)
            #expect(told.text.contains(#""type":"error""#) && told.text.contains("the gateway is shutting down"))
            #expect(try await client.rest().ending == .closed)
        }
        try await backend.stop()
        try await registry.stop()
    }

    @Test("tells streams it cuts so in the words of their dialect", arguments: Engine.allCases)
    func dialects(engine: Engine) async throws {
        let anthropic = try await MockBackend.start(
            kind: .openAI,
            behaviour: MockBehaviour(
                models: [MockModel("mock")], pacing: TokenPacing(gap: .milliseconds(1)),
                faults: FaultPlan(always: .stall(afterChunks: 2, duration: nil))))
        let tuning = Tuning { $0.server.shutdownTimeout = .milliseconds(200) }
        try await World.with(engine, [Place(anthropic)], tuned: tuning) { world in
            let messages = try await world.connect()
            let body = #"{"model":"mock","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#
            try await messages.send(World.postText("/olla/anthropic/v1/messages", body))
            try await messages.read(until: "content_block_delta")
            await world.beginStop()
            let events = String(decoding: try await messages.rest().bytes, as: UTF8.self)
            #expect(events.contains("event: error\ndata: {\"type\":\"error\""))
            #expect(events.contains("the gateway is shutting down"))
            #expect(!events.contains("message_stop"))
        }
        try await anthropic.stop()
        let ollama = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("}"),
                .send(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + Self.chunk(#"{"message":{"role":"assistant","content":"Hi"},"done":false}"# + "\n")),
                .awaitClose,
            ]
        ])
        var place = Place(ollama)
        place.type = "ollama"
        try await World.with(engine, [place], tuned: tuning) { world in
            let chat = try await world.connect()
            try await chat.send(World.postText("/olla/ollama/api/chat", #"{"messages":[]}"#))
            try await chat.read(until: "\"done\":false}")
            await world.beginStop()
            let lines = String(decoding: try await chat.rest().bytes, as: UTF8.self)
            #expect(lines.contains(#"{"error":"the gateway is shutting down"}"#))
            #expect(!lines.hasSuffix("0\r\n\r\n"))
        }
        try await ollama.stop()
    }

    @Test("sends clients elsewhere while it waits for its balancer to notice", arguments: Engine.allCases)
    func announces(engine: Engine) async throws {
        let ok: ScriptStep = .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .announce("asked"), .wait("go"), ok, .readHead, ok], [.readHead, ok],
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let get = "GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n"
            let idle = try await world.connect()
            try await idle.send("GET /nowhere HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await idle.answer().value(of: "Connection") == nil)
            let busy = try await world.connect()
            try await busy.send(get)
            #expect(await backend.reached("asked"))
            await world.announceStop()
            // Who comes now is served; what had begun before is told as well, and nobody is closed without an answer.
            let late = try await world.get("/nowhere")
            #expect(late.status == 404)
            #expect(late.value(of: "Connection") == "close")
            backend.signal("go")
            #expect(try await busy.answer().value(of: "Connection") == "close")
            #expect(try await busy.rest().ending == .closed)
            try await idle.send(get)
            let answer = try await idle.answer()
            #expect(answer.text == "ok")
            #expect(answer.value(of: "Connection") == "close")
            #expect(try await idle.rest().ending == .closed)
        }
        try await backend.stop()
    }

    @Test("is not ready from that moment on", arguments: Engine.allCases)
    func readiness(engine: Engine) async throws {
        try await World.with(
            engine, [],
            tuned: Tuning {
                $0.server.drainDelay = .seconds(2)
                $0.server.shutdownTimeout = .seconds(4)
            }
        ) { world in
            let client = try await world.connect()
            try await client.send("GET /internal/ready HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await client.answer().status == 200)
            await world.beginStop()
            try await World.eventually("not ready") {
                try await client.send("GET /internal/ready HTTP/1.1\r\nHost: gateway\r\n\r\n")
                return try await client.answer().status == 503
            }
            // Until drain_delay is over new connections are still served.
            #expect(try await world.get("/version").status == 200)
        }
    }

    @Test("leaves nothing of itself in memory, whatever it cuts", arguments: Engine.allCases)
    func isReleased(engine: Engine) async throws {
        let registry = try await MockBackend.start(kind: .openAI)
        let refused: [ScriptStep] = [
            .readHead, .stopReading, .wait("refuse"),
            .send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"), .wait("refused"),
            .resumeReading, .awaitClose,
        ]
        let left: [ScriptStep] = [
            .readHead, .send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab"), .wait("end"),
            .send("cd"), .announce("ended"), .awaitClose,
        ]
        let backend = try await ScriptedBackend.start(scripts: [refused, left, [.readUntil("hello"), .awaitClose]])
        var settings = Configuration()
        settings.server.port = 0
        settings.server.eventLoops = 1
        settings.server.shutdownTimeout = .milliseconds(10)
        settings.proxy.engine = try #require(.init(rawValue: engine.rawValue))
        var endpoint = Configuration.Endpoint(url: "http://127.0.0.1:\(backend.port)")
        endpoint.healthCheckURL = "http://127.0.0.1:\(registry.port)/v1/models"
        // One check is enough, and it may take its time.
        endpoint.checkInterval = .seconds(60)
        endpoint.checkTimeout = .seconds(10)
        settings.discovery.endpoints = [endpoint]
        settings.discovery.modelDiscovery.enabled = false
        let log = Pipe()
        let remains = try await Self.remainsOfAStoppedGateway(settings, backend, log.fileHandleForWriting)
        try await World.eventually("released") { remains.allSatisfy { $0.part == nil } }
        try log.fileHandleForWriting.close()
        let lines = String(decoding: try log.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(lines.contains(#""status":413"#))
        #expect(!lines.contains("did not end in time"))
        #expect(lines.contains("Stopped"))
        try await backend.stop()
        try await registry.stop()
    }

    /// A part of a gateway, not kept alive.
    private struct Remnant: Sendable {
        weak let part: (any AnyObject & Sendable)?
    }

    /// Uploads until the endpoint, which does not read, takes no more, and is refused then.
    private static func beRefused(_ gateway: Gateway, _ backend: ScriptedBackend) async throws {
        let client = try await ByteClient.connect(to: gateway.port)
        let piece = [UInt8](repeating: 0x61, count: 64_000)
        try await client.send(
            "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Length: \(1_000 * piece.count)\r\n\r\n")
        let sent = Counter()
        let sending = Task {
            while true {
                try await client.send(piece)
                sent.value.add(1, ordering: .relaxed)
            }
        }
        let other = try await ByteClient.connect(to: gateway.port)
        var (last, rounds) = (-1, 0)
        try await World.eventually("held up") {
            try await other.send("GET /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            _ = try await other.answer()
            let now = sent.value.load(ordering: .relaxed)
            rounds = now == last ? rounds + 1 : 0
            last = now
            return rounds == 20
        }
        backend.signal("refuse")
        // What it goes on sending may reset the connection before it has read the answer; the log has it.
        _ = try? await client.answer()
        backend.signal("refused")
        sending.cancel()
        try await client.close()
        _ = await sending.result
    }

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    /// Starts a gateway that a client leaves, and stops it in the middle of uploads, in a frame of its own that holds
    /// none of it afterwards.
    private static func remainsOfAStoppedGateway(
        _ settings: Configuration, _ backend: ScriptedBackend, _ log: FileHandle
    ) async throws -> [Remnant] {
        let gateway = try await Gateway.start(settings, environment: [:], output: log.fileDescriptor)
        let running = Task { try await gateway.run(signals: []) }
        try await World.eventually("ready") {
            let client = try await ByteClient.connect(to: gateway.port)
            try await client.send("GET /internal/ready HTTP/1.1\r\nHost: gateway\r\n\r\n")
            return try await client.answer().status == 200
        }
        try await Self.beRefused(gateway, backend)
        // One leaves in the moment its answer ends.
        let first = try await ByteClient.connect(to: gateway.port)
        try await first.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
        try await first.read(until: "ab")
        try await gateway.whileBusy {
            backend.signal("end")
            #expect(await backend.reached("ended"))
            try await first.reset()
        }
        let clients = 8
        for _ in 0..<clients {
            let client = try await ByteClient.connect(to: gateway.port)
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        }
        #expect(await backend.accepted(2 + clients))
        await gateway.stop()
        try await running.value
        return [
            Remnant(part: gateway), Remnant(part: gateway.engine), Remnant(part: gateway.scrape),
            Remnant(part: gateway.metrics), Remnant(part: gateway.logbook), Remnant(part: gateway.fleet),
        ]
    }
}
