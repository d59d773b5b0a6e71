import Domain
import Foundation
import MockLLM
import NIOSSL
import Settings
import TestKit
import Testing

@Suite("A listener with TLS")
struct ListenerTLSTests {
    private static let get = "GET /olla/proxy/x HTTP/1.1\r\nHost: gateway\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private static func answers(_ count: Int) -> [ScriptStep] {
        (0..<count).flatMap { _ -> [ScriptStep] in [.readUntil("\r\n\r\n"), .send(Self.ok)] }
    }

    /// The internal routes have a plain listener of their own, where the tests look.
    private static func tuning(
        _ files: ListenerFiles, clients: Bool = false,
        _ more: @escaping @Sendable (inout Configuration) -> Void = { _ in }
    ) -> Tuning {
        Tuning {
            $0.server.tls.certificateFile = files.certificate
            $0.server.tls.keyFile = files.key
            if clients { $0.server.tls.clientAuthoritiesFile = files.authorities }
            $0.server.admin.port = 0
            more(&$0)
        }
    }

    @Test("serves as a plain one does, and tells backends that clients come by TLS", arguments: Engine.allCases)
    func serves(engine: Engine) async throws {
        let content = String(repeating: "0123456789abcdef", count: 65_536)
        let backend = try await ScriptedBackend.start(scripts: [
            [
                .readUntil("\r\n\r\n"), .send(Self.ok), .readUntil("whole body"),
                .send("HTTP/1.1 200 OK\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)"),
                .readUntil("\r\n\r\n"),
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            ]
        ])
        let files = try ListenerFiles()
        defer { files.remove() }
        try await World.with(engine, [Place(backend)], tuned: Self.tuning(files)) { world in
            let client = try await world.connect(tls: ListenerFiles.trusting(Certificates.authority))
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            let body = String(repeating: "x", count: 200_000) + "whole body"
            try await client.send(
                "POST /olla/proxy/x HTTP/1.1\r\nHost: gateway\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try await client.answer().text == content)
            // Two requests at once; the second asks for the end, which comes in order.
            try await client.send(
                Self.get + "GET /nowhere HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
            #expect(try await client.answer().text == "abc")
            let last = try await client.answer()
            #expect(last.status == 404)
            #expect(last.value(of: "connection") == "close")
            #expect(try await client.rest().ending == .closed)
            let received = String(decoding: backend.received(), as: UTF8.self)
            #expect(received.contains("\r\nX-Forwarded-Proto: https\r\n"))
            #expect(try await world.metrics().count("glasspot_request_parse_failures_total") == 0)
        }
        try await backend.stop()
    }

    @Test("says goodbye to idle connections when the gateway stops", arguments: Engine.allCases)
    func stops(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.answers(1)])
        let files = try ListenerFiles()
        defer { files.remove() }
        try await World.with(engine, [Place(backend)], tuned: Self.tuning(files)) { world in
            let client = try await world.connect(tls: ListenerFiles.trusting(Certificates.authority))
            try await client.send(Self.get)
            #expect(try await client.answer().status == 200)
            await world.beginStop()
            #expect(try await client.rest().ending == .closed)
        }
        try await backend.stop()
    }

    @Test("refuses who speaks plain HTTP or never shakes hands, and counts both", arguments: Engine.allCases)
    func refuses(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.answers(1)])
        let files = try ListenerFiles()
        defer { files.remove() }
        let tuning = Self.tuning(files) { $0.server.readHeaderTimeout = .seconds(3) }
        try await World.with(engine, [Place(backend)], tuned: tuning) { world in
            let plain = try await world.connect()
            try await plain.send(Self.get)
            let (bytes, _) = try await plain.rest()
            #expect(!String(decoding: bytes, as: UTF8.self).contains("HTTP/"))
            let silent = try await world.connect()
            #expect(try await silent.rest().bytes.isEmpty)
            // Whoever shook hands and then says nothing has the same time once more.
            let idle = try await world.connect(tls: ListenerFiles.trusting(Certificates.authority))
            #expect(try await idle.rest().ending == .closed)
            let failures = "glasspot_request_parse_failures_total"
            let page = try await world.metrics {
                $0.count(failures, ["reason": "tls"]) == 1 && $0.count(failures, ["reason": "timeout"]) == 1
            }
            #expect(page.count(failures) == 2)
            #expect(backend.connectionCount == 0)
            let lines = try await world.logAfterStop()
            let told = lines.filter { $0["msg"] as? String == "TLS handshake with a client failed" }
            #expect(told.count == 2)
            #expect(told.allSatisfy { $0["remote_addr"] as? String == "127.0.0.1" && $0["error"] is String })
        }
        try await backend.stop()
    }

    @Test("with authorities for clients lets in who has a certificate of theirs", arguments: Engine.allCases)
    func clientCertificates(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.answers(1)])
        let files = try ListenerFiles()
        defer { files.remove() }
        try await World.with(engine, [Place(backend)], tuned: Self.tuning(files, clients: true)) { world in
            let strangers = [
                try ListenerFiles.trusting(Certificates.authority),
                try ListenerFiles.trusting(
                    Certificates.authority, as: Certificates.stranger, Certificates.strangerKey),
            ]
            for context in strangers {
                let client = try await world.connect(tls: context)
                try? await client.send(Self.get)
                #expect(try await client.rest().bytes.isEmpty)
            }
            #expect(backend.connectionCount == 0)
            let known = try ListenerFiles.trusting(
                Certificates.authority, as: Certificates.client, Certificates.clientKey)
            let client = try await world.connect(tls: known)
            try await client.send(Self.get)
            #expect(try await client.answer().text == "ok")
            let page = try await world.metrics()
            #expect(page.count("glasspot_request_parse_failures_total", ["reason": "tls"]) == 2)
        }
        try await backend.stop()
    }

    @Test(
        "takes other certificates with a reload, and keeps those it has when they are broken",
        arguments: Engine.allCases)
    func reload(engine: Engine) async throws {
        let backend = try await ScriptedBackend.start(scripts: [Self.answers(4)])
        let files = try ListenerFiles()
        defer { files.remove() }
        try await World.with(engine, [Place(backend)], tuned: Self.tuning(files)) { world in
            let old = try ListenerFiles.trusting(Certificates.authority)
            let new = try ListenerFiles.trusting(Certificates.secondAuthority)
            let section = "tls: {cert_file: \"\(files.certificate)\", key_file: \"\(files.key)\"}"
            let kept = try await world.connect(tls: old)
            try await kept.send(Self.get)
            #expect(try await kept.answer().text == "ok")
            // Half of a change: the key is not the certificate's.
            try files.write(Certificates.second, to: files.certificate)
            #expect(try await !world.reload([Place(backend)], server: section))
            let still = try await world.connect(tls: old)
            try await still.send(Self.get)
            #expect(try await still.answer().text == "ok")
            try files.write(Certificates.secondKey, to: files.key)
            #expect(try await world.reload([Place(backend)], server: section))
            let changed = try await world.connect(tls: new)
            try await changed.send(Self.get)
            #expect(try await changed.answer().text == "ok")
            let late = try await world.connect(tls: old)
            try? await late.send(Self.get)
            #expect(try await late.rest().bytes.isEmpty)
            try await kept.send(Self.get)
            #expect(try await kept.answer().text == "ok")
            let page = try await world.metrics()
            #expect(page.count("glasspot_config_reloads_total", ["result": "fail"]) == 1)
            #expect(page.count("glasspot_config_reloads_total", ["result": "ok"]) == 1)
            let log = try await world.logAfterStop()
            let problems = log.compactMap { $0["problem"] as? String }
            #expect(problems.contains { $0.contains("server.tls") && $0.contains(files.certificate) })
        }
        try await backend.stop()
    }

    /// What is wrong with the files, and what the refusal must name.
    enum Fault: CaseIterable {
        case missing, folder, noCertificate, noKey, otherKey, noAuthorities

        var spoils: @Sendable (ListenerFiles) throws -> (key: String, file: String) {
            { files in
                switch self {
                case .missing:
                    try FileManager.default.removeItem(atPath: files.key)
                    return ("server.tls.key_file", files.key)
                case .folder:
                    try FileManager.default.removeItem(atPath: files.certificate)
                    try FileManager.default.createDirectory(
                        atPath: files.certificate, withIntermediateDirectories: false)
                    return ("server.tls.cert_file", files.certificate)
                case .noCertificate:
                    try files.write(Certificates.serverKey, to: files.certificate)
                    return ("server.tls.cert_file", files.certificate)
                case .noKey:
                    try files.write("secret nonsense", to: files.key)
                    return ("server.tls.key_file", files.key)
                case .otherKey:
                    try files.write(Certificates.clientKey, to: files.key)
                    return ("server.tls", files.key)
                case .noAuthorities:
                    try files.write("", to: files.authorities)
                    return ("server.tls.client_ca_file", files.authorities)
                }
            }
        }
    }

    @Test("does not start with files that cannot be used, and says which and why", arguments: Fault.allCases)
    func faults(fault: Fault) async throws {
        let files = try ListenerFiles()
        defer { files.remove() }
        let (key, file) = try fault.spoils(files)
        do {
            try await World.with(.olla, [], tuned: Self.tuning(files, clients: true)) { _ in }
            Issue.record("started")
        } catch {
            let text = "\(error)"
            #expect(text.contains(key) && text.contains(file), "\(text)")
            #expect(!text.contains("nonsense"))
        }
    }
}

/// The files of `server.tls`.
struct ListenerFiles: Sendable {
    private let folder: URL
    let certificate: String
    let key: String
    let authorities: String

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("glasspot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.certificate = self.folder.appendingPathComponent("tls.crt").path
        self.key = self.folder.appendingPathComponent("tls.key").path
        self.authorities = self.folder.appendingPathComponent("clients.crt").path
        try self.write(Certificates.server, to: self.certificate)
        try self.write(Certificates.serverKey, to: self.key)
        try self.write(Certificates.secondAuthority, to: self.authorities)
    }

    func write(_ text: String, to file: String) throws {
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(at: self.folder) }

    /// What a client shakes hands by that trusts one authority, with or without a certificate of its own.
    static func trusting(_ authority: String, as own: String? = nil, _ key: String = "") throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
        configuration.applicationProtocols = ["h2", "http/1.1"]
        if let own {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(own.utf8))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
