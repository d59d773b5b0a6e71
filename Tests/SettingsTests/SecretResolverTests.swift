import Testing

@testable import Settings

@Suite("Secrets")
struct SecretResolverTests {
    /// Loads one endpoint with the given lines of YAML below it.
    private func load(
        _ lines: String, environment: [String: String] = [:], files: [String: String] = [:]
    ) throws -> LoadedConfiguration {
        let fixture = try Fixture()
        for (path, text) in files { try fixture.write(text, to: path) }
        let yaml = """
            discovery:
              static:
                endpoints:
                  - url: http://a
                    name: gpu
                    \(lines)
            """
        return try fixture.write(yaml, to: "config.yaml").load(environment: environment)
    }

    @Test(
        "Variables are replaced as the contract says",
        arguments: [
            ("plain", "plain", []), ("${A}", "1", []), ("x${A}y${B}z", "x1y2z", []), ("$A", "$A", []),
            ("${}", "${}", []), ("${:-d}", "${:-d}", []), ("${A", "${A", []), ("${A:-d}", "1", []),
            ("${E:-d}", "d", []), ("${E}", "", []), ("${U:-d}", "d", []), ("${U:-}", "", []),
            ("${U:-a:-b}", "a:-b", []), ("${U:-${A}}", "${A}", []), ("${U}${V}${U}", "", ["U", "V"]),
            ("$${A}", "$1", []), ("${ A }", "", [" A "]), ("}${A}{", "}1{", []),
        ] as [(String, String, [String])])
    func interpolation(text: String, expanded: String, missing: [String]) {
        let result = Interpolation.expand(text, environment: ["A": "1", "B": "2", "E": ""])
        #expect(result.text == expanded)
        #expect(result.missing == missing)
    }

    @Test(
        "Each type gives its header",
        arguments: [
            ("auth: {type: bearer, token: abc}", "Authorization", "Bearer abc"),
            ("auth: {type: bearer, token: '${T:-dflt}'}", "Authorization", "Bearer dflt"),
            ("auth: {type: bearer, token_file: s/token}", "Authorization", "Bearer from-file ${T}"),
            ("auth: {type: api_key, key: 0123}", "X-Api-Key", "0123"),
            ("auth: {type: api_key, key: k, header: X-Mine}", "X-Mine", "k"),
            (
                "auth: {type: basic, username: Aladdin, password: 'open sesame'}", "Authorization",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
            ),
        ])
    func headers(lines: String, name: String, value: String) throws {
        let loaded = try self.load(lines, files: ["s/token": "\n  from-file ${T}\n"])
        let endpoint = try #require(loaded.configuration?.discovery.endpoints.first)
        #expect(endpoint.credential == .init(name: name, value: Secret(value)))
    }

    @Test("Headers keep their order, are resolved, and give way to the credential in any case of letters")
    func extraHeaders() throws {
        let loaded = try self.load(
            "headers: {X-B: '${T}', x-api-key: old, X-A: 1, X-Empty: }\n        auth: {type: api_key, key: new}",
            environment: ["T": "t"])
        let endpoint = try #require(loaded.configuration?.discovery.endpoints.first)
        #expect(
            endpoint.upstreamHeaders == [
                .init(name: "X-B", value: Secret("t")), .init(name: "X-A", value: Secret("1")),
                .init(name: "X-Empty", value: Secret("")),
            ])
        #expect(endpoint.credential == .init(name: "X-Api-Key", value: Secret("new")))
    }

    @Test(
        "A credential of the wrong shape is an error that names the endpoint",
        arguments: [
            ("auth: {token: s3cr3t}", "missing auth type; known: bearer, api_key, basic"),
            ("auth: {type: Bearer, token: s3cr3t}", "unknown auth type; known: bearer, api_key, basic"),
            ("auth: {type: bearer}", "needs exactly one of token and token_file"),
            ("auth: {type: bearer, token: s3cr3t, token_file: f}", "needs exactly one of token and token_file"),
            ("auth: {type: bearer, token: s3cr3t, key: s3cr3t}", "does not belong to type bearer"),
            ("auth: {type: bearer, token: s3cr3t, header: X}", "does not belong to type bearer"),
            ("auth: {type: api_key}", "needs exactly one of key and key_file"),
            (
                "auth: {type: api_key, key: s3cr3t, header: 'a b'}",
                "must be an HTTP token that the gateway does not set itself"
            ),
            (
                "auth: {type: api_key, key: s3cr3t, header: Host}",
                "must be an HTTP token that the gateway does not set itself"
            ),
            ("auth: {type: basic, username: u}", "needs exactly one of password and password_file"),
            ("auth: {type: basic, username: 'u:v', password: s3cr3t}", "a user name must not hold a colon"),
            ("auth: {type: bearer, token: ''}", "the value is empty"),
            ("auth: {type: bearer, token: '${EMPTY}'}", "the value is empty"),
            ("auth: {type: bearer, token: 's3cr3t${NOT_SET}'}", "environment variable NOT_SET is not set"),
            ("auth: {type: bearer, token: \"s3cr3t\\r\\nX-Evil: 1\"}", "the value holds a control character"),
            ("auth: {type: bearer, token_file: none}", "none: no such file"),
            ("auth: {type: bearer, token_file: blank}", "the value is empty"),
            ("headers: {'a b': s3cr3t}", "a header name must be an HTTP token"),
            ("headers: {X-A: 's3cr3t${NOT_SET}'}", "environment variable NOT_SET is not set"),
        ])
    func wrongShapes(lines: String, message: String) throws {
        let loaded = try self.load(lines, environment: ["EMPTY": ""], files: ["blank": " \n"])
        #expect(loaded.configuration == nil)
        #expect(loaded.errors.count == 1)
        #expect(loaded.errorLines.first?.hasPrefix("config.yaml:6: discovery.static.endpoints[0].") == true)
        #expect(loaded.errorLines.first?.hasSuffix(": endpoint \"gpu\": \(message)") == true)
        #expect(!loaded.lines.joined().contains("s3cr3t"))
    }

    @Test("Several missing variables are all listed")
    func missingVariables() throws {
        let loaded = try self.load("headers: {X-A: '${ONE}${TWO}', X-B: '${THREE}'}")
        let names = ["ONE", "TWO", "THREE"]
        #expect(loaded.errors.count == 3)
        for (line, name) in zip(loaded.errorLines, names) {
            #expect(line.hasSuffix("environment variable \(name) is not set"))
        }
    }

    @Test("Variables are not replaced in names, URLs or any other key")
    func literalElsewhere() throws {
        let loaded = try self.load("type: ollama\nserver: {host: '${HOST}'}", environment: ["HOST": "h"])
        #expect(loaded.configuration?.server.host == "${HOST}")
    }

    @Test("A header of framing is ignored with a warning", arguments: ["Host", "content-length", "Transfer-Encoding"])
    func framing(name: String) throws {
        let loaded = try self.load("headers: {\(name): '5'}")
        #expect(loaded.configuration?.discovery.endpoints.first?.upstreamHeaders == [])
        #expect(loaded.lines(.warning).count == 1)
    }

    @Test("A file that is too large for a secret is refused")
    func largeFile() throws {
        let text = String(repeating: "x", count: SecretResolver.fileBytesMax + 1)
        let loaded = try self.load("auth: {type: bearer, token_file: big}", files: ["big": text])
        #expect(loaded.errorLines.first?.hasSuffix("big: larger than 65536 bytes") == true)
    }

    @Test("No way of printing a configuration shows a secret")
    func printing() throws {
        let loaded = try self.load(
            """
            headers: {X-Team: s3cr3t}
                    auth: {type: basic, username: s3cr3t, password: s3cr3t}
            server: {auth: {keys: [{name: a, key: s3cr3t}]}}
            """)
        let configuration = try #require(loaded.configuration)
        var dumped = ""
        dump(configuration, to: &dumped)
        let credential = try #require(configuration.discovery.endpoints.first?.credential)
        let report = ConfigurationReport(loaded)
        let printed = [
            dumped, "\(configuration)", String(reflecting: configuration), "\(loaded)", "\(credential)",
            String(describing: credential.value), report.validation, report.refusal,
        ].joined()
        #expect(!printed.contains("s3cr3t"))
        #expect(!printed.contains("czNjcjN0"))
        #expect(printed.contains("[REDACTED]"))
        #expect(credential.value.reveal() == "Basic czNjcjN0OnMzY3IzdA==")
    }
}
