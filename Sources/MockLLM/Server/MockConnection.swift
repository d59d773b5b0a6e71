import NIOCore
import NIOHTTP1
import SeededRandomness

/// Serves one client connection of a mock: reads requests, plays answers one after the other.
///
/// Answers are written as raw bytes, because half of them must be wrong.
///
/// - Isolation: the channel's event loop.
final class MockConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// A request that has been read whole.
    private struct Incoming {
        var head: HTTPRequestHead
        var body: [UInt8] = []
        var ordinal = 0
    }

    /// An answer that is being played.
    private struct Performance {
        let steps: [PlayStep]
        var position = 0
        let inputTokens: Int
        let outputTokens: Int
        /// Whether it belongs to `/_mock/` and is left out of the counts.
        let isControl: Bool
        /// Whether a model works on it.
        let isInference: Bool
    }

    private let kind: MockKind
    private let ledger: MockLedger
    private let listener: MockListener
    private var number = 0
    private var requestsRead = 0
    private var reading: Incoming?
    private var waiting: [Incoming] = []
    private var playing: Performance?
    private var isOver = false

    init(kind: MockKind, ledger: MockLedger, listener: MockListener) {
        self.kind = kind
        self.ledger = ledger
        self.listener = listener
    }

    func channelActive(context: ChannelHandlerContext) {
        self.number = self.listener.opened(context.channel)
        self.ledger.count {
            $0.connectionsAccepted += 1
            $0.connectionsOpen += 1
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.listener.closed(context.channel)
        let isCancelled = !self.isOver && self.playing != nil
        self.isOver = true
        self.stopPlaying()
        self.ledger.count {
            $0.connectionsOpen -= 1
            if isCancelled { $0.cancellations += 1 }
        }
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.reading = Incoming(head: head)
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                self.write("HTTP/1.1 100 Continue\r\n\r\n", context: context)
            }
        case .body(let buffer):
            let bodyBytes = (self.reading?.body.count ?? 0) + buffer.readableBytes
            guard bodyBytes <= MockBackend.requestBytesMax else {
                self.refuse(status: 413, context: context)
                return
            }
            self.reading?.body.append(contentsOf: buffer.readableBytesView)
        case .end:
            guard var request = self.reading else { return }
            self.reading = nil
            self.requestsRead += 1
            request.ordinal = self.requestsRead
            self.accept(request, context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError {
            self.refuse(status: 400, context: context)
        } else {
            context.close(promise: nil)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.play(context: context) }
        context.fireChannelWritabilityChanged()
    }

    private func accept(_ request: Incoming, context: ChannelHandlerContext) {
        guard self.waiting.count < MockBackend.pipelineMax else {
            self.refuse(status: 503, context: context)
            return
        }
        let isControl = request.head.uri.hasPrefix(ControlSurface.prefix)
        if !isControl {
            let body = Array(request.body.prefix(SeenRequest.bodyBytesMax))
            self.ledger.remember(
                SeenRequest(
                    method: request.head.method.rawValue, target: request.head.uri,
                    fields: request.head.headers.map { .init(name: $0.name, value: $0.value) },
                    body: body, connection: self.number, ordinal: request.ordinal))
            let path = Self.path(request.head.uri)
            self.ledger.count {
                $0.requests += 1
                $0.requestBytes += request.body.count
                $0.countPath(path)
            }
        }
        self.waiting.append(request)
        self.startNext(context: context)
    }

    private func startNext(context: ChannelHandlerContext) {
        guard self.playing == nil, !self.isOver, !self.waiting.isEmpty else { return }
        let request = self.waiting.removeFirst()
        if request.head.uri.hasPrefix(ControlSurface.prefix) {
            self.startControl(request, context: context)
        } else {
            self.start(request, context: context)
        }
    }

    private func start(_ request: Incoming, context: ChannelHandlerContext) {
        let method = request.head.method.rawValue
        let path = Self.path(request.head.uri)
        let isInference = MockRoutes.isInference(method: method, path: path)
        let admitted = self.ledger.admit(
            header: request.head.headers.first(name: Fault.requestHeader), isInference: isInference)
        var fault = admitted.fault
        // The first request of a connection has no reuse to fail on.
        if fault == .closeOnReuse, request.ordinal == 1 { fault = nil }
        let routes = MockRoutes(kind: self.kind, behaviour: admitted.behaviour)
        let answer: Answer
        switch fault {
        case .tooManyRequests:
            answer = routes.failure(status: 429, message: "Too many requests.", path: path)
        case .status(let status):
            answer = routes.failure(status: status, message: "Mock failure.", path: path)
        default:
            let load =
                path == LoadPage.path && method == "GET"
                ? LoadPage(kind: self.kind, behaviour: admitted.behaviour, counts: self.ledger.counts).answer : nil
            answer = load ?? routes.answer(method: method, path: path, body: request.body)
        }
        if let fault { self.ledger.count { $0.faults[fault.label, default: 0] += 1 } }
        self.begin(
            answer, request: request, fault: fault, pacing: admitted.behaviour.pacing,
            seed: admitted.seed, isInference: isInference, context: context)
    }

    private func startControl(_ request: Incoming, context: ChannelHandlerContext) {
        let answer = ControlSurface(
            kind: self.kind, ledger: self.ledger, listener: self.listener
        ).answer(
            method: request.head.method.rawValue, path: Self.path(request.head.uri),
            body: request.body, connection: ObjectIdentifier(context.channel))
        self.begin(
            answer, request: request, fault: nil, pacing: .immediate, seed: 0, isControl: true, context: context)
    }

    private func begin(
        _ answer: Answer, request: Incoming, fault: Fault?, pacing: TokenPacing, seed: UInt64,
        isControl: Bool = false, isInference: Bool = false, context: ChannelHandlerContext
    ) {
        var score = AnswerScore(
            answer: answer, fault: fault, pacing: pacing,
            isHead: request.head.method == .HEAD, isHTTP10: request.head.version == .http1_0,
            keepsConnection: request.head.isKeepAlive, random: SeededGenerator(seed: seed))
        self.playing = Performance(
            steps: score.steps(), inputTokens: answer.inputTokens,
            outputTokens: answer.outputTokens, isControl: isControl, isInference: isInference)
        if isInference {
            self.ledger.count {
                $0.inferencesRunning += 1
                $0.tokensHeld += answer.inputTokens + answer.outputTokens
            }
        }
        self.play(context: context)
    }

    /// Plays steps until one of them has to wait.
    private func play(context: ChannelHandlerContext) {
        var needsFlush = false
        defer { if needsFlush { context.flush() } }
        while var performance = self.playing, context.channel.isWritable {
            // A pause in progress is continued by its timer, not by a change of writability.
            guard !self.isPaused else { return }
            let step = performance.steps[performance.position]
            performance.position += 1
            self.playing = performance
            switch step {
            case .write(let bytes, let chunks):
                needsFlush = true
                self.write(bytes, chunks: chunks, of: performance, context: context)
                if chunks > 0 {
                    // Every chunk in its own packet, as a server that generates would send it.
                    context.flush()
                    needsFlush = false
                }
            case .pause(let duration): self.pause(duration, context: context)
            case .wait: return
            case .breakOff:
                self.end()
                self.flushAndClose(context: context)
                needsFlush = false
            case .reset:
                self.end()
                context.flush()
                MockListener.reset(context.channel)
                needsFlush = false
            case .finish(let keepsConnection):
                self.finish(performance, keepsConnection: keepsConnection, context: context)
                needsFlush = false
            }
        }
    }

    private var isPaused = false

    private func pause(_ duration: Duration, context: ChannelHandlerContext) {
        self.isPaused = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .nanoseconds(duration.nanoseconds)) {
            let (connection, context) = bound.value
            connection.isPaused = false
            if !connection.isOver { connection.play(context: context) }
        }
    }

    private func finish(
        _ performance: Performance, keepsConnection: Bool, context: ChannelHandlerContext
    ) {
        context.flush()
        if !performance.isControl {
            self.ledger.count {
                $0.answersFinished += 1
                $0.inputTokens += performance.inputTokens
                $0.outputTokens += performance.outputTokens
            }
        }
        self.stopPlaying()
        if keepsConnection {
            self.startNext(context: context)
        } else {
            self.isOver = true
            self.flushAndClose(context: context)
        }
    }

    /// Closes once every byte written so far is with the kernel.
    private func flushAndClose(context: ChannelHandlerContext) {
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    /// The connection ends by our own doing: what follows is no cancellation.
    private func end() {
        self.isOver = true
        self.stopPlaying()
    }

    private func stopPlaying() {
        if let performance = self.playing, performance.isInference {
            self.ledger.count {
                $0.inferencesRunning -= 1
                $0.tokensHeld -= performance.inputTokens + performance.outputTokens
            }
        }
        self.playing = nil
    }

    private func refuse(status: Int, context: ChannelHandlerContext) {
        guard !self.isOver else { return }
        self.ledger.count { $0.badRequests += 1 }
        self.end()
        self.write(
            "HTTP/1.1 \(status) \(AnswerScore.reason(status))\r\nContent-Length: 0\r\n"
                + "Connection: close\r\n\r\n", context: context)
        self.flushAndClose(context: context)
    }

    private func write(
        _ bytes: [UInt8], chunks: Int, of performance: Performance,
        context: ChannelHandlerContext
    ) {
        context.write(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        guard !performance.isControl else { return }
        self.ledger.count {
            $0.responseBytes += bytes.count
            $0.chunks += chunks
        }
    }

    private func write(_ text: String, context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    private static func path(_ target: String) -> String {
        String(target.prefix { $0 != "?" })
    }
}

@available(*, unavailable)
extension MockConnection: Sendable {}
