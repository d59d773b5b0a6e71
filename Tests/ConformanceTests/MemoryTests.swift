import Foundation
import MockLLM
import TestKit
import Testing

@Suite("Requests are remembered, and the page is served")
struct MemoryTests {
    /// The list's members that are compared here.
    private struct List: Decodable {
        struct Request: Decodable {
            var requestId: String
            var path: String
            var model: String?
            var endpoint: String?
            var status: Int
            var outcome: String
            var durationMs: Double
            var attempts: Int
            var stagesUs: [String: Double]
        }
        var requests: [Request]
    }

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()

    private static func requests(_ world: World, _ query: String) async throws -> [List.Request] {
        let answer = try await world.get("/internal/requests?\(query)")
        #expect(answer.status == 200)
        return try Self.decoder.decode(List.self, from: Data(answer.text.utf8)).requests
    }

    /// What is remembered under an id; a request is remembered just after its last byte was sent.
    private static func remembered(_ world: World, id: String) async throws -> List.Request {
        var found: [List.Request] = []
        try await World.eventually("request \(id) to be remembered") {
            found = try await Self.requests(world, "id=\(id)")
            return !found.isEmpty
        }
        #expect(found.count == 1)
        return try #require(found.first)
    }

    @Test("by id, with stages that add up", arguments: Engine.allCases)
    func good(engine: Engine) async throws {
        let backend = try await MockBackend.start(
            kind: .openAI, behaviour: MockBehaviour(models: [MockModel("m")]))
        try await World.with(engine, [Place(backend)]) { world in
            let path = "/olla/openai/v1/chat/completions"
            let body = #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#
            let answer = try await world.post(path + "?secret=x", body, "X-Request-ID: good-one\r\n")
            #expect(answer.status == 200)
            let request = try await Self.remembered(world, id: "good-one")
            #expect(request.path == path)
            #expect(request.model == "m" && request.endpoint == "alpha")
            #expect(request.status == 200 && request.outcome == "ok" && request.attempts == 1)
            let sum = request.stagesUs.values.reduce(0, +) / 1_000
            #expect(abs(sum - request.durationMs) < 0.001)
            #expect((request.stagesUs["wait"] ?? 0) > 0)
            #expect(try await Self.requests(world, "outcome=failed").isEmpty)
            // Looking does not show itself.
            #expect(try await Self.requests(world, "id=").allSatisfy { !$0.path.hasPrefix("/internal/") })
        }
    }

    @Test("a failure among many good ones", arguments: Engine.allCases)
    func failure(engine: Engine) async throws {
        let good = ScriptStep.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        let bad = ScriptStep.send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        let fine = Array(repeating: [ScriptStep.readUntil("{}"), good], count: 300).flatMap { $0 }
        let scripts = [[.readUntil("{}"), bad] + fine, fine]
        let backend = try await ScriptedBackend.start(scripts: scripts)
        try await World.with(engine, [Place(backend)]) { world in
            let path = "/olla/openai/v1/embeddings"
            _ = try await world.post(path, "{}", "X-Request-ID: the-bad-one\r\n")
            for _ in 0..<300 { _ = try await world.post(path, "{}") }
            let request = try await Self.remembered(world, id: "the-bad-one")
            #expect(request.status == 500 && request.outcome == "upstream_error")
            #expect(try await Self.requests(world, "outcome=failed").map(\.requestId) == ["the-bad-one"])
        }
    }

    @Test("the page is for this machine's browsers", arguments: Engine.allCases)
    func page(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            func ask(_ path: String, host: String, _ method: String = "GET") async throws -> WireMessage {
                try await world.exchange(
                    "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n", isHead: method == "HEAD")
            }
            let page = try await ask("/internal/ui/", host: "localhost:\(world.port)")
            #expect(page.status == 200)
            #expect(page.text.contains("<title>Glasspot</title>"))
            #expect(try await ask("/internal/ui", host: "127.0.0.1").status == 307)
            #expect(try await ask("/internal/ui/", host: "localhost", "HEAD").status == 200)
            #expect(try await ask("/internal/ui/", host: "localhost", "DELETE").status == 405)
            let refused = try await ask("/internal/ui/", host: "gateway")
            #expect(refused.status == 403)
            #expect(refused.text.hasPrefix("403 forbidden: host not accepted (ip=127.0.0.1, host=gateway)"))
            #expect(try await ask("/internal/status", host: "gateway").status == 200)
        }
    }

    @Test("disabled, the page is gone; gated, the internal routes follow its policy", arguments: Engine.allCases)
    func configured(engine: Engine) async throws {
        let yaml =
            "dashboard:\n  enabled: false\n  gate_internal_api: true\n"
            + "  access_policy:\n    allowed_hosts: [gateway]\n"
        try await World.with(engine, [], yaml: yaml) { world in
            #expect(try await world.get("/internal/ui/").status == 404)
            #expect(try await world.get("/internal/health").status == 200)
            let other = try await world.exchange("GET /internal/health HTTP/1.1\r\nHost: other\r\n\r\n")
            #expect(other.status == 403)
        }
    }
}
