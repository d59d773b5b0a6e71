public import Domain

/// The plain values of the one record that every finished request writes.
///
/// The fields that are text of the request (id, method, path and so on) are written by the caller from the
/// bytes it holds, see ``LogLine/string(_:_:)-(_,RawSpan)``. An absent value leaves its field out.
public struct AccessRecord: Sendable {
    /// The message of the record.
    public static let message: StaticString = "Access log"

    /// The class of the path.
    public var route: RouteClass
    /// How the request ended.
    public var outcome: RequestOutcome
    /// The status the client saw; 499 when it left before one was sent.
    public var status: Int
    /// Body bytes read from the client.
    public var requestBytes: Int64 = 0
    /// Body bytes sent to the client.
    public var responseBytes: Int64 = 0
    /// Where the time went; closed.
    public var timeline: Timeline
    /// The times of all attempts that have ended, which the timeline no longer holds.
    public var upstream = UpstreamTimes(acquire: .zero, send: .zero, wait: .zero, stream: .zero)
    /// Tries on endpoints.
    public var attempts = 0
    /// Whether the answer was a stream.
    public var isStream = false
    /// From the request fully read to the response head.
    public var timeToFirstByte: Nanoseconds?
    /// From the request fully read to the first content.
    public var timeToFirstToken: Nanoseconds?
    /// The longest gap between two deltas.
    public var longestStall: Nanoseconds?
    /// Tokens, as the endpoint reported them.
    public var usage = TokenUsage()
    /// Why the model stopped.
    public var finishReason: FinishReason?
    /// The stage in which the client left.
    public var clientGoneStage: Stage?
    /// The state of the chosen endpoint's breaker when it was chosen; logged unless closed.
    public var breaker: BreakerState?

    /// A record with the values that every request has.
    public init(route: RouteClass, outcome: RequestOutcome, status: Int, timeline: Timeline) {
        self.route = route
        self.outcome = outcome
        self.status = status
        self.timeline = timeline
    }
}

extension LogLine {
    /// Writes every plain value of an access record.
    public mutating func access(_ record: borrowing AccessRecord) {
        self.integer(.status, Int64(record.status))
        self.string(.outcome, record.outcome.label)
        self.string(.route, record.route.label)
        self.integer(.requestBytes, record.requestBytes)
        self.integer(.responseBytes, record.responseBytes)
        self.milliseconds(.duration, record.timeline.total)
        self.integer(.attempts, Int64(record.attempts))
        self.boolean(.isStream, record.isStream)
        if let time = record.timeToFirstByte { self.milliseconds(.timeToFirstByte, time) }
        if let time = record.timeToFirstToken { self.milliseconds(.timeToFirstToken, time) }
        if let time = record.longestStall { self.milliseconds(.longestStall, time) }
        if record.usage.input >= 0 { self.integer(.inputTokens, record.usage.input) }
        if record.usage.output >= 0 { self.integer(.outputTokens, record.usage.output) }
        if let reason = record.finishReason { self.string(.finishReason, reason.label) }
        if let stage = record.clientGoneStage { self.string(.clientGoneStage, stage.label) }
        if let state = record.breaker, state != .closed { self.string(.breaker, state.label) }
        self.stages(record.timeline, upstream: record.upstream)
    }
}
