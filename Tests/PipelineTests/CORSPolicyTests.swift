import Testing

@testable import Pipeline

@Suite("CORSPolicy")
struct CORSPolicyTests {
    private static func policy(
        _ origins: [String] = ["*"], headers: [String] = ["*"], exposed: [String] = [], credentials: Bool = false,
        maxAge: Int = 300
    ) -> CORSPolicy {
        CORSPolicy(
            origins: origins, methods: ["GET", "POST"], headers: headers, exposed: exposed,
            allowsCredentials: credentials, maxAge: maxAge)
    }

    private static func preflight(
        _ policy: CORSPolicy, origin: String = "https://a.example", method: String = "POST", headers: String = ""
    ) -> [String] {
        let (origin, method, headers) = (Array(origin.utf8), Array(method.utf8), Array(headers.utf8))
        var lines: [UInt8] = []
        policy.appendPreflight(
            origin: origin.span.bytes, method: method.span.bytes, headers: headers.span.bytes, to: &lines)
        return Self.split(lines)
    }

    private static func answer(_ policy: CORSPolicy, origin: String, method: String = "GET") -> [String] {
        let (origin, method) = (Array(origin.utf8), Array(method.utf8))
        var lines: [UInt8] = []
        policy.appendAnswer(origin: origin.span.bytes, method: method.span.bytes, to: &lines)
        return Self.split(lines)
    }

    private static func split(_ lines: [UInt8]) -> [String] {
        String(decoding: lines, as: UTF8.self).split(separator: "\r\n").map { String($0) }
    }

    private static let vary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

    @Test("an allowed preflight hears what it asked for")
    func allowed() {
        #expect(
            Self.preflight(Self.policy(), headers: "X-A, x-b") == [
                Self.vary, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: POST",
                "Access-Control-Allow-Headers: X-A, x-b", "Access-Control-Max-Age: 300",
            ])
        let own = Self.policy(["https://a.example"], credentials: true, maxAge: 0)
        #expect(
            Self.preflight(own) == [
                Self.vary, "Access-Control-Allow-Origin: https://a.example", "Access-Control-Allow-Methods: POST",
                "Access-Control-Allow-Credentials: true",
            ])
    }

    @Test("OPTIONS is always a permitted method")
    func options() { #expect(Self.preflight(Self.policy(), method: "OPTIONS").count == 4) }

    @Test("a refused preflight hears nothing but Vary")
    func refused() {
        #expect(Self.preflight(Self.policy(["https://b.example"])) == [Self.vary])
        #expect(Self.preflight(Self.policy(), method: "DELETE") == [Self.vary])
        #expect(Self.preflight(Self.policy(), method: "post") == [Self.vary])
        #expect(Self.preflight(Self.policy(headers: ["X-A"]), headers: "x-a, X-B") == [Self.vary])
        #expect(Self.preflight(Self.policy(headers: ["X-A", "x-b"]), headers: "x-a,X-B").count == 5)
    }

    @Test(
        "origins match whole, with at most one star inside",
        arguments: [
            ("https://a.example", "https://a.example", true), ("https://A.example", "https://a.example", true),
            ("https://a.example", "https://a.example.evil", false),
            ("https://a.example", "http://a.example", false), ("http://*.b.example", "http://x.b.example", true),
            ("http://*.b.example", "http://x.b.example.evil", false), ("http://*.b.example", "http://b.example", false),
            ("http://a*a", "http://a", false), ("*", "null", true),
        ])
    func origins(pattern: String, origin: String, isAllowed: Bool) {
        let lines = Self.answer(Self.policy([pattern]), origin: origin)
        #expect(lines.first == "Vary: Origin")
        #expect((lines.count > 1) == isAllowed)
    }

    @Test("answers tell which headers may be read: a configured list replaces the gateway's own")
    func exposed() {
        let own = Self.answer(Self.policy(), origin: "https://a.example")
        #expect(own.last?.hasPrefix("Access-Control-Expose-Headers: X-Olla-Request-ID, X-Olla-Endpoint, ") == true)
        let given = Self.answer(Self.policy(exposed: ["X-B", "X-C"]), origin: "https://a.example")
        #expect(given.last == "Access-Control-Expose-Headers: X-B, X-C")
        #expect(Self.answer(Self.policy(), origin: "https://a.example", method: "DELETE") == ["Vary: Origin"])
    }
}
