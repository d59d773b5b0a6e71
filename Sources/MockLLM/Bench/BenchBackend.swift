public import NIOCore
import NIOPosix

/// A backend for measuring what stands before it: it does as little as it can per request.
///
/// A `POST` gets one fixed JSON answer with a body of ``replyBytes`` bytes, or, when its body asks
/// for `"stream":true`, server-sent events at a fixed gap. Each event carries the monotonic time
/// at which it was written, in nanoseconds, as `"t":"<19 digits>"`, so that a reader on the same
/// machine can tell how long it was under way. Any other method gets a model list.
///
/// Streams are spread over the gap by the golden ratio, so that events come one by one and not in
/// bursts, however the streams were opened.
///
/// - Isolation: any thread.
/// - Bounds: heads and bodies of ``requestBytesMax`` bytes together; bodies by `Content-Length`
///   only. What breaks these is answered with 400 and closed.
public final class BenchBackend: Sendable {
    /// The body of the fixed answer, in bytes.
    public static let replyBytes = 330
    /// The longest request read, head included.
    public static let requestBytesMax = 1024 * 1024
    /// The only model.
    public static let model = "bench"

    /// The port listened on.
    public let port: Int
    private let listener: MockListener

    private init(port: Int, listener: MockListener) {
        self.port = port
        self.listener = listener
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - gap: The time between two events of a stream.
    ///   - events: Events of a stream whose request has no `"max_tokens"`; at least 1.
    ///   - host: The address to listen on.
    ///   - port: The port to listen on; 0 takes a free one.
    ///   - group: The event loops to run on, never shut down by the backend; nil takes NIO's own.
    /// - Returns: The backend, listening.
    /// - Throws: When the address cannot be listened on.
    public static func start(
        gap: Duration = .milliseconds(40), events: Int = 250, host: String = "127.0.0.1",
        port: Int = 0, group: (any EventLoopGroup)? = nil
    ) async throws -> BenchBackend {
        let group = group ?? MultiThreadedEventLoopGroup.singleton
        let phases = PhaseSpreader(gap: gap)
        let listener = MockListener(group: group, host: host, port: port) { channel, listener in
            try channel.pipeline.syncOperations.addHandler(
                BenchConnection(
                    gap: gap, events: max(1, events), phases: phases, listener: listener))
        }
        return BenchBackend(port: try await listener.listen(), listener: listener)
    }

    /// Stops listening and resets every connection.
    public func stop() async throws { try await self.listener.pause(sparing: nil) }
}
