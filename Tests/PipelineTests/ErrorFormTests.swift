import Foundation
import Testing

@testable import Pipeline

@Suite("The form of an error")
struct ErrorFormTests {
    @Test(
        "is JSON when Accept names it and nothing wider",
        arguments: [
            ("application/json", true), ("APPLICATION/JSON", true), ("application/json; charset=utf-8", true),
            ("text/html, application/json;q=0.9", true), (" application/json ,", true),
            ("", false), ("*/*", false), ("application/json, */*", false), ("*/*;q=0.1, application/json", false),
            ("application/json, */*;q=0", true), ("application/json;q=0", false), ("application/json; q=0.0", false),
            ("application/jsonl", false), ("text/event-stream", false), ("application/*", false),
        ])
    func asks(accept: String, isJSON: Bool) {
        #expect(LocalResponse.asksForJSON(accept: accept) == isJSON)
    }

    @Test(
        "names type and code, and keeps every character of the message",
        arguments: [
            (404, "invalid_request_error"), (413, "invalid_request_error"), (429, "rate_limit_error"),
            (502, "upstream_error"), (504, "upstream_error"),
        ])
    func shape(status: Int, type: String) throws {
        let message = "a \"b\" \\ \u{1}\u{1f}\r\n\tä 🦙 /"
        let response = LocalResponse.jsonError(status, message, code: "some_code", fields: [("Retry-After", "1")])
        #expect(response.status == status)
        #expect(response.fields.map { $0.name } == ["Content-Type", "Retry-After"])
        #expect(response.fields.first?.value == "application/json")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: [String: String]])
        #expect(document == ["error": ["message": message, "type": type, "code": "some_code"]])
    }

    @Test("has a code that is a word")
    func codes() {
        #expect(GatewayAnswer.Kind.bodyTooLarge.code == "body_too_large")
        #expect(GatewayAnswer.Kind.malformed.code == "malformed")
        #expect(GatewayAnswer.Kind.noHealthyEndpoint.code == "no_healthy_endpoint")
    }
}
