public import Domain

/// What is remembered of one finished request: where its time went and how it ended, no content.
///
/// - Bounds: constant size, about 700 bytes; nothing on the heap, so that a copy is one move of memory.
public struct FlightRecord: Sendable {
    /// The number of the request among those of its loop, from 1 on; 0 for a place that was never used.
    public internal(set) var sequence: UInt64 = 0
    /// The id returned, logged and forwarded.
    public var id = ShortText<128>()
    /// The request's method.
    public var method = ShortText<16>()
    /// The request's path, without query.
    public var path = ShortText<96>()
    /// The model's name as the client sent it; empty when there was none.
    public var model = ShortText<96>()
    /// The name of the endpoint of the last attempt; empty when there was none.
    public var endpoint = ShortText<64>()
    /// When the first byte was read, in nanoseconds since the Unix epoch.
    public var start = Nanoseconds.zero
    /// From the first byte read to the last one flushed.
    public var duration = Nanoseconds.zero
    /// The class of the path.
    public var route = RouteClass.other
    /// How the request ended.
    public var outcome = RequestOutcome.ok
    /// The status the client saw; 499 when it left before one was sent.
    public var status = 0
    /// Tries on endpoints.
    public var attempts = 0
    /// Whether the answer was a stream, or was asked to be one.
    public var isStream = false
    /// Body bytes read from the client.
    public var requestBytes: Int64 = 0
    /// Body bytes sent to the client.
    public var responseBytes: Int64 = 0
    /// From the request fully read to the answer's head.
    public var timeToFirstByte: Nanoseconds?
    /// From the request fully read to the first content.
    public var timeToFirstToken: Nanoseconds?
    /// Tokens, as the endpoint reported them.
    public var usage = TokenUsage()
    /// Why the model stopped.
    public var finishReason: FinishReason?
    /// The cause of the last failed attempt.
    public var error: UpstreamErrorType?
    /// The stage in which the client left.
    public var clientGoneStage: Stage?
    private var stages = InlineArray<14, Int64>(repeating: 0)

    /// A record of nothing.
    public init() {}

    /// The time spent in a stage, all attempts together.
    public internal(set) subscript(stage: Stage) -> Nanoseconds {
        get { Nanoseconds(rawValue: self.stages[Int(stage.rawValue)]) }
        set { self.stages[Int(stage.rawValue)] = newValue.rawValue }
    }

    /// Takes over where the time went.
    ///
    /// - Parameters:
    ///   - timeline: the closed timeline.
    ///   - upstream: the times of all attempts, which the timeline no longer holds.
    public mutating func take(_ timeline: borrowing Timeline, upstream: UpstreamTimes) {
        for stage in Stage.allCases { self[stage] = timeline[stage] }
        self[.acquire] = self[.acquire] + upstream.acquire
        self[.send] = self[.send] + upstream.send
        self[.wait] = self[.wait] + upstream.wait
        self[.stream] = self[.stream] + upstream.stream
        self.duration = timeline.total
    }
}

extension RequestOutcome {
    /// Why a request that ended so is kept beyond its turn.
    var kept: FlightRecorder.Kept? {
        switch self {
        case .ok: nil
        case .noEndpoint, .upstreamError, .upstreamTimeout, .gatewayError: .failed
        case .clientError, .clientCancelled, .rateLimited: .refused
        }
    }
}
