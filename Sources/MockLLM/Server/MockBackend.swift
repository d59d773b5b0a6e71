public import NIOCore
import NIOHTTP1
import NIOPosix

/// A backend that imitates an LLM server, with faults on request.
///
/// Answers are a function of seed, model and prompt alone: asked twice, a mock says the same thing
/// byte for byte. Besides the routes of its kind it serves `GET /_mock/state` and
/// `POST /_mock/behaviour` (see ``BehaviourPatch``).
///
/// - Isolation: any thread.
/// - Bounds: request bodies of ``requestBytesMax`` bytes, ``pipelineMax`` requests waiting on one
///   connection; past them the connection is refused or closed, and counted.
public final class MockBackend: Sendable {
    /// The longest request body read.
    public static let requestBytesMax = 64 * 1024 * 1024
    /// The most requests that may wait on one connection behind the one being answered.
    public static let pipelineMax = 256

    /// What the mock imitates.
    public let kind: MockKind
    /// The address listened on.
    public let host: String
    /// The port listened on; the same for the mock's whole life.
    public let port: Int

    private let ledger: MockLedger
    private let listener: MockListener

    private init(kind: MockKind, host: String, port: Int, ledger: MockLedger, listener: MockListener) {
        self.kind = kind
        self.host = host
        self.port = port
        self.ledger = ledger
        self.listener = listener
    }

    /// Starts a mock and returns once it listens.
    ///
    /// - Parameters:
    ///   - kind: The server to imitate.
    ///   - behaviour: How it behaves at first.
    ///   - host: The address to listen on.
    ///   - port: The port to listen on; 0 takes a free one.
    ///   - group: The event loops to run on, never shut down by the mock; nil takes NIO's own.
    /// - Returns: The mock, listening.
    /// - Throws: When the address cannot be listened on.
    public static func start(
        kind: MockKind, behaviour: MockBehaviour = MockBehaviour(), host: String = "127.0.0.1",
        port: Int = 0, group: (any EventLoopGroup)? = nil
    ) async throws -> MockBackend {
        let ledger = MockLedger(behaviour: behaviour)
        let group = group ?? MultiThreadedEventLoopGroup.singleton
        let listener = MockListener(group: group, host: host, port: port) { channel, listener in
            try channel.pipeline.syncOperations.addHandler(
                ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
            try channel.pipeline.syncOperations.addHandler(
                MockConnection(kind: kind, ledger: ledger, listener: listener))
        }
        let port = try await listener.listen()
        return MockBackend(
            kind: kind, host: host, port: port, ledger: ledger, listener: listener)
    }

    /// The base URL without a slash at its end.
    public var url: String { "http://\(self.host):\(self.port)" }

    /// How the mock behaves from the next request on.
    public var behaviour: MockBehaviour { self.ledger.behaviour }

    /// Changes how the mock behaves from the next request on.
    public func update(_ change: (inout MockBehaviour) -> Void) { self.ledger.update(change) }

    /// What the mock has seen and done.
    public var counts: MockCounts { self.ledger.counts }

    /// The last 256 requests, those to `/_mock/` excepted.
    public var requests: [SeenRequest] { self.ledger.requests }

    /// Forgets counts and requests.
    public func resetCounts() { self.ledger.reset() }

    /// Waits, without polling, until the counts satisfy `condition`.
    ///
    /// - Returns: False when the waiting task was cancelled first.
    @discardableResult
    public func waitUntil(_ condition: @escaping @Sendable (MockCounts) -> Bool) async -> Bool {
        await self.ledger.wait(until: condition)
    }

    /// Whether new connections are accepted.
    public var isListening: Bool { self.listener.isListening }

    /// Plays dead: refuses new connections and resets the open ones.
    public func stopListening() async throws { try await self.listener.pause(sparing: nil) }

    /// Comes back after ``stopListening()``, on the same port.
    public func resumeListening() async throws { _ = try await self.listener.listen() }

    /// Stops for good: closes the listener and every connection.
    public func stop() async throws { try await self.listener.pause(sparing: nil) }
}
