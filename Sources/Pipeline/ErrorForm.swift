import ByteScan

// Errors of the gateway as OpenAI's clients read them (http-surface 3.2).

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
            case 500...: "upstream_error"
            default: "invalid_request_error"
            }
        var body = Array("{\"error\":{\"message\":".utf8)
        JSONText.appendQuoted(message, to: &body)
        body += Array(",\"type\":\"\(type)\",\"code\":".utf8)
        JSONText.appendQuoted(code, to: &body)
        body += Array("}}\n".utf8)
        return LocalResponse(status: status, fields: [("Content-Type", "application/json")] + fields, body: body)
    }
}

extension GatewayAnswer.Kind {
    /// The kind as a word of a JSON error, such as `body_too_large`.
    public var code: String {
        "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
