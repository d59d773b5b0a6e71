import HTTPWire
import NIOCore
import Pipeline
import Translation

// Errors of the gateway itself, in the form the client reads.

extension ClientConnection {
    /// An error of the gateway in the form the client expects: Anthropic's on Anthropic routes, OpenAI's where `Accept`
    /// asks for JSON, else text.
    func errorResponse(
        _ status: Int, _ text: String, code: String, fields: [LocalResponse.Field] = []
    ) -> LocalResponse {
        guard self.exchange.match.speaksAnthropic else {
            guard LocalResponse.asksForJSON(accept: self.accept) else {
                return .textError(status, text, fields: fields)
            }
            return .jsonError(status, text, code: code, fields: fields)
        }
        // The prefix of the text errors, as the Anthropic routes spell it.
        let message = text.hasPrefix("Proxy error: ") ? "p" + text.dropFirst() : text
        var body: [UInt8] = []
        AnthropicError.append(status: status, message: message, requestID: self.exchange.id.text, to: &body)
        return LocalResponse(status: status, fields: [("Content-Type", "application/json")] + fields, body: body)
    }

    /// An answer of a local route, whose errors in text become JSON where `Accept` asks for it.
    func inClientsForm(_ response: LocalResponse) -> LocalResponse {
        guard response.status >= 400, LocalResponse.asksForJSON(accept: self.accept) else { return response }
        return response.withJSONError
    }

    /// What the client takes; empty when it does not say.
    private var accept: String {
        let bytes = self.headBytes
        var values: [String] = []
        for index in 0..<self.head.fields.count {
            let field = self.head.fields[index]
            guard field.known == .accept else { continue }
            let value = field.value
            values.append(bytes.getString(at: bytes.readerIndex + value.lowerBound, length: value.count) ?? "")
        }
        return values.joined(separator: ",")
    }
}
