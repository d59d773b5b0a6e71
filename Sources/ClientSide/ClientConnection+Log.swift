import Catalog
import Dialects
import Domain
import HTTPWire
import Journal
import NIOCore
import Pipeline
import Routing
import Telemetry
import Transport

// The one line a finished request writes, and what is said about it at other levels.

extension ClientConnection {
    /// Writes the request's access record (decisions.md 10, http-surface 7.4).
    func writeLogLine() {
        let exchange = self.exchange
        let level = self.logLevel
        guard self.loop.configuration.logsRequests, self.loop.journal.isEnabled(level) else { return }
        let machine = exchange.machine.status
        var record = AccessRecord(
            route: exchange.match.routeClass, outcome: exchange.machine.outcome, status: machine,
            timeline: exchange.machine.timeline)
        record.requestBytes = Int64(exchange.requestBytes)
        record.responseBytes = Int64(exchange.responseBytes)
        record.upstream = self.upstreamTimes
        record.attempts = exchange.machine.attemptCount
        record.isStream = exchange.isStream
        record.timeToFirstByte = exchange.timeToFirstByte
        record.timeToFirstToken = exchange.observation.timeToFirstToken
        record.longestStall = exchange.observation.longestStall
        record.usage = exchange.observation.usage
        record.finishReason = exchange.observation.finishReason
        record.clientGoneStage = exchange.machine.cancelledIn
        record.breaker = exchange.breaker
        var line = self.loop.journal.begin(
            level, AccessRecord.message, at: Nanoseconds(rawValue: exchange.wallStart))
        self.writeText(to: &line)
        line.access(record)
        if let failure = exchange.lastFailure { line.string(.error, failure.type.label) }
        if let mode = exchange.messages?.mode { line.string(.translatorMode, mode.label) }
        if let fallback = exchange.messages?.fallback { line.string(.fallbackReason, fallback.label) }
        self.writeClientKey(to: &line)
        if let refusal = exchange.refusal { line.string(.refusal, refusal) }
        self.writeRouting(to: &line)
        line.commit()
    }

    /// The times of all attempts together.
    var upstreamTimes: UpstreamTimes {
        var sum = UpstreamTimes(acquire: .zero, send: .zero, wait: .zero, stream: .zero)
        for row in 0..<self.exchange.machine.ledger.count {
            let times = self.exchange.machine.ledger[row].times
            sum.acquire += times.acquire
            sum.send += times.send
            sum.wait += times.wait
            sum.stream += times.stream
        }
        return sum
    }

    /// Debug for scrapes and health checks that went well, info for everything else.
    private var logLevel: LogLevel {
        let exchange = self.exchange
        let isRead = exchange.method == .get || exchange.method == .head
        let isFine = (200..<300).contains(exchange.machine.status) || exchange.machine.status == 304
        return exchange.match.routeClass == .internal && isRead && isFine ? .debug : .info
    }

    private func writeIDs(to line: inout LogLine) {
        let id = self.exchange.id
        line.string(.requestID, id.span.bytes)
        line.identifier(.traceID, self.exchange.trace.traceID)
        line.identifier(.spanID, self.exchange.trace.spanID)
    }

    private func writeTarget(to line: inout LogLine) {
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        if let field = self.exchange.clientField {
            line.string(.remoteAddress, bytes.extracting(field))
        } else {
            line.string(.remoteAddress, self.clientAddress)
        }
        line.string(.method, bytes.extracting(self.head.methodRange))
        line.string(.path, bytes.extracting(self.head.path))
    }

    private func writeText(to line: inout LogLine) {
        let exchange = self.exchange
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        self.writeIDs(to: &line)
        self.writeTarget(to: &line)
        if let query = self.head.query, !query.isEmpty { line.query(.query, bytes.extracting(query)) }
        self.write(.userAgent, .userAgent, bytes, to: &line)
        if let field = self.head.first(.referer) { line.url(.referer, bytes.extracting(field.value)) }
        self.write(.contentType, .contentType, bytes, to: &line)
        self.write(.accept, .accept, bytes, to: &line)
        if !exchange.modelName.isEmpty { line.string(.model, exchange.modelName) }
        if let wire = exchange.wire { line.string(.endpoint, wire.label) }
    }

    /// How the model was routed and what the session's look-up found: what the answer's header lines say.
    private func writeRouting(to line: inout LogLine) {
        let exchange = self.exchange
        if let note = exchange.note {
            line.string(.routingStrategy, note.strategy.label)
            line.string(.routingAction, note.verdict.label)
            line.string(.routingReason, note.reason.code)
        }
        if let sticky = exchange.sticky, sticky != .disabled { line.string(.sticky, sticky.label) }
    }

    private func write(_ key: LogKey, _ known: KnownHeader, _ bytes: RawSpan, to line: inout LogLine) {
        guard let field = self.head.first(known) else { return }
        line.string(key, bytes.extracting(field.value))
    }
}

// MARK: - Beside the access record

extension ClientConnection {
    /// The records of http-surface 7.3, for debugging: a request began.
    func logStart() {
        guard self.logsSteps else { return }
        var line = self.beginLine(.debug, "Request started")
        self.writeTarget(to: &line)
        let head = self.headBytes
        self.write(.userAgent, .userAgent, head.readableBytesSpan, to: &line)
        if case .length(let count) = self.head.framing { line.integer(.requestBytes, Int64(clamping: count)) }
        line.commit()
    }

    /// An attempt began.
    func logAttempt(_ wire: EndpointWire) {
        guard self.logsSteps else { return }
        let exchange = self.exchange
        var line = self.beginLine(.debug, "Request dispatching")
        line.string(.endpoint, wire.label)
        line.string(.target, wire.urlBase)
        if !exchange.modelName.isEmpty { line.string(.model, exchange.modelName) }
        line.integer(.attempt, Int64(exchange.attemptNumber))
        line.identifier(.attemptSpanID, exchange.attemptSpan)
        line.commit()
    }

    /// A request ended: how, and where its time went; an error of the gateway itself is one at every level.
    func logEnd() {
        let exchange = self.exchange
        if exchange.machine.outcome == .gatewayError, self.loop.journal.isEnabled(.error) {
            var line = self.beginLine(.error, "Request failed in the gateway")
            self.writeTarget(to: &line)
            self.writeEnd(to: &line)
            line.commit()
        }
        guard self.logsSteps else { return }
        var line: LogLine
        switch exchange.machine.outcome {
        case .ok: line = self.beginLine(.debug, "Request completed")
        case .clientError, .noEndpoint, .rateLimited:
            line = self.beginLine(
                .debug, exchange.machine.attemptCount == 0 ? "Request rejected" : "Request completed")
        case .clientCancelled, .upstreamError, .upstreamTimeout, .gatewayError:
            line = self.beginLine(.debug, "Request failed")
        }
        self.writeTarget(to: &line)
        self.writeEnd(to: &line)
        line.commit()
        self.logTimes()
    }

    private func logTimes() {
        let exchange = self.exchange
        let timeline = exchange.machine.timeline
        var line = self.beginLine(.debug, "Request metrics")
        if let wire = exchange.wire { line.string(.endpoint, wire.label) }
        if !exchange.modelName.isEmpty { line.string(.model, exchange.modelName) }
        line.integer(.totalBytes, Int64(exchange.responseBytes))
        line.milliseconds(.duration, timeline.total)
        line.milliseconds(.selectionTime, timeline[.route])
        if let time = exchange.timeToFirstByte { line.milliseconds(.timeToFirstByte, time) }
        if let time = exchange.observation.timeToFirstToken { line.milliseconds(.timeToFirstToken, time) }
        let usage = exchange.observation.usage
        if usage.input >= 0 { line.integer(.inputTokens, usage.input) }
        if usage.output >= 0 { line.integer(.outputTokens, usage.output) }
        if usage.input >= 0, usage.output >= 0 { line.integer(.totalTokens, usage.input + usage.output) }
        if let rate = exchange.observation.tokensPerSecond(usage) { line.double(.tokensPerSecond, rate) }
        if let reason = exchange.observation.finishReason { line.string(.finishReason, reason.label) }
        line.commit()
    }

    private func writeEnd(to line: inout LogLine) {
        let exchange = self.exchange
        line.integer(.status, Int64(exchange.machine.status))
        line.string(.outcome, exchange.machine.outcome.label)
        line.milliseconds(.duration, exchange.machine.timeline.total)
        if let wire = exchange.wire { line.string(.endpoint, wire.label) }
        if let failure = exchange.lastFailure { line.string(.error, failure.type.label) }
        if let refusal = exchange.refusal { line.string(.refusal, refusal) }
    }

    private var logsSteps: Bool { self.loop.configuration.logsRequests && self.loop.journal.isEnabled(.debug) }

    private func beginLine(_ level: LogLevel, _ message: StaticString) -> LogLine {
        let wall = Nanoseconds(rawValue: self.loop.wallClock(at: Clock.now()))
        var line = self.loop.journal.begin(level, message, at: wall)
        self.writeIDs(to: &line)
        return line
    }
}

extension LogKey {
    /// Where an attempt goes.
    static let target = LogKey("target")
    /// Which attempt of the request it is, from 1.
    static let attempt = LogKey("attempt")
    /// The W3C id of an attempt's span, as the backend is told it.
    static let attemptSpanID = LogKey("attempt_span_id")
    /// Body bytes sent to the client.
    static let totalBytes = LogKey("total_bytes")
    /// The time of all choices of an endpoint, in milliseconds.
    static let selectionTime = LogKey("selection_ms")
    /// Tokens of prompt and answer.
    static let totalTokens = LogKey("total_tokens")
    /// Tokens per second after the first.
    static let tokensPerSecond = LogKey("tokens_per_sec")
    /// How a translator served the request.
    static let translatorMode = LogKey("translator_mode")
    /// Why it was translated although passthrough was wanted.
    static let fallbackReason = LogKey("fallback_reason")
    /// Which rule a refused request broke.
    static let refusal = LogKey("refusal")
    /// The rule that decided about the model.
    static let routingStrategy = LogKey("routing_strategy")
    /// What it decided.
    static let routingAction = LogKey("routing_action")
    /// Why, as a code.
    static let routingReason = LogKey("routing_reason")
}
