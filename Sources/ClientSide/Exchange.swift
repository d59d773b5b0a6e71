import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Routing
import Telemetry
import Translation

/// Everything one request needs beside its connection: the machine, the decisions taken, what was observed.
///
/// One object per connection, started afresh for each request.
///
/// - Isolation: the connection's event loop.
/// - Bounds: constant size.
final class Exchange {
    /// Whether a request is being served.
    var isActive = false
    /// Grows with each request and each attempt, so that what comes back late can be told apart.
    var turn: UInt64 = 0
    /// Where the request stands.
    var machine: RequestMachine
    /// The id returned, logged and forwarded.
    var id = RequestID()
    /// The request's place in a trace; set before anything is counted.
    var trace = TraceContext.none
    /// Whether the client's `tracestate` goes on to the backend.
    var forwardsTraceState = false
    /// What the path leads to.
    var match = PathMatch(target: .notFound, routeClass: .other)
    /// The method as a metric label.
    var method = MethodLabel.other
    /// When the first byte was read, in nanoseconds of the wall clock.
    var wallStart: Int64 = 0

    // What the client sent.
    /// The search for the model in the body.
    var scan: RequestScan
    /// The call of Anthropic's Messages API that is served; nil for every other request.
    private(set) var messages: MessagesTurn?
    private var spareMessages: MessagesTurn?
    /// The operation the path stands for.
    var operation: LLMOperation?
    /// Body bytes read from the client, after chunked coding.
    var requestBytes = 0
    /// The body is read and thrown away: the answer does not depend on it.
    var discardsBody = false
    /// The model's name as the client sent it; empty when there is none.
    var modelName: [UInt8] = []
    /// Whether it may stand in a header field: a JSON string can hold what a field value may not (RFC 9110 section 5.5).
    var isModelFieldSafe = false

    // What was decided.
    /// The fleet the request was routed by; indexes of all its attempts refer to it.
    var fleet: FleetSnapshot
    /// The model's place among the metrics.
    var model = ModelSlot.none
    /// The endpoint of the running or last attempt.
    var wire: EndpointWire?
    /// The header lines that tell how the request was routed.
    var routingLines: [UInt8] = []
    /// How the model stage decided; nil when no model was named.
    var note: RoutingNote?
    /// Which balancer chose the endpoint.
    var balancer = Balancer.leastConnections
    /// What the conversation is known by.
    var session: SessionKey?
    /// What `prefix-affinity` places the conversation by.
    var affinity: UInt64?
    /// What the last look-up of the session found; nil when sessions do not stick.
    var sticky: StickyOutcome?
    /// The header lines about the session.
    var stickyLines: [UInt8] = []
    /// What became of asking the endpoints again for their models.
    var refresh = ModelRefresh.notAsked
    /// The place in the queue, while there is one.
    var waiter: Waiter?
    /// Why it waits.
    var rejection: RouteRejection?
    /// Until when it waits, whichever line it stands in.
    var queueDeadline: MonotonicTime?
    /// Whether the admission of the request has been counted.
    var isAdmissionCounted = false
    /// Another name for the model in the body, for the running attempt.
    var splice: AliasSplice?
    /// What the breaker of the running attempt waits for.
    var ticket: BreakerTicket?
    /// When the endpoint of the running attempt was chosen.
    var attemptStart = MonotonicTime.zero
    /// What the breaker let the running or last attempt through as, or refused the request by; nil when it was closed.
    var breaker: BreakerState?
    /// The span of the running or last attempt.
    var attemptSpan = SpanID.none
    /// Which attempt the running or last one is, from 1.
    var attemptNumber = 0
    /// When the head arrived that is relayed to the client.
    var answerHead: MonotonicTime?
    /// Bytes sent to the endpoint of the running attempt.
    var attemptSent = 0
    /// Bytes of the running attempt's answer that have been counted.
    var attemptReported = 0
    /// Whether the last endpoint was chosen although it does not serve the model.
    var usedFallback = false
    /// Whether the endpoint of the running attempt has given its first token, or the head of another answer.
    var hasAnswered = false
    /// Whether the body goes to the endpoint chunked.
    var sendsChunks = false
    /// What a refusal says to the log.
    var refusal: StaticString?

    // Who asked.
    /// The rules by which the request was let in; nil when there are none.
    var admission: Admission?
    /// The position of the client's key among those of ``admission``; nil when keys are off.
    var clientKey: Int?
    /// The key's place among the metrics.
    var clientKeySlot = ClientKeySlot.other
    /// The client's address in the head's bytes, when a proxy that is trusted named it.
    var clientField: Range<Int>?
    /// What `X-RateLimit-*` say; nil when no rate is limited.
    var rate: RateNote?
    /// Whether a browser only asks what it may do; it is told at once.
    var isPreflight = false
    /// The header lines for scripts of other origins; empty without rules about them.
    var corsLines: [UInt8] = []

    // What the answer was.
    /// What the answer's bytes tell.
    var observation = Observation()
    /// The end of the stream, if the answer is one, has been recorded.
    var isStreamClosed = false
    /// Body bytes sent to the client.
    var responseBytes = 0
    /// From the request fully read to the answer's head.
    var timeToFirstByte: Nanoseconds?
    /// The cause of the last failed attempt.
    var lastFailure: UpstreamFailure?

    /// Whether the answer is a stream, or was asked to be one.
    var isStream: Bool { self.observation.isStream || self.asksForStream }

    /// The model's name where header fields are concerned.
    var modelField: [UInt8] { self.isModelFieldSafe ? self.modelName : [] }

    /// Whether a stream was asked for.
    var asksForStream: Bool { self.messages?.request.isStream ?? self.scan.stream ?? false }

    /// The request turns out to be a call of Anthropic's Messages API.
    func beginMessages(_ call: MessagesCall) {
        let messages = self.spareMessages ?? MessagesTurn()
        self.spareMessages = messages
        messages.begin(call)
        self.messages = messages
    }

    /// The call, if the request was one, is over.
    func endMessages() {
        self.messages?.end()
        self.messages = nil
    }

    /// Takes the model's name over from the search, which has been decided.
    func takeModelName() {
        if let messages = self.messages {
            self.modelName.append(contentsOf: messages.request.modelName)
        } else {
            Self.append(nameIn: self.scan, to: &self.modelName)
        }
        self.isModelFieldSafe = !self.modelName.contains { $0 < 0x20 || $0 == 0x7F }
    }

    private static func append(nameIn scan: borrowing RequestScan, to name: inout [UInt8]) {
        scan.modelName.withUnsafeBytes { name.append(contentsOf: $0) }
    }

    init(fleet: FleetSnapshot) {
        self.machine = RequestMachine(policy: RetryPolicy(), startedAt: .zero)
        self.scan = RequestScan(contentType: RawSpan())
        self.fleet = fleet
    }

    /// Starts a request whose first byte was read at `start`.
    func begin(policy: RetryPolicy, at start: MonotonicTime, wall: Int64, fleet: FleetSnapshot) {
        self.isActive = true
        self.turn &+= 1
        self.machine = RequestMachine(policy: policy, startedAt: start)
        self.wallStart = wall
        self.requestBytes = 0
        self.discardsBody = false
        if !self.modelName.isEmpty { self.modelName.removeAll(keepingCapacity: true) }
        self.isModelFieldSafe = false
        if self.fleet !== fleet { self.fleet = fleet }
        self.model = .none
        self.wire = nil
        // Let go, not emptied: the lines are shared with the loop's ready-made ones, and emptying would copy them.
        if !self.routingLines.isEmpty { self.routingLines = [] }
        if !self.stickyLines.isEmpty { self.stickyLines.removeAll(keepingCapacity: true) }
        self.note = nil
        self.session = nil
        self.affinity = nil
        self.sticky = nil
        self.rejection = nil
        self.queueDeadline = nil
        self.refresh = .notAsked
        self.isAdmissionCounted = false
        self.hasAnswered = false
        self.messages = nil
        self.splice = nil
        self.ticket = nil
        self.breaker = nil
        self.attemptSpan = .none
        self.attemptNumber = 0
        self.answerHead = nil
        self.attemptSent = 0
        self.attemptReported = 0
        self.usedFallback = false
        self.sendsChunks = false
        self.refusal = nil
        self.admission = nil
        self.clientKey = nil
        self.clientField = nil
        self.rate = nil
        self.isPreflight = false
        if !self.corsLines.isEmpty { self.corsLines.removeAll(keepingCapacity: true) }
        self.observation.reset()
        self.isStreamClosed = false
        self.responseBytes = 0
        self.timeToFirstByte = nil
        self.lastFailure = nil
    }
}
