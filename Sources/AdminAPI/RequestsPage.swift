import Domain
import FlightRecorder
import Pipeline

/// The page `/internal/requests`: the requests that the loops remember, with their stage times.
///
/// Members have the names of the log line's keys. There is no content, no query and no client address in it.
struct RequestsPage {
    /// The order of the list.
    private enum Order: String, CaseIterable {
        case newest
        case slowest
    }

    private static let limitDefault = 50
    private static let limitMax = 1_000

    let records: [FlightRecord]
    /// Nanoseconds since the Unix epoch.
    let now: Nanoseconds

    /// The page, or the answer to a parameter that has no such value.
    func answer(_ query: Query) -> LocalResponse {
        let outcomes = ["all", "failed"] + RequestOutcome.allCases.map { "\($0.label)" }
        let outcome = query["outcome"] ?? "all"
        guard outcomes.contains(outcome) else { return Self.refuse("outcome", outcome, outcomes) }
        let orderText = query["sort"] ?? Order.newest.rawValue
        guard let order = Order(rawValue: orderText) else {
            return Self.refuse("sort", orderText, Order.allCases.map(\.rawValue))
        }
        let limitText = query["limit"] ?? "\(Self.limitDefault)"
        guard let limit = Int(limitText), (1...Self.limitMax).contains(limit) else {
            return Self.refuse("limit", limitText, ["1", "…", "\(Self.limitMax)"])
        }
        let matching = self.records.filter { record in
            Self.has(record.outcome, outcome) && query["id"].map { record.id.text.contains($0) } ?? true
                && query["model"].map { record.model.text == $0 } ?? true
                && query["endpoint"].map { record.endpoint.text == $0 } ?? true
        }
        let sorted = matching.sorted { left, right in
            order == .slowest && left.duration != right.duration
                ? left.duration > right.duration : left.start > right.start
        }
        return .json(
            .object([
                ("timestamp", .string(DisplayText.time(self.now))), ("remembered", .integer(self.records.count)),
                ("matching", .integer(matching.count)),
                ("requests", .array(sorted.prefix(limit).map(Self.document))),
            ]))
    }

    /// `failed` is what counts against the gateway and its endpoints, not what a client did wrong.
    private static func has(_ outcome: RequestOutcome, _ wanted: String) -> Bool {
        switch wanted {
        case "all": true
        case "failed":
            switch outcome {
            case .noEndpoint, .upstreamError, .upstreamTimeout, .gatewayError: true
            case .ok, .clientError, .clientCancelled, .rateLimited: false
            }
        default: "\(outcome.label)" == wanted
        }
    }

    private static func refuse(_ parameter: String, _ value: String, _ values: [String]) -> LocalResponse {
        .textError(400, "invalid \(parameter) \"\(value)\": use one of \(values.joined(separator: ", "))")
    }

    private static func document(_ record: FlightRecord) -> JSONValue {
        var members: [JSONValue.Member] = [
            ("request_id", .string(record.id.text)), ("time", .string(DisplayText.time(record.start))),
            ("method", .string(record.method.text)), ("path", .string(record.path.text)),
            ("route", .string("\(record.route.label)")), ("status", .integer(record.status)),
            ("outcome", .string("\(record.outcome.label)")),
        ]
        if !record.model.isEmpty { members.append(("model", .string(record.model.text))) }
        if !record.endpoint.isEmpty { members.append(("endpoint", .string(record.endpoint.text))) }
        members += [
            ("duration_ms", Self.milliseconds(record.duration)), ("attempts", .integer(record.attempts)),
            ("stream", .bool(record.isStream)), ("request_bytes", .integer(Int(record.requestBytes))),
            ("response_bytes", .integer(Int(record.responseBytes))),
        ]
        if let time = record.timeToFirstByte { members.append(("ttfb_ms", Self.milliseconds(time))) }
        if let time = record.timeToFirstToken { members.append(("ttft_ms", Self.milliseconds(time))) }
        if record.usage.input >= 0 { members.append(("input_tokens", .integer(Int(record.usage.input)))) }
        if record.usage.output >= 0 { members.append(("output_tokens", .integer(Int(record.usage.output)))) }
        if let reason = record.finishReason { members.append(("finish_reason", .string("\(reason.label)"))) }
        if let error = record.error { members.append(("error", .string("\(error.label)"))) }
        if let stage = record.clientGoneStage { members.append(("client_gone_stage", .string("\(stage.label)"))) }
        let stages = Stage.allCases.filter { record[$0] > .zero }
        members.append(
            (
                "stages_us",
                .object(stages.map { ("\($0.label)", .number(Double(record[$0].rawValue) / 1_000)) })
            ))
        return .object(members)
    }

    private static func milliseconds(_ span: Nanoseconds) -> JSONValue { .number(Double(span.rawValue) / 1_000_000) }
}
