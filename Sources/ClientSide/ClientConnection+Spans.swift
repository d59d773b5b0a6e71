import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Telemetry
import TraceExport
import Transport

// The spans of a request and of its attempts, for requests whose trace is recorded.

extension ClientConnection {
    /// Where spans of the present request go; nil when it has none.
    private var spanQueue: SpanQueue? { self.exchange.trace.isSampled ? self.loop.spans : nil }

    /// A moment of the present request by the wall clock, whatever has happened to that clock since it began.
    private func wall(_ moment: MonotonicTime) -> Int64 {
        self.exchange.wallStart + (moment - self.exchange.machine.timeline.start).rawValue
    }

    /// Puts the span of the attempt that has just ended into the queue.
    func recordAttemptSpan(
        _ wire: EndpointWire, _ outcome: AttemptOutcome, status: Int, error: UpstreamErrorType?,
        at now: MonotonicTime
    ) {
        guard let spans = self.spanQueue else { return }
        let isQueued = spans.append { span in
            self.fillCommon(&span)
            self.fillAttempt(&span, wire, endedAt: now)
            span.attemptOutcome = outcome
            span.status = status
            span.failure = error
        }
        if !isQueued { self.loop.recorder.spanDropped(.queueFull) }
    }

    /// Puts the span of the request that has just ended into the queue.
    func recordRequestSpan() {
        guard let spans = self.spanQueue else { return }
        let isQueued = spans.append { span in
            self.fillCommon(&span)
            self.fillRequest(&span)
        }
        if !isQueued { self.loop.recorder.spanDropped(.queueFull) }
    }

    private func fillCommon(_ span: inout SpanRecord) {
        let exchange = self.exchange
        let (head, id) = (self.headBytes, exchange.id)
        let bytes = head.readableBytesSpan
        span.traceID = exchange.trace.traceID
        span.flags = exchange.trace.flags
        span.route = exchange.match.routeClass
        span.isMethodKnown = self.head.method != .other
        span.isStream = exchange.isStream
        span.operation = exchange.operation
        span.text.set(.method, Span(_bytes: bytes.extracting(self.head.methodRange)))
        span.text.set(.requestID, id.span)
        if !exchange.modelName.isEmpty { span.text.set(.model, exchange.modelName) }
        if let wire = exchange.wire { span.text.set(.endpoint, wire.label) }
    }

    private func fillAttempt(_ span: inout SpanRecord, _ wire: EndpointWire, endedAt end: MonotonicTime) {
        let exchange = self.exchange
        span.subject = .attempt
        span.spanID = exchange.attemptSpan
        span.parentID = exchange.trace.spanID
        span.start = self.wall(exchange.attemptStart)
        span.end = self.wall(end)
        span.attempt = exchange.attemptNumber
        span.requestBytes = exchange.attemptSent
        span.port = wire.target.port
        self.noteUpstreamStages(&span, endedAt: end)
        span.usage = exchange.observation.usage
        span.finishReason = exchange.observation.finishReason
        if let time = exchange.observation.timeToFirstToken {
            span.firstToken = self.wall(exchange.machine.requestRead + time)
        }
        span.text.set(.address, wire.host)
        span.text.set(.provider, wire.provider)
        span.text.set(.urlBase, wire.urlBase)
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        span.text.set(.path, Span(_bytes: bytes.extracting(self.forwardedPath)))
        if let query = self.head.query { span.text.set(.query, Span(_bytes: bytes.extracting(query))) }
    }

    /// The stages of an attempt follow each other, so their times and the answer's head tell when each began.
    private func noteUpstreamStages(_ span: inout SpanRecord, endedAt end: MonotonicTime) {
        let exchange = self.exchange
        let times: UpstreamTimes
        if exchange.machine.ledger.count >= exchange.attemptNumber, exchange.attemptNumber > 0 {
            times = exchange.machine.ledger[exchange.attemptNumber - 1].times
        } else {
            // Given up by us in the middle: the machine still holds its times.
            let timeline = exchange.machine.timeline
            times = UpstreamTimes(
                acquire: timeline[.acquire], send: timeline[.send], wait: timeline[.wait], stream: timeline[.stream])
        }
        let start = self.wall(exchange.attemptStart)
        let answered = exchange.answerHead ?? end
        span.note(.acquire, start: start, duration: times.acquire)
        if times.send > .zero { span.note(.send, start: start + times.acquire.rawValue, duration: times.send) }
        if times.wait > .zero {
            span.note(.wait, start: self.wall(answered) - times.wait.rawValue, duration: times.wait)
        }
        if exchange.answerHead != nil { span.note(.stream, start: self.wall(answered), duration: times.stream) }
    }

    private func fillRequest(_ span: inout SpanRecord) {
        let exchange = self.exchange
        let timeline = exchange.machine.timeline
        span.spanID = exchange.trace.spanID
        span.parentID = exchange.trace.parentID
        span.start = exchange.wallStart
        span.end = self.wall(timeline.end)
        span.status = exchange.machine.status
        span.outcome = exchange.machine.outcome
        span.attempt = exchange.machine.attemptCount
        span.requestBytes = exchange.requestBytes
        span.responseBytes = exchange.responseBytes
        for stage in Stage.allCases where !stage.isUpstream {
            guard let entry = timeline.firstEntry(of: stage) else { continue }
            span.note(stage, start: self.wall(entry), duration: timeline[stage])
        }
        span.text.set(.address, self.clientAddress)
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        let path = bytes.extracting(self.head.path)
        self.setPattern(path, of: &span)
        span.text.set(.path, Span(_bytes: path))
        if let query = self.head.query { span.text.set(.query, Span(_bytes: bytes.extracting(query))) }
        if let agent = self.head.first(.userAgent) {
            span.text.set(.userAgent, Span(_bytes: bytes.extracting(agent.value)))
        }
    }

    /// The pattern a path was matched by; none for paths that lead nowhere.
    private func setPattern(_ path: RawSpan, of span: inout SpanRecord) {
        switch self.exchange.match.target {
        case .proxy(let length), .provider(_, let length):
            let prefix = path.extracting(0..<min(length, path.byteCount))
            span.text.set(.routePattern, Span(_bytes: prefix), suffix: "/*")
        case .local(.model(let start)):
            let prefix = path.extracting(0..<min(start, path.byteCount))
            span.text.set(.routePattern, Span(_bytes: prefix), suffix: "{id}")
        case .local, .messages: span.text.set(.routePattern, Span(_bytes: path))
        case .redirect, .methodNotAllowed, .notFound: break
        }
    }
}
