public import Domain

/// The upstream times of one attempt and the endpoint they belong to.
public struct AttemptTimes: Sendable {
    /// The endpoint the attempt was made on.
    public var endpoint: EndpointSlot
    /// Where its time went.
    public var times: UpstreamTimes

    /// Pairs an endpoint with its times.
    @inlinable
    public init(endpoint: EndpointSlot, times: UpstreamTimes) {
        self.endpoint = endpoint
        self.times = times
    }
}

/// The attempts of one request, oldest first.
///
/// - Bounds: ``inlineCapacity`` attempts without allocation; further ones go to an array, whose
///   length the retry rules bound by the number of endpoints.
public struct AttemptList: Sendable {
    /// How many attempts fit without allocation.
    public static let inlineCapacity = 4
    /// How many attempts there are.
    public private(set) var count = 0
    private var first: InlineArray<4, AttemptTimes>
    private var rest: [AttemptTimes] = []

    /// No attempts.
    public init() {
        let nothing = UpstreamTimes(acquire: .zero, send: .zero, wait: .zero, stream: .zero)
        self.first = .init(repeating: AttemptTimes(endpoint: .other, times: nothing))
    }

    /// Adds an attempt that has ended.
    public mutating func append(_ endpoint: EndpointSlot, _ times: UpstreamTimes) {
        let attempt = AttemptTimes(endpoint: endpoint, times: times)
        if self.count < Self.inlineCapacity {
            self.first[self.count] = attempt
        } else {
            self.rest.append(attempt)
        }
        self.count += 1
    }

    /// The attempt at a position.
    ///
    /// - Precondition: `position` is in 0 ..< ``count``.
    public subscript(position: Int) -> AttemptTimes {
        precondition(position >= 0 && position < self.count, "no such attempt")
        return position < Self.inlineCapacity
            ? self.first[position] : self.rest[position - Self.inlineCapacity]
    }
}

/// Everything the metrics need to know about a request that has ended.
///
/// Recorded in one step, so that counts, durations, stages and parties agree on every scrape.
public struct RequestReport: Sendable {
    /// The class of the path.
    public var route: RouteClass
    /// The method.
    public var method: MethodLabel
    /// The status the client saw; 0 when it saw none.
    public var code: Int
    /// How the request ended.
    public var outcome: RequestOutcome
    /// Whether the response was a stream.
    public var isStream: Bool
    /// Where the time went, closed; its upstream times moved to ``attempts`` as each attempt ended.
    public var timeline: Timeline
    /// The attempts made.
    public var attempts: AttemptList
    /// The model after aliases.
    public var model: ModelSlot
    /// Bytes of the request body read.
    public var requestBodyBytes: Int
    /// Bytes of the response body sent to the client.
    public var responseBodyBytes: Int
    /// The LLM operation, or nil when the request is none.
    public var operation: LLMOperation?
    /// From route chosen to the last byte; used only with an operation.
    public var operationDuration: Nanoseconds
    /// Whether this is a scrape of the metrics page, which is counted but not in any distribution.
    public var isScrape: Bool

    /// A report with the facts every request has; the others start empty.
    public init(
        route: RouteClass, method: MethodLabel, code: Int, outcome: RequestOutcome,
        timeline: Timeline
    ) {
        self.route = route
        self.method = method
        self.code = code
        self.outcome = outcome
        self.isStream = false
        self.timeline = timeline
        self.attempts = AttemptList()
        self.model = .none
        self.requestBodyBytes = 0
        self.responseBodyBytes = 0
        self.operation = nil
        self.operationDuration = .zero
        self.isScrape = false
    }
}
