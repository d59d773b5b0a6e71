import Domain
import Foundation
import Testing

@testable import Journal

@Suite("The access record")
struct AccessRecordTests {
    private func written(_ record: AccessRecord) throws -> [String: Any] {
        let harness = try LineHarness()
        var line = harness.writer.begin(.info, AccessRecord.message, at: .zero)
        line.access(record)
        line.commit()
        return try harness.record()
    }

    @Test("leaves out what is not known")
    func minimal() throws {
        var timeline = Timeline(startedAt: .zero)
        timeline.close(at: MonotonicTime(rawValue: 2_500_000))
        let fields = try self.written(
            AccessRecord(route: .proxy, outcome: .clientCancelled, status: 499, timeline: timeline))
        #expect(
            Set(fields.keys) == [
                "timestamp", "level", "msg", "status", "outcome", "route", "request_bytes", "response_bytes",
                "duration_ms", "attempts", "stream", "stages_us",
            ])
        #expect(fields["msg"] as? String == "Access log")
        #expect(fields["status"] as? Int == 499)
        #expect(fields["outcome"] as? String == "client_cancelled")
        #expect(fields["duration_ms"] as? Double == 2.5)
        #expect(fields["stages_us"] as? [String: Double] == ["read_head": 2_500])
    }

    @Test("holds everything that is known")
    func full() throws {
        var record = AccessRecord(
            route: .provider, outcome: .upstreamError, status: 502, timeline: Timeline(startedAt: .zero))
        record.requestBytes = 250
        record.responseBytes = 330
        record.attempts = 2
        record.isStream = true
        record.timeToFirstByte = .milliseconds(3)
        record.timeToFirstToken = .milliseconds(4)
        record.longestStall = .milliseconds(5)
        record.usage = TokenUsage(input: 12, output: 0)
        record.finishReason = .toolCalls
        record.clientGoneStage = .writeResponse
        record.breaker = .halfOpen
        record.upstream.wait = .microseconds(7)
        let fields = try self.written(record)
        let expected: [String: String] = [
            "request_bytes": "250", "response_bytes": "330", "attempts": "2", "stream": "1", "ttfb_ms": "3.0",
            "ttft_ms": "4.0", "longest_stall_ms": "5.0", "input_tokens": "12", "output_tokens": "0",
            "finish_reason": "tool_calls", "client_gone_stage": "write_response", "breaker": "half_open",
            "route": "provider", "outcome": "upstream_error",
        ]
        for (key, value) in expected { #expect(fields[key].map { "\($0)" } == value, "\(key)") }
        #expect(fields["stages_us"] as? [String: Double] == ["wait": 7])
    }

    @Test(
        "hides the values of secrets in a query",
        arguments: [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            ("api_key=hunter2", "api_key=[REDACTED]"),
            ("x=1&TOKEN=abc&y=2", "x=1&TOKEN=[REDACTED]&y=2"),
            (
                "access_token=a&key=b&password=c&secret=d&auth=e",
                [
                    "access_token", "key", "password", "secret", "auth",
                ].map { "\($0)=[REDACTED]" }.joined(separator: "&")
            ),
            ("Api%5Fkey=v", "Api%5Fkey=[REDACTED]"),
            ("%74oken=v", "%74oken=[REDACTED]"),
            ("token=", "token="),
            ("token", "token"),
            ("tokens=3&monkey=4", "tokens=3&monkey=4"),
            ("token=a=b&c", "token=[REDACTED]&c"),
            ("&&a&", "&&a&"),
            ("%=1&%4=2&%zz=3", "%=1&%4=2&%zz=3"),
            ("q=\"\n\u{7f}é", "q=\"\n\u{7f}é"),
        ])
    func redaction(query: String, expected: String) throws {
        let harness = try LineHarness()
        var line = harness.writer.begin(.info, "m", at: .zero)
        withSpan(Array(query.utf8)) { line.query(.query, $0) }
        line.commit()
        #expect(try harness.record()["query"] as? String == expected)
    }

    @Test(
        "shows a URL with its query redacted",
        arguments: [
            ("http://r/p?a=1&API_KEY=v&b", "http://r/p?a=1&API_KEY=[REDACTED]&b"), ("http://r/p", "http://r/p"),
            ("http://r/p?", "http://r/p?"), ("?token=v", "?token=[REDACTED]"), ("", ""),
        ])
    func url(url: String, expected: String) throws {
        let harness = try LineHarness()
        var line = harness.writer.begin(.info, "m", at: .zero)
        withSpan(Array(url.utf8)) { line.url(.referer, $0) }
        line.commit()
        #expect(try harness.record()["referer"] as? String == expected)
    }

    @Test("never shows a secret, wherever a long query is cut")
    func longQuery() throws {
        for padding in stride(from: LogLine.fieldBytesMax - 30, through: LogLine.fieldBytesMax + 5, by: 1) {
            let query = "p=" + String(repeating: "x", count: padding) + "&token=hunter2&z=1"
            let harness = try LineHarness()
            var line = harness.writer.begin(.info, "m", at: .zero)
            withSpan(Array(query.utf8)) { line.query(.query, $0) }
            #expect(line.commit() == .queued)
            let text = try #require(try harness.record()["query"] as? String)
            #expect(!text.contains("hunter"))
            #expect(text.utf8.count < LogLine.fieldBytesMax + 64)
        }
    }
}
