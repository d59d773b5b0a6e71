import ClientSide
import Domain
import NIOCore
import NIOPosix
import Settings
import Transport

/// Where the gateway listens.
struct Listeners {
    /// For clients, and for everything else where there is no other.
    var main: Listener
    /// For `/internal/*` and `/version` alone; nil when ``main`` has them.
    var admin: Listener?
    /// What ``main`` shakes hands by; nil for plain HTTP.
    var certificates: ListenerCertificates?

    /// The most connections for `/internal/*` where they have a listener of their own: probes, scrapers, a few people.
    private static let adminConnectionsMax = 1_024

    /// Starts to listen.
    ///
    /// The administrative listener speaks plain HTTP whatever `server.tls` says: probes and scrapers have no client
    /// certificates, and its address decides who reaches it.
    ///
    /// - Throws: ``StartFailure`` that names the address and the key to change.
    static func open(
        _ settings: Configuration, group: MultiThreadedEventLoopGroup, engine: Engine,
        certificates: ListenerCertificates?
    ) async throws -> Listeners {
        let server = settings.server
        let surface: ListenerSurface = server.admin.port == nil ? .everything : .clients
        let main = try await self.bind(
            .init(host: server.host, port: server.port, readBufferBytes: settings.proxy.readBytesMax), group: group,
            engine: engine, change: "server.port or set OLLA_SERVER_PORT"
        ) { try engine.attach($0, acceptedAt: $1, surface: surface, tls: certificates?.current) }
        guard let port = server.admin.port else { return Listeners(main: main, certificates: certificates) }
        do {
            let admin = try await self.bind(
                .init(host: server.admin.host ?? server.host, port: port, maxConnections: self.adminConnectionsMax),
                group: group, engine: engine, change: "server.admin.port"
            ) { try engine.attach($0, acceptedAt: $1, surface: .administration) }
            return Listeners(main: main, admin: admin, certificates: certificates)
        } catch {
            await main.close()
            throw error
        }
    }

    private static func bind(
        _ configuration: Listener.Configuration, group: MultiThreadedEventLoopGroup, engine: Engine,
        change: String, attach: @escaping @Sendable (any Channel, MonotonicTime) throws -> Void
    ) async throws -> Listener {
        do {
            return try await Listener.bind(
                configuration, group: group, attach: attach, rejected: { engine.connectionRejected() })
        } catch {
            throw StartFailure(
                "cannot listen on \(configuration.host):\(configuration.port): \(error). Is another server using the "
                    + "port? Change \(change).")
        }
    }
}
