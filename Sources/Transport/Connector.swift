public import Domain
public import NIOCore
import NIOPosix
public import NIOSSL
import NIOTLS

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where a backend listens.
public struct ConnectTarget: Sendable {
    /// Host name, IPv4 or IPv6 literal without brackets.
    public var host: String
    /// TCP port, 1...65535.
    public var port: Int
    /// The TLS settings for `https`, nil for `http`.
    public var tls: NIOSSLContext?

    /// A plain or TLS target.
    public init(host: String, port: Int, tls: NIOSSLContext?) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}

/// The bounds of opening a connection.
public struct ConnectLimits: Equatable, Sendable {
    /// For the TCP handshake; key `proxy.connection_timeout`.
    public var connect: Nanoseconds
    /// For the TLS handshake; key `proxy.tls_handshake_timeout`.
    public var tlsHandshake: Nanoseconds
    /// The largest single read in bytes; key `proxy.stream_buffer_size`.
    public var readBufferBytes: Int
    /// Silence after which the kernel asks whether the peer is still there, and the time between two questions, in whole
    /// seconds; key `proxy.connection_keep_alive`.
    public var keepAlive: Nanoseconds

    /// Explicit bounds.
    public init(
        connect: Nanoseconds, tlsHandshake: Nanoseconds, readBufferBytes: Int, keepAlive: Nanoseconds = .seconds(30)
    ) {
        self.connect = connect
        self.tlsHandshake = tlsHandshake
        self.readBufferBytes = readBufferBytes
        self.keepAlive = keepAlive
    }
}

/// How long the steps of opening a connection took; nil for a step that was not needed.
public struct ConnectTimings: Sendable {
    /// Name resolution.
    public var dns: Nanoseconds?
    /// TCP handshake.
    public var tcp: Nanoseconds?
    /// TLS handshake.
    public var tls: Nanoseconds?
}

/// Why a connection could not be opened.
public struct ConnectFailure: Error, Sendable {
    /// The cause; also its metric label.
    public var type: UpstreamErrorType
    /// The server's certificate was refused.
    public var isCertificate: Bool
    /// The cause in words, for the log only.
    public var message: String

    /// All parts, given.
    public init(type: UpstreamErrorType, isCertificate: Bool, message: String) {
        self.type = type
        self.isCertificate = isCertificate
        self.message = message
    }
}

/// When the kernel asks whether a silent peer is still there (RFC 9293 section 3.8.4).
enum KeepAlive {
    #if os(Linux)
    static let idle = NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE)
    #else
    static let idle = NIOBSDSocket.Option(rawValue: TCP_KEEPALIVE)
    #endif
    static let interval = NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL)

    /// A span in the kernel's unit, which is whole seconds from 1 to 32767.
    static func seconds(_ span: Nanoseconds) -> Int {
        Int(min(max(span.rawValue / 1_000_000_000, 1), 32_767))
    }
}

/// Opens upstream connections: resolve, connect, shake hands, each step timed.
public enum Connector {
    /// Opens a connection on `loop` with `handler` as the last handler of its pipeline.
    ///
    /// Addresses are tried one after another. The future fails with a ``ConnectFailure`` only.
    ///
    /// - Isolation: call on `loop`; the future completes there.
    public static func connect(
        to target: ConnectTarget, on loop: any EventLoop, limits: ConnectLimits,
        handler: NIOLoopBound<any ChannelHandler>
    ) -> EventLoopFuture<(any Channel, ConnectTimings)> {
        let start = Clock.now()
        if let literal = try? SocketAddress(ipAddress: target.host, port: target.port) {
            return self.open(
                [literal], at: 0, target: target, on: loop, limits: limits, handler: handler, timings: .init())
        }
        let host = target.host
        let port = target.port
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try Resolver.resolve(host: host, port: port) }
            .flatMapErrorThrowing { error in
                throw ConnectFailure(type: .dns, isCertificate: false, message: "\(host): \(error)")
            }
            .flatMap { addresses in
                var timings = ConnectTimings()
                timings.dns = Clock.now() - start
                return self.open(
                    addresses, at: 0, target: target, on: loop, limits: limits, handler: handler, timings: timings)
            }
    }

    private static func open(
        _ addresses: [SocketAddress], at position: Int, target: ConnectTarget, on loop: any EventLoop,
        limits: ConnectLimits, handler: NIOLoopBound<any ChannelHandler>, timings: ConnectTimings
    ) -> EventLoopFuture<(any Channel, ConnectTimings)> {
        let start = Clock.now()
        return self.bootstrap(on: loop, limits: limits).connect(to: addresses[position])
            .flatMapErrorThrowing { error in throw ConnectFailure(connecting: error) }
            .flatMap { channel in
                var timings = timings
                timings.tcp = Clock.now() - start
                return self.secure(channel, target: target, limits: limits, handler: handler, timings: timings)
            }
            .flatMapError { error in
                let isTLS = (error as? ConnectFailure)?.type == .tls
                guard !isTLS, position + 1 < addresses.count else { return loop.makeFailedFuture(error) }
                return self.open(
                    addresses, at: position + 1, target: target, on: loop, limits: limits, handler: handler,
                    timings: timings)
            }
    }

    private static func bootstrap(on loop: any EventLoop, limits: ConnectLimits) -> ClientBootstrap {
        ClientBootstrap(group: loop)
            .connectTimeout(.nanoseconds(limits.connect.rawValue))
            // Reads begin once the whole pipeline stands, so that no byte meets an unfinished one.
            .channelOption(.autoRead, value: false)
            .channelInitializer { self.tune($0, limits: limits) }
    }

    /// Sets what every connection to an endpoint has in common, whoever opened it.
    ///
    /// - Isolation: call on the channel's loop; the future completes there.
    public static func tune(_ channel: any Channel, limits: ConnectLimits) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            guard let options = channel.syncOptions else { return }
            let seconds = KeepAlive.seconds(limits.keepAlive)
            try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try options.setOption(.socketOption(.so_keepalive), value: 1)
            try options.setOption(.tcpOption(KeepAlive.idle), value: seconds)
            try options.setOption(.tcpOption(KeepAlive.interval), value: seconds)
            try options.setOption(.writeBufferWaterMark, value: Watermark.drained)
            try options.setOption(.recvAllocator, value: ReadBuffer.allocator(maximum: limits.readBufferBytes))
        }
    }

    /// Adds TLS where wanted and the handler, then starts reading.
    private static func secure(
        _ channel: any Channel, target: ConnectTarget, limits: ConnectLimits,
        handler: NIOLoopBound<any ChannelHandler>, timings: ConnectTimings
    ) -> EventLoopFuture<(any Channel, ConnectTimings)> {
        let loop = channel.eventLoop
        do {
            guard let context = target.tls else {
                try channel.pipeline.syncOperations.addHandler(handler.value)
                return channel.setOption(.autoRead, value: true).map { (channel, timings) }
            }
            let start = Clock.now()
            let isLiteral = (try? SocketAddress(ipAddress: target.host, port: target.port)) != nil
            let tls = try NIOSSLClientHandler(context: context, serverHostname: isLiteral ? nil : target.host)
            let done = loop.makePromise(of: Void.self)
            let waiter = HandshakeWaiter(done: done)
            try channel.pipeline.syncOperations.addHandlers([tls, waiter, handler.value])
            let limit = loop.scheduleTask(in: .nanoseconds(limits.tlsHandshake.rawValue)) {
                done.fail(ConnectFailure(type: .tls, isCertificate: false, message: "TLS handshake timed out"))
            }
            return channel.setOption(.autoRead, value: true)
                .flatMap { done.futureResult }
                .flatMapErrorThrowing { error in throw ConnectFailure(handshaking: error) }
                .map {
                    limit.cancel()
                    var timings = timings
                    timings.tls = Clock.now() - start
                    return (channel, timings)
                }
                .flatMapErrorWithCleanup(channel, limit)
        } catch {
            channel.close(promise: nil)
            return loop.makeFailedFuture(ConnectFailure(handshaking: error))
        }
    }
}

extension ConnectFailure {
    /// Why no TCP connection came about.
    public init(connecting error: any Error) {
        if let failure = error as? ConnectFailure {
            self = failure
            return
        }
        let message = String(describing: error)
        if let timeout = error as? ChannelError, case .connectTimeout = timeout {
            self.init(type: .connectTimeout, isCertificate: false, message: message)
            return
        }
        let type: UpstreamErrorType =
            switch (error as? IOError)?.errnoCode {
            case ErrorNumber.connectionRefused: .connectRefused
            case ErrorNumber.connectionReset: .reset
            case ErrorNumber.timedOut: .connectTimeout
            default: .unreachable
            }
        self.init(type: type, isCertificate: false, message: message)
    }

    /// Why the TLS handshake failed.
    public init(handshaking error: any Error) {
        if let failure = error as? ConnectFailure {
            self = failure
            return
        }
        let message = String(describing: error)
        let isCertificate =
            error is NIOSSLExtraError || message.contains("CERTIFICATE") || message.contains("certificate")
        self.init(type: .tls, isCertificate: isCertificate, message: message)
    }
}

extension IOError {
    /// Whether the peer has reset the connection, or closed it before it took what is written (RFC 9293 section 3.10.7.4).
    public var isReset: Bool {
        self.errnoCode == ErrorNumber.connectionReset || self.errnoCode == ErrorNumber.brokenPipe
    }
}

extension EventLoopFuture where Value: Sendable {
    /// Closes the channel and cancels the timer when the handshake failed.
    fileprivate func flatMapErrorWithCleanup(
        _ channel: any Channel, _ limit: Scheduled<Void>
    ) -> EventLoopFuture<Value> {
        self.flatMapErrorThrowing { error in
            limit.cancel()
            channel.close(promise: nil)
            throw error
        }
    }
}

/// Completes a promise when the TLS handshake did, or when the connection failed before.
private final class HandshakeWaiter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    private var done: EventLoopPromise<Void>?

    init(done: EventLoopPromise<Void>) { self.done = done }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event {
            self.done?.succeed(())
            self.done = nil
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let done = self.done else { return context.fireErrorCaught(error) }
        self.done = nil
        done.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.done?.fail(ConnectFailure(type: .tls, isCertificate: false, message: "closed during the TLS handshake"))
        self.done = nil
        context.fireChannelInactive()
    }
}

/// The watermarks of all data-path channels.
enum Watermark {
    /// Not writable while any byte waits in user space, writable again when the socket took the last one.
    ///
    /// So `isWritable` after a flush says exactly whether everything left, without a promise per write. The buffer
    /// between the two sides is the kernel's, and what a connection can hold in user space is bounded by one read.
    static let drained = ChannelOptions.Types.WriteBufferWaterMark(low: 1, high: 1)
}

/// Receive buffers of all data-path channels.
enum ReadBuffer {
    /// Starts at 4 KiB (a chat request or answer, or a few stream events) and follows the traffic.
    static func allocator(maximum: Int) -> AdaptiveRecvByteBufferAllocator {
        let maximum = max(maximum, 1024)
        return AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: min(4096, maximum), maximum: maximum)
    }
}
