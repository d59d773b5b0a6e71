import Foundation
import GlasspotApp
import Settings
import Testing

@Suite("What a start would stumble over")
struct StartCheckTests {
    private static func load(_ text: String, beside files: ListenerFiles) throws -> LoadedConfiguration {
        let path = files.certificate + ".yaml"
        try files.write(text, to: path)
        return ConfigurationLoader(environment: [:], objections: StartCheck.objections).load(path: path)
    }

    private static func text(_ files: ListenerFiles) -> String {
        """
        server:
          tls:
            cert_file: "\(files.certificate)"
            key_file: "\(files.key)"
            client_ca_file: "\(files.authorities)"
        discovery:
          static:
            endpoints:
              - {url: "https://a.invalid:1", name: a, tls: {ca_file: "\(files.authorities)"}}
              - url: https://b.invalid:1
                name: b
                tls:
                  ca_file: "\(files.authorities)"
              - {url: "http://c.invalid:1", name: c, tls: {ca_file: /nowhere/of/interest}}
        """
    }

    @Test("is nothing when every file can be used")
    func usable() throws {
        let files = try ListenerFiles()
        defer { files.remove() }
        let loaded = try Self.load(Self.text(files), beside: files)
        #expect(loaded.errors.map(\.description) == [])
        #expect(loaded.configuration != nil)
    }

    @Test("is said of every file at once, with its line")
    func everyFile() throws {
        let files = try ListenerFiles()
        defer { files.remove() }
        try FileManager.default.removeItem(atPath: files.certificate)
        try files.write("secret nonsense", to: files.key)
        try files.write("no authority", to: files.authorities)
        let loaded = try Self.load(Self.text(files), beside: files)
        let path = files.certificate + ".yaml"
        #expect(loaded.configuration == nil)
        #expect(
            loaded.errors.map(\.description) == [
                "\(path):3: server.tls.cert_file: \(files.certificate): no such file",
                "\(path):4: server.tls.key_file: \(files.key): holds no private key in PEM form that needs no "
                    + "passphrase",
                "\(path):5: server.tls.client_ca_file: \(files.authorities): holds no certificate in PEM form",
                "\(path):9: discovery.static.endpoints[0].tls.ca_file: \(files.authorities): holds no certificate in "
                    + "PEM form",
                "\(path):13: discovery.static.endpoints[1].tls.ca_file: \(files.authorities): holds no certificate in "
                    + "PEM form",
            ])
    }

    @Test("is said of a key that belongs to another certificate, beside a file that is missing")
    func otherKey() throws {
        let files = try ListenerFiles()
        defer { files.remove() }
        try files.write(Certificates.clientKey, to: files.key)
        try FileManager.default.removeItem(atPath: files.authorities)
        let loaded = try Self.load(Self.text(files), beside: files)
        #expect(
            loaded.errors.map(\.path) == [
                "server.tls", "server.tls.client_ca_file", "discovery.static.endpoints[0].tls.ca_file",
                "discovery.static.endpoints[1].tls.ca_file",
            ])
        #expect(loaded.errors.first?.message.contains("is the key that of the first certificate?") == true)
    }
}
