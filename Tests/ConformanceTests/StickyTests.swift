import Domain
import Foundation
import MockLLM
import Settings
import TestKit
import Testing

@Suite("Conversations stay on their endpoint")
struct StickyTests {
    private static let path = "/olla/openai/v1/chat/completions"

    private static func body(_ user: String, model: String = "m", more: String = "") -> String {
        #"{"tools":[],"model":"\#(model)","messages":[{"role":"system","content":"terse"},"#
            + #"{"role":"user","content":"\#(user)"}\#(more)]}"#
    }

    private static func backends(_ count: Int) async throws -> [MockBackend] {
        var backends: [MockBackend] = []
        for _ in 0..<count {
            backends.append(
                try await MockBackend.start(kind: .openAI, behaviour: MockBehaviour(models: [MockModel("m")])))
        }
        return backends
    }

    private static func places(_ backends: [MockBackend]) -> [Place] {
        zip(["alpha", "beta", "gamma", "delta"], backends).map { Place($0.1, name: $0.0) }
    }

    @Test("by session header, messages, credentials or address, and the answer says so", arguments: Engine.allCases)
    func sources(engine: Engine) async throws {
        let backends = try await Self.backends(2)
        try await World.with(
            engine, Self.places(backends),
            tuned: Tuning {
                $0.proxy.loadBalancer = .roundRobin
                $0.proxy.stickySessions.enabled = true
                $0.proxy.stickySessions.keySources = [.sessionHeader, .prefixHash, .authHeader, .address]
            }
        ) { world in
            let rows = [
                ("session_header", Self.body("x"), "X-Olla-Session-ID: my-session-id\r\n"),
                ("prefix_hash", Self.body("y"), ""),
                ("auth_header", #"{"model":"m"}"#, "Authorization: Bearer t\r\n"),
                ("ip", #"{"model":"m"}"#, ""),
            ]
            for (source, body, fields) in rows {
                let first = try await world.post(Self.path, body, fields)
                #expect(first.value(of: "X-Olla-Sticky-Session") == "miss", "\(source)")
                for _ in 0..<3 {
                    let again = try await world.post(Self.path, body, fields)
                    #expect(again.value(of: "X-Olla-Sticky-Session") == "hit", "\(source)")
                    #expect(again.value(of: "X-Olla-Sticky-Key-Source") == source)
                    #expect(again.value(of: "X-Olla-Endpoint") == first.value(of: "X-Olla-Endpoint"))
                    let id = source == "session_header" ? "my-session-id" : nil
                    #expect(again.value(of: "X-Olla-Session-ID") == id)
                }
            }
            let statistics = try await world.get("/internal/stats/sticky")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(statistics.body)) as? [String: any Sendable])
            #expect(object["enabled"] as? Bool == true)
            #expect(object["active_sessions"] as? Int == 4)
            #expect(object["insertions"] as? Int == 4)
            #expect(object["hits"] as? Int == 12)
            #expect(object["misses"] as? Int == 4)
            #expect(object["evictions"] as? Int == 0)
            #expect(object["max_sessions"] as? Int == 10_000)
            #expect(object["idle_ttl_seconds"] as? Int == 600)
            let page = try await world.metrics()
            #expect(page.count("glasspot_sticky_lookups_total", ["result": "hit"]) == 12)
            #expect(page.count("glasspot_sticky_sessions") == 4)
            #expect(page.count("glasspot_routing_decisions_total", ["reason": "sticky"]) == 12)
        }
        for backend in backends { try await backend.stop() }
    }

    @Test("until it goes: repinned, and the dead one's pins are dropped", arguments: Engine.allCases)
    func moves(engine: Engine) async throws {
        let backends = try await Self.backends(2)
        try await World.with(
            engine, Self.places(backends),
            tuned: Tuning {
                $0.proxy.stickySessions.enabled = true
                $0.proxy.stickySessions.keySources = [.sessionHeader]
            }
        ) { world in
            let fields = "X-Olla-Session-ID: s\r\n"
            let first = try await world.post(Self.path, Self.body("x"), fields)
            let home = try #require(first.value(of: "X-Olla-Endpoint"))
            let dead = backends[home == "alpha" ? 0 : 1]
            try await dead.stopListening()
            let second = try await world.post(Self.path, Self.body("x"), fields)
            #expect(second.status == 200)
            #expect(second.value(of: "X-Olla-Sticky-Session") == "repin")
            #expect(second.value(of: "X-Olla-Endpoint") != home)
            let third = try await world.post(Self.path, Self.body("x"), fields)
            #expect(third.value(of: "X-Olla-Sticky-Session") == "hit")
            let without = try await world.post(Self.path, Self.body("x"))
            #expect(without.value(of: "X-Olla-Sticky-Session") == "disabled")
            #expect(without.value(of: "X-Olla-Sticky-Key-Source") == nil)
        }
        for backend in backends { try await backend.stop() }
    }

    @Test("not when the feature is off", arguments: Engine.allCases)
    func off(engine: Engine) async throws {
        let backends = try await Self.backends(1)
        try await World.with(engine, Self.places(backends)) { world in
            let answer = try await world.post(Self.path, Self.body("x"), "X-Olla-Session-ID: s\r\n")
            #expect(answer.value(of: "X-Olla-Sticky-Session") == nil)
            #expect(answer.value(of: "X-Olla-Session-ID") == nil)
            #expect(try await world.get("/internal/stats/sticky").text == "{\"enabled\":false}\n")
        }
        for backend in backends { try await backend.stop() }
    }

    @Test("with prefix-affinity through all its turns, however the body is cut", arguments: Engine.allCases)
    func affinity(engine: Engine) async throws {
        let backends = try await Self.backends(4)
        try await World.with(
            engine, Self.places(backends), tuned: Tuning { $0.proxy.loadBalancer = .prefixAffinity }
        ) { world in
            var homes: Set<String> = []
            for conversation in 0..<12 {
                let first = try await world.post(Self.path, Self.body("talk \(conversation)"))
                let home = try #require(first.value(of: "X-Olla-Endpoint"))
                homes.insert(home)
                let more = #",{"role":"assistant","content":"yes"},{"role":"user","content":"go on"}"#
                let text = World.postText(Self.path, Self.body("talk \(conversation)", more: more))
                let client = try await world.connect()
                let bytes = Array(text.utf8)
                let cut = bytes.count - 60 - conversation * 13
                try await client.send(Array(bytes[..<cut]))
                try await client.send(Array(bytes[cut...]))
                #expect(try await client.answer().value(of: "X-Olla-Endpoint") == home)
                try await client.close()
            }
            #expect(homes.count > 1)
            let page = try await world.metrics()
            #expect(page.count("glasspot_routing_decisions_total", ["balancer": "prefix-affinity"]) == 24)
        }
        for backend in backends { try await backend.stop() }
    }
}
