package import Domain
import HTTPWire
package import NIOCore
import NIOSSL
import NIOTLS
import Pipeline
import Telemetry
package import Transport

/// One client connection: reads requests in order, relays answers in order.
///
/// It does what ``RequestMachine`` says. Everything it owns is kept from request to request, so that a kept-alive
/// connection serves without allocating. The file is the channel's side; `ClientConnection+Request`, `+Attempt`,
/// `+Answer` and `+Finish` follow a request from head to log line.
///
/// - Isolation: one event loop.
/// - Bounds: unread input up to ``inputBytesMax`` while a request is served, a head up to the head limit, a body up to
///   the replay buffer; beyond that reading pauses.
package final class ClientConnection: DeadlineNode, ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// What the next byte from the client means.
    enum Reading {
        /// The head of the next request. → `body`, `served`, `lingering`.
        case head
        /// The body of the present request. → `served`, `lingering`.
        case body
        /// The next request, which has to wait for its turn. → `head`.
        case served
        /// Nothing: the connection is being closed, and what still comes is thrown away. → `closed`.
        case lingering
        /// Gone.
        case closed
    }

    /// Input kept while a request is served; a client that sends more ahead has to wait.
    static let inputBytesMax = 65_536
    /// How long and how much a closing connection throws away, so that the client can read the answer before a
    /// reset reaches it (RFC 9112 section 9.6).
    static let lingerTime = Nanoseconds.seconds(2)
    static let lingerBytesMax = 1_048_576

    let loop: EngineLoop
    let clientAddress: [UInt8]
    /// Stands for the address where clients are told apart and not named.
    let clientFingerprint: UInt64
    /// The peer's address; nil for one that is none, such as a Unix socket's.
    lazy var peer = NetworkAddress(String(decoding: self.clientAddress, as: UTF8.self))
    let surface: ListenerSurface
    /// Whether the client has still to prove itself by TLS before its first request.
    private var awaitsHandshake: Bool
    var context: ChannelHandlerContext?

    // Input.
    var reading = Reading.head
    /// Bytes not yet consumed.
    var input = ByteBuffer()
    /// The head of the present request, from its first byte.
    var headBytes = ByteBuffer()
    var head = RequestHead()
    /// When the first byte of a head that is not complete was read.
    var headStart: MonotonicTime?
    var chunks = ChunkedDecoder()
    /// Body bytes still to come, for a body of known length.
    var bodyRemaining: UInt64 = 0
    /// The body so far, as far as it is kept.
    var body = ByteBuffer()
    var isProcessing = false
    var isReadWithheld = false
    var lingered = 0

    // The request being served.
    let exchange: Exchange
    var upstream: (any Upstream)?
    /// When the bytes of the answer that are being looked at were read.
    var arrival = MonotonicTime.zero
    /// Neighbours in the loop's list of requests being served, oldest first.
    var nextActive: ClientConnection?
    unowned(unsafe) var previousActive: ClientConnection?

    // Output.
    /// Bytes to be written in front of whatever comes next.
    var out = ByteBuffer()
    var clientFraming = ClientHead.Framing.none
    var closesAfterAnswer = false
    var flushesEveryRead = true
    var unflushed = 0
    package var forwardsTrailers = false
    /// The answer has a content coding: nothing may be put between its bytes.
    var isEncoded = false
    var isFlushing = false
    /// The answer is complete; the request ends when the socket has taken it.
    var isAnswerComplete = false

    init(loop: EngineLoop, clientAddress: [UInt8], surface: ListenerSurface, awaitsHandshake: Bool) {
        self.loop = loop
        self.clientAddress = clientAddress
        self.surface = surface
        self.awaitsHandshake = awaitsHandshake
        self.clientFingerprint = Self.fingerprint(clientAddress)
        self.exchange = Exchange(fleet: loop.currentFleet())
    }

    /// FNV-1a, 64 bits (RFC 9923): the same on every loop.
    private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.opened(self)
        self.arm(at: Clock.now() + self.loop.configuration.clientHeadTimeout)
    }

    package func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        // Accepted just before the listener closed: nobody would wait for its first request.
        if self.loop.isDraining, self.surface != .administration { self.drain() }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    package func read(context: ChannelHandlerContext) {
        if self.wantsInput {
            context.read()
        } else {
            self.isReadWithheld = true
        }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        switch self.reading {
        case .closed: return
        case .lingering:
            self.lingered += bytes.readableBytes
            if self.lingered > Self.lingerBytesMax { self.closeNow() }
            return
        case .head, .body:
            // The common case: what arrives is consumed at once, so nothing is copied on the way in.
            if self.input.readableBytes == 0 {
                swap(&self.input, &bytes)
            } else {
                self.input.writeBuffer(&bytes)
            }
            self.process()
            // Hands the receive buffer back to the channel, which reads into it again.
            if self.input.readableBytes == 0 { self.input = ByteBuffer() }
        case .served: self.input.writeBuffer(&bytes)
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) { self.inputTaken() }

    /// Pushes what the input held of a request's body to the endpoint.
    func inputTaken() {
        if let upstream = self.upstream, self.reading == .body || self.reading == .served {
            self.flushRequest(to: upstream)
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !self.isFlushing, context.channel.isWritable { self.clientDrained() }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whoever just looks whether the port is open leaves without a word, and is no failure.
        if self.awaitsHandshake, context.channel.isActive { self.handshakeFailed(.tls, "\(error)") }
        context.close(promise: nil)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.awaitsHandshake, let event = event as? TLSUserEvent, case .handshakeCompleted = event {
            self.awaitsHandshake = false
            self.arm(at: Clock.now() + self.loop.configuration.clientHeadTimeout)
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// The client did not prove itself; the connection is closed next.
    private func handshakeFailed(_ reason: ParseFailureReason, _ cause: String) {
        self.awaitsHandshake = false
        self.loop.recorder.parseFailed(reason)
        self.loop.logHandshakeFailure(cause, address: self.clientAddress)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        guard self.reading != .closed else { return }
        let now = Clock.now()
        if !self.exchange.isActive, self.reading == .head, self.head.isPartial {
            self.loop.recorder.parseFailed(.closedEarly)
        }
        self.leave()
        self.clientLeft(at: now)
    }

    /// The connection is over for the gateway, once: it may break in the moment it is aborted.
    func leave() {
        guard self.reading != .closed else { return }
        self.reading = .closed
        self.loop.wheel.remove(self)
        self.loop.closed(self)
    }

    /// Sets the time limit of what comes next, unless the connection broke while that was begun.
    func arm(at deadline: MonotonicTime) {
        // Nobody would take it out of the wheel again, which keeps it.
        guard self.reading != .closed else { return }
        self.loop.wheel.arm(self, at: deadline)
    }

    // MARK: Reading

    /// Whether more bytes from the client can be taken now.
    private var wantsInput: Bool {
        switch self.reading {
        case .head, .lingering, .closed: return true
        case .served: return self.input.readableBytes < Self.inputBytesMax
        case .body:
            // While a connection is being opened nothing could take the bytes; while one is open, its socket decides.
            switch self.exchange.machine.phase {
            case .collecting, .readingHead, .answering, .finishing, .finished: return true
            case .queued: return self.body.readableBytes < self.loop.configuration.replayBytesMax
            case .routing, .acquiring: return false
            case .sending, .waiting, .relaying: return self.upstream?.isDrained ?? true
            }
        }
    }

    /// Lets reads go on if they were held back and there is room now.
    func resumeInput() {
        guard self.isReadWithheld, self.wantsInput else { return }
        self.isReadWithheld = false
        self.context?.read()
    }

    /// Takes what the input holds as far as it can be taken now.
    func process() {
        guard !self.isProcessing else { return }
        self.isProcessing = true
        var progresses = true
        while progresses {
            switch self.reading {
            case .head: progresses = self.input.readableBytes > 0 && self.processHead()
            case .body: progresses = self.processBody()
            case .served, .lingering, .closed: progresses = false
            }
        }
        self.isProcessing = false
    }

    // MARK: Closing

    /// Ends the connection after what has been written, and drains the client meanwhile.
    func closeGracefully() {
        guard self.reading != .closed, self.reading != .lingering else { return }
        self.reading = .lingering
        self.lingered = 0
        self.input.clear()
        self.context?.close(mode: .output, promise: nil)
        self.arm(at: Clock.now() + Self.lingerTime)
        self.resumeInput()
    }

    /// Ends the connection at once.
    func closeNow() {
        guard let context else { return }
        self.awaitsHandshake = false
        context.close(promise: nil)
    }

    /// Ends the connection at once, without the alert of TLS that says that all has been sent (RFC 8446 section 6.1).
    func closeWithoutNotice() {
        guard let context else { return }
        if let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
            tls.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    /// A time limit of the connection or of the request it serves has passed.
    package override func deadlinePassed(at now: MonotonicTime) {
        switch self.reading {
        case .closed: return
        case .lingering: self.closeNow()
        case .head where !self.exchange.isActive:
            if self.head.isPartial {
                self.loop.recorder.parseFailed(.timeout)
                self.refuseUnparsed(status: 408)
            } else {
                if self.awaitsHandshake { self.handshakeFailed(.timeout, "not complete in time") }
                self.closeNow()
            }
        case .head, .body, .served: self.requestDeadlinePassed(at: now)
        }
    }

    /// The gateway is about to stop: an answer that has not begun says that it is the connection's last.
    func announceDrain() {
        if self.exchange.isActive, !self.exchange.machine.hasStartedAnswer { self.closesAfterAnswer = true }
    }

    /// The gateway stops: an idle connection is closed, a busy one after its answer.
    func drain() {
        self.closesAfterAnswer = true
        if !self.exchange.isActive, !self.head.isPartial { self.closeNow() }
    }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}
