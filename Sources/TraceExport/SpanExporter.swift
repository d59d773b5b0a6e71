public import Domain
public import ServiceLifecycle
import Synchronization

/// Sends spans to a collector by OTLP/HTTP in JSON, beside the event loops.
///
/// It looks at the queues every ``Policy/pollInterval`` and sends what waits in batches, one at a time. While the
/// collector does not take them, or asks for patience, the queues fill up and refuse: the data path never waits.
/// At shutdown it sends what is left within ``Policy/timeout``. Whoever made it is told how many spans were
/// not delivered.
///
/// - Isolation: ``run()`` once, anywhere.
/// - Bounds: the queues and one batch of ``Policy/batchMax`` spans.
public final class SpanExporter: Service {
    /// When and how hard it tries.
    public struct Policy: Sendable {
        /// Time for one exchange with the collector, and for all that is left at shutdown; key `tracing.otlp.timeout`.
        public var timeout: Nanoseconds
        /// The most spans of one exchange.
        public var batchMax = 512
        /// The time between two looks at the queues.
        public var pollInterval = Nanoseconds.milliseconds(100)
        /// How long a batch that is not full waits for more.
        public var linger = Nanoseconds.seconds(1)
        /// How often a batch is offered to a collector that cannot take it now.
        public var triesMax = 5
        /// The pause after the first try, doubled with each; the collector's `Retry-After` replaces it.
        public var firstPause = Nanoseconds.milliseconds(250)
        /// The longest pause, whatever the collector asks for.
        public var pauseMax = Nanoseconds.seconds(60)

        /// The usual policy with a time limit.
        public init(timeout: Nanoseconds) { self.timeout = timeout }
    }

    /// What the operator should know.
    public enum Event: Equatable, Sendable {
        /// A batch was given up; told once until ``recovered``.
        case failing(reason: String)
        /// The collector takes spans again.
        case recovered
    }

    private let queues: [SpanQueue]
    private let policy: Policy
    private let resource: SpanBatch.Resource
    private let lost: @Sendable (Int) -> Void
    private let makeSender: @Sendable () -> any SpanSender
    private let wait: @Sendable (Nanoseconds) async throws -> Void
    private let events: @Sendable (Event) -> Void
    private let isFailing = Atomic<Bool>(false)
    private let turn = Atomic<Int>(0)

    /// An exporter of these queues.
    ///
    /// - Parameters:
    ///   - queues: what the event loops fill.
    ///   - policy: when and how hard it tries.
    ///   - version: the version of the gateway.
    ///   - instance: names this process among others.
    ///   - lost: told how many spans were not delivered.
    ///   - makeSender: opens the way to the collector, once ``run()`` begins.
    ///   - wait: lets time pass; throws when its task is cancelled.
    ///   - events: told what the operator should know.
    public init(
        queues: [SpanQueue], policy: Policy, version: String, instance: String,
        lost: @escaping @Sendable (Int) -> Void,
        makeSender: @escaping @Sendable () -> any SpanSender,
        wait: @escaping @Sendable (Nanoseconds) async throws -> Void = SpanExporter.sleep,
        events: @escaping @Sendable (Event) -> Void
    ) {
        self.queues = queues
        self.policy = policy
        self.resource = SpanBatch.Resource(version: version, instance: instance)
        self.lost = lost
        self.makeSender = makeSender
        self.wait = wait
        self.events = events
    }

    /// Lets time pass for real.
    public static func sleep(_ time: Nanoseconds) async throws {
        try await Task.sleep(for: .nanoseconds(time.rawValue))
    }

    /// Exports until asked to shut down gracefully, then what is left; never throws.
    public func run() async throws {
        let sender = self.makeSender()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.export(to: sender) }
            group.addTask {
                do {
                    try await gracefulShutdown()
                    try await self.wait(self.policy.timeout)
                } catch {
                    // Cancelled: the other task is done, or the group ends without grace.
                }
            }
            await group.next()
            group.cancelAll()
        }
        self.drop(self.queues.reduce(0) { count, queue in count + queue.drain(.max) { _ in } })
        await sender.shutdown()
    }

    private func export(to sender: any SpanSender) async {
        var waited = Nanoseconds.zero
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            await self.pause(self.policy.pollInterval)
            waited += self.policy.pollInterval
            let count = self.queued
            if count == 0 { waited = .zero }
            guard count >= self.policy.batchMax || (count > 0 && waited >= self.policy.linger) else { continue }
            waited = .zero
            repeat { await self.exportNext(to: sender) } while self.queued >= self.policy.batchMax && !Task.isCancelled
        }
        while self.queued > 0, !Task.isCancelled { await self.exportNext(to: sender) }
    }

    private var queued: Int { self.queues.reduce(0) { $0 + $1.count } }

    /// Sends one batch of what waits; nothing when nothing does.
    func exportNext(to sender: any SpanSender) async {
        var batch = SpanBatch()
        // Another queue is the first one each time, so that a busy loop cannot starve the others.
        let first = self.turn.add(1, ordering: .relaxed).oldValue
        for offset in self.queues.indices {
            let queue = self.queues[(first + offset) % self.queues.count]
            _ = queue.drain(self.policy.batchMax - batch.count) { batch.append($0) }
        }
        guard batch.count > 0 else { return }
        await self.deliver(batch.body(self.resource), count: batch.count, by: sender)
    }

    private func deliver(_ body: [UInt8], count: Int, by sender: any SpanSender) async {
        var pause = self.policy.firstPause
        for attempt in 1... {
            let reason: String
            switch await sender.send(body, timeout: self.policy.timeout) {
            case .taken(let rejected, let message):
                self.drop(min(rejected, count))
                return rejected > 0 ? self.failed(message) : self.succeeded()
            case .refused(let message):
                self.drop(count)
                return self.failed(message)
            case .unavailable(let message, let retryAfter):
                reason = message
                if attempt >= self.policy.triesMax || Task.isCancelled { break }
                let jittered = Nanoseconds(rawValue: Int64.random(in: pause.rawValue / 2...pause.rawValue))
                await self.pause(min(retryAfter ?? jittered, self.policy.pauseMax))
                pause = min(pause + pause, self.policy.pauseMax)
                if !Task.isCancelled { continue }
            }
            self.drop(count)
            return self.failed(reason)
        }
    }

    /// Waits; a shutdown that is asked for meanwhile ends it.
    private func pause(_ time: Nanoseconds) async {
        let wait = self.wait
        if Task.isShuttingDownGracefully {
            try? await wait(time)
        } else {
            _ = try? await cancelWhenGracefulShutdown { try await wait(time) }
        }
    }

    private func drop(_ count: Int) {
        if count > 0 { self.lost(count) }
    }

    private func failed(_ reason: String) {
        if !self.isFailing.exchange(true, ordering: .relaxed) { self.events(.failing(reason: reason)) }
    }

    private func succeeded() {
        if self.isFailing.exchange(false, ordering: .relaxed) { self.events(.recovered) }
    }
}

/// Carries export requests to a collector.
public protocol SpanSender: Sendable {
    /// Sends one request and waits for its answer, at most so long.
    func send(_ body: [UInt8], timeout: Nanoseconds) async -> SendVerdict
    /// Closes the way.
    func shutdown() async
}

/// What became of an export request.
public enum SendVerdict: Equatable, Sendable {
    /// The collector has it, less so many spans, and says why.
    case taken(rejected: Int, message: String)
    /// The collector will never take it.
    case refused(message: String)
    /// It may take it later, not before `retryAfter` when that is known.
    case unavailable(message: String, retryAfter: Nanoseconds?)
}
