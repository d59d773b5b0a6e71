import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Telemetry
import Transport

// From the first byte of a request to the moment it can be routed.

extension ClientConnection {
    /// Bodies that no answer depends on are read away up to this size, so that the connection can live on.
    private static let discardedBytesMax: UInt64 = 65_536

    /// Looks for the end of a head.
    ///
    /// Returns whether more can be done with the input.
    func processHead() -> Bool {
        let start = self.headStart ?? Clock.now()
        let input = self.input
        switch self.head.parse(input.readableBytesSpan, limits: self.loop.configuration.requestHeadLimits) {
        case .incomplete:
            if self.headStart == nil, self.head.isPartial {
                self.headStart = start
                self.arm(at: start + self.loop.configuration.clientHeadTimeout)
            }
            return false
        case .refused(let refusal):
            self.loop.recorder.parseFailed(refusal.status == 431 || refusal.status == 414 ? .headTooLarge : .badHead)
            self.refuseUnparsed(status: Int(refusal.status), reason: refusal.reason)
            return false
        case .complete(let length):
            self.headStart = nil
            guard let bytes = self.input.readSlice(length: length) else { return false }
            self.headBytes.clear()
            self.headBytes.writeImmutableBuffer(bytes)
            self.requestBegan(at: start)
            return true
        }
    }

    private func requestBegan(at start: MonotonicTime) {
        let loop = self.loop
        let exchange = self.exchange
        let now = Clock.now()
        let wall = loop.wallClock(at: start)
        exchange.begin(policy: loop.configuration.retry, at: start, wall: wall, fleet: loop.currentFleet())
        exchange.machine.headReceived(isIdempotent: self.head.method.isIdempotent, at: now)
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        exchange.method = MethodLabel(self.head.method)
        exchange.match = self.surface.match(
            loop.paths.match(path: self.routedPath(bytes), method: bytes.extracting(self.head.methodRange)))
        self.takeRequestID(bytes)
        self.takeTraceContext(bytes)
        loop.recorder.requestStarted(exchange.match.routeClass)
        loop.requestStarted(self, at: now)
        self.logStart()
        self.closesAfterAnswer = !self.head.keepsAlive || loop.isStopping
        self.isAnswerComplete = false
        self.clientFraming = .none
        self.body.clear()
        self.beginBody(at: now)
        self.dispatch(at: now)
    }

    /// The path that routes are matched by: an absolute form without a path means the root (RFC 9112 section 3.2.2),
    /// the asterisk form stands for itself.
    @_lifetime(copy bytes)
    func routedPath(_ bytes: RawSpan) -> RawSpan {
        switch self.head.targetForm {
        case .origin, .absolute: bytes.extracting(self.head.path)
        case .authority, .asterisk: bytes.extracting(self.head.target)
        }
    }

    private func takeRequestID(_ bytes: RawSpan) {
        if let field = self.head.first(.xRequestID),
            self.exchange.id.adopt(Span(_bytes: bytes.extracting(field.value)))
        {
            return
        }
        self.exchange.id.generate(bits: self.loop.random.next(), choice: self.loop.random.next())
    }

    private func beginBody(at now: MonotonicTime) {
        switch self.head.framing {
        case .none, .untilClose, .length(0):
            self.bodyRemaining = 0
            self.reading = .served
            self.exchange.machine.requestCompleted(at: now)
        case .length(let count):
            self.bodyRemaining = count
            self.reading = .body
        case .chunked:
            self.chunks = ChunkedDecoder()
            self.reading = .body
        }
    }

    /// Whether the request's body is complete.
    var isRequestComplete: Bool { self.exchange.machine.hasReadRequest }

    // MARK: Where to

    private func dispatch(at now: MonotonicTime) {
        let configuration = self.loop.configuration
        let bodyBytesMax = self.bodyBytesMax
        if let cors = self.loop.shared.cors {
            self.applyCORS(cors)
            if self.exchange.isPreflight { return self.discardBodyThenAnswer() }
        }
        if let admission = self.loop.admission, !self.isAdmitted(by: admission, at: now) { return }
        if self.head.estimatedBytes > configuration.headerBytesMax {
            return self.refuse(GatewayAnswer(.headersTooLarge))
        }
        if case .length(let count) = self.head.framing, bodyBytesMax > 0, count > UInt64(bodyBytesMax) {
            self.loop.recorder.admission(.bodyTooLarge)
            return self.refuse(GatewayAnswer(.bodyTooLarge))
        }
        switch self.exchange.match.target {
        case .proxy, .provider:
            if self.head.asksForWebSocket { return self.refuse(GatewayAnswer(.upgradeRefused)) }
            self.beginForwarding(at: now)
        case .messages(let call, _):
            if self.head.asksForWebSocket { return self.refuse(GatewayAnswer(.upgradeRefused)) }
            self.beginMessages(call, at: now)
        case .local, .redirect, .methodNotAllowed, .notFound:
            self.discardBodyThenAnswer()
        }
    }

    /// The answer does not depend on the body: small ones are read away first, others close the connection.
    private func discardBodyThenAnswer() {
        self.exchange.discardsBody = true
        if self.isRequestComplete { return self.answerWithoutBackend() }
        let isSmall: Bool =
            if case .length(let count) = self.head.framing { count <= Self.discardedBytesMax } else { true }
        if self.head.expectsContinue || !isSmall {
            self.closesAfterAnswer = true
            self.answerWithoutBackend()
        } else {
            let now = Clock.now()
            self.exchange.machine.bodyAwaited(at: now)
            self.armClientRead(at: now)
        }
    }

    private func beginForwarding(at now: MonotonicTime) {
        let exchange = self.exchange
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        exchange.operation = self.head.method == .post ? LLMOperation(path: bytes.extracting(self.head.path)) : nil
        if let type = self.head.first(.contentType) {
            exchange.scan.restart(contentType: bytes.extracting(type.value))
        } else {
            exchange.scan.restart(contentType: RawSpan())
        }
        if self.isRequestComplete {
            exchange.scan.finish()
            return self.routeRequest(at: now)
        }
        if self.head.expectsContinue, self.input.readableBytes == 0 { self.sendContinue() }
        if !exchange.scan.isApplicable { return self.routeRequest(at: now) }
        exchange.machine.bodyAwaited(at: now)
        self.armClientRead(at: now)
    }

    func sendContinue() {
        var bytes = self.loop.takeBuffer()
        bytes.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        self.writeAndFlush(bytes)
        self.loop.giveBack(&bytes)
    }

    func armClientRead(at now: MonotonicTime) {
        let limit = self.loop.configuration.clientReadTimeout
        if limit > .zero { self.arm(at: now + limit) }
    }

    // MARK: Body

    /// Takes body bytes from the input.
    ///
    /// Returns whether more can be done with the input.
    func processBody() -> Bool {
        switch self.head.framing {
        case .none, .untilClose: return false
        case .length:
            let count = Int(min(self.bodyRemaining, UInt64(self.input.readableBytes)))
            guard count > 0, let piece = self.input.readSlice(length: count) else { return false }
            self.bodyRemaining -= UInt64(count)
            self.accept(piece, isLast: self.bodyRemaining == 0)
            return true
        case .chunked: return self.processChunks()
        }
    }

    private func processChunks() -> Bool {
        var from = 0
        while self.reading == .body {
            let input = self.input
            switch self.chunks.next(input.readableBytesSpan, from: &from) {
            case .data(let range):
                let start = self.input.readerIndex + range.lowerBound
                if let piece = self.input.getSlice(at: start, length: range.count) {
                    self.accept(piece, isLast: false)
                }
            case .skipped, .trailer: continue
            case .needMore:
                self.input.moveReaderIndex(forwardBy: min(from, self.input.readableBytes))
                return false
            case .end:
                self.input.moveReaderIndex(forwardBy: from)
                self.accept(ByteBuffer(), isLast: true)
                return true
            case .refused(let refusal):
                self.exchange.refusal = refusal.reason
                self.requestBroke(GatewayAnswer(.malformedBody, status: Int(refusal.status), outcome: .clientError))
                return false
            }
        }
        return true
    }

    /// Takes a piece of the body; the last one may be empty.
    private func accept(_ piece: ByteBuffer, isLast: Bool) {
        let exchange = self.exchange
        let limit = self.bodyBytesMax
        exchange.requestBytes += piece.readableBytes
        if limit > 0, exchange.requestBytes > limit {
            self.loop.recorder.admission(.bodyTooLarge)
            return self.requestBroke(GatewayAnswer(.bodyTooLarge))
        }
        if isLast { self.reading = .served }
        if exchange.discardsBody { return self.discarded(isLast: isLast) }
        let now = Clock.now()
        exchange.machine.bodyReceived(at: now)
        exchange.scan.feed(piece.readableBytesSpan)
        if isLast {
            exchange.machine.requestCompleted(at: now)
            exchange.scan.finish()
        }
        switch exchange.machine.phase {
        case .collecting:
            self.body.writeImmutableBuffer(piece)
            if isLast, exchange.messages != nil {
                self.messagesReceived(at: now)
            } else if isLast || self.isKnownWellEnough {
                self.routeRequest(at: now)
            } else {
                exchange.machine.bodyAwaited(at: now)
                self.armClientRead(at: now)
            }
        case .routing, .queued, .acquiring: self.keep(piece)
        case .sending, .waiting, .relaying: self.forward(piece, isLast: isLast, at: now)
        case .readingHead, .answering, .finishing, .finished: break
        }
    }

    /// Whether the part of the body that has come is enough to choose an endpoint.
    private var isKnownWellEnough: Bool {
        self.exchange.messages == nil && self.exchange.scan.isDecided && !self.awaitsConversation
    }

    private func discarded(isLast: Bool) {
        if isLast {
            self.exchange.machine.requestCompleted(at: Clock.now())
            self.answerWithoutBackend()
        } else if self.exchange.requestBytes > Int(Self.discardedBytesMax) {
            self.closesAfterAnswer = true
            self.answerWithoutBackend()
        }
    }

    /// Keeps a piece for the attempt that is about to send it, and for those after it.
    private func keep(_ piece: ByteBuffer) { self.body.writeImmutableBuffer(piece) }

    /// Sends a piece to the endpoint that is being sent to, and keeps it while the replay buffer has room.
    private func forward(_ piece: ByteBuffer, isLast: Bool, at now: MonotonicTime) {
        let exchange = self.exchange
        guard let upstream = self.upstream else { return }
        if self.body.readableBytes + piece.readableBytes <= self.loop.configuration.replayBytesMax {
            self.body.writeImmutableBuffer(piece)
        } else {
            exchange.machine.replayLost()
            self.body = ByteBuffer()
        }
        exchange.machine.sendResumed(at: now)
        exchange.attemptSent += piece.readableBytes
        upstream.write(piece, isLast: isLast)
    }

    // MARK: Refusals

    /// Refuses a request whose head was read; the body, if any, is not.
    func refuse(_ answer: GatewayAnswer, text: String? = nil, retryAt: MonotonicTime = .zero) {
        if !self.isRequestComplete { self.closesAfterAnswer = true }
        self.answer(answer, text: text, retryAt: retryAt)
    }

    /// The client broke the rules, or a limit, in the middle of its body.
    private func requestBroke(_ answer: GatewayAnswer) {
        let now = Clock.now()
        self.closesAfterAnswer = true
        self.cancelAttempt(at: now)
        if self.exchange.machine.hasStartedAnswer {
            self.abortClient(at: now)
        } else {
            self.answer(answer)
        }
    }

    /// Answers what is no request and closes; nothing is counted as started.
    func refuseUnparsed(status: Int, reason: StaticString = "head not complete in time") {
        let loop = self.loop
        var id = RequestID()
        id.generate(bits: loop.random.next(), choice: loop.random.next())
        var bytes = loop.takeBuffer()
        let sent = loop.answers.writeUnparsed(status: status, id: id, into: &bytes)
        self.writeAndFlush(bytes)
        loop.giveBack(&bytes)
        loop.logRefusal(
            status: status, reason: reason, id: id, address: self.clientAddress, sent: sent,
            since: self.headStart ?? Clock.now())
        self.closeGracefully()
    }
}

extension MethodLabel {
    /// The label of a parsed method.
    init(_ method: RequestMethod) {
        self =
            switch method {
            case .get: .get
            case .post: .post
            case .put: .put
            case .patch: .patch
            case .delete: .delete
            case .head: .head
            case .options: .options
            case .connect, .trace, .other: .other
            }
    }
}
