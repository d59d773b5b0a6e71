import Domain
import Foundation
import MockLLM
import Settings
import TestKit
import Testing

@Suite("A model that no candidate has")
struct StrategyTests {
    private static let path = "/olla/openai/v1/chat/completions"
    private static let body = #"{"model":"new","messages":[{"role":"user","content":"hi"}]}"#

    private static func backend() async throws -> MockBackend {
        try await MockBackend.start(kind: .openAI, behaviour: MockBehaviour(models: [MockModel("old")]))
    }

    @Test("goes to any candidate where the strategy is optimistic and all may stand in", arguments: Engine.allCases)
    func optimistic(engine: Engine) async throws {
        let backend = try await Self.backend()
        try await World.with(
            engine, [Place(backend)],
            yaml: "model_registry: {routing_strategy: {type: optimistic, options: {fallback_behavior: all}}}\n"
        ) { world in
            let answer = try await world.post(Self.path, Self.body)
            // The backend itself does not know the model.
            #expect(answer.status == 404)
            #expect(answer.value(of: "X-Olla-Endpoint") == "alpha")
            #expect(answer.value(of: "X-Olla-Routing-Strategy") == "optimistic")
            #expect(answer.value(of: "X-Olla-Routing-Decision") == "fallback")
            #expect(answer.value(of: "X-Olla-Routing-Reason") == "model_not_found_fallback")
            let page = try await world.metrics()
            #expect(page.count("glasspot_routing_decisions_total", ["reason": "fallback"]) == 1)
            let log = try await world.logAfterStop()
            let line = try #require(log.first { $0["path"] as? String == Self.path })
            #expect(line["routing_strategy"] as? String == "optimistic")
            #expect(line["routing_action"] as? String == "fallback")
            #expect(line["routing_reason"] as? String == "model_not_found_fallback")
        }
        try await backend.stop()
    }

    @Test("is looked for once more where the strategy is discovery", arguments: Engine.allCases)
    func discovery(engine: Engine) async throws {
        let backend = try await Self.backend()
        let yaml =
            "model_registry: {routing_strategy: {type: discovery, options: "
            + "{fallback_behavior: none, discovery_refresh_on_miss: true}}}\n"
        try await World.with(engine, [Place(backend)], yaml: yaml) { world in
            let missing = try await world.post(Self.path, Self.body)
            #expect(missing.status == 503)
            #expect(missing.text == "model_unavailable_after_discovery\n")
            #expect(missing.value(of: "X-Olla-Routing-Strategy") == "discovery")
            // It is there now, long before the next regular listing.
            backend.update { $0.models = [MockModel("old"), MockModel("new")] }
            let found = try await world.post(Self.path, Self.body)
            #expect(found.status == 200)
            #expect(found.value(of: "X-Olla-Routing-Reason") == "model_found")
            let again = try await world.post(Self.path, Self.body)
            #expect(again.value(of: "X-Olla-Routing-Reason") == "model_found_no_refresh")
            // The endpoint is up but its listing fails.
            backend.update { $0.faults = FaultPlan(always: .status(500), scope: .everything) }
            let failed = try await world.post(Self.path, Self.body.replacing("new", with: "other"))
            #expect(failed.text == "discovery_failed_no_fallback\n")
        }
        try await backend.stop()
    }

    @Test("and what a request would meet is explained", arguments: Engine.allCases)
    func explained(engine: Engine) async throws {
        let backend = try await Self.backend()
        let other = try await MockBackend.start(
            kind: .ollama, behaviour: MockBehaviour(models: [MockModel("old")]))
        try await World.with(
            engine, [Place(backend), Place(other, name: "beta", lines: ["max_concurrent_requests: 3"])],
            tuned: Tuning { $0.proxy.loadBalancer = .powerOfTwoChoices }
        ) { world in
            func explain(_ query: String) async throws -> [String: any Sendable] {
                let answer = try await world.get("/internal/routing/explain?\(query)")
                #expect(answer.status == 200)
                let object = try JSONSerialization.jsonObject(with: Data(answer.body))
                return try #require(object as? [String: any Sendable])
            }
            let found = try await explain("path=/olla/ollama/api/chat&model=OLD")
            #expect(found["balancer"] as? String == "p2c")
            #expect(found["forwarded_path"] as? String == "/api/chat")
            let decision = try #require(found["decision"] as? [String: any Sendable])
            #expect(decision["result"] as? String == "chosen")
            #expect(decision["endpoint"] as? String == "beta")
            #expect(decision["routing_reason"] as? String == "model_found")
            let rows = try #require(found["endpoints"] as? [[String: any Sendable]])
            #expect(rows.map { $0["name"] as? String } == ["alpha", "beta"])
            #expect(rows.map { $0["candidate"] as? Bool } == [false, true])
            #expect(rows[0]["excluded_because"] as? String == "other_provider")
            #expect(rows[1]["score"] as? Int == 1)
            #expect(rows[1]["max_concurrent_requests"] as? Int == 3)
            let missing = try await explain("path=/olla/proxy/v1/chat/completions&model=gone")
            let rejected = try #require(missing["decision"] as? [String: any Sendable])
            #expect(rejected["status"] as? Int == 404)
            #expect(rejected["message"] as? String == "model_not_found")
            #expect((missing["endpoints"] as? [[String: any Sendable]])?.count == 2)
            #expect(try await world.get("/internal/routing/explain").status == 400)
            #expect(try await world.get("/internal/routing/explain?path=/internal/health").status == 404)
            // Asking chose nothing.
            let page = try await world.metrics()
            #expect(page.count("glasspot_routing_decisions_total") == 0)
        }
        try await backend.stop()
        try await other.stop()
    }
}
