import AdminAPI
import CZlib
import Catalog
import DashboardAssets
import Domain
import Pipeline
import Synchronization
import Telemetry
import Testing

@Suite("The dashboard")
struct DashboardTests {
    /// Routes with a policy, and the warnings they write.
    private struct Harness {
        let admin: AdminHarness
        let warnings = Warnings()

        final class Warnings: Sendable {
            let list = Mutex<[[String: String]]>([])
        }

        init(_ policy: DashboardPolicy = DashboardPolicy()) throws {
            let warnings = self.warnings
            self.admin = AdminHarness(
                try makeFleet(), dashboard: policy,
                warn: { message, fields in
                    var entry = Dictionary(uniqueKeysWithValues: fields.map { ($0.key, $0.value) })
                    entry["msg"] = message
                    warnings.list.withLock { $0.append(entry) }
                })
        }

        func get(
            _ path: String, _ fields: [LocalRequest.Field] = [], query: String = "", method: String = "GET",
            peer: String = "127.0.0.1", host: String = "localhost:40114"
        ) async throws -> LocalResponse {
            try await self.admin.get(path, fields, query: query, method: method, peer: peer, host: host)
        }
    }

    private static func expectSecurity(_ response: LocalResponse, _ location: SourceLocation = #_sourceLocation) {
        #expect(response.value("X-Content-Type-Options") == "nosniff", sourceLocation: location)
        #expect(response.value("X-Frame-Options") == "DENY", sourceLocation: location)
        #expect(response.value("Referrer-Policy") == "no-referrer", sourceLocation: location)
        let policy = response.value("Content-Security-Policy") ?? ""
        for directive in [
            "default-src 'self'", "script-src 'self'", "font-src 'self'", "connect-src 'self'",
            "style-src 'self' 'unsafe-inline'", "img-src 'self' data:", "frame-ancestors 'none'", "base-uri 'none'",
            "form-action 'none'",
        ] {
            #expect(
                policy.split(separator: ";").contains { $0.drop { $0 == " " } == directive },
                sourceLocation: location)
        }
        let names = response.fields.map { $0.name.lowercased() }
        #expect(names.count == Set(names).count, sourceLocation: location)
    }

    @Test("the document is asked for each time, and views are the document")
    func document() async throws {
        let harness = try Harness()
        let index = try await harness.get("/internal/ui/")
        #expect(index.status == 200)
        #expect(index.value("Content-Type") == "text/html; charset=utf-8")
        #expect(index.value("Cache-Control") == "no-cache")
        #expect(index.value("Last-Modified") == "Wed, 31 Dec 2025 21:55:00 GMT")
        #expect(index.text.contains("<title>Glasspot</title>"))
        Self.expectSecurity(index)
        for path in ["/internal/ui/requests", "/internal/ui/some/where", "/internal/ui/requests/"] {
            let view = try await harness.get(path, query: "id=x")
            #expect(view.status == 200)
            #expect(view.body == index.body)
        }
    }

    @Test("every asset the files name exists, is immutable, and has the type of its name")
    func assets() async throws {
        let harness = try Harness()
        let pattern = #/(?:\/internal\/ui\/|"\.\/)((?:assets\/)?[a-z]+\.[0-9a-f]{16}\.[a-z]+)/#
        var seen: Set<String> = []
        for asset in DashboardAssets.all {
            for match in asset.text.matches(of: pattern) {
                let name = match.1.hasPrefix("assets/") ? String(match.1) : "assets/\(match.1)"
                seen.insert(name)
            }
        }
        #expect(seen == Set(DashboardAssets.all.map(\.path)).subtracting(["index.html"]))
        for name in seen {
            let answer = try await harness.get("/internal/ui/\(name)")
            #expect(answer.status == 200)
            #expect(answer.value("Cache-Control") == "public, max-age=31536000, immutable")
            let type = answer.value("Content-Type") ?? ""
            let expected = ["js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"]
            #expect(type.hasPrefix(try #require(expected[String(name.split(separator: ".").last ?? "")])))
            Self.expectSecurity(answer)
        }
    }

    @Test("nothing names a foreign origin, and no script stands in the document")
    func selfContained() {
        for asset in DashboardAssets.all {
            let foreign = asset.text.matches(of: #/https?:\/\/[a-z0-9.\/]+/#).map { String($0.0) }
                .filter { $0 != "http://www.w3.org/2000/svg" }
            #expect(foreign == [], "\(asset.path)")
            #expect(!asset.text.contains("eval(") && !asset.text.contains("innerHTML"), "\(asset.path)")
        }
        let document = DashboardAssets.all.first { $0.path == "index.html" }?.text ?? ""
        #expect(!document.isEmpty)
        #expect(!document.contains(#/<script(?![^>]*src=)/#))
        #expect(!document.contains(#/\son[a-z]+=/#))
    }

    @Test("every family the page reads is in the catalogue")
    func families() {
        let names = DashboardAssets.all.flatMap { asset in
            asset.text.matches(of: #/"((?:glasspot|process)_[a-z_]+)"/#).map { match in
                match.1.hasSuffix("_seconds_sum") ? String(match.1.dropLast(4)) : String(match.1)
            }
        }
        #expect(names.count > 25)
        #expect(Set(names).subtracting(MetricCatalog.rows.map(\.name)) == [])
    }

    @Test("the first load stays within 150 KB, compressed")
    func size() async throws {
        let harness = try Harness()
        var bytes = 0
        for asset in DashboardAssets.all {
            let path = asset.path == "index.html" ? "" : asset.path
            let answer = try await harness.get("/internal/ui/\(path)", [("Accept-Encoding", "gzip")])
            #expect(answer.value("Content-Encoding") == "gzip")
            bytes += answer.body.count
        }
        #expect(bytes > 10_000)
        #expect(bytes <= 150_000)
    }

    @Test("a client that has a representation is told so, by tag or by date; the two codings have two tags")
    func conditional() async throws {
        let harness = try Harness()
        let plain = try await harness.get("/internal/ui/")
        let packed = try await harness.get("/internal/ui/", [("Accept-Encoding", "br, gzip")])
        let (plainTag, packedTag) = (try #require(plain.value("ETag")), try #require(packed.value("ETag")))
        #expect(plainTag != packedTag)
        #expect(plainTag.hasPrefix("\"") && packedTag.hasPrefix("\""))
        #expect(packed.body.starts(with: [0x1F, 0x8B]))
        let date = try #require(plain.value("Last-Modified"))
        let cases: [([LocalRequest.Field], Int)] = [
            ([("If-None-Match", plainTag)], 304), ([("If-None-Match", "\"x\", \(plainTag)")], 304),
            ([("If-None-Match", "*")], 304), ([("If-None-Match", packedTag)], 200),
            ([("If-None-Match", packedTag), ("Accept-Encoding", "gzip")], 304), ([("If-Modified-Since", date)], 304),
            ([("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 200),
            ([("If-None-Match", "\"x\""), ("If-Modified-Since", date)], 200),
        ]
        for (fields, status) in cases {
            let answer = try await harness.get("/internal/ui/", fields)
            #expect(answer.status == status, "\(fields)")
            #expect(answer.value("ETag") != nil)
            #expect(answer.value("Cache-Control") == "no-cache")
            if status == 304 { #expect(answer.body.isEmpty && answer.value("Content-Encoding") == nil) }
            Self.expectSecurity(answer)
        }
    }

    @Test(
        "a path that looks like a file and is none is not found",
        arguments: ["assets/", "assets/app.js", "assets/app", "favicon.ico", "deep/er/x.map", "assets/x/y"])
    func missing(path: String) async throws {
        let answer = try await Harness().get("/internal/ui/\(path)")
        #expect(answer.status == 404)
        Self.expectSecurity(answer)
    }

    @Test("without the slash it redirects and keeps the query")
    func redirect() async throws {
        let answer = try await Harness().get("/internal/ui", query: "a=b&c")
        #expect(answer.status == 307)
        #expect(answer.value("Location") == "/internal/ui/?a=b&c")
        Self.expectSecurity(answer)
    }

    @Test("other methods are refused", arguments: ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
    func methods(method: String) async throws {
        let answer = try await Harness().get("/internal/ui/", method: method)
        #expect(answer.status == 405)
        #expect(answer.text == "method not allowed\n")
        #expect(answer.value("Allow") == "GET, HEAD")
        Self.expectSecurity(answer)
        #expect(try await Harness().get("/internal/ui/", method: "HEAD").status == 200)
    }

    @Test("disabled, it is no route, and nothing is said about who may see it")
    func disabled() async throws {
        let harness = try Harness(DashboardPolicy(isEnabled: false))
        for path in ["/internal/ui", "/internal/ui/", "/internal/ui/assets/x.js"] {
            let answer = try await harness.get(path, peer: "203.0.113.9")
            #expect(answer.status == 404)
            #expect(answer.text == "404 page not found\n")
        }
        #expect(try await harness.get("/internal/status").status == 200)
        #expect(harness.warnings.list.withLock { $0.isEmpty })
    }

    @Test(
        "peer and host are both judged",
        arguments: [
            ("127.0.0.1", "localhost", nil), ("127.9.9.9", "LocalHost:40114", nil), ("::1", "[::1]:40114", nil),
            ("::ffff:127.0.0.1", "127.0.0.1", nil), ("127.0.0.1", "192.0.2.7:80", nil), ("::1", "::1", nil),
            ("192.0.2.7", "localhost", "ip not in allowed range"), ("::2", "[::1]", "ip not in allowed range"),
            ("", "localhost", "ip not in allowed range"), ("unknown", "localhost", "ip not in allowed range"),
            ("127.0.0.1", "evil.example", "host not accepted"), ("127.0.0.1", "", "host not accepted"),
            ("127.0.0.1", "localhost.evil.example", "host not accepted"),
            ("127.0.0.1", "127.0.0.1.evil.example", "host not accepted"),
        ] as [(String, String, String?)])
    func access(peer: String, host: String, reason: String?) async throws {
        let harness = try Harness()
        let answer = try await harness.get("/internal/ui/", peer: peer, host: host)
        Self.expectSecurity(answer)
        guard let reason else {
            #expect(answer.status == 200)
            #expect(harness.warnings.list.withLock { $0.isEmpty })
            return
        }
        #expect(answer.status == 403)
        #expect(answer.text.hasPrefix("403 forbidden: \(reason) (ip=\(peer), host=\(host))\n"))
        let warning = try #require(harness.warnings.list.withLock { $0.first })
        let key = reason.hasPrefix("ip") ? "allowed_cidrs" : "allowed_hosts"
        #expect(warning["key"] == "dashboard.access_policy.\(key)")
        #expect(warning["remote_addr"] == peer)
    }

    @Test("forwarded headers never open the door, nor close it")
    func forwarded() async throws {
        let harness = try Harness()
        let inside: [LocalRequest.Field] = [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1")]
        #expect(try await harness.get("/internal/ui/", inside, peer: "198.51.100.1").status == 403)
        let outside: [LocalRequest.Field] = [("X-Forwarded-For", "198.51.100.1")]
        #expect(try await harness.get("/internal/ui/", outside).status == 200)
    }

    @Test("configured blocks and hosts replace the defaults")
    func configured() async throws {
        let harness = try Harness(
            DashboardPolicy(allowedBlocks: [" 10.0.0.0/8 ", "nonsense"], allowedHosts: ["Gate.Example"]))
        #expect(try await harness.get("/internal/ui/", peer: "10.2.3.4", host: "gate.example:8080").status == 200)
        #expect(try await harness.get("/internal/ui/", peer: "10.2.3.4", host: "localhost").status == 403)
        #expect(try await harness.get("/internal/ui/", peer: "127.0.0.1", host: "gate.example").status == 403)
    }

    @Test(
        "the internal routes follow the policy only when asked to",
        arguments: [
            "/internal/health", "/internal/metrics", "/internal/status", "/internal/requests", "/version",
        ])
    func gate(path: String) async throws {
        let open = try Harness()
        #expect(try await open.get(path, peer: "192.0.2.7", host: "gate").status == 200)
        let gated = try Harness(DashboardPolicy(isEnabled: false, gatesInternalRoutes: true))
        #expect(try await gated.get(path).status == 200)
        let answer = try await gated.get(path, peer: "192.0.2.7")
        #expect(answer.status == 403)
        #expect(answer.text.hasPrefix("403 forbidden: ip not in allowed range (ip=192.0.2.7, host=localhost:40114)"))
        #expect(try await gated.get("/olla/models", peer: "192.0.2.7", host: "gate").status == 200)
    }
}
