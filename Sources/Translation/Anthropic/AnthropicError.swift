import ByteScan

/// The errors of Anthropic's API as the gateway gives them (http-surface 4.8).
public enum AnthropicError {
    /// The type that belongs to a status: one word per status that has its own, `api_error` for everything else.
    public static func type(ofStatus status: Int) -> StaticString {
        switch status {
        case 400: "invalid_request_error"
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 408, 504: "timeout_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        default: "api_error"
        }
    }

    /// Appends the envelope.
    ///
    /// - Parameters:
    ///   - status: the status the answer is sent with.
    ///   - message: what happened, for people.
    ///   - requestID: the id of the request.
    ///   - output: receives the document.
    public static func append(status: Int, message: String, requestID: String, to output: inout [UInt8]) {
        output.append("{\"type\":\"error\",\"error\":{\"type\":\"" as StaticString)
        output.append(self.type(ofStatus: status))
        output.append("\",\"message\":" as StaticString)
        output.append(quoting: message)
        output.append("},\"request_id\":" as StaticString)
        output.append(quoting: requestID)
        output.append("}" as StaticString)
    }

    /// What a server's error document says: the words of OpenAI, of FastAPI and of those that have only a text.
    ///
    /// - Parameter body: the document, or anything else.
    /// - Returns: its message; `Backend error` when it holds none.
    public static func message(inBackendError body: RawSpan) -> String {
        var tree = JSONTree()
        guard let root = try? tree.read(body, acceptsHalfPairs: true) else { return self.unknown }
        return self.message(in: tree, root) ?? self.unknown
    }

    private static let unknown = "Backend error"

    static func message(in tree: JSONTree, _ root: JSONNode) -> String? {
        if let error = tree.member("error", of: root) {
            if let text = tree.string(tree.member("message", of: error)), !text.isEmpty { return text }
            if let text = tree.string(error), !text.isEmpty { return text }
        }
        if let text = tree.string(tree.member("message", of: root)), !text.isEmpty { return text }
        if let text = tree.string(tree.member("detail", of: root)), !text.isEmpty { return text }
        return nil
    }
}
