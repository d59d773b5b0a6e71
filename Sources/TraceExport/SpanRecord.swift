public import Domain

/// A finished span on its way to the collector: one of a request, or one of an attempt.
///
/// Plain values and bounded text, so that writing one into a ``SpanQueue`` allocates nothing. What is not known
/// keeps its default and is left out of the export.
///
/// - Bounds: about 1.3 KiB; texts as ``SpanText`` says.
public struct SpanRecord: Sendable {
    /// Whose span it is, which decides its kind and name.
    public enum Subject: UInt8, Sendable {
        /// The client's request: kind SERVER.
        case request
        /// One attempt on an endpoint: kind CLIENT.
        case attempt
    }

    /// How long a stage took, and when it was first entered.
    public struct StageTime: Sendable {
        /// Nanoseconds since 1970-01-01T00:00:00Z; 0 when the stage was not entered.
        public var start: Int64 = 0
        /// All time spent in it.
        public var duration = Nanoseconds.zero
    }

    /// Whose span it is.
    public var subject = Subject.request
    /// The trace.
    public var traceID = TraceID(high: 0, low: 0)
    /// The span.
    public var spanID = SpanID.none
    /// The span it belongs to; ``Domain/SpanID/none`` for the first of a trace.
    public var parentID = SpanID.none
    /// The flags of the trace.
    public var flags = TraceFlags()
    /// When it began, in nanoseconds since 1970-01-01T00:00:00Z.
    public var start: Int64 = 0
    /// When it ended, in nanoseconds since 1970-01-01T00:00:00Z.
    public var end: Int64 = 0

    /// The status of the answer; 0 for none.
    public var status = 0
    /// How the request ended; of a request's span.
    public var outcome = RequestOutcome.ok
    /// How the attempt ended; of an attempt's span.
    public var attemptOutcome = AttemptOutcome.ok
    /// Why the attempt failed.
    public var failure: UpstreamErrorType?
    /// The class of the path.
    public var route = RouteClass.other
    /// Whether ``SpanText/Field/method`` is a method of RFC 9110 or RFC 5789.
    public var isMethodKnown = true
    /// Whether the answer was a stream.
    public var isStream = false
    /// Which attempt of the request it is, from 1; for a request's span how many there were.
    public var attempt = 0
    /// Body bytes of the request.
    public var requestBytes = 0
    /// Body bytes of the answer.
    public var responseBytes = 0
    /// The port of the client, or of the endpoint; 0 when unknown.
    public var port = 0
    /// The LLM operation.
    public var operation: LLMOperation?
    /// Tokens, as the endpoint reported them.
    public var usage = TokenUsage()
    /// Why the model stopped.
    public var finishReason: FinishReason?
    /// When the first content arrived, in nanoseconds since 1970-01-01T00:00:00Z; 0 for never.
    public var firstToken: Int64 = 0
    /// The stages it went through.
    public var stages = InlineArray<14, StageTime>(repeating: StageTime())
    /// Its texts.
    public var text = SpanText()

    /// A record of nothing yet.
    public init() {}

    /// Notes a stage.
    public mutating func note(_ stage: Stage, start: Int64, duration: Nanoseconds) {
        self.stages[Int(stage.rawValue)] = StageTime(start: start, duration: duration)
    }
}

/// The texts of a span, one behind the other in memory of fixed size.
///
/// - Bounds: ``fieldBytesMax`` bytes a text and ``capacity`` for all; what is longer is cut.
public struct SpanText: Sendable {
    /// What a text says.
    public enum Field: UInt8, CaseIterable, Sendable {
        /// The method as received.
        case method
        /// The id of the request.
        case requestID
        /// The model as the client named it.
        case model
        /// The endpoint's label.
        case endpoint
        /// The client's address, or the endpoint's host.
        case address
        /// The pattern of the path.
        case routePattern
        /// What software the endpoint is.
        case provider
        /// What stands before the path in the endpoint's URL.
        case urlBase
        /// The path.
        case path
        /// The query as received; secrets are taken out when it is exported.
        case query
        /// The client's software.
        case userAgent
    }

    /// The most bytes of one text.
    public static let fieldBytesMax = 256
    /// The bytes of all texts together.
    public static let capacity = 832

    private var bytes = InlineArray<832, UInt8>(repeating: 0)
    private var starts = InlineArray<11, UInt16>(repeating: 0)
    private var counts = InlineArray<11, UInt16>(repeating: 0)
    private var used = 0

    /// No texts.
    public init() {}

    /// Sets a text that has not been set, `suffix` behind it; what does not fit is cut.
    public mutating func set(_ field: Field, _ value: Span<UInt8>, suffix: StaticString = "") {
        let start = self.used
        let limit = min(Self.capacity, start + Self.fieldBytesMax)
        for offset in 0..<min(value.count, limit - start) { self.bytes[start + offset] = value[offset] }
        var end = start + min(value.count, limit - start)
        suffix.withUTF8Buffer { text in
            for byte in text where end < limit {
                self.bytes[end] = byte
                end += 1
            }
        }
        self.starts[Int(field.rawValue)] = UInt16(start)
        self.counts[Int(field.rawValue)] = UInt16(end - start)
        self.used = end
    }

    /// Sets a text that has not been set; what does not fit is cut.
    public mutating func set(_ field: Field, _ value: [UInt8]) { self.set(field, value.span) }

    /// A text; nil when it was not set or is empty.
    public subscript(field: Field) -> String? {
        let count = Int(self.counts[Int(field.rawValue)])
        guard count > 0 else { return nil }
        let start = Int(self.starts[Int(field.rawValue)])
        return String(decoding: (start..<start + count).map { self.bytes[$0] }, as: UTF8.self)
    }
}
