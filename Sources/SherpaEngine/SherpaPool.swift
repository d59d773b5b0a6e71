import AsyncHTTPClient
import Catalog
public import ClientSide
import Domain
import NIOCore
import Transport

extension UpstreamSide {
    /// The second engine: structured concurrency over AsyncHTTPClient, with HTTP/2 where a TLS backend offers it.
    public static let sherpa = UpstreamSide { SherpaPool(loop: $0) }
}

/// One event loop's HTTP clients, one for each endpoint.
///
/// - Isolation: its event loop.
/// - Bounds: as many clients as there are endpoints; idle connections by ``EngineConfiguration/idle``, each for
///   ``EngineConfiguration/idleLifetime`` at most.
final class SherpaPool: UpstreamPool {
    /// The loop, which owns the pool.
    unowned let loop: EngineLoop
    let executor: LoopTaskExecutor
    private var clients: [ObjectIdentifier: EndpointClient] = [:]
    /// Clients whose endpoint is gone or has changed, until their last attempt has ended.
    private var retired: [EndpointClient] = []
    /// Idle connections, the one that has idled longest first.
    private var idle: [PooledConnection] = []

    init(loop: EngineLoop) {
        self.loop = loop
        self.executor = LoopTaskExecutor(loop.eventLoop)
    }

    // MARK: Use

    /// AsyncHTTPClient chooses the connection.
    func takeIdle(_ wire: EndpointWire) -> (any Upstream)? { nil }

    func open(
        _ wire: EndpointWire, head: @escaping () -> ByteBuffer?,
        completion: @escaping (Result<any Upstream, ConnectFailure>) -> Void
    ) {
        // A turn of the loop later: more of the request may have come with what is being read.
        self.loop.eventLoop.assumeIsolated().execute {
            guard let head = head() else { return }
            let upstream = SherpaUpstream(self, self.client(for: wire), head: head, completion: completion)
            upstream.start(origin: wire.origin)
        }
    }

    /// It belongs to a request that is gone.
    func parkUnused(_ upstream: any Upstream) { upstream.close() }

    private func client(for wire: EndpointWire) -> EndpointClient {
        let key = ObjectIdentifier(wire.endpoint.live)
        let settings = EndpointClient.Settings(self.loop.configuration, wire)
        if let client = self.clients[key] {
            if client.settings == settings { return client }
            self.retire(client)
        }
        let client = EndpointClient(settings, endpoint: wire.endpoint, pool: self)
        self.clients[key] = client
        return client
    }

    // MARK: Idle connections

    /// A connection serves nobody: it is kept, and the oldest of too many closed.
    func idle(_ connection: PooledConnection) {
        self.idle.append(connection)
        let limits = self.loop.configuration.idle
        let isOwn = { (other: PooledConnection) in other.owner === connection.owner }
        if self.idle.count(where: isOwn) > limits.perEndpoint {
            self.closeSoon(self.idle.first(where: isOwn))
        } else if self.idle.count > limits.total {
            self.closeSoon(self.idle.first)
        }
    }

    /// A connection serves somebody, or is closed.
    func notIdle(_ connection: PooledConnection) { self.idle.removeAll { $0 === connection } }

    /// AsyncHTTPClient hears of a connection that became free after the engine does.
    private func closeSoon(_ connection: PooledConnection?) {
        guard let connection else { return }
        self.notIdle(connection)
        self.loop.eventLoop.assumeIsolated().execute { connection.closeIfIdle() }
    }

    // MARK: Configurations

    func adopt(_ fleet: FleetSnapshot) {
        for (key, client) in self.clients where fleet.index(of: client.live) == nil {
            self.clients[key] = nil
            self.retire(client)
        }
    }

    func drain() {
        for client in self.clients.values { self.retire(client) }
        self.clients.removeAll()
    }

    func stop() -> EventLoopFuture<Void> {
        self.drain()
        return .andAllComplete(self.retired.map { $0.shutdown() }, on: self.loop.eventLoop)
    }

    /// Lets a client go when its last attempt has ended.
    private func retire(_ client: EndpointClient) {
        self.retired.append(client)
        client.retire { [unowned self] in self.retired.removeAll { $0 === client } }
    }
}

@available(*, unavailable)
extension SherpaPool: Sendable {}
