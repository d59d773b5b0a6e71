import Domain
import Foundation
import Testing

@testable import TraceExport

@Suite("A batch of spans")
struct SpanBatchTests {
    private func read(_ span: SpanRecord) throws -> ReadSpan {
        var batch = SpanBatch()
        batch.append(span)
        return try #require(
            try ReadSpan.all(in: batch.body(.init(version: "1.2.3", instance: "here"))).first)
    }

    private func set(_ span: inout SpanRecord, _ texts: [(SpanText.Field, String)]) {
        for (field, text) in texts { span.text.set(field, Array(text.utf8).span) }
    }

    @Test("names the service and the scope once")
    func frame() throws {
        var batch = SpanBatch()
        batch.append(.request(1))
        batch.append(.request(2))
        let body = batch.body(.init(version: "1.2.3", instance: "here"))
        let document = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        let resource = try #require((document["resourceSpans"] as? [[String: Any]])?.first)
        let attributes = ReadSpan.attributes(try #require(resource["resource"] as? [String: Any]))
        #expect(attributes["service.name"] == "stringValue:glasspot")
        #expect(attributes["service.version"] == "stringValue:1.2.3")
        #expect(attributes["service.instance.id"] == "stringValue:here")
        let scope = try #require((resource["scopeSpans"] as? [[String: Any]])?.first?["scope"] as? [String: Any])
        #expect(scope["name"] as? String == "glasspot" && scope["version"] as? String == "1.2.3")
        #expect(try ReadSpan.all(in: body).map { $0.text("spanId") } == ["0000000000000001", "0000000000000002"])
        #expect(batch.count == 2)
    }

    @Test("writes a request as a server's span")
    func request() throws {
        var span = SpanRecord.request(0xabc)
        span.traceID = TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736)
        span.parentID = SpanID(rawValue: 0xf0)
        span.flags = .sampled
        span.start = 1_700_000_000_123_456_789
        span.end = 1_700_000_001_123_456_789
        span.status = 200
        span.route = .provider
        span.attempt = 2
        span.operation = .chat
        span.isStream = true
        span.requestBytes = 12
        span.responseBytes = 34
        span.note(.readHead, start: 1_700_000_000_123_456_789, duration: .microseconds(5))
        span.note(.finish, start: 1_700_000_001_000_000_000, duration: .zero)
        self.set(
            &span,
            [
                (.routePattern, "/olla/openai/*"), (.path, "/olla/openai/v1/\"x\"\n"), (.query, "a=1&token=hunter2&b"),
                (.address, "192.0.2.7"), (.userAgent, "curl/8"), (.model, "llama"), (.requestID, "noble-1"),
                (.endpoint, "alpha"),
            ])
        let read = try self.read(span)
        #expect(read.text("traceId") == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(read.text("spanId") == "0000000000000abc")
        #expect(read.text("parentSpanId") == "00000000000000f0")
        #expect(read.number("flags") == 0x301)
        #expect(read.number("kind") == 2)
        #expect(read.text("name") == "GET /olla/openai/*")
        #expect(read.text("startTimeUnixNano") == "1700000000123456789")
        #expect(read.text("endTimeUnixNano") == "1700000001123456789")
        #expect(read.fields["status"] == nil)
        #expect(
            read.attributes == [
                "http.request.method": "stringValue:GET", "url.path": "stringValue:/olla/openai/v1/\"x\"\n",
                "url.query": "stringValue:a=1&token=[REDACTED]&b", "url.scheme": "stringValue:http",
                "http.route": "stringValue:/olla/openai/*", "client.address": "stringValue:192.0.2.7",
                "user_agent.original": "stringValue:curl/8", "http.response.status_code": "intValue:200",
                "http.request.body.size": "intValue:12", "http.response.body.size": "intValue:34",
                "gen_ai.operation.name": "stringValue:chat", "gen_ai.request.model": "stringValue:llama",
                "glasspot.request_id": "stringValue:noble-1", "glasspot.route": "stringValue:provider",
                "glasspot.outcome": "stringValue:ok", "glasspot.endpoint": "stringValue:alpha",
                "glasspot.attempts": "intValue:2", "glasspot.stream": "boolValue:1",
            ])
        #expect(read.events.map(\.name) == ["read_head", "finish"])
        #expect(
            read.events.first?.attributes == [
                "glasspot.stage.duration": "doubleValue:5e-06", "glasspot.stage.party": "stringValue:client",
            ])
    }

    @Test("writes an attempt as a client's span")
    func attempt() throws {
        var span = SpanRecord.request(2)
        span.subject = .attempt
        span.parentID = SpanID(rawValue: 1)
        span.attempt = 2
        span.status = 200
        span.port = 8080
        span.operation = .chat
        span.usage = TokenUsage(input: 31, output: 0)
        span.finishReason = .toolCalls
        span.firstToken = 1_500
        span.note(.wait, start: 1_200, duration: .microseconds(1))
        self.set(
            &span,
            [
                (.model, "llama"), (.address, "::1"), (.provider, "vllm"), (.urlBase, "http://[::1]:8080/base"),
                (.path, "/v1/chat/completions"), (.query, "key=k"), (.endpoint, "alpha"),
            ])
        let read = try self.read(span)
        #expect(read.number("kind") == 3)
        #expect(read.number("flags") == 0x100)
        #expect(read.text("name") == "chat llama")
        #expect(read.fields["status"] == nil)
        #expect(
            read.attributes == [
                "http.request.method": "stringValue:GET", "server.address": "stringValue:::1",
                "server.port": "intValue:8080",
                "url.full": "stringValue:http://[::1]:8080/base/v1/chat/completions?key=[REDACTED]",
                "http.response.status_code": "intValue:200", "http.request.resend_count": "intValue:1",
                "gen_ai.operation.name": "stringValue:chat", "gen_ai.provider.name": "stringValue:vllm",
                "gen_ai.request.model": "stringValue:llama", "gen_ai.usage.input_tokens": "intValue:31",
                "gen_ai.usage.output_tokens": "intValue:0",
                "gen_ai.response.finish_reasons": "arrayValue:tool_calls", "glasspot.endpoint": "stringValue:alpha",
                "glasspot.outcome": "stringValue:ok", "glasspot.attempt": "intValue:2",
                "glasspot.stream": "boolValue:0",
            ])
        #expect(read.events.map(\.name) == ["wait", "first_token"])
        #expect(read.events.map(\.time) == ["1200", "1500"])
    }

    @Test(
        "says which requests failed",
        arguments: [
            (RequestOutcome.ok, 200, false), (.clientError, 404, false), (.clientCancelled, 499, false),
            (.rateLimited, 429, false), (.noEndpoint, 404, false), (.noEndpoint, 503, true),
            (.upstreamError, 502, true), (.upstreamError, 429, false), (.upstreamError, 200, true),
            (.upstreamTimeout, 504, true), (.gatewayError, 200, true),
        ])
    func failedRequests(outcome: RequestOutcome, status: Int, isError: Bool) throws {
        var span = SpanRecord.request(1)
        span.outcome = outcome
        span.status = status
        let read = try self.read(span)
        #expect((read.fields["status"] as? [String: Int])?["code"] == (isError ? 2 : nil))
        #expect(read.attributes["error.type"] == (isError ? "stringValue:\(outcome.label)" : nil))
    }

    @Test(
        "says which attempts failed, and why",
        arguments: [
            (AttemptOutcome.ok, 200, nil, nil), (.ok, 404, nil, "404"), (.upstreamError, 503, .http5xx, "503"),
            (.upstreamError, 0, .connectRefused, "connect_refused"),
            (.upstreamTimeout, 200, .idleTimeout, "idle_timeout"),
            (.clientCancelled, 0, nil, nil), (.gatewayError, 0, nil, "gateway_error"),
        ] as [(AttemptOutcome, Int, UpstreamErrorType?, String?)])
    func failedAttempts(outcome: AttemptOutcome, status: Int, failure: UpstreamErrorType?, type: String?) throws {
        var span = SpanRecord.request(1)
        span.subject = .attempt
        span.attemptOutcome = outcome
        span.status = status
        span.failure = failure
        let read = try self.read(span)
        #expect(read.attributes["error.type"] == type.map { "stringValue:\($0)" })
        #expect((read.fields["status"] as? [String: Int])?["code"] == (type == nil ? nil : 2))
        #expect(read.text("name") == "GET")
    }

    @Test("keeps unknown methods out of names")
    func methods() throws {
        var span = SpanRecord()
        span.isMethodKnown = false
        span.text.set(.method, Array("BREW".utf8).span)
        let read = try self.read(span)
        #expect(read.text("name") == "HTTP")
        #expect(read.attributes["http.request.method"] == "stringValue:_OTHER")
        #expect(read.attributes["http.request.method_original"] == "stringValue:BREW")
        #expect(read.text("parentSpanId") == nil)
    }

    @Test("cuts texts, and is JSON whatever they hold")
    func texts() throws {
        var text = SpanText()
        for field in SpanText.Field.allCases {
            text.set(field, [UInt8](repeating: 97 + field.rawValue, count: 300).span, suffix: "/*")
        }
        #expect(text[.method] == String(repeating: "a", count: SpanText.fieldBytesMax))
        let total = SpanText.Field.allCases.reduce(0) { $0 + (text[$1]?.utf8.count ?? 0) }
        #expect(total == SpanText.capacity)
        #expect(text[.userAgent] == nil)
        var short = SpanText()
        short.set(.routePattern, Array("/olla/x".utf8).span, suffix: "/*")
        #expect(short[.routePattern] == "/olla/x/*")
        #expect(short[.path] == nil)
        var span = SpanRecord.request(1)
        span.text.set(.path, Array(UInt8.min...UInt8.max).span)
        let path = String(decoding: Array(UInt8.min...UInt8.max), as: UTF8.self)
        #expect(try self.read(span).attributes["url.path"] == "stringValue:\(path)")
    }
}
