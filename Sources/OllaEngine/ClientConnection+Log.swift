import Catalog
import Dialects
import Domain
import HTTPWire
import Journal
import NIOCore
import Pipeline
import Telemetry

// The one line a finished request writes.

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
        for row in 0..<exchange.machine.ledger.count {
            let times = exchange.machine.ledger[row].times
            record.upstream.acquire += times.acquire
            record.upstream.send += times.send
            record.upstream.wait += times.wait
            record.upstream.stream += times.stream
        }
        record.attempts = exchange.machine.attemptCount
        record.isStream = exchange.observation.isStream || (exchange.scan.stream ?? false)
        record.timeToFirstByte = exchange.timeToFirstByte
        record.timeToFirstToken = exchange.observation.timeToFirstToken
        record.longestStall = exchange.observation.longestStall
        record.usage = exchange.observation.usage
        record.finishReason = exchange.observation.finishReason
        record.clientGoneStage = exchange.machine.cancelledIn
        var line = self.loop.journal.begin(
            level, AccessRecord.message, at: Nanoseconds(rawValue: exchange.wallStart))
        self.writeText(to: &line)
        line.access(record)
        if let failure = exchange.lastFailure { line.string(.error, failure.type.label) }
        if let refusal = exchange.refusal { line.string(.refusal, refusal) }
        line.commit()
    }

    /// Debug for scrapes and health checks that went well, info for everything else.
    private var logLevel: LogLevel {
        let exchange = self.exchange
        let isRead = exchange.method == .get || exchange.method == .head
        let isFine = (200..<300).contains(exchange.machine.status) || exchange.machine.status == 304
        return exchange.match.routeClass == .internal && isRead && isFine ? .debug : .info
    }

    private func writeText(to line: inout LogLine) {
        let exchange = self.exchange
        let (head, id) = (self.headBytes, exchange.id)
        let bytes = head.readableBytesSpan
        line.string(.requestID, id.span.bytes)
        line.identifier(.traceID, exchange.trace.traceID)
        line.identifier(.spanID, exchange.trace.spanID)
        line.string(.remoteAddress, self.clientAddress)
        line.string(.method, bytes.extracting(self.head.methodRange))
        line.string(.path, bytes.extracting(self.head.path))
        if let query = self.head.query, !query.isEmpty { line.query(.query, bytes.extracting(query)) }
        self.write(.userAgent, .userAgent, bytes, to: &line)
        self.write(.referer, .referer, bytes, to: &line)
        self.write(.contentType, .contentType, bytes, to: &line)
        self.write(.accept, .accept, bytes, to: &line)
        if !exchange.modelName.isEmpty { line.string(.model, exchange.modelName) }
        if let wire = exchange.wire { line.string(.endpoint, wire.label) }
    }

    private func write(_ key: LogKey, _ known: KnownHeader, _ bytes: RawSpan, to line: inout LogLine) {
        guard let field = self.head.first(known) else { return }
        line.string(key, bytes.extracting(field.value))
    }
}

extension LogKey {
    /// Which rule a refused request broke.
    static let refusal = LogKey("refusal")
}
