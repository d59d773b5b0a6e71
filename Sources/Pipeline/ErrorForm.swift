import ByteScan

// Errors of the gateway as OpenAI's clients read them (http-surface 3.2 and 3.4).

extension LocalResponse {
    /// Whether a value of `Accept` asks for JSON: it names `application/json` and would not take anything else as well.
    ///
    /// Parameters other than a weight of zero are not looked at (RFC 9110 section 12.5.1).
    public static func asksForJSON(accept: String) -> Bool {
        var names = false
        for element in accept.split(separator: ",") {
            let parts = element.split(separator: ";").map { part in
                part.filter { $0 != " " && $0 != "\t" }.lowercased()
            }
            guard let type = parts.first, !parts.dropFirst().contains(where: Self.isZeroWeight) else { continue }
            if type == "*/*" { return false }
            if type == "application/json" { names = true }
        }
        return names
    }

    private static func isZeroWeight(_ parameter: String) -> Bool {
        parameter.hasPrefix("q=") && Double(parameter.dropFirst(2)) == 0
    }

    /// `{"error":{"message":…,"type":…,"code":…}}` with the type that OpenAI gives errors of this status.
    public static func jsonError(
        _ status: Int, _ message: String, code: String, fields: [Field] = []
    ) -> LocalResponse {
        let type =
            switch status {
            case 429: "rate_limit_error"
            case 500: "server_error"
            case 501: "invalid_request_error"
            case 502...: "upstream_error"
            default: "invalid_request_error"
            }
        var body = Array("{\"error\":{\"message\":".utf8)
        JSONText.appendQuoted(message, to: &body)
        body += Array(",\"type\":\"\(type)\",\"code\":".utf8)
        JSONText.appendQuoted(code, to: &body)
        body += Array("}}\n".utf8)
        return LocalResponse(status: status, fields: [("Content-Type", "application/json")] + fields, body: body)
    }

    /// The same error as JSON, with a code that follows from its status; any other answer stays as it is.
    ///
    /// The remaining fields are kept.
    public var withJSONError: LocalResponse {
        guard self.status >= 400, self.fields.contains(where: { $0.value == Self.textType }) else { return self }
        let kept = self.fields.filter { $0.name != "Content-Type" && $0.name != "X-Content-Type-Options" }
        let message = String(decoding: self.body, as: UTF8.self).split(separator: "\n").joined(separator: " ")
        var error = Self.jsonError(self.status, message, code: Self.code(ofStatus: self.status), fields: kept)
        error.closes = self.closes
        return error
    }

    private static func code(ofStatus status: Int) -> String {
        switch status {
        case 400: "invalid_request"
        case 403: "forbidden"
        case 404: "not_found"
        case 405: "method_not_allowed"
        case 501: "not_supported"
        case 503: "unavailable"
        default: status >= 500 ? "internal_error" : "refused"
        }
    }
}

extension GatewayAnswer.Kind {
    /// The kind as a word of a JSON error, such as `body_too_large`.
    public var code: String {
        "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
