import Domain
import MockLLM
import Settings
import TestKit
import Testing

/// When the pieces of an answer are pushed to the client (routing-and-config 8.2).
@Suite("Pieces of an answer")
struct FlushTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var profile: Configuration.Proxy.Profile
        var type: String
        var asksForStream = false
        var isPushed: Bool

        var testDescription: String {
            "\(self.profile.rawValue), \(self.type), \(self.asksForStream ? "stream" : "whole")"
        }
    }

    private static let cases = [
        Case(profile: .streaming, type: "image/png", isPushed: true),
        Case(profile: .standard, type: "text/event-stream", isPushed: false),
        Case(profile: .auto, type: "text/event-stream", isPushed: true),
        Case(profile: .auto, type: "application/x-ndjson", isPushed: true),
        Case(profile: .auto, type: "application/json", isPushed: true),
        Case(profile: .auto, type: "Image/PNG", isPushed: false),
        Case(profile: .auto, type: "application/octet-stream; charset=binary", isPushed: false),
        Case(profile: .auto, type: "audio/mpeg", asksForStream: true, isPushed: true),
    ]

    @Test("are pushed as the profile says, and none is lost", arguments: Engine.allCases, Self.cases)
    func profiles(engine: Engine, given: Case) async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: \(given.type)\r\nContent-Length: 6\r\n\r\n"
        let backend = try await ScriptedBackend.start(scripts: [
            [.readUntil("}"), .send(head + "one"), .wait("go"), .send("two")]
        ])
        let tuning = Tuning { $0.proxy.profile = given.profile }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let client = try await world.connect()
            let body = "{\"stream\":\(given.asksForStream)}"
            try await client.send(World.postText("/olla/proxy/v1/audio/speech", body))
            if given.isPushed {
                try await client.read(until: "\r\n\r\none")
                backend.signal("go")
                try await client.read(until: "two")
            } else {
                let arrived = head.utf8.count + 3
                try await World.eventually("the first piece is read") {
                    let page = try await world.metrics()
                    return page.count("glasspot_upstream_bytes_total", ["direction": "received"]) >= arrived
                }
                // The gateway has read it, on the loop that answered the scrape, and kept it.
                #expect(client.unread.isEmpty)
                backend.signal("go")
                #expect(try await client.answer().text == "onetwo")
            }
        }
        try await backend.stop()
    }
}
