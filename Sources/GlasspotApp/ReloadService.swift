public import Domain
import ServiceLifecycle
public import Settings
import Synchronization
public import UnixSignals

/// How a running gateway's configuration is loaded anew.
public struct Reloading: Sendable {
    /// Loads it as a start would.
    public var load: @Sendable () -> LoadedConfiguration
    /// What the files of a configuration look like now.
    public var look: @Sendable (Configuration) -> ConfigurationFiles
    /// The signals that ask for it.
    public var signals: [UnixSignal]
    /// The time between two looks at the files with `server.watch_config`.
    public var interval: Nanoseconds

    /// A way to load, by default on SIGHUP, with a look at the files twice a second.
    public init(
        load: @escaping @Sendable () -> LoadedConfiguration,
        look: @escaping @Sendable (Configuration) -> ConfigurationFiles,
        signals: [UnixSignal] = [.sighup], interval: Nanoseconds = .milliseconds(500)
    ) {
        self.load = load
        self.look = look
        self.signals = signals
        self.interval = interval
    }
}

/// Reloads the configuration when a signal or a changed file asks for it, one reload at a time.
///
/// - Isolation: thread-safe.
final class ReloadService: Service {
    private let gateway: Gateway
    private let reloading: Reloading
    private let watch = Mutex(ConfigurationWatch())

    init(gateway: Gateway, reloading: Reloading) {
        self.gateway = gateway
        self.reloading = reloading
    }

    private var settings: Configuration { self.gateway.running.withLock { $0.settings } }

    func run() async throws {
        let (requests, request) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let first = await self.look()
        self.watch.withLock { $0.settle(first) }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.awaitSignals(request) }
                group.addTask { await self.watchFiles(request) }
                for await _ in requests { await self.reload() }
                group.cancelAll()
            }
        }
    }

    /// A change that comes while the files are read differs from the look before, and is read next.
    private func reload() async {
        let seen = await self.look()
        let loaded = await self.load()
        guard !Task.isCancelled else { return }
        await self.gateway.reload(loaded)
        // The new configuration may name other files.
        let after = await self.look()
        self.watch.withLock { $0.settle(after.hasSamePaths(as: seen) ? seen : after) }
    }

    @concurrent
    private func load() async -> LoadedConfiguration { self.reloading.load() }

    @concurrent
    private func look() async -> ConfigurationFiles { self.reloading.look(self.settings) }

    private func awaitSignals(_ request: AsyncStream<Void>.Continuation) async {
        guard !self.reloading.signals.isEmpty else { return }
        for await _ in await UnixSignalsSequence(trapping: self.reloading.signals) { request.yield() }
    }

    /// Looks at the files while the running configuration wants that.
    private func watchFiles(_ request: AsyncStream<Void>.Continuation) async {
        while (try? await Task.sleep(for: .nanoseconds(self.reloading.interval.rawValue))) != nil {
            guard self.settings.server.watchConfig else { continue }
            let files = await self.look()
            if self.watch.withLock({ $0.looked(files) }) { request.yield() }
        }
    }
}
