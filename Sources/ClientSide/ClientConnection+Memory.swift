import Domain
import FlightRecorder
import HTTPWire
import NIOCore
import Pipeline
import Telemetry

// What stays of a finished request for those who ask about it later.

extension ClientConnection {
    /// Remembers the request; the gateway's own pages are left out, or a look would show itself.
    func remember() {
        let exchange = self.exchange
        guard exchange.match.routeClass != .internal else { return }
        let upstream = self.upstreamTimes
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        self.loop.flights.record { record in
            record.id.set(exchange.id.span.bytes)
            record.method.set(bytes.extracting(self.head.methodRange))
            record.path.set(bytes.extracting(self.head.path))
            record.model.set(exchange.modelName)
            if let wire = exchange.wire { record.endpoint.set(wire.label) }
            record.start = Nanoseconds(rawValue: exchange.wallStart)
            record.take(exchange.machine.timeline, upstream: upstream)
            record.route = exchange.match.routeClass
            record.outcome = exchange.machine.outcome
            record.status = exchange.machine.status
            record.attempts = exchange.machine.attemptCount
            record.isStream = exchange.isStream
            record.requestBytes = Int64(exchange.requestBytes)
            record.responseBytes = Int64(exchange.responseBytes)
            record.timeToFirstByte = exchange.timeToFirstByte
            record.timeToFirstToken = exchange.observation.timeToFirstToken
            record.usage = exchange.observation.usage
            record.finishReason = exchange.observation.finishReason
            record.error = exchange.lastFailure?.type
            record.clientGoneStage = exchange.machine.cancelledIn
        }
    }
}
