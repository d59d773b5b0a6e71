import Domain
import Exposition
import MockLLM
import TestKit
import Testing

/// What one engine alone does (routing-and-config 5.4): everything else is the same, and tested with both.
@Suite("Sherpa")
struct SherpaTests {
    private static let ask = #"{"stream":true,"messages":[{"role":"user","content":"hi"}]}"#
    private static let open = "glasspot_upstream_connections_open"

    private static func with(
        _ backend: HTTP2Backend, _ body: (World) async throws -> Void
    ) async throws {
        let place = Place(port: backend.port, scheme: "https", lines: ["tls: {insecure_skip_verify: true}"])
        try await World.with(.sherpa, [place], body)
        #expect(backend.record.openStreams == 0)
        try await backend.stop()
    }

    @Test("speaks HTTP/2 where a backend offers it, many requests over one connection")
    func multiplexes() async throws {
        let backend = try await HTTP2Backend.start()
        try await Self.with(backend) { world in
            // One that holds the connection open while the others share it.
            let first = try await world.connect()
            try await first.send(World.postText("/olla/proxy/hang", Self.ask))
            try await first.read(until: "one")
            let clients = try await (0..<8).asyncMap { _ in try await world.connect() }
            for client in clients {
                try await client.send(World.postText("/olla/openai/v1/chat/completions", Self.ask))
            }
            for client in clients {
                let answer = try await client.answer()
                #expect(answer.status == 200)
                #expect(answer.value(of: "Transfer-Encoding") == "chunked")
                #expect(answer.text.contains(#""content":"one""#) && answer.text.hasSuffix("data: [DONE]\n\n"))
                #expect(answer.value(of: "X-Olla-Endpoint") == "alpha")
            }
            #expect(backend.record.connections == 1)
            let page = try await world.metrics { $0.count(Self.open, ["state": "active"]) == 1 }
            #expect(page.count(Self.open) == 1)
            #expect(page.count("glasspot_upstream_connections_total", ["result": "opened"]) == 1)
            #expect(page.count("glasspot_upstream_connections_total", ["result": "reused"]) == 8)
            #expect(page.count("glasspot_tokens_total", ["token_type": "output"]) == 24)
            // The client leaves: its stream is reset, the connection stays.
            try await first.close()
            try await World.eventually("the stream is reset") { backend.record.resets == 1 }
            try await world.metrics { $0.count(Self.open, ["state": "idle"]) == 1 }
            #expect(backend.record.connections == 1)
        }
    }

    @Test("sends bodies and fields over HTTP/2 as they are, and none of its own")
    func bodies() async throws {
        let backend = try await HTTP2Backend.start()
        let text = String(repeating: "0123456789abcdef", count: 20_000)
        try await Self.with(backend) { world in
            let answer = try await world.exchange(
                "POST /olla/proxy/echo HTTP/1.1\r\nHost: gateway\r\nContent-Length: \(text.utf8.count)\r\n"
                    + "Connection: close\r\nX-Own: 1\r\nglasspot-attempt: 7\r\n\r\n\(text)")
            #expect(answer.text == text)
            #expect(answer.value(of: "Content-Length") == "\(text.utf8.count)")
            let fields = backend.record.fields
            #expect(fields["x-own"] == "1")
            #expect(fields["content-length"] == "\(text.utf8.count)")
            for name in ["glasspot-attempt", "connection", "transfer-encoding"] { #expect(fields[name] == nil) }
        }
    }

    @Test("tells a client of a broken HTTP/2 stream, and uses the connection again")
    func cuts() async throws {
        let backend = try await HTTP2Backend.start()
        try await Self.with(backend) { world in
            let client = try await world.connect()
            try await client.send(World.postText("/olla/openai/v1/chat/completions?hang", Self.ask))
            try await client.read(until: "one")
            backend.resetStreams()
            let (bytes, _) = try await client.rest()
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains(#""type":"upstream_error""#))
            #expect(!text.hasSuffix("\r\n0\r\n\r\n"))
            #expect(try await world.post("/olla/proxy/echo", "{}").text == "{}")
            #expect(backend.record.connections == 1)
        }
    }

    @Test("asks for gzip when the client does not say what it takes, and undoes it")
    func inflates() async throws {
        let event = #"data: {"choices":[{"delta":{"content":"a"}}]}"# + "\n\n"
        let usage = #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":500}}"# + "\n\n"
        let text = String(repeating: event, count: 500) + usage + "data: [DONE]\n\n"
        let coded = try Gzip.compress(Array(text.utf8))
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
            + "Content-Length: \(coded.count)\r\n\r\n"
        let round: [ScriptStep] = [.readUntil("hi\"}]}"), .send(Array(head.utf8) + coded)]
        let backend = try await ScriptedBackend.start(scripts: [round + round])
        try await World.with(.sherpa, [Place(backend)]) { world in
            let plain = try await world.post("/olla/openai/v1/chat/completions", Self.ask)
            #expect(plain.text == text)
            #expect(plain.value(of: "Content-Encoding") == nil)
            #expect(plain.value(of: "Content-Length") == nil)
            let page = try await world.metrics()
            #expect(page.count("glasspot_tokens_total", ["token_type": "output"]) == 500)
            let own = try await world.post(
                "/olla/openai/v1/chat/completions", Self.ask, "Accept-Encoding: gzip, br\r\n")
            #expect(own.body == coded)
            #expect(own.value(of: "Content-Encoding") == "gzip")
            let received = String(decoding: backend.received(), as: UTF8.self)
            #expect(received.contains("\r\nAccept-Encoding: gzip\r\n"))
            #expect(received.contains("\r\nAccept-Encoding: gzip, br\r\n"))
        }
        try await backend.stop()
    }

    @Test("breaks off what is no gzip, or ends before its coding does", arguments: [true, false])
    func broken(isCut: Bool) async throws {
        let coded = try Gzip.compress(Array(String(repeating: "abc", count: 1_000).utf8))
        let sent = isCut ? Array(coded.dropLast(9)) : Array("this is no gzip".utf8)
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(sent.count)\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(Array(head.utf8) + sent)]])
        try await World.with(.sherpa, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let (bytes, _) = try await client.rest()
            #expect(!String(decoding: bytes, as: UTF8.self).hasSuffix("\r\n0\r\n\r\n"))
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "protocol"]) == 1)
            #expect(page.count("glasspot_requests_total", ["outcome": "upstream_error"]) == 1)
        }
        try await backend.stop()
    }

    @Test("keeps the field with the status of an early answer to itself", arguments: [true, false])
    func earlyStatus(isEarly: Bool) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("part"),
                .send("HTTP/1.1 418 Short\r\nglasspot-status: 599\r\nX-Own: 1\r\nContent-Length: 3\r\n\r\ntea"),
                .awaitClose,
            ]
        ])
        try await World.with(.sherpa, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send(
                "POST /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: \(isEarly ? 1_000 : 4)\r\n\r\npart")
            let answer = try await client.answer()
            #expect(answer.status == 418)
            #expect(answer.text == "tea")
            #expect(answer.value(of: "X-Own") == "1")
            #expect(answer.value(of: "glasspot-status") == nil)
        }
        try await backend.stop()
    }

    @Test("takes no head of more than 2 MiB, also behind an interim answer", arguments: [false, true])
    func boundsHeads(isInterimFirst: Bool) async throws {
        // Each field is within NIO's own limit of 80 KiB.
        let fields = String(repeating: "X-Long: \(String(repeating: "x", count: 60_000))\r\n", count: 40)
        let interim = isInterimFirst ? "HTTP/1.1 103 Early Hints\r\n\r\n" : ""
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("\(interim)HTTP/1.1 200 OK\r\n\(fields)"), .awaitClose]
        ])
        try await World.with(.sherpa, [Place(backend)]) { world in
            let answer = try await world.get("/olla/proxy/a")
            #expect(answer.status == 502)
            #expect(await backend.closed(1))
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "protocol"]) == 1)
        }
        try await backend.stop()
    }

    @Test("asks for nothing on behalf of a request for a part, or for a head alone")
    func asksForNothing() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [[.readHead, .send(answer), .readHead, .send(answer)]])
        try await World.with(.sherpa, [Place(backend)]) { world in
            let part = try await world.get("/olla/proxy/a", "Range: bytes=0-9\r\n")
            #expect(part.status == 200)
            let head = try await world.exchange("HEAD /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\n\r\n", isHead: true)
            #expect(head.status == 200)
            #expect(!String(decoding: backend.received(), as: UTF8.self).lowercased().contains("accept-encoding"))
        }
        try await backend.stop()
    }
}

extension Range<Int> {
    /// The results of an asynchronous function, in order.
    fileprivate func asyncMap<Result>(_ transform: (Int) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for value in self { results.append(try await transform(value)) }
        return results
    }
}
