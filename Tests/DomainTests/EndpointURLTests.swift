import Domain
import SeededRandomness
import Testing

@Suite("Endpoint URLs")
struct EndpointURLTests {
    struct Parts: Sendable {
        var text: String
        var host: String
        var kind: EndpointURL.HostKind = .name
        var port: UInt16
        var base = ""
        var header: String
        var sanitised: String
    }

    @Test(
        arguments: [
            Parts(
                text: "http://localhost:11434", host: "localhost", port: 11434, header: "localhost:11434",
                sanitised: "http://localhost:11434"),
            Parts(
                text: "HTTPS://Api.Example.com", host: "Api.Example.com", port: 443, header: "Api.Example.com",
                sanitised: "https://Api.Example.com"),
            Parts(
                text: "http://10.0.0.1:8000/v1/", host: "10.0.0.1", kind: .ipv4, port: 8000, base: "/v1",
                header: "10.0.0.1:8000", sanitised: "http://10.0.0.1:8000/v1/"),
            Parts(
                text: "http://[::1]:8080/a/b?x=1#y", host: "::1", kind: .ipv6, port: 8080, base: "/a/b",
                header: "[::1]:8080", sanitised: "http://[::1]:8080/a/b"),
            Parts(
                text: "http://[fe80::1%25eth0]:80", host: "fe80::1%eth0", kind: .ipv6, port: 80,
                header: "[fe80::1]:80", sanitised: "http://[fe80::1%25eth0]:80"),
            Parts(text: "http://h:/", host: "h", port: 80, header: "h", sanitised: "http://h:/"),
            Parts(
                text: "http://gpu_1.lan.", host: "gpu_1.lan.", port: 80, header: "gpu_1.lan.",
                sanitised: "http://gpu_1.lan."),
        ])
    func `are taken apart`(parts: Parts) throws {
        let url = try EndpointURL(parts.text)
        #expect(url.host == parts.host)
        #expect(url.hostKind == parts.kind)
        #expect(url.port == parts.port)
        #expect(url.basePath == parts.base)
        #expect(url.hostHeader == parts.header)
        #expect(url.sanitised == parts.sanitised)
        #expect(url.text == parts.text)
    }

    @Test(
        arguments: [
            ("", EndpointURLError.empty), ("localhost:11434", .missingScheme), ("/path", .missingScheme),
            ("http:/h", .missingScheme), ("ftp://h", .unsupportedScheme), ("://h", .unsupportedScheme),
            ("http://", .missingHost), ("http://:80", .missingHost), ("http:///p", .missingHost),
            ("http://user:secret@h", .userInfo), ("http://user@h/p", .userInfo),
            ("http://h:0", .invalidPort), ("http://h:65536", .invalidPort), ("http://h:8x", .invalidPort),
            ("http://h:-1", .invalidPort), ("http://h:000080", .invalidPort), ("http://h:1:2", .invalidPort),
            ("http://a b", .illegalCharacter(at: 8)), ("http://h\\x", .illegalCharacter(at: 8)),
            ("http://h/\u{7F}", .illegalCharacter(at: 9)), ("http://höst", .illegalCharacter(at: 8)),
            ("http://256.1.1.1", .invalidHost), ("http://1.2.3", .invalidHost), ("http://01.2.3.4", .invalidHost),
            ("http://a..b", .invalidHost), ("http://a%41", .invalidHost), ("http://[::1", .invalidHost),
            ("http://[::1]x", .invalidHost), ("http://[1:2:3]", .invalidHost), ("http://[1::2::3]", .invalidHost),
            ("http://[fe80::1%eth0]", .invalidHost), ("http://[]", .invalidHost), ("http://.", .invalidHost),
            ("http://h/%zz", .invalidEscape), ("http://h/%4", .invalidEscape),
        ])
    func `that are wrong are refused with the reason`(text: String, error: EndpointURLError) {
        #expect(throws: error) { try EndpointURL(text) }
        #expect(!error.message.contains("secret"))
    }

    @Test(
        arguments: [
            "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "::ffff:1.2.3.4", "1::8", "1:2:3:4:5:6:7::",
        ])
    func `accept every form of IPv6 address`(address: String) throws {
        #expect(try EndpointURL("http://[\(address)]").host == address)
    }

    @Test(
        arguments: [
            "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
            "::1.2.3", "1.2.3.4::", "g::", ":::", "1:2:3:4:5:6:7:1.2.3.4",
        ])
    func `refuse what only looks like an IPv6 address`(address: String) {
        #expect(throws: EndpointURLError.invalidHost) { try EndpointURL("http://[\(address)]") }
    }

    @Test(
        arguments: [
            ("http://h:8080/api/", "/health", "http://h:8080/api/health"),
            ("http://h:8080/api", "health/", "http://h:8080/api/health"),
            ("http://h:8080", "/", "http://h:8080/"),
            ("http://h:8080/", "//a//b/", "http://h:8080/a/b"),
            ("http://h:8080/api", "/", "http://h:8080/api"),
            ("http://h/api", "/v1/models?full=1&x=%2F", "http://h/api/v1/models?full=1&x=%2F"),
            ("http://h/api", "../../etc", "http://h/api/etc"),
            ("http://[fe80::1%25eth0]:9", "/x", "http://[fe80::1%25eth0]:9/x"),
        ])
    func `join health and model paths to the base path`(url: String, value: String, joined: String) throws {
        let resource = try EndpointURL(url).resource(value)
        #expect(resource.text == joined)
        #expect(resource.isSameOrigin)
    }

    @Test(
        arguments: [
            ("http://h:80", "http://h/live", true), ("http://h", "http://H:80/live", true),
            ("http://h", "https://h/live", false), ("http://h", "http://h:81/live", false),
            ("http://h", "http://other/live", false),
        ])
    func `take absolute health URLs as they are and know whose they are`(
        url: String, value: String, isSameOrigin: Bool
    ) throws {
        let resource = try EndpointURL(url).resource(value)
        #expect(resource.text == value)
        #expect(resource.isSameOrigin == isSameOrigin)
    }

    @Test(
        arguments: [
            ("http://localhost:11434", "1gi2muj"), ("http://localhost:1234", "13vqsvy"),
            ("http://gpu-1:8000/v1", "msqhj3"),
        ])
    func `have the ids that the contract lists`(url: String, id: String) throws {
        #expect(try EndpointID.text(ofSanitised: EndpointURL(url).sanitised) == id)
    }

    @Test func `with the same visible text get numbered ids in order of name, then URL`() throws {
        let ids = EndpointID.texts(of: [
            ("b", try EndpointURL("http://localhost:11434?x=2")), ("a", try EndpointURL("http://localhost:11434")),
            ("c", try EndpointURL("http://localhost:1234")), ("b", try EndpointURL("http://localhost:11434?x=1")),
        ])
        #expect(ids == ["1gi2muj-2", "1gi2muj-0", "13vqsvy", "1gi2muj-1"])
    }
}

@Suite("The upstream path")
struct UpstreamPathTests {
    private func path(_ request: String, base: String = "", preserves: Bool = false) -> String {
        var output = Array("GET ".utf8)
        UpstreamPath.append(
            request.utf8.span, base: base.utf8.span, preservesBase: preserves, to: &output)
        #expect(output.starts(with: Array("GET ".utf8)))
        return String(decoding: output.dropFirst(4), as: UTF8.self)
    }

    @Test(
        arguments: [
            ("/v1/chat/completions", "/v1/chat/completions"), ("/", "/"), ("", "/"), ("/a/", "/a/"),
            ("/a//b", "/a//b"), ("/a%2Fb/%20c", "/a%2Fb/%20c"), ("/a/./b", "/a/b"), ("/a/../b", "/b"),
            ("/../../b", "/b"), ("/a/..", "/"), ("/a/b/.", "/a/b/"), ("/%2e%2E/b", "/b"), ("/a/.%2e/b", "/b"),
            ("/a/%2e/b", "/a/b"), ("/a/...", "/a/..."), ("/a/.b/..c", "/a/.b/..c"), ("/a/..%2fb", "/b"),
            ("/a%2F..%2F..%2Fb", "/b"), ("/.%2Fa%2Fb", "/a/b"), ("/a%2", "/a%2"),
        ])
    func `without a kept base is the request's with dot segments resolved`(request: String, result: String) {
        #expect(self.path(request) == result)
        #expect(self.path(request, base: "/base") == result, "the base path is replaced")
    }

    @Test(
        arguments: [
            ("/v1/models", "/api/v1/models"), ("/", "/api"), ("", "/api"), ("//a//b/", "/api/a/b"),
            ("/../../etc/passwd", "/api/etc/passwd"), ("/a/../../..", "/api"), ("/..%2f..%2fetc", "/api/etc"),
            ("/%2e%2e/x", "/api/x"), ("/a%2Fb", "/api/a%2Fb"),
        ])
    func `with a kept base is joined and cannot climb above it`(request: String, result: String) {
        #expect(self.path(request, base: "/api", preserves: true) == result)
    }

    /// Against the plain algorithm: split, resolve, join.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `agrees with a naive resolver`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = ["a", "..", ".", "b%2Fc", "%2e", "%2E.", "", "x"]
        for _ in 0..<300 {
            let segments = (0..<Int(random.next() % 7)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            let request = "/" + segments.joined(separator: "/")
            var kept: [String] = []
            for segment in segments where !segment.isEmpty {
                switch segment.replacing("%2e", with: ".").replacing("%2E", with: ".") {
                case ".": continue
                case "..": _ = kept.popLast()
                default: kept.append(segment)
                }
            }
            let expected = "/" + (["base"] + kept).joined(separator: "/")
            #expect(self.path(request, base: "/base", preserves: true) == expected, "\(request)")
        }
    }
}
