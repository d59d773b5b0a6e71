import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
package import Pipeline
import Telemetry
import Transport

// When an attempt fails, the client leaves, a limit passes, or the gateway itself has to answer.

extension ClientConnection {
    // MARK: The endpoint

    /// A connection that serves this request broke; it is closed.
    package func upstreamFailed(_ failure: UpstreamFailure, from connection: any Upstream) {
        guard self.upstream === connection else { return }
        self.attemptFailed(failure, hasAnswerBegun: connection.hasAnswerBegun)
    }

    /// The running attempt failed, with or without a connection.
    func attemptFailed(_ failure: UpstreamFailure, hasAnswerBegun: Bool) {
        let exchange = self.exchange
        let now = Clock.now()
        let received = self.upstream?.received ?? 0
        let hadRelayed = exchange.machine.phase == .relaying
        let status = exchange.machine.status
        let upstream = self.upstream
        self.upstream = nil
        upstream?.close()
        exchange.lastFailure = failure
        let verdict = exchange.machine.upstreamFailed(
            failure, hasAnswerBegun: hasAnswerBegun, at: now, hasAlternative: { self.hasAlternative(to: $0, at: now) },
            spendRetry: { self.spendRetry(at: now) })
        guard verdict != .ignore else { return }
        if case .retrySameEndpoint(let reason) = verdict { return self.retrySame(failure, reason, received, at: now) }
        self.attemptEnded(
            failure.attemptOutcome, status: hadRelayed ? status : 0, error: failure.type, bytes: received, at: now,
            charge: failure.charge)
        switch verdict {
        case .ignore, .retrySameEndpoint: return
        case .retryElsewhere(let reason):
            self.loop.recorder.retried(reason)
            self.chooseEndpoint(at: now)
        case .answer(let answer):
            if !self.isRequestComplete { self.closesAfterAnswer = true }
            self.answer(answer)
        case .abort:
            self.finishStream(aborted: failure.type == .idleTimeout ? .idleTimeout : .upstream)
            self.writeErrorEvent(failure)
            self.abortClient(at: now)
        }
    }

    /// A kept-alive connection had been closed by the server: the endpoint is not blamed, the attempt made anew.
    private func retrySame(_ failure: UpstreamFailure, _ reason: RetryReason, _ received: Int, at now: MonotonicTime) {
        let exchange = self.exchange
        guard let wire = exchange.wire else { return }
        self.recordAttempt(
            wire, failure.attemptOutcome, status: 0, error: failure.type, bytes: received, at: now)
        self.loop.recorder.retried(reason)
        self.loop.recorder.routeChosen(
            wire.slot, balancer: exchange.balancer, reason: .any, candidates: 1)
        self.attemptRestarted()
    }

    /// The endpoint's answer began and then broke: says so in the client's own dialect where that has a way.
    private func writeErrorEvent(_ failure: UpstreamFailure) {
        let isTimeout = failure.attemptOutcome == .upstreamTimeout
        self.writeErrorEvent(
            isTimeout
                ? "the backend stopped sending before its answer was complete"
                : "the backend closed the connection before its answer was complete",
            code: isTimeout ? "upstream_timeout" : "upstream_error")
    }

    private func writeErrorEvent(_ message: String, code: String) {
        let exchange = self.exchange
        if let messages = self.translating { return self.failTranslation(messages, message) }
        let head = self.headBytes
        guard self.clientFraming == .chunked, !self.isEncoded, let framing = exchange.observation.framing,
            let dialect = StreamDialect(framing: framing, path: head.readableBytesSpan.extracting(self.head.path))
        else { return }
        let event = ErrorEvent(message: message, code: code)
        // An event that was cut in the middle ends here, so that the error stands on lines of its own.
        var bytes: [UInt8] = exchange.observation.isBetweenEvents ? [] : Array("\n\n".utf8)
        event.append(as: dialect, to: &bytes)
        self.relayContent(ByteBuffer(bytes: bytes))
    }

    /// The attempt is over for the endpoint: count it, charge it, free its place.
    func attemptEnded(
        _ outcome: AttemptOutcome, status: Int, error: UpstreamErrorType?, bytes: Int, at now: MonotonicTime,
        charge: UpstreamFailure.Charge = .none
    ) {
        let exchange = self.exchange
        guard let wire = exchange.wire, let ticket = exchange.ticket else { return }
        exchange.ticket = nil
        let live = wire.endpoint.live
        self.freePlace(on: wire.endpoint)
        let waited = exchange.hasAnswered ? .zero : now - exchange.attemptStart
        let entered: BreakerState?
        switch outcome {
        case .ok: entered = live.breaker.recordSuccess(ticket, at: now)
        case .upstreamError, .upstreamTimeout:
            live.experience.failed(after: waited, at: now)
            entered = live.breaker.recordFailure(ticket, at: now)
        case .clientCancelled, .gatewayError:
            live.experience.keptWaiting(for: waited, at: now)
            live.breaker.release(ticket, at: now)
            entered = nil
        }
        if let entered { self.loop.breakerChanged(wire, to: entered) }
        if charge == .offline { self.loop.endpointUnreachable(wire) }
        self.recordAttempt(wire, outcome, status: status, error: error, bytes: bytes, at: now)
    }

    private func recordAttempt(
        _ wire: EndpointWire, _ outcome: AttemptOutcome, status: Int, error: UpstreamErrorType?, bytes: Int,
        at now: MonotonicTime
    ) {
        let exchange = self.exchange
        let recorder = self.loop.recorder
        let duration = now - exchange.attemptStart
        recorder.upstreamBytes(wire.slot, sent: exchange.attemptSent, received: bytes - exchange.attemptReported)
        recorder.attemptFinished(
            wire.slot, code: status, outcome: outcome, duration: duration, error: error,
            exemplar: self.exemplar(at: now, span: exchange.attemptSpan))
        recorder.attemptSeen(exchange.model, wire.slot, outcome, duration: duration, received: bytes, at: now)
        self.recordAttemptSpan(wire, outcome, status: status, error: error, at: now)
    }

    // MARK: The client

    /// The client's connection is gone: whatever was done for it stops.
    func clientLeft(at now: MonotonicTime) {
        let exchange = self.exchange
        guard exchange.isActive else { return }
        let attemptRuns = exchange.machine.hasRunningAttempt
        let status = exchange.machine.phase == .relaying ? exchange.machine.status : 0
        guard exchange.machine.clientClosed(at: now) else { return }
        if let stage = exchange.machine.cancelledIn { self.loop.recorder.clientCancelled(stage) }
        if attemptRuns {
            let upstream = self.upstream
            self.upstream = nil
            upstream?.close()
            self.attemptEnded(
                .clientCancelled, status: status, error: nil, bytes: upstream?.received ?? 0, at: now)
        }
        self.finishStream(aborted: .client)
        self.finishRequest()
    }

    /// Stops the running attempt because the request itself is at fault.
    func cancelAttempt(at now: MonotonicTime) {
        guard self.exchange.machine.hasRunningAttempt else { return }
        let upstream = self.upstream
        self.upstream = nil
        upstream?.close()
        self.attemptEnded(.clientCancelled, status: 0, error: nil, bytes: upstream?.received ?? 0, at: now)
    }

    /// Ends the connection so that the client cannot take what it has for the whole answer.
    func abortClient(at now: MonotonicTime) {
        _ = self.exchange.machine.gatewayAborted(at: now)
        self.flushOut()
        if self.clientFraming == .close {
            // Without length and chunks the end of the connection is the end of the answer: only a reset tells.
            self.loop.resetOnClose(self.context)
        }
        self.leave()
        self.finishRequest()
        self.closeWithoutNotice()
    }

    /// The gateway stops before the request is over.
    func cutForShutdown(at now: MonotonicTime) {
        let exchange = self.exchange
        guard exchange.isActive else { return self.closeNow() }
        let attemptRuns = exchange.machine.hasRunningAttempt
        let status = exchange.machine.phase == .relaying ? exchange.machine.status : 0
        let upstream = self.upstream
        self.upstream = nil
        upstream?.close()
        let mayAnswer = exchange.machine.mayAnswerItself
        if !mayAnswer { _ = exchange.machine.gatewayAborted(at: now) }
        if attemptRuns {
            self.attemptEnded(.gatewayError, status: status, error: nil, bytes: upstream?.received ?? 0, at: now)
        }
        if mayAnswer {
            self.leaveQueue()
            self.closesAfterAnswer = true
            return self.answer(GatewayAnswer(.shuttingDown))
        }
        self.finishStream(aborted: .gateway)
        if status != 0 { self.writeErrorEvent("the gateway is shutting down", code: "shutting_down") }
        self.abortClient(at: now)
    }

    // MARK: Deadlines

    /// The nearest time limit of the request being served has passed.
    func requestDeadlinePassed(at now: MonotonicTime) {
        let exchange = self.exchange
        guard exchange.isActive else { return }
        switch exchange.machine.phase {
        case .readingHead, .collecting:
            self.closesAfterAnswer = true
            self.answer(GatewayAnswer(.requestTimeout))
        case .queued: self.queueTimedOut(at: now)
        case .routing, .acquiring: self.attemptFailed(UpstreamFailure(.connectTimeout), hasAnswerBegun: false)
        case .sending:
            if self.upstream?.isDrained ?? false, !self.isResponseOverdue(at: now) {
                // The endpoint took all there was: it is the client who keeps us waiting.
                self.cancelAttempt(at: now)
                self.closesAfterAnswer = true
                self.answer(GatewayAnswer(.requestTimeout))
            } else {
                let hasBegun = self.upstream?.hasAnswerBegun ?? false
                self.attemptFailed(UpstreamFailure(.idleTimeout), hasAnswerBegun: hasBegun)
            }
        case .waiting:
            self.attemptFailed(
                UpstreamFailure(.firstByteTimeout), hasAnswerBegun: self.upstream?.hasAnswerBegun ?? false)
        case .relaying:
            if let messages = self.translating, messages.relay == .stream, now < messages.deadline {
                self.sendPing(messages, at: now)
            } else if self.isClientDrained || self.isResponseOverdue(at: now) {
                self.attemptFailed(UpstreamFailure(.idleTimeout), hasAnswerBegun: true)
            } else {
                self.closeNow()
            }
        case .answering, .finishing: self.closeNow()
        case .finished: return
        }
    }

    private func isResponseOverdue(at now: MonotonicTime) -> Bool {
        let whole = self.loop.configuration.responseTimeout
        return whole > .zero && now >= self.exchange.machine.attemptStart + whole
    }
}
