import AdminAPI
import Domain
import FlightRecorder
import Foundation
import Pipeline
import Testing

@Suite("/internal/requests")
struct RequestsPageTests {
    private struct Page: Decodable {
        struct Request: Decodable {
            var requestId: String
            var time: String
            var method: String
            var path: String
            var route: String
            var status: Int
            var outcome: String
            var model: String?
            var endpoint: String?
            var durationMs: Double
            var attempts: Int
            var stream: Bool
            var ttftMs: Double?
            var outputTokens: Int?
            var error: String?
            var finishReason: String?
            var stagesUs: [String: Double]
        }
        var remembered: Int
        var matching: Int
        var requests: [Request]
    }

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()

    /// Three requests of one loop: a quick good one, a slow failure, a refusal.
    private static func records() -> [FlightRecord] {
        func text(_ text: String, _ set: (RawSpan) -> Void) {
            let bytes = Array(text.utf8)
            set(bytes.span.bytes)
        }
        var good = FlightRecord()
        text("calm-gliding-01") { good.id.set($0) }
        text("POST") { good.method.set($0) }
        text("/olla/openai/v1/chat/completions") { good.path.set($0) }
        text("phi-4") { good.model.set($0) }
        text("alpha") { good.endpoint.set($0) }
        good.start = AdminHarness.now - .seconds(3)
        var timeline = Timeline(startedAt: .zero)
        timeline.enter(.wait, at: MonotonicTime(rawValue: 2_500))
        timeline.close(at: MonotonicTime(rawValue: 1_502_500))
        good.take(timeline, upstream: UpstreamTimes(acquire: .zero, send: .zero, wait: .zero, stream: .zero))
        good.route = .provider
        good.status = 200
        good.attempts = 1
        good.isStream = true
        good.timeToFirstToken = .milliseconds(1)
        good.usage = TokenUsage(input: 7, output: 42)
        good.finishReason = .stop
        var slow = FlightRecord()
        text("swift-racing-02") { slow.id.set($0) }
        text("beta") { slow.endpoint.set($0) }
        slow.start = AdminHarness.now - .seconds(9)
        slow.duration = .seconds(5)
        slow.outcome = .upstreamTimeout
        slow.error = .firstByteTimeout
        slow.status = 504
        var refused = FlightRecord()
        text("calm-racing-03") { refused.id.set($0) }
        refused.start = AdminHarness.now - .seconds(1)
        refused.duration = .milliseconds(2)
        refused.outcome = .clientError
        refused.status = 400
        return [good, slow, refused]
    }

    private func page(_ query: String = "") async throws -> Page {
        let harness = AdminHarness(try makeFleet(), requests: Self.records())
        let answer = try await harness.get("/internal/requests", query: query)
        #expect(answer.status == 200)
        #expect(answer.value("Content-Type") == "application/json")
        return try Self.decoder.decode(Page.self, from: Data(answer.body))
    }

    @Test("a request has the members of its log line")
    func members() async throws {
        let page = try await self.page("id=gliding")
        let request = try #require(page.requests.first)
        #expect(page.requests.count == 1)
        #expect(request.requestId == "calm-gliding-01")
        #expect(request.time == "2025-12-31T23:59:57Z")
        #expect(request.method == "POST" && request.path == "/olla/openai/v1/chat/completions")
        #expect(request.route == "provider" && request.status == 200 && request.outcome == "ok")
        #expect(request.model == "phi-4" && request.endpoint == "alpha")
        #expect(request.durationMs == 1.5025)
        #expect(request.attempts == 1 && request.stream && request.ttftMs == 1)
        #expect(request.outputTokens == 42 && request.finishReason == "stop" && request.error == nil)
        #expect(request.stagesUs == ["read_head": 2.5, "wait": 1_500])
    }

    @Test(
        "the list is filtered, sorted and cut",
        arguments: [
            ("", ["03", "01", "02"]), ("sort=slowest", ["02", "03", "01"]), ("sort=slowest&limit=1", ["02"]),
            ("outcome=failed", ["02"]), ("outcome=ok", ["01"]), ("outcome=client_error", ["03"]),
            ("outcome=rate_limited", []), ("id=calm-", ["03", "01"]), ("id=nothing", []), ("id=", ["03", "01", "02"]),
            ("model=phi-4", ["01"]), ("model=phi", []), ("endpoint=beta", ["02"]),
            ("endpoint=beta&outcome=ok", []), ("outcome=all&sort=newest&limit=1000", ["03", "01", "02"]),
        ])
    func filters(query: String, expected: [String]) async throws {
        let page = try await self.page(query)
        #expect(page.requests.map { String($0.requestId.suffix(2)) } == expected)
        #expect(page.remembered == 3)
        #expect(page.matching >= page.requests.count)
    }

    @Test(
        "a value that means nothing is refused by name",
        arguments: [
            ("outcome=bad", "invalid outcome \"bad\": use one of all, failed, ok,"),
            ("sort=up", "invalid sort \"up\": use one of newest, slowest"),
            ("limit=0", "invalid limit \"0\": use one of 1, …, 1000"), ("limit=1001", "invalid limit \"1001\""),
            ("limit=many", "invalid limit \"many\""),
        ])
    func refusals(query: String, message: String) async throws {
        let harness = AdminHarness(try makeFleet(), requests: Self.records())
        let answer = try await harness.get("/internal/requests", query: query)
        #expect(answer.status == 400)
        #expect(answer.text.hasPrefix(message))
    }

    @Test("before any request the list is empty")
    func empty() async throws {
        let answer = try await AdminHarness(try makeFleet()).text("/internal/requests")
        #expect(answer.contains("\"remembered\":0,\"matching\":0,\"requests\":[]"))
    }
}
