import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Routing
import Telemetry
import Transport

// From an endpoint chosen to the last byte of the request sent.

extension ClientConnection {
    /// How much of the path is the gateway's own prefix.
    var prefixLength: Int {
        switch self.exchange.match.target {
        case .proxy(let length), .provider(_, let length), .messages(_, let length): length
        case .local, .redirect, .methodNotAllowed, .notFound: 0
        }
    }

    /// An endpoint was chosen: goes for a connection to it.
    func attemptBegan(allowsReuse: Bool = true) {
        let exchange = self.exchange
        guard let wire = exchange.wire else { return }
        exchange.turn &+= 1
        exchange.attemptSent = 0
        exchange.attemptReported = 0
        exchange.attemptSpan = SpanID(random: self.loop.random.next())
        exchange.attemptNumber = exchange.machine.attemptCount
        exchange.hasAnswered = false
        exchange.attemptStart = exchange.machine.attemptStart
        self.loop.recorder.attemptStarted(wire.slot)
        self.logAttempt(wire)
        self.acquireConnection(wire, allowsReuse: allowsReuse)
    }

    /// The same endpoint once more, over a fresh connection; the machine has begun the attempt already.
    func attemptRestarted() {
        self.attemptBegan(allowsReuse: false)
    }

    /// An alias means another model on each endpoint, and endpoints spell the name of one model differently, so the
    /// name in the body is replaced for each attempt unless the endpoint knows the model by exactly that.
    func prepareSplice(_ decision: RouteDecision) {
        let exchange = self.exchange
        exchange.splice = nil
        if let messages = exchange.messages {
            let asked = exchange.modelName
            let name = decision.model.flatMap { exchange.fleet[$0].rewrite(of: asked.span, on: decision.endpoint) }
            return self.prepareMessages(messages, model: name)
        }
        guard let index = decision.model, let field = exchange.scan.model else { return }
        let (asked, record) = (exchange.modelName, exchange.fleet[index])
        // A name with escapes, or with blanks around it, is longer in the body than what it stands for.
        let isPlain = field.plainLength == asked.count
        let name =
            isPlain
            ? record.rewrite(of: asked.span, on: decision.endpoint) : record.nativeName(on: decision.endpoint)
        guard let name else { return }
        exchange.splice = AliasSplice(model: field, name: name)
    }

    // MARK: Connections

    private func acquireConnection(_ wire: EndpointWire, allowsReuse: Bool) {
        let loop = self.loop
        if allowsReuse, let connection = loop.pool.takeIdle(wire) {
            return self.start(connection, wire)
        }
        let turn = self.exchange.turn
        self.armResponseDeadline(at: Clock.now(), limit: .zero)
        loop.pool.open(
            wire, head: { self.isAwaitingUpstream(turn) ? self.upstreamHead() : nil },
            completion: { self.connectionOpened($0, turn: turn, wire: wire) })
        self.resumeInput()
    }

    /// Whether the attempt that began as `turn` still waits for its connection.
    private func isAwaitingUpstream(_ turn: UInt64) -> Bool {
        let exchange = self.exchange
        return exchange.isActive && exchange.turn == turn && exchange.machine.phase == .acquiring
    }

    private func connectionOpened(
        _ result: Result<any Upstream, ConnectFailure>, turn: UInt64, wire: EndpointWire
    ) {
        let isAwaited = self.isAwaitingUpstream(turn)
        switch result {
        case .success(let connection):
            guard isAwaited else { return self.loop.pool.parkUnused(connection) }
            self.start(connection, wire)
        case .failure(let failure):
            guard isAwaited else { return }
            self.loop.recorder.connectionAcquired(wire.slot, .failed)
            self.loop.logConnectFailure(failure, endpoint: wire.endpoint, request: self.exchange.id)
            self.attemptFailed(
                UpstreamFailure(failure.type, isCertificate: failure.isCertificate), hasAnswerBegun: false)
        }
    }

    private func start(_ connection: any Upstream, _ wire: EndpointWire) {
        let isReused = connection.isReused
        self.loop.recorder.connectionAcquired(wire.slot, isReused ? .reused : .opened)
        self.exchange.machine.connectionAcquired(isReused: isReused, at: Clock.now())
        self.upstream = connection
        connection.serve(self)
        self.sendRequest(to: connection)
    }

    // MARK: Sending

    /// The head of the request for the chosen endpoint.
    private func upstreamHead() -> ByteBuffer {
        var bytes = self.loop.takeBuffer()
        self.writeUpstreamHead(into: &bytes)
        return bytes
    }

    private func writeUpstreamHead(into bytes: inout ByteBuffer) {
        let exchange = self.exchange
        guard let wire = exchange.wire else { return }
        let facts = UpstreamHead.Facts(
            framing: self.upstreamFraming(), prefixLength: self.prefixLength, id: exchange.id,
            clientAddress: self.clientAddress, trace: exchange.trace, span: exchange.attemptSpan,
            forwardsTraceState: exchange.forwardsTraceState, path: exchange.messages?.path ?? [],
            isTranslated: exchange.messages?.isTranslated ?? false)
        let head = self.headBytes
        let before = bytes.readableBytes
        self.loop.upstreamHead.write(
            self.head, bytes: head.readableBytesSpan, facts: facts, wire: wire, model: exchange.modelField,
            into: &bytes)
        exchange.attemptSent += bytes.readableBytes - before
    }

    private func sendRequest(to connection: any Upstream) {
        let exchange = self.exchange
        var bytes = self.loop.takeBuffer()
        if !connection.hasHead { self.writeUpstreamHead(into: &bytes) }
        let isWhole = self.isRequestComplete
        if let messages = exchange.messages, messages.isTranslated {
            self.begin(&bytes, body: messages.body, isLast: isWhole, on: connection)
        } else if let splice = exchange.splice {
            let spliced = Self.spliced(self.body, splice)
            self.begin(&bytes, body: spliced, isLast: isWhole, on: connection)
        } else {
            self.begin(&bytes, body: self.body, isLast: isWhole, on: connection)
        }
        self.loop.giveBack(&bytes)
        self.flushRequest(to: connection)
    }

    /// The length is said whenever it is known, also when the client's own framing was chunked.
    private func upstreamFraming() -> BodyFraming {
        let exchange = self.exchange
        let change = exchange.splice.map { $0.lengthAfter(bodyLength: 0) } ?? 0
        exchange.sendsChunks = false
        if let messages = exchange.messages, messages.isTranslated {
            return .length(UInt64(messages.body.readableBytes))
        }
        switch self.head.framing {
        case .none, .untilClose: return .none
        case .length(let count):
            // The largest length there is does not grow; no body ever has it.
            let (sum, overflows) = Int(count).addingReportingOverflow(change)
            return .length(overflows ? count : UInt64(sum))
        case .chunked:
            if self.isRequestComplete { return .length(UInt64(self.body.readableBytes + change)) }
            exchange.sendsChunks = true
            return .chunked
        }
    }

    private static func spliced(_ body: ByteBuffer, _ splice: AliasSplice) -> ByteBuffer {
        let parts = splice.parts(of: 0..<body.readableBytes)
        var result = ByteBuffer()
        result.reserveCapacity(body.readableBytes + splice.replacement.count)
        let start = body.readerIndex
        if let prefix = body.getSlice(at: start + parts.prefix.lowerBound, length: parts.prefix.count) {
            result.writeImmutableBuffer(prefix)
        }
        if parts.hasReplacement { result.writeBytes(splice.replacement) }
        if let suffix = body.getSlice(at: start + parts.suffix.lowerBound, length: parts.suffix.count) {
            result.writeImmutableBuffer(suffix)
        }
        return result
    }

    /// Hands over the head in `head` and what there is of the body.
    private func begin(
        _ head: inout ByteBuffer, body: ByteBuffer, isLast: Bool, on connection: any Upstream
    ) {
        let exchange = self.exchange
        exchange.attemptSent += body.readableBytes
        connection.begin(&head, body: body, isChunked: exchange.sendsChunks, isLast: isLast)
    }

    /// Pushes what was written to the endpoint's socket and notes whether it took everything.
    func flushRequest(to connection: any Upstream) {
        connection.flush()
        if connection.isDrained {
            self.requestDrained(at: Clock.now())
            // Reads were held back while there was no connection; nothing else says that there is one now.
            self.resumeInput()
        } else {
            if connection.hasDrained { self.loop.recorder.backpressurePaused(.endpoint) }
            self.armUpstreamRead(at: Clock.now())
        }
    }

    /// The endpoint's socket took everything written so far.
    package func upstreamDrained() {
        self.requestDrained(at: Clock.now())
        self.resumeInput()
    }

    private func requestDrained(at now: MonotonicTime) {
        let exchange = self.exchange
        guard exchange.machine.phase == .sending else { return }
        if self.isRequestComplete {
            exchange.machine.requestSent(at: now)
            self.armResponseDeadline(at: now, limit: self.loop.configuration.responseHeadTimeout)
        } else {
            exchange.machine.sendStarved(at: now)
            self.armClientRead(at: now)
        }
    }

    // MARK: Deadlines

    /// Arms a limit of this phase together with the one of the whole exchange; zero means none.
    func armResponseDeadline(at now: MonotonicTime, limit: Nanoseconds) {
        let whole = self.loop.configuration.responseTimeout
        var deadline = MonotonicTime.distantFuture
        if whole > .zero { deadline = self.exchange.machine.attemptStart + whole }
        if limit > .zero { deadline = min(deadline, now + limit) }
        if let messages = self.translating, messages.relay == .stream {
            messages.deadline = deadline
            if self.isClientDrained { return self.armSilence(messages, at: now) }
        }
        self.arm(at: deadline)
    }

    /// Arms the limit of silence from the endpoint.
    func armUpstreamRead(at now: MonotonicTime) {
        self.armResponseDeadline(at: now, limit: self.loop.configuration.upstreamReadTimeout)
    }
}
