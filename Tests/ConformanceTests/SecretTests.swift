import Domain
import Foundation
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Secrets")
struct SecretTests {
    /// Every secret here begins so, and nothing else does.
    private static let mark = "planted-"

    /// Every place of a request where a client can put one.
    private static let fields = """
        x-api-key: planted-api-key\r\nX-Team-Key: planted-team-key\r\nX-Auth-Token: planted-auth-token\r\n\
        Cookie: session=planted-cookie\r\nProxy-Authorization: Basic planted-proxy\r\n\
        Referer: http://r.example/p?a=1&API_key=planted-referer\r\n
        """
    private static let query =
        "a=1&api_key=planted-q1&token=planted-q2&access_token=planted-q3&KEY=planted-q4&p%61ssword=planted-q5"
        + "&secret=planted-q6&Auth=planted-q7"
    private static let chat =
        #"{"model":"mock","stream":true,"messages":[{"role":"user","content":"planted-prompt"}]}"#

    private static func head(_ method: String, _ path: String, _ key: String, _ more: String = "") -> String {
        "\(method) \(path)?\(Self.query) HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer \(key)\r\n\(Self.fields)\(more)"
    }

    private static func post(_ path: String, _ key: String, _ body: String) -> String {
        Self.head("POST", path, key, "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
            + body
    }

    private static func key(_ name: String, _ value: String) -> Configuration.ClientKey {
        var key = Configuration.ClientKey()
        key.name = name
        key.value = Secret(value)
        return key
    }

    /// Everything that goes wrong or well, with secrets in all of it.
    private static let requests = [
        Self.head("GET", "/olla/proxy/x", "planted-client-key", "\r\n"),
        Self.head("GET", "/olla/proxy/x", "planted-client-key", "Accept: application/json\r\n\r\n"),
        Self.head("GET", "/olla/proxy/x", "planted-wrong-key", "\r\n"),
        Self.head("GET", "/olla/nowhere/x", "planted-client-key", "\r\n"),
        Self.head("GET", "/nowhere", "planted-client-key", "\r\n"),
        Self.head("GET", "/olla/models", "planted-client-key", "\r\n"),
        Self.head("DELETE", "/version", "planted-client-key", "\r\n"),
        // A redirect tells the client its own query again, so this one has none.
        "GET /olla//proxy/x HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer planted-client-key\r\n\(Self.fields)\r\n",
        Self.head("OPTIONS", "/olla/proxy/x", "planted-client-key", "Access-Control-Request-Method: GET\r\n\r\n"),
        Self.post("/olla/openai/v1/chat/completions", "planted-client-key", Self.chat),
        Self.post("/olla/openai/v1/chat/completions", "planted-client-key", #"{"model":"none","k":"planted-body"}"#),
        Self.post("/olla/openai/v1/chat/completions", "planted-client-key", #"{"model":"#),
        Self.post(
            "/olla/anthropic/v1/messages", "planted-client-key",
            #"{"model":"mock","max_tokens":9,"messages":[{"role":"user","content":"planted-prompt"}]}"#),
        Self.post("/olla/anthropic/v1/messages", "planted-client-key", #"{"model":"mock","system":"planted-system"}"#),
        Self.post("/olla/anthropic/v1/messages", "planted-wrong-key", "{}"),
        Self.head("POST", "/olla/proxy/x", "planted-client-key", "Content-Length: 999999999\r\n\r\n"),
        // No requests, and yet full of secrets.
        Self.head("GET", "/olla/proxy/x", "planted-client-key", "Authorization : Bearer planted-broken\r\n\r\n"),
        Self.head(
            "GET", "/olla/proxy/x", "planted-client-key",
            "X-Long: \(String(repeating: "planted-", count: 9_000))\r\n\r\n"),
        "GET /olla/proxy/x?api_key=planted-target HTTP/1.1\r\n\r\n",
    ]

    /// Configurations that are wrong exactly where their secrets stand.
    private static let wrongSections = [
        "auth: {keys: [{name: a, key: planted-a, sha256: planted-b}, {name: a, kye: planted-c}]}",
        "auth: {keys: \"planted-d", "auth: {keys: planted-e, header: \"planted f\"}",
    ]

    private static let pages = [
        "/internal/health", "/internal/ready", "/internal/status", "/internal/status/endpoints",
        "/internal/status/models", "/internal/requests", "/internal/process", "/internal/stats/models",
        "/internal/stats/sticky", "/internal/stats/translators",
        "/internal/routing/explain?path=/olla/openai/v1/chat/completions&model=mock",
        "/internal/ui/", "/version", "/internal/metrics",
    ]

    @Test(
        "of clients and operators stand in no log, answer, metric, page or span", arguments: Engine.allCases,
        Configuration.Logging.Format.allCases)
    func planted(engine: Engine, format: Configuration.Logging.Format) async throws {
        let mock = try await MockBackend.start(kind: .openAI, behaviour: MockBehaviour(models: [MockModel("mock")]))
        let broken = try await ScriptedBackend.start(
            scripts: [
                [
                    .readHead,
                    .send("HTTP/1.1 503 No\r\nSet-Cookie: a=planted-set-cookie\r\nContent-Length: 0\r\n\r\n"), .close,
                ]
            ])
        let collector = try await TraceCollector.start()
        let secrets = [
            "headers: {X-Backend: planted-endpoint-header}", "auth: {type: bearer, token: planted-endpoint-token}",
        ]
        // The first that is chosen refuses, the second does not exist.
        var first = Place(broken, knownFrom: mock, name: "broken", type: "openai-compatible")
        first.lines += secrets
        var dead = first
        (dead.name, dead.url) = ("dead", "http://127.0.0.1:1")
        first.lines.append("priority: 300")
        dead.lines.append("priority: 200")
        var told: [String] = []
        var log = ""
        try await World.with(
            engine, [Place(mock, lines: secrets), first, dead],
            tuned: Self.tuning(format, collector: collector.port)
        ) { world in
            told = try await Self.answers(world)
            for section in Self.wrongSections {
                #expect(
                    try await !world.reload(
                        [Place(mock, lines: ["auth: {type: planted, token: [planted-g]}"])], server: section))
            }
            log = try await world.rawLogAfterStop()
        }
        // What is kept away from here did arrive where it belongs, or this test would see nothing.
        let sent = String(decoding: broken.received(), as: UTF8.self)
        #expect(sent.contains("Authorization: Bearer planted-endpoint-token\r\n"))
        #expect(sent.contains("X-Backend: planted-endpoint-header\r\n"))
        for secret in ["planted-client-key", "planted-api-key", "planted-cookie", "planted-auth-token"] {
            #expect(!sent.contains(secret), "\(secret)")
        }
        #expect(log.contains("[REDACTED]") && log.contains("Configuration problem"))
        #expect(log.contains("\u{1B}[") == (format == .pretty))
        told.append(log)
        told += collector.exports.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(collector.exports.count > 0)
        Self.expectNone(in: told)
        try await collector.stop()
        try await mock.stop()
        try await broken.stop()
    }

    private static func tuning(_ format: Configuration.Logging.Format, collector port: Int) -> Tuning {
        Tuning {
            $0.logging.level = .debug
            $0.logging.format = format
            $0.proxy.loadBalancer = .priority
            $0.tracing.endpoint = "http://127.0.0.1:\(port)"
            $0.server.cors.enabled = true
            $0.server.auth.header = "X-Other-Key"
            $0.server.auth.keys = [Self.key("team", "planted-client-key"), Self.key("other", "planted-other-key")]
            $0.server.requestLimits.maxHeaderSize = 65_536
            $0.dashboard.allowedHosts = ["gateway"]
        }
    }

    /// Everything the gateway answers.
    private static func answers(_ world: World) async throws -> [String] {
        var told: [String] = []
        for request in Self.requests {
            let client = try await world.connect()
            try? await client.send(request)
            let answer = try await client.answer()
            told += ["\(answer.startLine) \(answer.fields)", answer.text]
            try await client.close()
        }
        for page in Self.pages {
            for accept in ["*/*", "application/openmetrics-text;version=1.0.0"] {
                let answer = try await world.get(page, "Accept: \(accept)\r\n")
                #expect(answer.status == 200, "\(page)")
                told += ["\(answer.fields)", answer.text]
            }
        }
        return told
    }

    private static func expectNone(in texts: [String]) {
        for text in texts {
            guard let found = text.range(of: Self.mark) else { continue }
            let start = text.index(found.lowerBound, offsetBy: -200, limitedBy: text.startIndex) ?? text.startIndex
            let end = text.index(found.upperBound, offsetBy: 40, limitedBy: text.endIndex) ?? text.endIndex
            Issue.record("a secret is told: …\(text[start..<end])…")
        }
    }
}
