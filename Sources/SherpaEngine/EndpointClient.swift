import AsyncHTTPClient
import Catalog
import ClientSide
import Domain
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import Telemetry
import Transport

/// One event loop's HTTP client of one endpoint, its connections, and the attempts that use them.
///
/// - Isolation: its event loop.
final class EndpointClient {
    /// What a client is made of; another value needs another client.
    struct Settings: Equatable {
        let limits: ConnectLimits
        let idleLifetime: Nanoseconds
        let slot: EndpointSlot
        let tls: TLSConfiguration?

        init(_ configuration: EngineConfiguration, _ wire: EndpointWire) {
            self.limits = configuration.connect
            self.idleLifetime = configuration.idleLifetime
            self.slot = wire.slot
            self.tls = wire.tls
        }

        static func == (one: Settings, other: Settings) -> Bool {
            guard one.limits == other.limits, one.idleLifetime == other.idleLifetime, one.slot == other.slot else {
                return false
            }
            switch (one.tls, other.tls) {
            case (nil, nil): return true
            case (let one?, let other?): return one.bestEffortEquals(other)
            default: return false
            }
        }
    }

    /// How long connections and tasks that were told to end are waited for.
    private static let shutdownLimit = TimeAmount.seconds(10)

    let settings: Settings
    let live: EndpointLive
    let http: HTTPClient
    /// The endpoint in log lines.
    private let label: String
    private unowned let pool: SherpaPool
    private let hook: NIOLoopBoundBox<EndpointClient?>
    private var connections: [ObjectIdentifier: PooledConnection] = [:]
    /// The attempts that have not ended.
    private var attempts: [UInt64: SherpaUpstream] = [:]
    private var lastAttempt: UInt64 = 0
    /// When tasks end, which may be after their attempt.
    private var taskEnds: [UInt64: EventLoopFuture<Void>] = [:]
    private var retired: (() -> Void)?
    private var ending: EventLoopFuture<Void>?

    init(_ settings: Settings, endpoint: FleetEndpoint, pool: SherpaPool) {
        self.settings = settings
        self.live = endpoint.live
        self.label = endpoint.label
        self.pool = pool
        let hook = NIOLoopBoundBox<EndpointClient?>(nil, eventLoop: pool.loop.eventLoop)
        self.hook = hook
        self.http = Self.client(settings, on: pool.loop.eventLoop, hook: hook)
        hook.value = self
    }

    /// HTTP/2 where a TLS backend offers it (RFC 9113 section 3.2), no redirects, no decompression, and no retries of
    /// its own, which are the request machine's.
    private static func client(
        _ settings: Settings, on eventLoop: any EventLoop, hook: NIOLoopBoundBox<EndpointClient?>
    ) -> HTTPClient {
        let limits = settings.limits
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = settings.tls
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .automatic
        // It has one limit for the whole way to a usable connection.
        let limit = settings.tls == nil ? limits.connect : min(limits.connect, limits.tlsHandshake)
        configuration.timeout.connect = .nanoseconds(limit.rawValue)
        configuration.connectionPool.idleTimeout = .nanoseconds(settings.idleLifetime.rawValue)
        configuration.connectionPool.retryConnectionEstablishment = false
        // Its own default of 8 would be a hidden cap on the streams of an endpoint.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1 << 20
        configuration.http1_1ConnectionDebugInitializer = { channel in
            Connector.tune(channel, limits: limits).flatMapThrowing { try hook.value?.http1Opened(channel) }
        }
        configuration.http2ConnectionDebugInitializer = { channel in
            Connector.tune(channel, limits: limits).map { _ = hook.value?.opened(channel) }
        }
        configuration.http2StreamChannelDebugInitializer = { channel in
            channel.eventLoop.makeCompletedFuture { try hook.value?.http2StreamOpened(channel) }
        }
        return HTTPClient(eventLoopGroupProvider: .shared(eventLoop), configuration: configuration)
    }

    // MARK: Connections

    private func opened(_ channel: any Channel) -> PooledConnection {
        let connection = PooledConnection(channel, of: self)
        let key = ObjectIdentifier(channel)
        self.connections[key] = connection
        self.pool.idle(connection)
        self.pool.loop.recorder.upstreamConnectionOpened(self.settings.slot, .idle)
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.connections[key] = nil
            self.pool.notIdle(connection)
            self.pool.loop.recorder.upstreamConnectionClosed(
                self.settings.slot, connection.runs > 0 ? .active : .idle)
            connection.isClosed = true
        }
        return connection
    }

    private func http1Opened(_ channel: any Channel) throws {
        let connection = self.opened(channel)
        let heads = HeadReplacer()
        let usher = AttemptUsher(connection, heads: heads)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(heads, position: .before(pipeline.handler(type: HTTPRequestEncoder.self)))
        try pipeline.addHandler(
            usher, position: .after(pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)))
    }

    private func http2StreamOpened(_ stream: any Channel) throws {
        guard let parent = stream.parent, let connection = self.connections[ObjectIdentifier(parent)] else { return }
        let pipeline = stream.pipeline.syncOperations
        try pipeline.addHandler(
            AttemptUsher(connection, heads: nil),
            position: .after(pipeline.handler(type: HTTP2FramePayloadToHTTP1ClientCodec.self)))
    }

    /// A connection serves one attempt more.
    func connectionTaken(_ connection: PooledConnection) {
        guard connection.runs == 1, !connection.isClosed else { return }
        self.pool.notIdle(connection)
        self.pool.loop.recorder.upstreamConnectionBecameActive(self.settings.slot)
    }

    /// A connection serves nobody any more.
    func connectionFreed(_ connection: PooledConnection) {
        guard connection.runs == 0, !connection.isClosed else { return }
        self.pool.loop.recorder.upstreamConnectionBecameIdle(self.settings.slot)
        self.pool.idle(connection)
    }

    // MARK: Attempts

    /// An attempt is about to ask for a connection; returns its number.
    func attemptBegan(_ upstream: SherpaUpstream) -> UInt64 {
        self.lastAttempt += 1
        self.attempts[self.lastAttempt] = upstream
        return self.lastAttempt
    }

    func attempt(_ number: UInt64) -> SherpaUpstream? { self.attempts[number] }

    func attemptEnded(_ number: UInt64) {
        self.attempts[number] = nil
        self.leaveIfDone()
    }

    /// Tasks of an attempt run until then.
    func attemptRuns(_ number: UInt64, until end: EventLoopFuture<Void>) {
        self.taskEnds[number] = end
        end.assumeIsolated().whenComplete { _ in self.taskEnds[number] = nil }
    }

    // MARK: The end

    /// Shuts the client down as soon as no attempt uses it, and calls `done` when it is gone.
    func retire(_ done: @escaping () -> Void) {
        self.retired = done
        self.leaveIfDone()
    }

    private func leaveIfDone() {
        if self.retired != nil, self.attempts.isEmpty { _ = self.shutdown() }
    }

    /// Closes every connection; the future succeeds when they are closed and nothing runs that needs the event
    /// loop, or after ``shutdownLimit``, which the log tells.
    func shutdown() -> EventLoopFuture<Void> {
        if let ending = self.ending { return ending }
        let eventLoop = self.pool.loop.eventLoop
        let limit = eventLoop.scheduleTask(in: Self.shutdownLimit) {}
        let ending = limit.futureResult.flatMapErrorThrowing { _ in }
        self.ending = ending
        limit.futureResult.assumeIsolated().whenSuccess { self.pool.loop.logUnended(endpoint: self.label) }
        self.http.shutdown().hop(to: eventLoop).assumeIsolated().whenComplete { _ in
            EventLoopFuture.andAllComplete(Array(self.taskEnds.values), on: eventLoop)
                .whenComplete { _ in limit.cancel() }
        }
        ending.assumeIsolated().whenComplete { _ in
            self.hook.value = nil
            self.retired?()
            self.retired = nil
        }
        return ending
    }
}

@available(*, unavailable)
extension EndpointClient: Sendable {}
