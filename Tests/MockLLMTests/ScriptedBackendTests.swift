import Testing

@testable import MockLLM

@Suite(.timeLimit(.minutes(1))) struct ScriptedBackendTests {
    @Test("each connection plays its own script, the last one again and again")
    func scripts() async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("one"), .close], [.readHead, .send("two"), .close],
        ])
        #expect(try await RawClient.exchange("GET\r\n\r\n", port: backend.port).text == "one")
        for _ in 0..<2 {
            #expect(try await RawClient.exchange("GET\r\n\r\n", port: backend.port).text == "two")
        }
        #expect(backend.connectionCount == 3)
        #expect(backend.received(connection: 3) == Array("GET\r\n\r\n".utf8))
        try await backend.stop()
    }

    @Test("connections past the last script are reset when told so")
    func exhausted() async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.close]], repeatsLast: false)
        #expect(try await RawClient.connect(to: backend.port).readToEnd().isReset == false)
        #expect(try await RawClient.connect(to: backend.port).readToEnd().isReset == true)
        try await backend.stop()
    }

    @Test("the test decides when bytes go out")
    func signals() async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("ping"), .announce("pinged"), .wait("go"), .send("a"), .wait("go on"),
                .pause(.milliseconds(1)), .send("b"), .close,
            ]
        ])
        let client = try await RawClient.connect(to: backend.port)
        for part in ["p", "in", "g"] { try await client.send(part) }
        #expect(await backend.reached("pinged"))
        backend.signal("go")
        #expect(try await client.read(until: "a") == "a")
        backend.signal("go on")
        #expect(await client.readToEnd().text == "b")
        try await backend.stop()
    }

    @Test("a signal given early is not lost")
    func earlySignal() async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.wait("go"), .send("x"), .close]])
        backend.signal("go")
        #expect(try await RawClient.connect(to: backend.port).readToEnd().text == "x")
        try await backend.stop()
    }

    @Test("a mark is found wherever the peer's writes split it")
    func splitMarks() async throws {
        let request = "ab\r\n\r\ncd"
        for split in 1..<request.utf8.count {
            let backend = try await ScriptedBackend.start(scripts: [
                [.readHead, .read(2), .send("ok"), .close]
            ])
            let client = try await RawClient.connect(to: backend.port)
            try await client.send(String(decoding: request.utf8.prefix(split), as: UTF8.self))
            try await client.send(String(decoding: request.utf8.dropFirst(split), as: UTF8.self))
            #expect(await client.readToEnd().text == "ok")
            try await backend.stop()
        }
    }

    @Test("reset, half close and the peer's own close are told apart")
    func endings() async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .reset], [.send("bye"), .closeOutput],
            [.send("stay"), .awaitClose, .announce("peer left")],
        ])
        #expect(try await RawClient.exchange("x\r\n\r\n", port: backend.port).isReset)
        let half = try await RawClient.connect(to: backend.port).readToEnd()
        #expect(half == RawClient.Transcript(bytes: Array("bye".utf8), isReset: false))
        let client = try await RawClient.connect(to: backend.port)
        _ = try await client.read(until: "stay")
        try await client.close()
        #expect(await backend.reached("peer left"))
        #expect(await backend.closed(3))
        try await backend.stop()
    }

    @Test("a backend that stops reading makes its peer wait")
    func backpressure() async throws {
        // More than the socket buffers of both sides hold.
        let flood = String(repeating: "x", count: 24 * 1024 * 1024)
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("start"), .stopReading, .announce("deaf"), .wait("listen"),
                .resumeReading, .readUntil("end"), .send("ok"), .close,
            ]
        ])
        let client = try await RawClient.connect(to: backend.port)
        try await client.send("start")
        #expect(await backend.reached("deaf"))
        let sending = Task { try await client.send(flood + "end") }
        #expect(backend.received().count < flood.utf8.count)
        backend.signal("listen")
        try await sending.value
        #expect(await client.readToEnd().text == "ok")
        #expect(backend.received().count == "start".utf8.count + flood.utf8.count + "end".utf8.count)
        try await backend.stop()
    }

    @Test("a waiting test that is cancelled gets its answer")
    func cancelledWait() async throws {
        let backend = try await ScriptedBackend.start(scripts: [])
        let waiting = Task { await backend.reached("never") }
        waiting.cancel()
        #expect(await waiting.value == false)
        try await backend.stop()
    }
}
