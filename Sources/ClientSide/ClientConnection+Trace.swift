import Domain
import HTTPWire
import MetricKernel
import NIOCore
import Pipeline

// The request's place in a trace.

extension ClientConnection {
    /// Continues the client's trace, or begins one (W3C Trace Context section 4).
    ///
    /// A trace that begins here is recorded by nobody unless the gateway exports spans, so its flags are off then.
    func takeTraceContext(_ bytes: RawSpan) {
        let exchange = self.exchange
        let span = SpanID(random: self.loop.random.next())
        if self.head.contains(.traceparent), let parent = Self.traceparent(of: self.head, bytes) {
            exchange.trace = TraceContext(continuing: parent, spanID: span)
            exchange.forwardsTraceState =
                self.head.contains(.tracestate) && Self.hasAcceptableTraceState(self.head, bytes)
            return
        }
        let trace = TraceID(random: self.loop.random.next(), self.loop.random.next())
        // Scrapes and polls would bury everything else: they are recorded when their caller asks for it.
        let isWorthwhile = exchange.match.routeClass != .internal
        let isSampled = isWorthwhile && self.loop.configuration.traceSampler?.samples(trace) ?? false
        exchange.trace = TraceContext(starting: trace, spanID: span, flags: isSampled ? .sampled : [])
        exchange.forwardsTraceState = false
    }

    /// Whom the metrics may point at for an observation made at `now`.
    ///
    /// - Parameters:
    ///   - now: the moment of the observation.
    ///   - span: the span it belongs to; the request's own when nil.
    /// - Returns: trace, span and request id.
    func exemplar(at now: MonotonicTime, span: SpanID? = nil) -> ExemplarContext {
        let (trace, id) = (self.exchange.trace, self.exchange.id)
        return ExemplarContext(
            traceID: (trace.traceID.high, trace.traceID.low), spanID: (span ?? trace.spanID).rawValue,
            requestID: id.span.bytes, wallTime: self.loop.wallClock(at: now))
    }

    /// The parent the client named; nil when it is malformed or more than one is named.
    private static func traceparent(of head: borrowing RequestHead, _ bytes: RawSpan) -> Traceparent? {
        var value: Range<Int>?
        let fields = head.fields
        for index in fields.indices where fields[index].known == .traceparent {
            if value != nil || fields[index].isHopByHop { return nil }
            value = fields[index].value
        }
        guard let value else { return nil }
        return Traceparent(Span(_bytes: bytes.extracting(value)))
    }

    private static func hasAcceptableTraceState(_ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        var check = TraceStateCheck()
        let fields = head.fields
        for index in fields.indices where fields[index].known == .tracestate {
            check.add(Span(_bytes: bytes.extracting(fields[index].value)))
        }
        return check.isAcceptable
    }
}
