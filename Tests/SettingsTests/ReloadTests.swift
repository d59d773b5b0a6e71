import Domain
import Foundation
import Testing

@testable import Settings

@Suite("Changes of a running configuration")
struct ConfigurationChangeTests {
    @Test("Keys that act at once are told from those that need a restart, whose running values stay")
    func kinds() throws {
        let running = try #require(try Fixture.load("server: {port: 8080}").configuration)
        let loaded = try #require(
            try Fixture.load(
                """
                server: {port: 9090, host: 127.0.0.1, read_timeout: 7s}
                proxy: {load_balancer: priority}
                model_aliases: {small: [a]}
                logging: {level: debug, format: text}
                """
            ).configuration)
        let change = ConfigurationChange(from: running, to: loaded)
        #expect(change.deferred == ["server.host", "server.port", "logging.format"])
        #expect(change.applied == ["server.read_timeout", "proxy.load_balancer", "model_aliases", "logging.level"])
        #expect(change.configuration.server.port == 8080)
        #expect(change.configuration.server.host == "localhost")
        #expect(change.configuration.server.readTimeout == .seconds(7))
        #expect(change.configuration.logging.format == .json)
        #expect(change.configuration.logging.level == .debug)
    }

    @Test("Certificates can be exchanged, but a listener stays with TLS or without")
    func certificates() throws {
        func load(_ tls: String) throws -> Configuration {
            try #require(try Fixture.load("server: {tls: {\(tls)}}").configuration)
        }
        let plain = try load("")
        let first = try load("cert_file: a.crt, key_file: a.key")
        let second = try load("cert_file: b.crt, key_file: a.key, client_ca_file: c.crt")
        let exchanged = ConfigurationChange(from: first, to: second)
        #expect(exchanged.applied == ["server.tls.cert_file", "server.tls.client_ca_file"])
        #expect(exchanged.configuration.server.tls == second.server.tls)
        for (running, loaded) in [(plain, first), (first, plain)] {
            let switched = ConfigurationChange(from: running, to: loaded)
            #expect(switched.deferred == ["server.tls.cert_file", "server.tls.key_file"])
            #expect(switched.configuration.server.tls == running.server.tls)
        }
    }

    @Test("The same file is no change")
    func same() throws {
        let fixture = try Fixture().write("server: {port: 8080}\nmodel_aliases: {a: [b]}", to: "config.yaml")
        let first = try #require(fixture.load().configuration)
        let change = ConfigurationChange(from: first, to: try #require(fixture.load().configuration))
        #expect(change.applied.isEmpty && change.deferred.isEmpty)
        #expect(change.configuration == first)
    }

    @Test("Every prefix of keys that need a restart names keys that exist")
    func prefixes() {
        for prefix in ConfigurationChange.startOnly {
            #expect(
                KeyCatalog.configuration.keys.contains { $0.path == prefix || $0.path.hasPrefix(prefix + ".") },
                "\(prefix)")
        }
        let acting = KeyCatalog.configuration.keys.map(\.path).filter { !ConfigurationChange.actsAtStartOnly($0) }
        for path in [
            "discovery.static.endpoints", "model_aliases", "server.request_limits.max_body_size",
            "proxy.load_balancer", "logging.level", "proxy.profile_filter.include", "server.watch_config",
        ] { #expect(acting.contains(path)) }
    }
}

@Suite("Watching the files of a configuration")
struct ConfigurationWatchTests {
    private func look(_ fixture: Fixture, running: Configuration = Configuration()) -> ConfigurationFiles {
        ConfigurationLoader(environment: [:], workingDirectory: fixture.folder.path).look(running: running)
    }

    @Test("A change counts when the files are at rest again, and once")
    func debounce() throws {
        let fixture = try Fixture().write("server: {port: 1}", to: "config.yaml")
        var watch = ConfigurationWatch()
        var verdicts: [Bool] = []
        verdicts += [watch.looked(self.look(fixture)), watch.looked(self.look(fixture))]
        try fixture.write("server: {port: 10}", to: "config.yaml")
        verdicts.append(watch.looked(self.look(fixture)))
        try fixture.write("server: {port: 100}", to: "config.yaml")
        for _ in 0..<3 { verdicts.append(watch.looked(self.look(fixture))) }
        #expect(verdicts == [false, false, false, false, true, false])
    }

    @Test("Files that were not there, model rules, profiles, credentials and swapped links count")
    func kinds() throws {
        let fixture = try Fixture().write("{}", to: "config.yaml").write("one", to: "token-1")
        try fixture.write("two", to: "token-2")
        let manager = FileManager.default
        let link = fixture.folder.appendingPathComponent("token").path
        try manager.createSymbolicLink(atPath: link, withDestinationPath: "token-1")
        var endpoint = Configuration.Endpoint(url: "http://a")
        endpoint.authentication = Configuration.Authentication()
        endpoint.authentication?.tokenFile = "token"
        var running = Configuration()
        running.discovery.endpoints = [endpoint]
        running.server.tls.certificateFile = "tls.crt"
        running.server.tls.keyFile = "tls.key"
        var key = Configuration.ClientKey()
        key.keyFile = "team"
        running.server.auth.keys = [key]
        var before = self.look(fixture, running: running)
        func expectChange(_ what: String, _ change: () throws -> Void) throws {
            try change()
            let after = self.look(fixture, running: running)
            #expect(after != before, "\(what)")
            before = after
        }
        try expectChange("a file that wins") { try fixture.write("{}", to: "config/config.local.yaml") }
        try expectChange("model rules") { try fixture.write("version: 1", to: "config/models.yaml") }
        try expectChange("a profile") { try fixture.write("name: a", to: "config/profiles/x/a.yaml") }
        for (file, what) in [("tls.crt", "a certificate"), ("tls.key", "its key"), ("team", "a client key")] {
            try expectChange(what) { try fixture.write("x", to: file) }
        }
        try expectChange("a swapped link") {
            try manager.removeItem(atPath: link)
            try manager.createSymbolicLink(atPath: link, withDestinationPath: "token-2")
        }
        #expect(self.look(fixture, running: running) == before)
    }
}
