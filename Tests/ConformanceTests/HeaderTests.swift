import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Header fields")
struct HeaderTests {
    /// The head a backend got, with what differs from run to run replaced.
    private static func head(_ backend: ScriptedBackend) throws -> [String] {
        let text = String(decoding: backend.received(), as: UTF8.self)
        let head = try #require(text.components("\r\n\r\n").first)
        return head.components("\r\n").map { $0.replacing(":\(backend.port)", with: ":PORT") }
    }

    @Test("towards the endpoint are exactly those of the contract", arguments: Engine.allCases)
    func towardsEndpoint(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("{}"), .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.exchange(
                "POST /olla/proxy/v1/x?q=%20a&q=b HTTP/1.1\r\nHost: gateway.example:8080\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 2\r\nX-Request-ID: my-id-1\r\n"
                    + "Connection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n"
                    + "Trailer: X-T\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic a\r\n"
                    + "Authorization: Bearer secret\r\nCookie: a=b\r\nX-Api-Key: k\r\nX-Auth-Token: t\r\n"
                    + "User-Agent: test/1\r\nAccept: */*\r\nX-Double: 1\r\nX-Double: 2\r\nx-olla-session-id: s\r\n"
                    + "Origin: http://o\r\nanthropic-version: 2023-06-01\r\nX-Forwarded-For: 10.1.1.1\r\n"
                    + "Via: 1.1 before\r\nX-Olla-Request-ID: theirs\r\n\r\n{}")
            #expect(answer.value(of: "X-Olla-Request-ID") == "my-id-1")
            // The trace has tests of its own.
            let lines = try Self.head(backend).filter { !$0.hasPrefix("traceparent: ") }
            let version = try #require(answer.value(of: "X-Served-By")?.split(separator: "/").last)
            #expect(
                lines == [
                    "POST /v1/x?q=%20a&q=b HTTP/1.1", "Host: 127.0.0.1:PORT", "Content-Type: application/json",
                    "User-Agent: test/1", "Accept: */*", "X-Double: 1", "X-Double: 2", "x-olla-session-id: s",
                    "Origin: http://o", "anthropic-version: 2023-06-01", "X-Olla-Request-ID: theirs",
                    "Content-Length: 2", "X-Request-ID: my-id-1", "X-Proxied-By: Olla/\(version)",
                    "Via: 1.1 before, 1.1 olla/\(version)", "X-Forwarded-For: 10.1.1.1, 127.0.0.1",
                    "X-Real-IP: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: gateway.example:8080",
                ] + engine.codingLines)
        }
        try await backend.stop()
    }

    @Test("of a proxy before the gateway are kept", arguments: Engine.allCases)
    func forwarded(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            _ = try await world.get(
                "/olla/proxy/a",
                "X-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.example\r\n"
                    + "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n")
            let lines = try Self.head(backend)
            #expect(lines.contains("X-Real-IP: 192.0.2.1"))
            #expect(lines.contains("X-Forwarded-Proto: https"))
            #expect(lines.contains("X-Forwarded-Host: public.example"))
            #expect(
                lines.filter { $0.hasPrefix("X-Forwarded-For") } == ["X-Forwarded-For: 192.0.2.1, 192.0.2.2, 127.0.0.1"]
            )
            #expect(!lines.contains { $0.lowercased().hasPrefix("user-agent") })
        }
        try await backend.stop()
    }

    @Test("that Connection names are gone, and the gateway's own take their place", arguments: Engine.allCases)
    func nominated(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.readHead, .send("HTTP/1.1 200 OK\r\nConnection: date, x-hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n")]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let answer = try await world.get(
                "/olla/proxy/a",
                "Connection: X-Real-IP, x-forwarded-proto,X-Forwarded-Host\r\nConnection: Host, Accept, x-none\r\n"
                    + "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: evil\r\nAccept: a/b\r\n")
            let lines = try Self.head(backend)
            for (name, value) in [
                ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "gateway"),
                ("Host", "127.0.0.1:PORT"),
            ] {
                #expect(lines.filter { $0.lowercased().hasPrefix("\(name.lowercased()):") } == ["\(name): \(value)"])
            }
            for name in ["connection", "accept"] { #expect(!lines.contains { $0.lowercased().hasPrefix("\(name):") }) }
            #expect(answer.value(of: "X-Hop") == nil)
            #expect(answer.value(of: "Date") != nil)
        }
        try await backend.stop()
    }

    @Test("name the product as the operator wants, and Via as it is", arguments: Engine.allCases)
    func product(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        try await World.with(
            engine, [Place(port: backend.port)], tuned: Tuning { $0.server.productName = "Looking-Glass" }
        ) { world in
            let answer = try await world.get("/olla/proxy/v1/x", "Accept-Encoding: br\r\n")
            let request = try #require(backend.requests.last)
            #expect(answer.value(of: "X-Served-By")?.hasPrefix("Looking-Glass/") == true)
            #expect(request.value(of: "X-Proxied-By") == answer.value(of: "X-Served-By"))
            #expect(request.value(of: "Via")?.hasPrefix("1.1 olla/") == true)
            #expect(request.value(of: "Accept-Encoding") == "br")
            #expect(request.value(of: "X-Model") == nil)
        }
        try await backend.stop()
    }

    @Test("that an endpoint is configured with replace the client's and stay inside", arguments: Engine.allCases)
    func configured(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead,
                .send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Team: leaked\r\nX-Key-Header: leaked\r\n"
                        + "X-Fine: yes\r\n\r\n"),
            ]
        ])
        let place = Place(
            backend,
            lines: [
                "headers: {X-Team: blue, User-Agent: gateway/1}",
                "auth: {type: api_key, key: endpoint-secret, header: X-Key-Header}",
            ])
        try await World.with(engine, [place]) { world in
            let answer = try await world.get(
                "/olla/proxy/a", "X-Team: red\r\nUser-Agent: client\r\nx-key-header: guess\r\n")
            let lines = try Self.head(backend)
            #expect(lines.filter { $0.lowercased().hasPrefix("x-team") } == ["X-Team: blue"])
            #expect(lines.filter { $0.lowercased().hasPrefix("user-agent") } == ["User-Agent: gateway/1"])
            #expect(lines.filter { $0.lowercased().hasPrefix("x-key-header") } == ["X-Key-Header: endpoint-secret"])
            let last = ["X-Key-Header: endpoint-secret"] + engine.codingLines
            #expect(lines.suffix(last.count) == last)
            #expect(answer.value(of: "X-Team") == nil)
            #expect(answer.value(of: "X-Key-Header") == nil)
            #expect(answer.value(of: "X-Fine") == "yes")
        }
        try await backend.stop()
    }

    @Test("towards the client are exactly those of the contract", arguments: Engine.allCases)
    func towardsClient(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readHead,
                .send(
                    "HTTP/1.1 299 Quite Fine\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: backend\r\n"
                        + "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                        + "Set-Cookie: a=b\r\nAuthorization: x\r\nProxy-Authorization: x\r\nX-Api-Key: k\r\n"
                        + "X-Auth-Token: t\r\nX-Olla-Endpoint: fake\r\nX-Olla-Whatever: fake\r\n"
                        + "X-Served-By: backend\r\nVia: 1.0 inner\r\nX-Two: 1\r\nX-Two: 2\r\nRetry-After: 9\r\n"
                        + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"),
            ]
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/a HTTP/1.1\r\nHost: gateway\r\nX-Request-ID: id-7\r\n\r\n")
            let answer = try await client.answer()
            let version = try #require(answer.value(of: "X-Served-By")?.split(separator: "/").last)
            let lines = answer.fields.map { field in
                field.name == "X-Olla-Response-Time" ? "X-Olla-Response-Time: <time>" : "\(field.name): \(field.value)"
            }
            #expect(answer.startLine == "HTTP/1.1 299 \(engine.seesAnswersAsBytes ? "Quite Fine" : "")")
            #expect(
                lines == [
                    "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Server: backend", "X-Two: 1", "X-Two: 2", "Retry-After: 9",
                    "Content-Type: text/plain", "Content-Length: 2", "X-Olla-Request-ID: id-7",
                    "X-Olla-Endpoint: alpha", "X-Olla-Backend-Type: openai-compatible", "X-Olla-Response-Time: <time>",
                    "X-Served-By: Olla/\(version)", "Via: 1.0 inner, 1.1 olla/\(version)",
                ])
            let time = try #require(answer.value(of: "X-Olla-Response-Time"))
            #expect(time.hasSuffix("ms"))
            #expect(Int(time.dropLast(2)) != nil)
        }
        try await backend.stop()
    }

    @Test("carry a request id of the client only when it is a safe one", arguments: Engine.allCases)
    func requestID(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        try await World.with(engine, [Place(port: backend.port)]) { world in
            let longest = String(repeating: "x", count: 128)
            for (id, isTaken) in [("a", true), (longest, true), (longest + "x", false), ("a b", false), ("", false)] {
                let answer = try await world.get("/olla/proxy/a", "X-Request-ID: \(id)\r\n")
                let returned = try #require(answer.value(of: "X-Olla-Request-ID"))
                #expect((returned == id) == isTaken)
                #expect(backend.requests.last?.values(of: "X-Request-ID") == [returned])
            }
            var generated: Set<String> = []
            for _ in 0..<50 {
                let id = try #require(try await world.get("/nowhere").value(of: "X-Olla-Request-ID"))
                #expect(id.split(separator: "-").count == 3)
                #expect(try #require(id.split(separator: "-").last).count >= 16)
                generated.insert(id)
            }
            #expect(generated.count == 50)
            let log = try await world.logAfterStop()
            #expect(log.contains { $0["request_id"] as? String == longest })
        }
        try await backend.stop()
    }
}

extension String {
    /// The parts between separators; a `Character` of its own for `\r\n` does not hide it.
    func components(_ separator: String) -> [String] {
        self.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
