import Catalog
import Dialects
package import Domain
package import HTTPWire
package import NIOCore
import Pipeline
import Telemetry
import Transport

// From the backend's head to the last byte of its answer.

extension ClientConnection {
    /// Up to this size content is copied behind bytes that wait to be written, so that both leave in one write.
    private static let joinedContentBytesMax = 16_384
    /// Without forced flushes, this much gathers before it is pushed.
    private static let gatheredBytesMax = 32_768

    /// The method as far as it decides where an answer ends.
    package var upstreamMethod: RequestMethod { self.head.method }

    /// Whether chunks can be passed on as they come.
    package var takesChunks: Bool { self.clientFraming == .chunked && self.translating == nil }

    /// Bytes of an answer have arrived; they are looked at next.
    package func upstreamBytesArrived(at now: MonotonicTime) {
        self.arrival = now
        if self.translating == nil {
            self.exchange.machine.chunkReceived(at: now)
        } else {
            self.exchange.machine.answerTranslationBegan(at: now)
        }
    }

    // MARK: Head

    /// The head of a final answer is complete.
    ///
    /// Returns whether its body is wanted.
    package func responseHeadArrived(_ head: borrowing ResponseHead, bytes: ByteBuffer) -> Bool {
        let exchange = self.exchange
        let now = self.arrival
        let status = Int(head.status)
        guard let wire = exchange.wire, let upstream = self.upstream else { return false }
        if status == 429 || status == 503 { self.holdEndpoint(head, bytes.readableBytesSpan, wire, at: now) }
        let verdict = exchange.machine.responseHeadReceived(
            status: status, at: now, hasAlternative: { self.hasAlternative(to: $0, at: now) },
            spendRetry: { self.spendRetry(at: now) })
        switch verdict {
        case .retryElsewhere(let reason):
            let type: UpstreamErrorType = status == 429 ? .http429 : .http5xx
            exchange.lastFailure = UpstreamFailure(type)
            self.upstream = nil
            upstream.close()
            self.attemptEnded(.upstreamError, status: status, error: type, bytes: upstream.received, at: now)
            self.loop.recorder.retried(reason)
            self.chooseEndpoint(at: now)
            return false
        case .relay:
            if exchange.machine.hasReadRequest {
                let time = now - exchange.machine.requestRead
                exchange.timeToFirstByte = time
                self.loop.recorder.firstByte(
                    wire.slot, time, exemplar: self.exemplar(at: now, span: exchange.attemptSpan))
            }
            if status < 500, status != 429, var ticket = exchange.ticket, ticket.isTrial {
                let entered = wire.endpoint.live.breaker.trialAnswered(&ticket, at: now)
                exchange.ticket = ticket
                if let entered { self.loop.breakerChanged(wire, to: entered) }
            }
            exchange.answerHead = now
            self.beginRelay(head, bytes: bytes, wire: wire, at: now)
            // Of a stream the first token tells; of anything else the head does.
            if status < 500, status != 429, !exchange.observation.isStream { self.endpointAnswered(now, at: now) }
            return true
        }
    }

    /// The endpoint gave at `moment` what a client waits for first: the balancers learn how long it took.
    private func endpointAnswered(_ moment: MonotonicTime, at now: MonotonicTime) {
        let exchange = self.exchange
        guard !exchange.hasAnswered, let wire = exchange.wire else { return }
        exchange.hasAnswered = true
        wire.endpoint.live.experience.answered(after: moment - exchange.attemptStart, at: now)
    }

    /// `Retry-After` keeps an endpoint out of selection for that long.
    private func holdEndpoint(
        _ head: borrowing ResponseHead, _ bytes: RawSpan, _ wire: EndpointWire, at now: MonotonicTime
    ) {
        guard let field = head.first(.retryAfter),
            let wait = RetryAfter.parse(bytes.extracting(field.value), wall: self.loop.wallClock(at: now))
        else { return }
        wire.endpoint.live.hold(for: wait, at: now)
    }

    private func beginRelay(
        _ head: borrowing ResponseHead, bytes: ByteBuffer, wire: EndpointWire, at now: MonotonicTime
    ) {
        let exchange = self.exchange
        let span = bytes.readableBytesSpan
        self.beginObservation(head, span, wire)
        if let messages = exchange.messages, messages.isTranslated {
            return self.beginTranslation(messages, head, bytes: bytes, at: now)
        }
        self.flushesEveryRead = self.flushes(head, span)
        // An answer before the end of the request leaves the request unread: the connection cannot go on.
        if !self.isRequestComplete { self.closesAfterAnswer = true }
        let isHTTP11 = self.head.version == .one
        switch head.framing {
        case .none: self.clientFraming = .none
        case .length(let count): self.clientFraming = .length(count)
        case .chunked, .untilClose: self.clientFraming = isHTTP11 ? .chunked : .close
        }
        if self.clientFraming == .close { self.closesAfterAnswer = true }
        self.forwardsTrailers = self.clientFraming == .chunked && head.contains(.trailer)
        self.isEncoded = head.contains(.contentEncoding)
        let facts = ClientHead.Facts(
            framing: self.clientFraming, closes: self.closesAfterAnswer,
            saysKeepAlive: !isHTTP11 && !self.closesAfterAnswer, id: exchange.id,
            responseTime: now - exchange.machine.timeline.start, forwardsTrailers: self.forwardsTrailers,
            ownsRequestID: exchange.messages != nil, rate: exchange.rate, cors: exchange.corsLines)
        let routing = exchange.messages == nil ? exchange.routingLines : self.dialectLines + exchange.routingLines
        self.takeOut()
        self.loop.clientHead.write(
            head, bytes: span, facts: facts, wire: wire, model: exchange.modelField, routing: routing,
            sticky: exchange.stickyLines, date: self.loop.dateLine(at: now), into: &self.out)
        self.unflushed = self.out.readableBytes
        self.armUpstreamRead(at: now)
    }

    private func beginObservation(_ head: borrowing ResponseHead, _ bytes: RawSpan, _ wire: EndpointWire) {
        let exchange = self.exchange
        guard exchange.operation != nil, head.status < 300, !head.contains(.contentEncoding),
            let field = head.first(.contentType),
            let framing = ResponseFraming(contentType: bytes.extracting(field.value))
        else { return }
        exchange.observation.begin(framing: framing)
        if exchange.observation.isStream { self.loop.recorder.streamStarted(wire.slot) }
    }

    private func flushes(_ head: borrowing ResponseHead, _ bytes: RawSpan) -> Bool {
        switch self.loop.configuration.flushProfile {
        case .streaming: return true
        case .standard: return false
        case .auto:
            // Whoever asked for a stream waits for its pieces, of speech too.
            if self.exchange.asksForStream { return true }
            guard let field = head.first(.contentType) else { return true }
            return !BinaryContent.matches(bytes.extracting(field.value))
        }
    }

    // MARK: Body

    /// A piece of content, after transfer coding, before it is passed on.
    package func observeContent(_ bytes: RawSpan, _ range: Range<Int>) {
        let exchange = self.exchange
        if self.translating == nil {
            exchange.responseBytes += range.count
            exchange.messages?.inspection?.append(bytes.extracting(range))
        }
        guard exchange.observation.isActive, let wire = exchange.wire else { return }
        let deltas = exchange.observation.observe(bytes.extracting(range))
        guard deltas > 0 else { return }
        // An answer may begin before the request is whole; the first token then took no time.
        let read = exchange.machine.hasReadRequest ? exchange.machine.requestRead : self.arrival
        if exchange.observation.timeToFirstToken == nil {
            self.endpointAnswered(self.arrival, at: self.arrival)
        }
        exchange.observation.deltasArrived(
            deltas, at: self.arrival, requestRead: read, model: exchange.model, endpoint: wire.slot,
            recorder: self.loop.recorder, exemplar: self.exemplar(at: self.arrival, span: exchange.attemptSpan))
    }

    /// Passes content on in the client's framing.
    package func relayContent(_ data: ByteBuffer) {
        if let messages = self.translating { return self.translateContent(data, messages) }
        switch self.clientFraming {
        case .none: return
        case .length, .close: self.writeOut(data)
        case .chunked:
            self.takeOut()
            Chunk.writePrefix(data.readableBytes, into: &self.out)
            self.unflushed += 8
            self.writeOut(data)
            self.writeOut(Chunk.lineEnd)
        }
    }

    /// Passes whole chunks on as they came.
    package func relayChunks(_ chunks: ByteBuffer, content: Int) { self.writeOut(chunks) }

    /// Passes the end of a chunked body on.
    package func relayLastChunk(trailers: ByteBuffer) {
        guard self.clientFraming == .chunked, self.translating == nil else { return }
        if trailers.readableBytes > 0 {
            self.writeOut(ByteBuffer(staticString: "0\r\n"))
            self.writeOut(trailers)
            self.writeOut(Chunk.lineEnd)
        } else {
            self.writeOut(Chunk.end)
        }
    }

    /// The endpoint's read cycle is over: one flush for all of it.
    package func upstreamReadCompleted() {
        guard self.exchange.machine.phase == .relaying else { return }
        if let messages = self.translating {
            guard self.translatedReadCompleted(messages) else { return }
            if self.unflushed == 0 { self.exchange.machine.chunkWritten(at: Clock.now()) }
        }
        self.armUpstreamRead(at: self.arrival)
        self.countReceived()
        if self.flushesEveryRead || self.unflushed >= Self.gatheredBytesMax {
            self.flushAnswer()
        } else {
            self.exchange.machine.chunkWritten(at: Clock.now())
        }
    }

    /// Counts the bytes of a long answer while it goes on.
    private func countReceived() {
        guard let wire = self.exchange.wire, let upstream = self.upstream else { return }
        let new = upstream.received - self.exchange.attemptReported
        self.exchange.attemptReported = upstream.received
        self.loop.recorder.upstreamBytes(wire.slot, sent: 0, received: new)
    }

    /// Pushes what was written to the client's socket and notes whether it took everything.
    func flushAnswer() {
        guard self.unflushed > 0 else {
            // A read that ended inside a chunk's size line: nothing to pass on, and the endpoint is waited for again.
            if self.isClientDrained { self.exchange.machine.chunkWritten(at: Clock.now()) }
            return
        }
        self.flushOut()
        if self.isClientDrained {
            self.exchange.machine.chunkWritten(at: Clock.now())
        } else if let upstream = self.upstream {
            // The buffer between the two sides is the kernel's; what is read meanwhile would only be kept here.
            upstream.pause()
            self.loop.recorder.backpressurePaused(.client)
            self.armClientWrite(at: Clock.now())
        }
    }

    private func armClientWrite(at now: MonotonicTime) {
        let limit = self.loop.configuration.clientWriteTimeout
        self.armResponseDeadline(at: now, limit: limit)
    }

    /// The client's socket took everything written so far.
    func clientDrained() {
        guard self.exchange.isActive, !self.isFlushing else { return }
        let now = Clock.now()
        if self.isAnswerComplete { return self.requestFinished(at: now) }
        self.exchange.machine.chunkWritten(at: now)
        if let upstream = self.upstream, self.exchange.machine.phase == .relaying {
            self.armUpstreamRead(at: now)
            upstream.resume()
        }
    }

    /// The answer is complete.
    package func responseEnded() {
        let exchange = self.exchange
        guard exchange.machine.phase == .relaying, let upstream = self.upstream else { return }
        let now = Clock.now()
        if let messages = self.translating {
            guard self.finishTranslation(messages, isWhole: !upstream.hasEndedByClosing, at: now) else { return }
        }
        if upstream.hasEndedByClosing { self.relayLastChunk(trailers: ByteBuffer()) }
        let status = exchange.machine.status
        let outcome = exchange.machine.responseCompleted(at: now)
        let error: UpstreamErrorType? = outcome == .ok ? nil : status == 429 ? .http429 : .http5xx
        // A stream in which no token was found was at least begun.
        if outcome == .ok, let head = exchange.answerHead { self.endpointAnswered(head, at: now) }
        self.upstream = nil
        self.attemptEnded(outcome, status: status, error: error, bytes: upstream.received, at: now)
        upstream.release(isRequestSent: self.isRequestComplete)
        if !self.answerCompleted() { self.armClientWrite(at: now) }
    }

    /// Pushes the end of an answer; the request is over when the client's socket has taken it.
    ///
    /// Returns whether it has.
    @discardableResult
    func answerCompleted() -> Bool {
        self.isAnswerComplete = true
        self.flushOut()
        guard self.isClientDrained else {
            self.exchange.machine.answerHeldUp(at: Clock.now())
            return false
        }
        self.requestFinished(at: Clock.now())
        return true
    }
}

// MARK: - Output

extension ClientConnection {
    /// Whether the client's socket has taken everything written so far; one that is closed takes nothing.
    var isClientDrained: Bool { self.reading != .closed && (self.context?.channel.isWritable ?? false) }

    /// Makes sure there is a buffer to gather small writes in.
    func takeOut() {
        if self.out.readableBytes == 0 { self.out = self.loop.takeBuffer() }
    }

    /// Writes data behind what has gathered; small data joins it.
    func writeOut(_ data: ByteBuffer) {
        self.unflushed += data.readableBytes
        if self.out.readableBytes > 0 {
            if data.readableBytes <= Self.joinedContentBytesMax {
                self.out.writeImmutableBuffer(data)
                return
            }
            self.writeGathered()
        }
        self.context?.write(self.wrapOutboundOut(data), promise: nil)
    }

    private func writeGathered() {
        guard self.out.readableBytes > 0 else { return }
        self.context?.write(self.wrapOutboundOut(self.out), promise: nil)
        self.loop.giveBack(&self.out)
    }

    /// Writes what has gathered and flushes.
    func flushOut() {
        self.writeGathered()
        self.unflushed = 0
        self.isFlushing = true
        self.context?.flush()
        self.isFlushing = false
    }

    /// Writes and flushes bytes outside of an answer's body.
    func writeAndFlush(_ bytes: ByteBuffer) {
        self.writeGathered()
        self.context?.write(self.wrapOutboundOut(bytes), promise: nil)
        self.flushOut()
    }
}
