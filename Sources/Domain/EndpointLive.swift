public import Synchronization

/// What every loop must see at once about one endpoint: load, breaker, holds.
///
/// The object outlives fleet generations: as long as an endpoint stays in the configuration, every snapshot refers to
/// the same one. What is read at every selection shares a cache line with nothing that requests write; the count of
/// active requests has a line of its own.
///
/// - Isolation: shared by all loops and the control plane; every operation is atomic.
/// - Bounds: constant size; no allocation after `init`.
public final class EndpointLive: Sendable {
    /// The longest an endpoint is kept out of selection for a `Retry-After` of an answered request.
    public static let holdMax = Nanoseconds.seconds(60)

    // In the order of layout: the words that selection reads lie together, in front of the breaker's own.
    @usableFromInline let holdUntil: Atomic<Int64>
    @usableFromInline let demoted: Atomic<Bool>
    /// The request breaker.
    public let breaker: CircuitBreaker
    // Objects are aligned to 16 bytes only: 120 bytes on both sides keep the count alone on its line, and on the line
    // that the prefetcher fetches along with it.
    private let paddingBefore: InlineArray<15, UInt64>
    @usableFromInline let activeCount: Atomic<Int>
    private let paddingAfter: InlineArray<15, UInt64>
    /// What attempts have lately found out.
    public let experience: EndpointExperience
    private let paddingLast: InlineArray<15, UInt64>

    /// An idle endpoint with a closed breaker.
    public init(breaker: BreakerPolicy = .init()) {
        self.holdUntil = Atomic(0)
        self.demoted = Atomic(false)
        self.breaker = CircuitBreaker(policy: breaker)
        self.paddingBefore = .init(repeating: 0)
        self.activeCount = Atomic(0)
        self.paddingAfter = .init(repeating: 0)
        self.experience = EndpointExperience()
        self.paddingLast = .init(repeating: 0)
    }

    // MARK: Load

    /// Attempts that are running now.
    @inlinable
    public var active: Int { self.activeCount.load(ordering: .relaxed) }

    /// Counts an attempt as active unless the endpoint is at its limit; pair with ``end()``.
    ///
    /// - Parameter limit: `max_concurrent_requests`; 0 means none.
    /// - Returns: false, with nothing counted, at the limit.
    @inlinable
    public func tryBegin(limit: Int) -> Bool {
        let count = self.activeCount.add(1, ordering: .sequentiallyConsistent).newValue
        if limit <= 0 || count <= limit { return true }
        self.activeCount.subtract(1, ordering: .sequentiallyConsistent)
        return false
    }

    /// An attempt is over, whatever its outcome.
    ///
    /// Whoever waits for a place first says so and then looks once more; whoever frees one first frees it and then looks
    /// for somebody waiting. Both sides are sequentially consistent, so that at least one sees the other.
    @inlinable
    public func end() { self.activeCount.subtract(1, ordering: .sequentiallyConsistent) }

    // MARK: Reservation

    /// What became of the attempt to take a place.
    public enum Reservation: Equatable, Sendable {
        /// The attempt is active and admitted.
        ///
        /// Exactly one ``EndpointLive/end()`` and one verdict with the ticket must follow, or one
        /// ``EndpointLive/abandon(_:at:)``. `entered` is the state the breaker changed to, nil nearly always.
        case taken(BreakerTicket, entered: BreakerState?)
        /// The endpoint is at its limit; nothing was taken.
        case atLimit
        /// The breaker refused; nothing was taken.
        case refused
    }

    /// Takes a place under the limit and asks the breaker: both or nothing.
    ///
    /// - Parameters:
    ///   - limit: `max_concurrent_requests`; 0 means none.
    ///   - now: the time.
    /// - Returns: what was taken.
    @inlinable
    public func reserve(limit: Int, at now: MonotonicTime) -> Reservation {
        guard self.tryBegin(limit: limit) else { return .atLimit }
        switch self.breaker.admit(at: now) {
        case .admit(let ticket): return .taken(ticket, entered: nil)
        case .admitAsTrial(let ticket, let entered): return .taken(ticket, entered: entered)
        case .refuse:
            self.end()
            return .refused
        }
    }

    /// Gives a reservation back without a verdict: the attempt was not made, or the client left.
    public func abandon(_ ticket: BreakerTicket, at now: MonotonicTime) {
        self.breaker.release(ticket, at: now)
        self.end()
    }

    // MARK: Holds

    /// Keeps the endpoint out of selection after a 429 or 503 with `Retry-After`.
    ///
    /// A hold is never shortened by a later, shorter one.
    ///
    /// - Parameters:
    ///   - duration: as the endpoint asked; cut to ``holdMax``, and a negative one does nothing.
    ///   - now: the time.
    public func hold(for duration: Nanoseconds, at now: MonotonicTime) {
        guard duration > .zero else { return }
        _ = self.holdUntil.max((now + min(duration, Self.holdMax)).rawValue, ordering: .relaxed)
    }

    /// When the hold ends; ``MonotonicTime/zero`` or a moment in the past when there is none.
    @inlinable
    public var heldUntil: MonotonicTime { MonotonicTime(rawValue: self.holdUntil.load(ordering: .relaxed)) }

    /// Whether a `Retry-After` keeps the endpoint out of selection.
    @inlinable
    public func isHeld(at now: MonotonicTime) -> Bool { self.holdUntil.load(ordering: .relaxed) > now.rawValue }

    // MARK: Demotion

    /// Takes the endpoint out of selection on every loop at once, because no connection to it could be made.
    ///
    /// The control plane is told apart and publishes the state `offline`; this bridges the time until then.
    ///
    /// - Returns: true for the first of several concurrent failures: the one that tells the control plane.
    public func demote() -> Bool { !self.demoted.exchange(true, ordering: .relaxed) }

    /// Ends a demotion: called by the control plane when a health check has succeeded, before it publishes that.
    public func reinstate() { self.demoted.store(false, ordering: .relaxed) }

    /// Whether a request found the endpoint unreachable since the last successful check.
    @inlinable
    public var isDemoted: Bool { self.demoted.load(ordering: .relaxed) }

    // MARK: Selection

    /// Whether nothing but its load speaks against choosing the endpoint: three relaxed loads.
    @inlinable
    public func isSelectable(at now: MonotonicTime) -> Bool {
        self.breaker.isAdmitting(at: now) && !self.isHeld(at: now) && !self.isDemoted
    }
}
