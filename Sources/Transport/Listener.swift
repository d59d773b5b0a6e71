public import Domain
public import NIOCore
import NIOPosix
import Synchronization

/// Accepts client connections and spreads them over the event loops.
public final class Listener: Sendable {
    /// What a listener needs to know.
    public struct Configuration: Sendable {
        /// Host name or IP literal; key `server.host`.
        public var host: String
        /// TCP port, 0 for any free one; key `server.port`.
        public var port: Int
        /// The largest single read in bytes.
        public var readBufferBytes: Int
        /// The most client connections at once; one more is closed at once and counted as rejected.
        public var maxConnections: Int

        /// Explicit settings.
        public init(host: String, port: Int, readBufferBytes: Int = 65_536, maxConnections: Int = 65_536) {
            self.host = host
            self.port = port
            self.readBufferBytes = readBufferBytes
            self.maxConnections = maxConnections
        }
    }

    private let channel: any Channel
    private let gate: AcceptGate

    private init(channel: any Channel, gate: AcceptGate) {
        self.channel = channel
        self.gate = gate
    }

    /// The address in use, with the real port where 0 was asked for.
    public var localAddress: SocketAddress? { self.channel.localAddress }

    /// Binds and starts accepting.
    ///
    /// - Parameters:
    ///   - configuration: where to listen, and the bounds.
    ///   - group: the event loops that connections are spread over.
    ///   - attach: called on the connection's own loop with the moment its socket was accepted; it adds the
    ///     handler. When it throws, the connection is closed.
    ///   - rejected: called on the accepting loop for each connection beyond the limit.
    /// - Returns: a listener that accepts.
    /// - Throws: an `IOError` when the address is in use or cannot be bound.
    public static func bind(
        _ configuration: Configuration, group: any EventLoopGroup,
        attach: @escaping @Sendable (any Channel, MonotonicTime) throws -> Void,
        rejected: @escaping @Sendable () -> Void
    ) async throws -> Listener {
        let gate = AcceptGate(limit: configuration.maxConnections)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptStamp(gate: gate, rejected: rejected))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    channel.closeFuture.whenComplete { _ in gate.leave() }
                    try attach(channel, gate.takeStamp(of: channel))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: Watermark.drained)
            .childChannelOption(.recvAllocator, value: ReadBuffer.allocator(maximum: configuration.readBufferBytes))
        let address = try Self.address(host: configuration.host, port: configuration.port)
        let channel = try await bootstrap.bind(to: address).get()
        return Listener(channel: channel, gate: gate)
    }

    /// One address to listen on: of a name's addresses the first of IPv4, as clients of `localhost` expect.
    private static func address(host: String, port: Int) throws -> SocketAddress {
        // An IPv6 literal stands in brackets where a port follows it; no host at all means every address.
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let literal = bare.isEmpty ? "0.0.0.0" : bare
        if let address = try? SocketAddress(ipAddress: literal, port: port) { return address }
        let addresses = try Resolver.resolve(host: host, port: port)
        return addresses.first { $0.protocol == .inet } ?? addresses[0]
    }

    /// Stops accepting; connections already accepted live on.
    public func close() async {
        try? await self.channel.close()
    }

    /// How many client connections are open.
    public var openConnections: Int { self.gate.open }
}

/// Counts open connections and remembers when each new one was accepted, until its loop takes over.
private final class AcceptGate: Sendable {
    private let limit: Int
    private let count = Atomic<Int>(0)
    private let stamps = Mutex<[ObjectIdentifier: MonotonicTime]>([:])

    init(limit: Int) { self.limit = limit }

    var open: Int { self.count.load(ordering: .relaxed) }

    func enter(_ channel: any Channel, at now: MonotonicTime) -> Bool {
        guard self.count.wrappingAdd(1, ordering: .relaxed).newValue <= self.limit else {
            self.count.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        self.stamps.withLock { $0[ObjectIdentifier(channel)] = now }
        return true
    }

    func takeStamp(of channel: any Channel) -> MonotonicTime {
        self.stamps.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) } ?? Clock.now()
    }

    func leave() { self.count.wrappingSubtract(1, ordering: .relaxed) }
}

/// Stamps each accepted socket before it is handed to its loop.
private final class AcceptStamp: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    private let gate: AcceptGate
    private let rejected: @Sendable () -> Void

    init(gate: AcceptGate, rejected: @escaping @Sendable () -> Void) {
        self.gate = gate
        self.rejected = rejected
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let child = self.unwrapInboundIn(data)
        if self.gate.enter(child, at: Clock.now()) {
            context.fireChannelRead(data)
        } else {
            self.rejected()
            child.close(promise: nil)
        }
    }
}
