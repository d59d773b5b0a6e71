public import Domain

/// The two clocks that supervision reads, and the one it waits on.
///
/// A protocol so that a test can replay an hour of checks in milliseconds.
public protocol SupervisionClock: Sendable {
    /// A reading of the process-wide monotonic clock; the same one the event loops use.
    func now() -> MonotonicTime

    /// The wall time in nanoseconds since the Unix epoch; for timestamps only.
    func wallTime() -> Nanoseconds

    /// Returns at a moment of the monotonic clock, at once when it has passed.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    func sleep(until moment: MonotonicTime) async throws
}

/// The real clocks, and the runtime's timers to wait by.
public struct SystemSupervisionClock: SupervisionClock {
    private let readMonotonic: @Sendable () -> MonotonicTime
    private let readWall: @Sendable () -> Nanoseconds

    /// A clock that reads the given sources.
    ///
    /// - Parameters:
    ///   - now: the monotonic clock that the event loops read.
    ///   - wallTime: nanoseconds since the Unix epoch.
    public init(
        now: @escaping @Sendable () -> MonotonicTime, wallTime: @escaping @Sendable () -> Nanoseconds
    ) {
        self.readMonotonic = now
        self.readWall = wallTime
    }

    /// A reading of the monotonic clock.
    public func now() -> MonotonicTime { self.readMonotonic() }

    /// Nanoseconds since the Unix epoch.
    public func wallTime() -> Nanoseconds { self.readWall() }

    /// Waits by a timer of the runtime; throws only when cancelled.
    public func sleep(until moment: MonotonicTime) async throws {
        let wait = moment - self.now()
        // Without a wait the task still gives way, so that no loop over past moments can keep a thread.
        guard wait > .zero else {
            try Task.checkCancellation()
            return await Task.yield()
        }
        try await Task.sleep(for: .nanoseconds(wait.rawValue))
    }
}
