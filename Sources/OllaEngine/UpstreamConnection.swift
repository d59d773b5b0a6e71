import Catalog
import ClientSide
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Telemetry
import Transport

/// One connection to a backend: parses answers, finds their end, and hands both to the request it serves.
///
/// It serves one request at a time and idles in its loop's pool in between. Bytes that arrive while it idles, or
/// after the end of an answer, make it unfit for further use.
///
/// - Isolation: one event loop.
/// - Bounds: one read buffer, and an incomplete answer head up to ``EngineConfiguration/responseHeadLimits``.
final class UpstreamConnection: DeadlineNode, ChannelDuplexHandler, Upstream {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the next byte from the backend means.
    ///
    /// Exits are named after the arrow.
    private enum Phase {
        /// No request; any byte is an error → `head`.
        case idle
        /// A request was or is being sent → `body`, `idle`.
        case head
        /// The answer's body arrives → `idle`.
        case body
        /// Gone; nothing more happens.
        case closed
    }

    /// Up to this size a body is copied behind the head, so that both leave in one write.
    private static let joinedBodyBytesMax = 16_384

    let loop: EngineLoop
    private let pool: ConnectionPool
    /// Its endpoint's place in the configuration ``revision``.
    var endpoint: EndpointIndex
    var revision: UInt32
    /// What tells the endpoint in every configuration.
    let live: EndpointLive
    let slot: EndpointSlot
    /// Whether it counts as open on the metrics.
    var isOpen = false
    /// Whether it counts as idle there.
    var isIdle = false
    /// The request being served; the cycle ends with ``release()``.
    private(set) var client: ClientConnection?
    private var context: ChannelHandlerContext?
    private var phase = Phase.idle
    private var head = ResponseHead()
    private var relay = BodyRelay()
    /// Bytes of a head that did not arrive in one read.
    private var pending = ByteBuffer()
    private var isPaused = false
    private var isReadWithheld = false
    private var isReusable = false
    private var isFlushing = false
    /// Whether the request's body leaves in chunks.
    private var sendsChunks = false
    /// Whether the socket has taken bytes before.
    ///
    /// NIO writes the first ones a turn of the loop after the connection is made, which is no backpressure.
    private(set) var hasDrained = false
    /// The backend marked the end of the answer by closing the connection.
    private(set) var hasEndedByClosing = false
    private var failure: UpstreamFailure?
    /// Bytes received for the request being served.
    private(set) var received = 0

    init(pool: ConnectionPool, wire: EndpointWire) {
        self.loop = pool.loop
        self.pool = pool
        self.endpoint = wire.endpoint.index
        self.revision = wire.revision
        self.live = wire.endpoint.live
        self.slot = wire.slot
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Whether it has idled, after another request or after one that left before it was made.
    var isReused = false

    /// Heads are written when the connection is there.
    var hasHead: Bool { false }

    /// Whether the socket has taken everything written so far.
    var isDrained: Bool { self.context?.channel.isWritable ?? false }

    /// Whether it is open and serves nobody.
    var isUsable: Bool { self.phase == .idle && self.context != nil }

    /// Whether a byte of the present answer has arrived.
    var hasAnswerBegun: Bool { self.received > 0 }

    // MARK: Use

    /// Starts serving a request.
    func serve(_ client: ClientConnection) {
        self.client = client
        self.phase = .head
        self.received = 0
        self.isReusable = false
        self.head.reset()
        self.pending.clear()
        self.loop.wheel.remove(self)
    }

    func begin(_ head: inout ByteBuffer, body: ByteBuffer, isChunked: Bool, isLast: Bool) {
        self.sendsChunks = isChunked
        if isChunked || body.readableBytes > Self.joinedBodyBytesMax {
            self.write(head)
            self.write(body, isLast: isLast)
        } else {
            head.writeImmutableBuffer(body)
            self.write(head)
        }
    }

    func write(_ piece: ByteBuffer, isLast: Bool) {
        guard self.sendsChunks else {
            if piece.readableBytes > 0 { self.write(piece) }
            return
        }
        if piece.readableBytes > 0 {
            self.write(Chunk.prefix(piece.readableBytes, from: self.loop))
            self.write(piece)
            self.write(Chunk.lineEnd)
        }
        if isLast { self.write(Chunk.end) }
    }

    private func write(_ bytes: ByteBuffer) { self.context?.write(self.wrapOutboundOut(bytes), promise: nil) }

    func flush() {
        self.isFlushing = true
        self.context?.flush()
        self.isFlushing = false
        if self.isDrained { self.hasDrained = true }
    }

    /// Withholds reads until ``resume()``: the client does not keep up.
    func pause() { self.isPaused = true }

    /// Lets reads go on.
    func resume() {
        self.isPaused = false
        guard self.isReadWithheld else { return }
        self.isReadWithheld = false
        self.context?.read()
    }

    /// Ends the service: back to the pool when the answer ended cleanly, closed otherwise.
    ///
    /// - Parameter isRequestSent: the whole request went out, so that the next one starts at a message boundary.
    func release(isRequestSent: Bool) {
        self.client = nil
        self.resume()
        if self.isReusable, isRequestSent, self.phase == .idle {
            self.pool.park(self)
        } else {
            self.close()
        }
    }

    /// Closes the connection at once; the request it served, if any, hears nothing more.
    func close() {
        self.client = nil
        guard self.phase != .closed else { return }
        self.phase = .closed
        self.loop.wheel.remove(self)
        self.context?.close(promise: nil)
    }

    /// The idle lifetime is over.
    override func deadlinePassed(at now: MonotonicTime) {
        if self.client == nil, self.pool.unpark(self) { self.close() }
    }

    // MARK: Channel events

    func read(context: ChannelHandlerContext) {
        if self.isPaused {
            self.isReadWithheld = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.received += bytes.readableBytes
        switch self.phase {
        case .closed: return
        case .idle:
            // An answer nobody asked for: what follows on this connection cannot be trusted.
            _ = self.pool.unpark(self)
            self.close()
        case .head:
            self.client?.upstreamBytesArrived(at: Clock.now())
            self.readHead(&bytes)
        case .body:
            self.client?.upstreamBytesArrived(at: Clock.now())
            self.readBody(&bytes)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.client?.upstreamReadCompleted() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard !self.isFlushing, context.channel.isWritable else { return }
        self.hasDrained = true
        self.client?.upstreamDrained()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isReset = (error as? IOError)?.isReset ?? false
        if self.failure == nil { self.failure = UpstreamFailure(isReset ? .reset : .closed) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.pool.connectionClosed(self)
        guard self.phase != .closed else { return }
        let client = self.client
        let wasIdle = self.phase == .idle
        let endsHere = self.phase == .body && self.relay.endsWithConnection && self.failure == nil
        self.phase = .closed
        self.loop.wheel.remove(self)
        if wasIdle, client == nil {
            _ = self.pool.unpark(self)
        } else if endsHere {
            self.hasEndedByClosing = true
            client?.responseEnded()
        } else {
            client?.upstreamFailed(self.failure ?? UpstreamFailure(.closed), from: self)
        }
    }

    // MARK: Parsing

    private func readHead(_ bytes: inout ByteBuffer) {
        self.joinPending(&bytes)
        while self.phase == .head, let client = self.client {
            let limits = self.loop.configuration.responseHeadLimits
            switch self.head.parse(bytes.readableBytesSpan, limits: limits, method: client.upstreamMethod) {
            case .incomplete:
                self.pending.writeBuffer(&bytes)
                return
            case .refused:
                self.fail(.protocol)
                return
            case .complete(let length):
                guard let headBytes = bytes.readSlice(length: length) else { return }
                // Interim answers are not forwarded; the gateway gives `100 Continue` itself.
                if self.head.isInterim {
                    self.head.reset()
                    continue
                }
                self.relay.begin(self.head.framing)
                self.phase = .body
                guard client.responseHeadArrived(self.head, bytes: headBytes) else { return }
                self.readBody(&bytes)
                return
            }
        }
    }

    private func readBody(_ bytes: inout ByteBuffer) {
        guard let client = self.client else { return }
        self.joinPending(&bytes)
        switch self.relay.consume(&bytes, into: client) {
        case .more: if bytes.readableBytes > 0 { self.pending.writeBuffer(&bytes) }
        case .refused: self.fail(.protocol)
        case .ended:
            self.phase = .idle
            self.isReusable = self.head.keepsAlive && bytes.readableBytes == 0
            client.responseEnded()
        }
    }

    /// Puts bytes kept from earlier reads in front.
    private func joinPending(_ bytes: inout ByteBuffer) {
        guard self.pending.readableBytes > 0 else { return }
        self.pending.writeBuffer(&bytes)
        swap(&self.pending, &bytes)
        self.pending.clear()
    }

    private func fail(_ type: UpstreamErrorType) {
        let client = self.client
        self.close()
        client?.upstreamFailed(UpstreamFailure(type), from: self)
    }
}

@available(*, unavailable)
extension UpstreamConnection: Sendable {}
