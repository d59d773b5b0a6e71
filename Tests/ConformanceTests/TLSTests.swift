import Domain
import Foundation
import MockLLM
import NIOCore
import NIOPosix
import NIOSSL
import Settings
import TestKit
import Testing

@Suite("An https endpoint")
struct TLSTests {
    @Test("is spoken to when its certificate holds", arguments: Engine.allCases, ["127.0.0.1", "localhost"])
    func verified(engine: Engine, host: String) async throws {
        let backend = try await TLSBackend.start()
        let files = try AuthorityFiles()
        defer { files.remove() }
        let place = Self.place(backend, host: host, lines: ["tls: {ca_file: \"\(files.right)\"}"])
        try await World.with(engine, [place]) { world in
            let client = try await world.connect()
            for _ in 0..<2 {
                try await client.send("GET /olla/proxy/secret HTTP/1.1\r\nHost: gateway\r\n\r\n")
                #expect(try await client.answer().text == "over TLS")
            }
            let page = try await world.metrics()
            let steps = page.count("glasspot_upstream_connect_duration_seconds_count", ["step": "tls"])
            #expect(steps == (engine.timesConnectSteps ? 1 : 0))
            #expect(page.count("glasspot_upstream_connections_total", ["result": "opened"]) == 1)
            #expect(page.count("glasspot_upstream_connections_total", ["result": "reused"]) == 1)
        }
        try await backend.stop()
    }

    @Test("with a certificate of another authority gets nothing, and the client 502", arguments: Engine.allCases)
    func wrongAuthority(engine: Engine) async throws {
        let backend = try await TLSBackend.start()
        let files = try AuthorityFiles()
        defer { files.remove() }
        let place = Self.place(backend, host: "127.0.0.1", lines: ["tls: {ca_file: \"\(files.wrong)\"}"])
        try await World.with(engine, [place]) { world in
            let answer = try await world.get("/olla/proxy/secret")
            #expect(answer.status == 502)
            #expect(answer.text.contains("certificate"))
            #expect(backend.requestCount == 0)
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "tls"]) == 1)
            #expect(page.count("glasspot_retries_total") == 0)
            #expect(page.count("glasspot_upstream_connections_open") == 0)
            let log = try await world.logAfterStop()
            #expect(log.contains { ($0["error"] as? String)?.lowercased().contains("certificate") ?? false })
        }
        try await backend.stop()
    }

    @Test("is verified against the system's authorities by default", arguments: Engine.allCases)
    func defaultAuthorities(engine: Engine) async throws {
        let backend = try await TLSBackend.start()
        try await World.with(engine, [Self.place(backend, host: "127.0.0.1", lines: [])]) { world in
            let answer = try await world.get("/olla/proxy/secret")
            #expect(answer.status == 502)
            #expect(backend.requestCount == 0)
        }
        try await backend.stop()
    }

    @Test("is believed without verification when that is configured", arguments: Engine.allCases)
    func unverified(engine: Engine) async throws {
        let backend = try await TLSBackend.start()
        let place = Self.place(backend, host: "127.0.0.1", lines: ["tls: {insecure_skip_verify: true}"])
        try await World.with(engine, [place]) { world in
            let answer = try await world.get("/olla/proxy/secret")
            #expect(answer.text == "over TLS")
        }
        try await backend.stop()
    }

    @Test("that ends without a goodbye has broken off, and stays up", arguments: Engine.allCases)
    func noGoodbye(engine: Engine) async throws {
        let backend = try await TLSBackend.start(answer: "HTTP/1.1 200 OK\r\n\r\nhalf", breaksOff: true)
        let place = Place(port: backend.port, scheme: "https", lines: ["tls: {insecure_skip_verify: true}"])
        try await World.with(engine, [place]) { world in
            let client = try await world.connect()
            try await client.send("GET /olla/proxy/secret HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let (bytes, _) = try await client.rest()
            #expect(!String(decoding: bytes, as: UTF8.self).hasSuffix("\r\n0\r\n\r\n"))
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "closed"]) == 1)
            #expect(page.count("glasspot_upstream_errors_total") == 1)
            #expect(page.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 1)
        }
        try await backend.stop()
    }

    @Test("that speaks no TLS gives 502", arguments: Engine.allCases)
    func plain(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [
            [.read(1), .send("HTTP/1.1 400 Bad Request\r\n\r\n"), .close]
        ])
        let place = Place(port: backend.port, scheme: "https", lines: ["tls: {insecure_skip_verify: true}"])
        try await World.with(engine, [place]) { world in
            let answer = try await world.get("/olla/proxy/secret")
            #expect(answer.status == 502)
            let page = try await world.metrics()
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": "tls"]) == 1)
        }
        try await backend.stop()
    }

    @Test("that never finishes its handshake is given up", arguments: Engine.allCases)
    func handshakeTimeout(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [[.awaitClose]])
        let place = Place(port: backend.port, scheme: "https", lines: ["tls: {insecure_skip_verify: true}"])
        try await World.with(engine, [place], tuned: Tuning { $0.proxy.tlsHandshakeTimeout = .milliseconds(200) }) {
            world in
            let answer = try await world.get("/olla/proxy/secret")
            #expect((502...504).contains(answer.status))
            #expect(await backend.closed(1))
            let page = try await world.metrics { $0.count("glasspot_endpoint_up", ["endpoint": "alpha"]) == 0 }
            #expect(page.count("glasspot_upstream_errors_total", ["error_type": engine.handshakeTimeout]) == 1)
        }
        try await backend.stop()
    }

    private static func place(_ backend: TLSBackend, host: String, lines: [String]) -> Place {
        var place = Place(port: backend.port, scheme: "https", lines: lines)
        place.url = "https://\(host):\(backend.port)"
        return place
    }
}

/// The authorities as files.
private struct AuthorityFiles {
    private let folder: URL
    let right: String
    let wrong: String

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("glasspot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.right = self.folder.appendingPathComponent("right.pem").path
        self.wrong = self.folder.appendingPathComponent("wrong.pem").path
        try Certificates.authority.write(toFile: self.right, atomically: true, encoding: .utf8)
        try Certificates.otherAuthority.write(toFile: self.wrong, atomically: true, encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(at: self.folder) }
}
