import Domain
import Journal

/// What a span says, in the words of the OpenTelemetry conventions for HTTP and generative AI; `glasspot.…` beyond them.
struct SpanAttributes {
    /// Whether the span's status is an error.
    let isError: Bool
    private var list = AttributeList()

    init(_ span: borrowing SpanRecord) {
        switch span.subject {
        case .request:
            self.isError = Self.isFailed(request: span)
            self.addRequest(span)
        case .attempt:
            self.isError = Self.isFailed(attempt: span)
            self.addAttempt(span)
        }
    }

    /// Writes the field `attributes`.
    func write(to json: inout JSONBytes) { self.list.write(to: &json) }

    /// The span's name: method and route of a request; operation and model, else the method, of an attempt.
    static func name(_ span: borrowing SpanRecord) -> String {
        let method = span.isMethodKnown ? span.text[.method] ?? "HTTP" : "HTTP"
        switch span.subject {
        case .request: return span.text[.routePattern].map { "\(method) \($0)" } ?? method
        case .attempt:
            guard let operation = span.operation?.label else { return method }
            return span.text[.model].map { "\(operation) \($0)" } ?? "\(operation)"
        }
    }

    /// A server's span fails with a 5xx, or when the answer broke after its status (HTTP conventions, "Status").
    private static func isFailed(request span: borrowing SpanRecord) -> Bool {
        let status = span.status
        return switch span.outcome {
        case .gatewayError: true
        case .upstreamError, .upstreamTimeout: status >= 500 || status < 400
        case .ok, .clientError, .clientCancelled, .rateLimited, .noEndpoint: status >= 500
        }
    }

    /// A client's span fails with a 4xx or 5xx too.
    private static func isFailed(attempt span: borrowing SpanRecord) -> Bool {
        switch span.attemptOutcome {
        case .upstreamError, .upstreamTimeout, .gatewayError: true
        case .ok: span.status >= 400
        case .clientCancelled: false
        }
    }

    private mutating func addRequest(_ span: borrowing SpanRecord) {
        self.addMethod(span)
        self.list.add("url.path", span.text[.path])
        self.list.add("url.query", span.text[.query].map(Self.redacted))
        self.list.add("url.scheme", "http")
        self.list.add("http.route", span.text[.routePattern])
        self.list.add("client.address", span.text[.address])
        self.list.add("user_agent.original", span.text[.userAgent])
        if span.status > 0 { self.list.add("http.response.status_code", span.status) }
        if self.isError { self.list.add("error.type", "\(span.outcome.label)") }
        self.list.add("http.request.body.size", span.requestBytes)
        self.list.add("http.response.body.size", span.responseBytes)
        if let operation = span.operation { self.list.add("gen_ai.operation.name", "\(operation.label)") }
        self.list.add("gen_ai.request.model", span.text[.model])
        self.list.add("glasspot.request_id", span.text[.requestID])
        self.list.add("glasspot.route", "\(span.route.label)")
        self.list.add("glasspot.outcome", "\(span.outcome.label)")
        self.list.add("glasspot.endpoint", span.text[.endpoint])
        self.list.add("glasspot.attempts", span.attempt)
        self.list.add("glasspot.stream", span.isStream)
    }

    private mutating func addAttempt(_ span: borrowing SpanRecord) {
        self.addMethod(span)
        self.list.add("server.address", span.text[.address])
        if span.port > 0 { self.list.add("server.port", span.port) }
        let query = span.text[.query].map { "?" + Self.redacted($0) } ?? ""
        self.list.add("url.full", (span.text[.urlBase] ?? "") + (span.text[.path] ?? "/") + query)
        if span.status > 0 { self.list.add("http.response.status_code", span.status) }
        if span.attempt > 1 { self.list.add("http.request.resend_count", span.attempt - 1) }
        if self.isError {
            let status = span.status >= 400 ? String(span.status) : nil
            let failure = span.failure.map { "\($0.label)" }
            let outcome = "\(span.attemptOutcome.label)"
            self.list.add("error.type", status ?? failure ?? outcome)
        }
        if let operation = span.operation {
            self.list.add("gen_ai.operation.name", "\(operation.label)")
            self.list.add("gen_ai.provider.name", span.text[.provider])
        }
        self.list.add("gen_ai.request.model", span.text[.model])
        if span.usage.input >= 0 { self.list.add("gen_ai.usage.input_tokens", Int(span.usage.input)) }
        if span.usage.output >= 0 { self.list.add("gen_ai.usage.output_tokens", Int(span.usage.output)) }
        if let reason = span.finishReason { self.list.add("gen_ai.response.finish_reasons", ["\(reason.label)"]) }
        self.list.add("glasspot.request_id", span.text[.requestID])
        self.list.add("glasspot.endpoint", span.text[.endpoint])
        self.list.add("glasspot.outcome", "\(span.attemptOutcome.label)")
        self.list.add("glasspot.attempt", span.attempt)
        self.list.add("glasspot.stream", span.isStream)
    }

    private mutating func addMethod(_ span: borrowing SpanRecord) {
        self.list.add("http.request.method", span.isMethodKnown ? span.text[.method] : "_OTHER")
        if !span.isMethodKnown { self.list.add("http.request.method_original", span.text[.method]) }
    }

    /// A query whose secrets read `[REDACTED]`, by the rules of the access log.
    private static func redacted(_ query: String) -> String {
        query.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).map { part in
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else {
                return String(decoding: part, as: UTF8.self)
            }
            let name = Array(part[..<equals])
            let isSecret = name.withUnsafeBytes { SecretParameter.isSecret($0) }
            let hides = isSecret && part.index(after: equals) < part.endIndex
            return hides ? String(decoding: name, as: UTF8.self) + "=[REDACTED]" : String(decoding: part, as: UTF8.self)
        }.joined(separator: "&")
    }
}
