import Domain
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A path")
struct PathTests {
    @Test("goes on without the gateway's prefix and otherwise as it came", arguments: Engine.allCases)
    func forwarded(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        let rows = [
            ("/olla/proxy/", "/"), ("/olla/proxy/v1/x", "/v1/x"), ("/olla/proxy/a%2Fb", "/a%2Fb"),
            ("/olla/proxy/a%20b?q=%2F&&x", "/a%20b?q=%2F&&x"), ("/olla/proxy/?", "/?"),
            ("/olla/proxy/a?b?c=/../d", "/a?b?c=/../d"), ("/olla/proxy/a/", "/a/"), ("/olla/openai/v1/x", "/v1/x"),
            ("/olla/openai-compatible/v1/x", "/v1/x"), ("/olla/proxy/%2e%2e/x", "/x"),
            ("/olla/proxy/a/%2E%2e/%2e%2e/%2e%2e/x", "/x"), ("/olla/proxy/a/%2e/b", "/a/b"),
            ("/olla/proxy/..a/b..", "/..a/b.."),
            (
                "/olla/proxy/\(String(repeating: "p", count: 3_000))",
                "/\(String(repeating: "p", count: 3_000))"
            ),
        ]
        try await World.with(engine, [Place(port: backend.port, path: "/base/v9")]) { world in
            for (path, expected) in rows {
                _ = try await world.get(path)
                #expect(backend.requests.last?.target == expected, "\(path)")
            }
        }
        try await backend.stop()
    }

    @Test("is put behind the endpoint's own when preserve_path says so", arguments: Engine.allCases)
    func preserved(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        let rows = [
            ("/olla/proxy/v1/x", "/base/v9/v1/x"), ("/olla/proxy/a%2Fb?q", "/base/v9/a%2Fb?q"),
            ("/olla/proxy/%2e%2e/%2e%2e/x", "/base/v9/x"), ("/olla/proxy/a/%2e%2e/b", "/base/v9/b"),
        ]
        for base in ["/base/v9", "/base/v9/"] {
            let place = Place(port: backend.port, path: base, lines: ["preserve_path: true"])
            try await World.with(engine, [place]) { world in
                for (path, expected) in rows {
                    _ = try await world.get(path)
                    #expect(backend.requests.last?.target == expected, "\(path)")
                }
            }
        }
        try await backend.stop()
    }

    @Test("that is unclean or lacks its slash is redirected", arguments: Engine.allCases)
    func redirected(engine: Engine) async throws {
        let rows = [
            ("/olla/proxy", "/olla/proxy/"), ("/olla/ollama?a=b", "/olla/ollama/?a=b"),
            ("/olla//proxy/a", "/olla/proxy/a"), ("/olla/./proxy/a?x=//", "/olla/proxy/a?x=//"),
            ("/olla/proxy/../version", "/olla/version"), ("/../../version", "/version"), ("//", "/"),
        ]
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            for (path, location) in rows {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: gateway\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == 307, "\(path)")
                #expect(answer.value(of: "Location") == location, "\(path)")
                #expect(answer.text.contains("<a href="))
                try await client.send("POST \(path) HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\nab")
                let posted = try await client.answer()
                #expect(posted.status == 307)
                #expect(posted.text == "")
            }
        }
    }

    @Test("that no profile lists is refused where the lists are enforced", arguments: Engine.allCases)
    func enforced(engine: Engine) async throws {
        let (first, second) = (try await Witness.start(), try await Witness.start())
        var ollama = Place(port: first.port, name: "ollama")
        ollama.type = "ollama"
        var vllm = Place(port: second.port, name: "vllm")
        vllm.type = "vllm"
        let rows: [(path: String, endpoint: String?)] = [
            ("/olla/ollama/api/chat", "ollama"), ("/olla/ollama/api/version", nil), ("/olla/ollama/tokenize", nil),
            ("/olla/vllm/tokenize", "vllm"), ("/olla/vllm/api/chat", nil), ("/olla/vllm/tokenize/", nil),
            ("/olla/vllm/x/tokenize", nil), ("/olla/vllm/%74okenize", nil), ("/olla/vllm/a/%2e%2e/tokenize", nil),
            ("/olla/proxy/api/chat?x=1", "ollama"), ("/olla/proxy/tokenize", "vllm"), ("/olla/proxy/admin", nil),
            ("/olla/openai/v1/rerank", "vllm"), ("/olla/openai/generate", nil), ("/olla/openai/admin", nil),
        ]
        let tuning = Tuning { $0.proxy.enforceProfilePaths = true }
        try await World.with(engine, [ollama, vllm], tuned: tuning) { world in
            for row in rows {
                let answer = try await world.post(row.path, "{}")
                #expect(answer.status == (row.endpoint == nil ? 404 : 200), "\(row.path)")
                #expect(answer.value(of: "X-Olla-Endpoint") == row.endpoint, "\(row.path)")
                if row.endpoint == nil { #expect(answer.text.contains("enforce_profile_paths"), "\(answer.text)") }
            }
            #expect(first.requests.count + second.requests.count == rows.count { $0.endpoint != nil })
            let page = try await world.metrics()
            #expect(
                page.count("glasspot_requests_total", ["code": "404", "outcome": "client_error"])
                    == rows.count { $0.endpoint == nil })
            let explained = try await world.get("/internal/routing/explain?path=/olla/proxy/tokenize")
            #expect(explained.text.contains(#""name":"ollama""#))
            #expect(explained.text.contains(#""excluded_because":"path_not_listed""#))
        }
        try await first.stop()
        try await second.stop()
    }

    @Test("without a route gets 404, a wrong method on a local one 405", arguments: Engine.allCases)
    func unknown(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            for path in ["/", "/v1/models", "/olla", "/olla/", "/olla/none/x", "/Olla/proxy/x", "/internal/none"] {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: gateway\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == 404, "\(path)")
                #expect(answer.text == "404 page not found\n", "\(path)")
                #expect(answer.value(of: "X-Content-Type-Options") == "nosniff")
                #expect(answer.value(of: "Content-Type") == "text/plain; charset=utf-8")
                #expect(answer.value(of: "X-Olla-Request-ID") != nil)
            }
            for (line, allow) in [("POST /version", "GET, HEAD"), ("GET /olla/ollama/api/pull", "POST")] {
                try await client.send("\(line) HTTP/1.1\r\nHost: gateway\r\n\r\n")
                let answer = try await client.answer()
                #expect(answer.status == 405, "\(line)")
                #expect(answer.value(of: "Allow") == allow)
            }
            try await client.send("POST /olla/ollama/api/pull HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n{}")
            #expect(try await client.answer().status == 501)
            try await client.send("OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let server = try await client.answer()
            #expect(server.status == 200)
            #expect(server.text == "")
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["code": "501", "outcome": "client_error"]) == 1)
            #expect(page.count("glasspot_requests_total", ["outcome": "gateway_error"]) == 0)
            #expect(page.count("glasspot_requests_total", ["route": "other", "code": "404"]) == 6)
            #expect(page.count("glasspot_requests_total", ["route": "internal", "code": "404"]) == 1)
        }
    }

    @Test("in absolute form is routed by its path, and its authority is the host", arguments: Engine.allCases)
    func absolute(engine: Engine) async throws {
        let backend = try await MockBackend.start(kind: .openAI)
        try await World.with(engine, [Place(port: backend.port)]) { world in
            _ = try await world.exchange("GET http://other.example/olla/proxy/a?b HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(backend.requests.last?.target == "/a?b")
            #expect(backend.requests.last?.value(of: "X-Forwarded-Host") == "other.example")
        }
        try await backend.stop()
    }

    @Test("of a proxy route takes every method", arguments: Engine.allCases)
    func methods(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [ScriptStep](
                repeatElement([.readHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")], count: 6).joined())
        ])
        try await World.with(engine, [Place(backend)]) { world in
            let client = try await world.connect()
            for method in ["GET", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get"] {
                try await client.send("\(method) /olla/proxy/m HTTP/1.1\r\nHost: gateway\r\n\r\n")
                #expect(try await client.answer().status == 200)
                #expect(String(decoding: backend.received(), as: UTF8.self).contains("\(method) /m HTTP/1.1\r\n"))
            }
            let page = try await world.metrics()
            #expect(page.count("glasspot_requests_total", ["route": "proxy", "method": "OTHER", "code": "200"]) == 2)
        }
        try await backend.stop()
    }
}
