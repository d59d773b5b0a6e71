import NIOCore
import NIOHTTP1

/// Leads each attempt to the connection that AsyncHTTPClient has chosen for it, and notes when that one is free again.
///
/// It stands between the codec and AsyncHTTPClient, in a connection of HTTP/1.1 or in a stream of HTTP/2. An attempt is
/// known by a field of its head, which ends here.
///
/// It also tells of writability only between writes: AsyncHTTPClient ends the process when a channel becomes unwritable
/// and writable again while it writes a head (`HTTPRequestStateMachine.headSent()`), which any head does that is larger
/// than the high watermark. What happens meanwhile is told a turn of the loop later, when it has settled.
///
/// And it keeps from AsyncHTTPClient that an endpoint refuses a request whose body is still on its way. With such an
/// answer AsyncHTTPClient pauses the body and forgets the request when the answer ends: the task that sends the body
/// would wait for ever, and keep all of the attempt (`HTTPRequestStateMachine.receivedHTTPResponseEnd`).
///
/// - Isolation: one event loop.
final class AttemptUsher: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// The field that holds an attempt's number; one that a client sends goes no further.
    static let field = "glasspot-attempt"
    /// The field that holds the status of an early answer; one that an endpoint sends goes no further.
    static let statusField = "glasspot-status"

    private let connection: PooledConnection
    /// Where HTTP/1.1 heads are written; nil for HTTP/2, which has its own form.
    private let heads: HeadReplacer?
    private var context: ChannelHandlerContext?
    /// The attempt whose request has not all gone out.
    private var upstream: SherpaUpstream?
    /// Bytes of its body written so far.
    private var bodyBytes: UInt64 = 0
    private var isSending = false
    private var isReceiving = false
    private var isWriting = false
    private var hasWritabilityChanged = false

    init(_ connection: PooledConnection, heads: HeadReplacer?) {
        self.connection = connection
        self.heads = heads
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: To the endpoint

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.isWriting = true
        switch self.unwrapOutboundIn(data) {
        case .head(var head):
            self.lead(&head, context)
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .body(let piece):
            self.bodyBytes += UInt64(piece.readableBytes)
            context.write(data, promise: promise)
        case .end:
            self.isSending = false
            self.leaveIfDone()
            context.write(data, promise: promise)
        }
        self.isWriting = false
        self.settle(context)
    }

    private func lead(_ head: inout HTTPRequestHead, _ context: ChannelHandlerContext) {
        let number = head.headers[Self.field].first.flatMap { UInt64($0) }
        head.headers.remove(name: Self.field)
        self.isSending = true
        self.isReceiving = true
        self.connection.taken()
        self.bodyBytes = 0
        self.upstream = number.flatMap { self.connection.owner.attempt($0) }
        guard let upstream = self.upstream else { return }
        self.heads?.next = upstream.headBytes
        let isReused = self.connection.served > 1
        // Not from within AsyncHTTPClient, which may be told to give the attempt up.
        let channel = context.channel
        context.eventLoop.assumeIsolated().execute { upstream.connected(over: channel, isReused: isReused) }
    }

    func flush(context: ChannelHandlerContext) {
        self.isWriting = true
        context.flush()
        self.isWriting = false
        self.settle(context)
        self.tellIfTaken(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard !self.isWriting else {
            self.hasWritabilityChanged = true
            return
        }
        context.fireChannelWritabilityChanged()
        self.tellIfTaken(context)
    }

    /// Tells the attempt when the socket has taken its whole request.
    ///
    /// A body of known length is whole with its last byte: AsyncHTTPClient finds that out later, on another thread.
    private func tellIfTaken(_ context: ChannelHandlerContext) {
        guard let upstream = self.upstream, context.channel.isWritable else { return }
        guard !self.isSending || upstream.bodyLength == self.bodyBytes else { return }
        self.upstream = nil
        context.eventLoop.assumeIsolated().execute { upstream.requestTaken() }
    }

    private func settle(_ context: ChannelHandlerContext) {
        guard self.hasWritabilityChanged else { return }
        self.hasWritabilityChanged = false
        context.eventLoop.assumeIsolated().execute { self.context?.fireChannelWritabilityChanged() }
    }

    // MARK: From the endpoint

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(var head):
            self.mask(&head)
            context.fireChannelRead(self.wrapInboundOut(.head(head)))
        case .body: context.fireChannelRead(data)
        case .end:
            // Before AsyncHTTPClient hears of it, which may send the next head at once.
            self.isReceiving = false
            self.leaveIfDone()
            context.fireChannelRead(data)
        }
    }

    /// The true status travels in a field, which ``HTTPClientResponse/unmask()`` takes out.
    private func mask(_ head: inout HTTPResponseHead) {
        head.headers.remove(name: Self.statusField)
        guard self.isSending, head.status.code >= 300 else { return }
        head.headers.add(name: Self.statusField, value: "\(head.status.code)")
        head.status = .ok
    }

    func channelInactive(context: ChannelHandlerContext) {
        context.fireChannelInactive()
        let wasRunning = self.isSending || self.isReceiving
        self.isSending = false
        self.isReceiving = false
        self.upstream = nil
        // A connection that breaks was never idle; a stream of HTTP/2 leaves its connection behind.
        if wasRunning, self.connection.channel.isActive { self.connection.freed() }
    }

    private func leaveIfDone() {
        if !self.isSending, !self.isReceiving { self.connection.freed() }
    }
}

/// Writes the heads of requests as the gateway made them, next to the socket or to TLS.
///
/// AsyncHTTPClient's values are URLs and strings, which cannot hold every target and every field that HTTP allows; what
/// its encoder makes of them is replaced by the bytes they came from.
///
/// - Isolation: one event loop.
final class HeadReplacer: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is written in place of the next bytes.
    var next: ByteBuffer?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let head = self.next else { return context.write(data, promise: promise) }
        self.next = nil
        context.write(self.wrapOutboundOut(head), promise: promise)
    }
}

@available(*, unavailable)
extension AttemptUsher: Sendable {}

@available(*, unavailable)
extension HeadReplacer: Sendable {}
