import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A listening socket that can be taken away and put back on the same port.
///
/// While it is away its port stays bound, so that connections are refused there and no other program
/// is given the port, as the kernel would do with one that nobody holds.
///
/// - Isolation: any thread; the set of connections lives under one mutex.
final class MockListener: Sendable {
    private struct State {
        var port: Int
        var listening: (any Channel)?
        var held: HeldPort?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var accepted = 0
    }

    private let group: any EventLoopGroup
    private let host: String
    private let state: Mutex<State>
    private let prepare: @Sendable (any Channel, MockListener) throws -> Void

    init(
        group: any EventLoopGroup, host: String, port: Int,
        prepare: @escaping @Sendable (any Channel, MockListener) throws -> Void
    ) {
        self.group = group
        self.host = host
        self.state = Mutex(State(port: port))
        self.prepare = prepare
    }

    var isListening: Bool { self.state.withLock { $0.listening != nil } }
    var port: Int { self.state.withLock { $0.port } }

    /// Starts to listen, if it does not yet, and returns the port.
    func listen() async throws -> Int {
        let (port, isListening) = self.state.withLock { ($0.port, $0.listening != nil) }
        guard !isListening else { return port }
        self.state.withLock { $0.held = nil }
        let channel = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel, self) }
            }
            .bind(host: self.host, port: port)
            .get()
        let bound = channel.localAddress?.port ?? port
        let isFirst = self.state.withLock { state in
            guard state.listening == nil else { return false }
            state.listening = channel
            state.port = bound
            return true
        }
        if !isFirst { try await channel.close() }
        return bound
    }

    /// Closes the listening socket and resets every connection but one.
    func pause(sparing spared: ObjectIdentifier?) async throws {
        let (listening, connections) = self.state.withLock { state in
            let listening = state.listening
            state.listening = nil
            return (listening, state.connections.filter { $0.key != spared }.map(\.value))
        }
        if let listening {
            let address = listening.localAddress
            try await listening.close()
            self.state.withLock { $0.held = address.flatMap(HeldPort.init) }
        }
        for channel in connections {
            try? await channel.eventLoop.submit { Self.reset(channel) }.get()
            try? await channel.closeFuture.get()
        }
    }

    /// Takes in an accepted connection and returns its number, counted from 1.
    func opened(_ channel: any Channel) -> Int {
        self.state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = channel
            state.accepted += 1
            return state.accepted
        }
    }

    func closed(_ channel: any Channel) {
        self.state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Ends a connection so that the peer sees a reset.
    ///
    /// Must be called on the channel's loop.
    static func reset(_ channel: any Channel) {
        if let options = channel as? any SocketOptionProvider {
            // With no time to linger, the kernel answers with RST instead of FIN.
            options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                channel.close(promise: nil)
            }
        } else {
            channel.close(promise: nil)
        }
    }
}
