import Catalog
public import ClientSide
import Domain
import NIOCore
import Telemetry
import Transport

/// One event loop's raw connections to endpoints.
///
/// - Isolation: its event loop.
/// - Bounds: idle connections by ``EngineConfiguration/idle``.
final class ConnectionPool: UpstreamPool {
    /// The loop, which owns the pool.
    unowned let loop: EngineLoop
    private var idle: IdleConnections<UpstreamConnection>

    init(loop: EngineLoop) {
        self.loop = loop
        let limits = loop.configuration.idle
        self.idle = IdleConnections(
            endpoints: EndpointSet.capacity, limits: .init(perEndpoint: limits.perEndpoint, total: limits.total))
    }

    // MARK: Use

    func takeIdle(_ wire: EndpointWire) -> (any Upstream)? {
        guard wire.revision == self.loop.revision,
            let connection = self.idle.take(Int(wire.endpoint.index.rawValue))
        else { return nil }
        self.loop.recorder.upstreamConnectionBecameActive(wire.slot)
        connection.isIdle = false
        return connection
    }

    func open(
        _ wire: EndpointWire, head: @escaping () -> ByteBuffer?,
        completion: @escaping (Result<any Upstream, ConnectFailure>) -> Void
    ) {
        let loop = self.loop
        let connection = UpstreamConnection(pool: self, wire: wire)
        let handler = NIOLoopBound<any ChannelHandler>(connection, eventLoop: loop.eventLoop)
        Connector.connect(to: wire.target, on: loop.eventLoop, limits: loop.configuration.connect, handler: handler)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success((_, let timings)):
                    connection.isOpen = true
                    loop.recorder.upstreamConnectionOpened(wire.slot, .active)
                    if let time = timings.dns { loop.recorder.connectStep(wire.slot, .dns, time) }
                    if let time = timings.tcp { loop.recorder.connectStep(wire.slot, .tcp, time) }
                    if let time = timings.tls { loop.recorder.connectStep(wire.slot, .tls, time) }
                    completion(.success(connection))
                case .failure(let error):
                    let failure =
                        error as? ConnectFailure
                        ?? ConnectFailure(type: .unreachable, isCertificate: false, message: "\(error)")
                    completion(.failure(failure))
                }
            }
    }

    /// Keeps a connection for the next request.
    func park(_ connection: UpstreamConnection) {
        let loop = self.loop
        guard !loop.isDraining else { return connection.close() }
        if connection.revision != loop.revision, !self.follow(connection, in: loop.currentFleet()) {
            // Its endpoint has left the configuration.
            return connection.close()
        }
        loop.recorder.upstreamConnectionBecameIdle(connection.slot)
        connection.isIdle = true
        connection.isReused = true
        loop.wheel.arm(connection, at: Clock.now() + loop.configuration.idleLifetime)
        if let displaced = self.idle.put(connection, for: Int(connection.endpoint.rawValue)) { displaced.close() }
    }

    func parkUnused(_ upstream: any Upstream) {
        guard let connection = upstream as? UpstreamConnection, connection.isUsable else { return upstream.close() }
        self.park(connection)
    }

    /// Forgets an idle connection.
    ///
    /// Returns whether it was idle here.
    func unpark(_ connection: UpstreamConnection) -> Bool {
        self.idle.remove(connection, for: Int(connection.endpoint.rawValue))
    }

    /// An upstream connection is closed.
    func connectionClosed(_ connection: UpstreamConnection) {
        guard connection.isOpen else { return }
        connection.isOpen = false
        self.loop.recorder.upstreamConnectionClosed(connection.slot, connection.isIdle ? .idle : .active)
    }

    // MARK: Configurations

    func adopt(_ fleet: FleetSnapshot) {
        for connection in self.idle.removeAll() {
            guard self.follow(connection, in: fleet) else {
                connection.close()
                continue
            }
            if let displaced = self.idle.put(connection, for: Int(connection.endpoint.rawValue)) {
                displaced.close()
            }
        }
    }

    func drain() {
        for connection in self.idle.removeAll() { connection.close() }
    }

    func stop() -> EventLoopFuture<Void> {
        self.drain()
        return self.loop.eventLoop.makeSucceededVoidFuture()
    }

    /// Finds a connection's endpoint in another configuration.
    ///
    /// Returns whether it is there and counted under the same name.
    private func follow(_ connection: UpstreamConnection, in fleet: FleetSnapshot) -> Bool {
        guard let index = fleet.index(of: connection.live),
            fleet[index]?.metricSlot == connection.slot.rawValue
        else { return false }
        connection.endpoint = index
        connection.revision = fleet.revision
        return true
    }
}

extension UpstreamSide {
    /// The default engine: bytes from raw connections, which each loop pools itself.
    public static let olla = UpstreamSide { ConnectionPool(loop: $0) }
}

@available(*, unavailable)
extension ConnectionPool: Sendable {}
