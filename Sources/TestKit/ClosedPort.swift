import NIOCore
import NIOPosix

/// A loopback port that refuses connections, and that nobody is given meanwhile.
///
/// It is the own port of an open connection. One that was listened on and closed is soon given to the next who asks.
public struct ClosedPort: Sendable {
    /// The port.
    public let port: Int
    private let listener: any Channel
    private let connection: any Channel

    /// Takes a port.
    public init() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        self.listener = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        self.connection = try await ClientBootstrap(group: group)
            .connect(host: "127.0.0.1", port: self.listener.localAddress?.port ?? 0).get()
        self.port = self.connection.localAddress?.port ?? 0
    }

    /// Lets it go.
    public func close() async throws {
        try await self.connection.close()
        try await self.listener.close()
    }
}
