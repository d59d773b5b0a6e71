import Domain
import Settings
import TestKit
import Testing

/// The rows of http-surface 3.2 that need no more than a request; the others stand with what causes them.
@Suite("An error of a proxy route")
struct ErrorRowTests {
    struct Row: Sendable {
        var request: String
        var status: Int
        /// The whole text, or its beginning where the rest is free.
        var text: String
        var code: String
        var isWhole = true
    }

    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: g\r\n" }

    private static let rows: [Row] = [
        Row(
            request: Self.get("/olla/proxy/x"), status: 503, text: "no healthy endpoints available",
            code: "no_healthy_endpoint"),
        Row(
            request: Self.get("/olla/vllm/x"), status: 404, text: "No vllm endpoints available",
            code: "no_provider_endpoint"),
        Row(
            request: Self.get("/olla/lm_studio/x"), status: 404, text: "No lm-studio endpoints available",
            code: "no_provider_endpoint"),
        Row(
            request: Self.get("/olla/proxy/x") + "Content-Length: 1001\r\n", status: 413,
            text: "Request body too large",
            code: "body_too_large"),
        Row(
            request: Self.get("/olla/proxy/x") + "A: \(String(repeating: "a", count: 2_100))\r\n", status: 431,
            text: "Request headers too large", code: "headers_too_large"),
        Row(
            request: Self.get("/olla/proxy/x") + "Connection: Upgrade\r\nUpgrade: websocket\r\n", status: 426, text: "",
            code: "upgrade_refused", isWhole: false),
    ]

    private static let tuning = Tuning { settings in
        settings.server.requestLimits.maxBodySize = 1_000
        settings.server.requestLimits.maxHeaderSize = 2_048
    }

    @Test("is text, or JSON for a client that asks for it", arguments: Engine.allCases)
    func forms(engine: Engine) async throws {
        try await World.with(engine, [], tuned: Self.tuning) { world in
            for row in Self.rows {
                for accept in ["", "Accept: */*\r\n", "Accept: application/json, */*\r\n"] {
                    let answer = try await world.exchange(row.request + accept + "\r\n")
                    #expect(answer.status == row.status, "\(row)")
                    if row.isWhole { #expect(answer.text == row.text + "\n", "\(row)") }
                    #expect(answer.value(of: "Content-Type") == "text/plain; charset=utf-8")
                    #expect(answer.value(of: "X-Content-Type-Options") == "nosniff")
                    #expect(answer.value(of: "X-Olla-Request-ID") != nil)
                }
                let answer = try await world.exchange(row.request + "Accept: application/json\r\n\r\n")
                #expect(answer.status == row.status, "\(row)")
                #expect(answer.value(of: "Content-Type") == "application/json")
                #expect(answer.value(of: "X-Olla-Request-ID") != nil)
                let type = row.status >= 500 ? "upstream_error" : "invalid_request_error"
                #expect(answer.text.hasPrefix("{\"error\":{\"message\":\"\(row.text)"), "\(row)")
                #expect(answer.text.hasSuffix("\",\"type\":\"\(type)\",\"code\":\"\(row.code)\"}}\n"), "\(row)")
            }
        }
    }
}
