import MockLLM
import TestKit
import Testing

@Suite("The metrics page on the wire")
struct ScrapeTests {
    private static let formats = [
        "text/plain", "text/plain;version=1.0.0", "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text;version=2.0.0",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ]

    private static func head(_ method: String, accept: String, _ fields: String = "") -> String {
        "\(method) /internal/metrics HTTP/1.1\r\nHost: gateway\r\nAccept: \(accept)\r\n\(fields)\r\n"
    }

    @Test("has its exact length in every format, for GET and HEAD", arguments: Engine.allCases)
    func lengths(engine: Engine) async throws {
        try await World.with(engine, [], yaml: "metrics:\n  openmetrics_2: true\n") { world in
            let client = try await world.connect()
            for accept in Self.formats {
                for coding in ["gzip", "identity"] {
                    let field = "Accept-Encoding: \(coding)\r\n"
                    try await client.send(Self.head("GET", accept: accept, field))
                    let page = try await client.answer()
                    #expect(page.status == 200)
                    #expect(page.value(of: "Content-Length") == "\(page.body.count)")
                    #expect(page.value(of: "Vary") == "Accept, Accept-Encoding")
                    #expect(page.value(of: "Content-Encoding") == (coding == "gzip" ? "gzip" : nil))
                    #expect(page.value(of: "Content-Type")?.hasPrefix(String(accept.prefix { $0 != ";" })) == true)
                    try await client.send(Self.head("HEAD", accept: accept, field))
                    let head = try await client.answer(toHead: true)
                    #expect(head.status == 200 && head.body.isEmpty)
                    #expect(head.value(of: "Content-Type") == page.value(of: "Content-Type"))
                    #expect(Int(head.value(of: "Content-Length") ?? "") ?? 0 > 1_000)
                }
            }
        }
    }

    @Test("is for GET and HEAD only", arguments: Engine.allCases)
    func methods(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                try await client.send(Self.head(method, accept: "*/*", "Content-Length: 0\r\n"))
                let answer = try await client.answer()
                #expect(answer.status == 405, "\(method)")
                let allowed = answer.value(of: "Allow") ?? ""
                #expect(allowed.contains("GET") && allowed.contains("HEAD") && !allowed.contains(method))
            }
        }
    }

    @Test("in protobuf and OpenMetrics shows native buckets and units of requests", arguments: Engine.allCases)
    func native(engine: Engine) async throws {
        try await World.with(engine, []) { world in
            let client = try await world.connect()
            try await client.send("GET /version HTTP/1.1\r\nHost: gateway\r\n\r\n")
            #expect(try await client.answer().status == 200)
            let query = "name[]=glasspot_request_duration_seconds"
            try await client.send(
                "GET /internal/metrics?\(query) HTTP/1.1\r\nHost: gateway\r\nAccept: \(Self.formats[2])\r\n\r\n")
            let text = try await client.answer().text
            #expect(text.hasPrefix("# TYPE glasspot_request_duration_seconds histogram\n"))
            #expect(
                text.contains("\n# UNIT glasspot_request_duration_seconds seconds\n") && text.hasSuffix("\n# EOF\n"))
            try await client.send(
                "GET /internal/metrics?\(query) HTTP/1.1\r\nHost: gateway\r\nAccept: \(Self.formats[4])\r\n\r\n")
            let page = try await client.answer().body
            // The zero threshold of 2^-128 stands in native histograms only: field 6, eight bytes.
            #expect(page.contains([0x31, 0, 0, 0, 0, 0, 0, 0xF0, 0x37]))
        }
    }
}
