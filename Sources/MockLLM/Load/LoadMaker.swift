public import NIOCore
import NIOPosix

/// Light, bounded, seeded client traffic that counts what it sent and what came back.
///
/// - Isolation: any thread; the work is done on one event loop.
/// - Bounds: ``Configuration/concurrencyMax`` requests under way, as many kept connections.
public final class LoadMaker: Sendable {
    /// Where to send what, and how much.
    public struct Configuration: Sendable {
        /// The server's address.
        public var host: String
        /// The server's port.
        public var port: Int
        /// What to ask there.
        public var targets: [LoadTarget]
        /// How often to ask for what.
        public var mix: LoadMix
        /// Requests a second, from 0.01 to 100,000.
        public var requestsPerSecond: Double
        /// The most requests under way at once; at least 1.
        public var concurrencyMax: Int
        /// Requests after which no more are sent; nil goes on until stopped.
        public var requestsMax: Int?
        /// The key to present as `Authorization: Bearer`; nil for none.
        public var key: String?
        /// How long one request may take.
        public var timeLimit: Duration
        /// Decides the order of requests.
        public var seed: UInt64

        /// Describes traffic to one server.
        public init(
            host: String = "127.0.0.1", port: Int, targets: [LoadTarget],
            mix: LoadMix = .everyday, requestsPerSecond: Double = 5, concurrencyMax: Int = 16,
            requestsMax: Int? = nil, key: String? = nil, timeLimit: Duration = .seconds(60), seed: UInt64 = 1
        ) {
            self.host = host
            self.port = port
            self.targets = targets
            self.mix = mix
            self.requestsPerSecond = min(max(0.01, requestsPerSecond), 100_000)
            self.concurrencyMax = max(1, concurrencyMax)
            self.requestsMax = requestsMax
            self.key = key
            self.timeLimit = timeLimit
            self.seed = seed
        }
    }

    private let loop: any EventLoop
    private let driver: NIOLoopBoundBox<LoadDriver>

    /// Prepares traffic on one loop of `group`, which is never shut down; nil takes NIO's own.
    public init(configuration: Configuration, group: (any EventLoopGroup)? = nil) {
        let loop = (group ?? MultiThreadedEventLoopGroup.singleton).next()
        self.loop = loop
        self.driver = NIOLoopBoundBox.makeBoxSendingValue(
            LoadDriver(configuration: configuration, loop: loop), eventLoop: loop)
    }

    /// Begins to send.
    public func start() { self.loop.execute { self.driver.value.start() } }

    /// Waits until ``Configuration/requestsMax`` requests have ended, or until stopped.
    public func finished() async throws -> LoadSummary {
        try await self.loop.flatSubmit { self.driver.value.whenFinished() }.get()
    }

    /// Sends no more, gives up what is under way, and returns the counts.
    ///
    /// Requests given up count as ``LoadSummary/Outcome/cancelled``.
    public func stop() async throws -> LoadSummary {
        try await self.loop.submit {
            self.driver.value.stop()
            return self.driver.value.summary
        }.get()
    }

    /// The counts so far.
    public func summary() async throws -> LoadSummary {
        try await self.loop.submit { self.driver.value.summary }.get()
    }
}
