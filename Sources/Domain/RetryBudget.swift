import Synchronization

/// Keeps retries a small share of the traffic, so that a failing fleet is not hit harder than a sound one.
///
/// At most ``Policy/percent`` percent of the requests of the last ten seconds, and never fewer than ``Policy/floor``
/// in ten seconds, may be retries.
///
/// - Isolation: shared by all loops. A request is counted with one atomic exchange; a retry takes the lock, so the limit
///   is exact.
/// - Bounds: constant size; no allocation after `init`.
public final class RetryBudget: Sendable {
    /// Keys `proxy.retry.budget_percent` and `proxy.retry.budget_floor`.
    public struct Policy: Equatable, Sendable {
        /// Retries per hundred requests.
        public var percent: Int
        /// Retries that are always allowed in ten seconds.
        public var floor: Int

        /// The documented defaults.
        public init(percent: Int = 20, floor: Int = 10) {
            self.percent = percent
            self.floor = floor
        }
    }

    /// The rules.
    public let policy: Policy
    private let counts: SlidingCounts
    private let lock: Mutex<Void>

    /// A budget that has seen no request.
    public init(policy: Policy = .init()) {
        self.policy = policy
        self.counts = SlidingCounts(window: .seconds(10))
        self.lock = Mutex(())
    }

    /// A client request began.
    public func requestStarted(at now: MonotonicTime) { self.counts.add(1, 0, at: now) }

    /// Takes one retry out of the budget; false when it is spent.
    public func takeRetry(at now: MonotonicTime) -> Bool {
        self.lock.withLock { _ in
            let (requests, retries) = self.counts.totals(at: now)
            guard retries < max(self.policy.floor, requests * self.policy.percent / 100) else { return false }
            self.counts.add(0, 1, at: now)
            return true
        }
    }
}
