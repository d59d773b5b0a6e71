public import NIOCore
import NIOPosix

/// A backend that plays a script on each connection, byte for byte, at the test's own signals.
///
/// The n-th connection plays the n-th script; connections past the last script play the last one
/// again, or are reset when ``start(scripts:repeatsLast:host:port:group:)`` was told so. After its
/// script a connection stays open until the peer closes it.
///
/// - Isolation: any thread.
/// - Bounds: ``receivedBytesMax`` bytes are kept of each connection; past them it is reset.
public final class ScriptedBackend: Sendable {
    /// The most bytes a connection may send.
    public static let receivedBytesMax = 64 * 1024 * 1024

    /// The port listened on.
    public let port: Int
    private let board: ScriptBoard
    private let listener: MockListener

    private init(port: Int, board: ScriptBoard, listener: MockListener) {
        self.port = port
        self.board = board
        self.listener = listener
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - scripts: What each connection does, in the order they are accepted.
    ///   - repeatsLast: Whether further connections play the last script, else they are reset.
    ///   - host: The address to listen on.
    ///   - port: The port to listen on; 0 takes a free one.
    ///   - group: The event loops to run on, never shut down by the backend; nil takes NIO's own.
    /// - Returns: The backend, listening.
    /// - Throws: When the address cannot be listened on.
    public static func start(
        scripts: [[ScriptStep]], repeatsLast: Bool = true, host: String = "127.0.0.1",
        port: Int = 0, group: (any EventLoopGroup)? = nil
    ) async throws -> ScriptedBackend {
        let board = ScriptBoard()
        let group = group ?? MultiThreadedEventLoopGroup.singleton
        let listener = MockListener(group: group, host: host, port: port) { channel, listener in
            try channel.pipeline.syncOperations.addHandler(
                ScriptedConnection(
                    scripts: scripts, repeatsLast: repeatsLast, board: board, listener: listener))
        }
        return ScriptedBackend(
            port: try await listener.listen(), board: board, listener: listener)
    }

    /// The longest that anything is waited for, so that a test which has gone wrong fails instead of hanging.
    public static let limit = TimeAmount.seconds(30)

    /// Gives a signal: every step that waits for it, now or later, goes on.
    public func signal(_ name: String) { self.board.signal(name) }

    /// Waits until some connection has announced this point; false after ``limit``, or when the task was cancelled.
    public func reached(_ name: String) async -> Bool {
        await self.board.wait { $0.announced.contains(name) }
    }

    /// Waits until so many connections have been accepted; false after ``limit``, or when the task was cancelled.
    public func accepted(_ count: Int) async -> Bool {
        await self.board.wait { $0.accepted >= count }
    }

    /// Waits until so many connections have closed; false after ``limit``, or when the task was cancelled.
    public func closed(_ count: Int) async -> Bool {
        await self.board.wait { $0.closed >= count }
    }

    /// Connections accepted so far.
    public var connectionCount: Int { self.board.current.accepted }

    /// Every byte that a connection, counted from 1, has sent so far.
    public func received(connection: Int = 1) -> [UInt8] {
        self.board.current.received[connection] ?? []
    }

    /// Stops listening and resets every connection.
    public func stop() async throws { try await self.listener.pause(sparing: nil) }
}
