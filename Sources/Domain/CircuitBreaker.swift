public import Synchronization

/// When an endpoint's request breaker opens and for how long; keys `proxy.breaker.*`.
public struct BreakerPolicy: Equatable, Sendable {
    /// Failures in a row that open the breaker; 0 switches the rule off.
    public var consecutiveFailures: Int
    /// The failed share of the attempts in ``window`` that opens the breaker, 0 < ratio <= 1; 0 switches the rule off.
    public var failureRatio: Double
    /// The fewest attempts in ``window`` for ``failureRatio`` to be judged.
    public var minAttempts: Int
    /// The span the ratio is judged over.
    public var window: Nanoseconds
    /// How long an open breaker refuses before it admits a trial.
    public var openDuration: Nanoseconds
    /// How long a trial may go without a verdict before it is replaced.
    public var trialDuration: Nanoseconds

    /// The documented defaults.
    public init(
        consecutiveFailures: Int = 5, failureRatio: Double = 0.5, minAttempts: Int = 20,
        window: Nanoseconds = .seconds(10), openDuration: Nanoseconds = .seconds(30),
        trialDuration: Nanoseconds = .seconds(30)
    ) {
        self.consecutiveFailures = consecutiveFailures
        self.failureRatio = failureRatio
        self.minAttempts = minAttempts
        self.window = window
        self.openDuration = openDuration
        self.trialDuration = trialDuration
    }
}

/// The right to report one attempt's verdict to the breaker that admitted it.
///
/// It names the period of the breaker that the attempt belongs to. A verdict from an earlier period, such as that of a
/// trial that was replaced, is ignored.
public struct BreakerTicket: Equatable, Sendable {
    @usableFromInline let word: UInt64

    @inlinable
    init(word: UInt64) { self.word = word }

    /// Whether this attempt alone decides if the endpoint is trusted again.
    @inlinable
    public var isTrial: Bool { self.word & 3 == 2 }
}

/// Stops traffic to an endpoint that keeps failing, and learns when it has recovered.
///
/// One word holds the state above a period number that grows with every transition and every trial. A closed breaker
/// admits with one relaxed load and counts a success without a lock; failures, trials and transitions take the lock.
/// It cannot stay half-open: a trial without a verdict is replaced after ``BreakerPolicy/trialDuration``, a trial that
/// is given up frees its place at once.
///
/// Every operation that can change the state returns the state it entered, so that its caller can count it.
///
/// - Isolation: shared by all loops; it reads no clock, every event carries its time.
/// - Bounds: constant size; no allocation.
public struct CircuitBreaker: ~Copyable, Sendable {
    /// What to do with the request that was asked about.
    public enum Admission: Equatable, Sendable {
        /// Send it.
        case admit(BreakerTicket)
        /// Send it as the one trial; `entered` is the state the breaker changed to, nil for a replaced trial.
        case admitAsTrial(BreakerTicket, entered: BreakerState?)
        /// Choose another endpoint; this one is worth asking again at the given time.
        case refuse(retryAt: MonotonicTime)
    }

    /// The rules.
    public let policy: BreakerPolicy
    @usableFromInline let gate: Atomic<UInt64>
    // Open: when a trial may begin. Half-open: when the trial may be replaced.
    @usableFromInline let deadline: Atomic<Int64>
    // What every attempt writes must not share a cache line with what every selection reads.
    private let padding: InlineArray<15, UInt64>
    private let failuresInRow: Atomic<Int>
    private let counts: SlidingCounts
    private let lock: Mutex<Void>

    /// A closed breaker.
    public init(policy: BreakerPolicy) {
        self.policy = policy
        self.gate = Atomic(0)
        self.deadline = Atomic(0)
        self.padding = .init(repeating: 0)
        self.failuresInRow = Atomic(0)
        self.counts = SlidingCounts(window: policy.window)
        self.lock = Mutex(())
    }

    /// The state as last published.
    ///
    /// An open breaker whose time has passed stays `open` until a request comes to try it.
    @inlinable
    public var state: BreakerState { Self.state(of: self.gate.load(ordering: .relaxed)) }

    @inlinable
    static func state(of word: UInt64) -> BreakerState {
        switch word & 3 {
        case 0: .closed
        case 1: .open
        default: .halfOpen
        }
    }

    /// When the next trial may be admitted; ``MonotonicTime/zero`` while closed.
    @inlinable
    public var retryAt: MonotonicTime {
        self.gate.load(ordering: .relaxed) & 3 == 0
            ? .zero : MonotonicTime(rawValue: self.deadline.load(ordering: .relaxed))
    }

    /// Whether a request that asked now would be admitted; takes nothing.
    ///
    /// Used to thin out candidates. The one that is chosen must still be asked with ``admit(at:)``, because several
    /// loops may see the same free trial.
    @inlinable
    public func isAdmitting(at now: MonotonicTime) -> Bool {
        self.gate.load(ordering: .relaxed) & 3 == 0
            || now.rawValue >= self.deadline.load(ordering: .relaxed)
    }

    /// Asks to send one request.
    ///
    /// An admitted attempt ends with exactly one of ``recordSuccess(_:at:)``, ``recordFailure(_:at:)`` and
    /// ``release(_:at:)``.
    @inlinable
    public func admit(at now: MonotonicTime) -> Admission {
        let word = self.gate.load(ordering: .relaxed)
        return word & 3 == 0 ? .admit(BreakerTicket(word: word)) : self.admitWhenNotClosed(at: now)
    }

    @usableFromInline
    func admitWhenNotClosed(at now: MonotonicTime) -> Admission {
        self.lock.withLock { _ in
            let word = self.gate.load(ordering: .relaxed)
            let state = Self.state(of: word)
            if state == .closed { return .admit(BreakerTicket(word: word)) }
            let deadline = self.deadline.load(ordering: .relaxed)
            guard now.rawValue >= deadline else { return .refuse(retryAt: MonotonicTime(rawValue: deadline)) }
            let trial = self.enter(.halfOpen, until: now + self.policy.trialDuration)
            return .admitAsTrial(BreakerTicket(word: trial), entered: state == .halfOpen ? nil : .halfOpen)
        }
    }

    /// The answer to a trial has begun well: the endpoint is trusted again without waiting for the end of the answer.
    ///
    /// A stream may last for minutes, and its trial would be replaced meanwhile. The ticket is renewed, so the verdict
    /// at the end of the attempt counts in the new period. Does nothing for an attempt that is no trial.
    ///
    /// - Returns: the state entered, nil when nothing changed.
    public func trialAnswered(_ ticket: inout BreakerTicket, at now: MonotonicTime) -> BreakerState? {
        guard ticket.isTrial else { return nil }
        let trial = ticket
        let closed = self.lock.withLock { _ in self.closeIfCurrent(trial) }
        guard let closed else { return nil }
        ticket = BreakerTicket(word: closed)
        return .closed
    }

    /// An attempt ended well.
    ///
    /// - Returns: the state entered, nil when nothing changed.
    public func recordSuccess(_ ticket: BreakerTicket, at now: MonotonicTime) -> BreakerState? {
        guard ticket.word == self.gate.load(ordering: .relaxed) else { return nil }
        if ticket.isTrial {
            return self.lock.withLock { _ in self.closeIfCurrent(ticket) == nil ? nil : .closed }
        }
        // A plain store: a failure that comes between load and store counts as having come before this success.
        if self.failuresInRow.load(ordering: .relaxed) != 0 {
            self.failuresInRow.store(0, ordering: .relaxed)
        }
        self.counts.add(1, 0, at: now)
        return nil
    }

    /// An attempt failed through the endpoint's fault.
    ///
    /// - Returns: the state entered, nil when nothing changed.
    public func recordFailure(_ ticket: BreakerTicket, at now: MonotonicTime) -> BreakerState? {
        self.lock.withLock { _ in
            guard ticket.word == self.gate.load(ordering: .relaxed) else { return nil }
            if ticket.isTrial {
                _ = self.enter(.open, until: now + self.policy.openDuration)
                return .open
            }
            self.counts.add(1, 1, at: now)
            let inRow = self.failuresInRow.add(1, ordering: .relaxed).newValue
            guard self.isTripped(failuresInRow: inRow, at: now) else { return nil }
            _ = self.enter(.open, until: now + self.policy.openDuration)
            return .open
        }
    }

    /// An attempt ended without a verdict on the endpoint: the client left, or the gateway cut it.
    ///
    /// A trial's place is free again at once.
    public func release(_ ticket: BreakerTicket, at now: MonotonicTime) {
        guard ticket.isTrial else { return }
        self.lock.withLock { _ in
            guard ticket.word == self.gate.load(ordering: .relaxed) else { return }
            _ = self.enter(.halfOpen, until: now)
        }
    }

    private func isTripped(failuresInRow: Int, at now: MonotonicTime) -> Bool {
        if self.policy.consecutiveFailures > 0, failuresInRow >= self.policy.consecutiveFailures { return true }
        guard self.policy.failureRatio > 0 else { return false }
        let (attempts, failures) = self.counts.totals(at: now)
        return attempts >= max(1, self.policy.minAttempts)
            && Double(failures) >= self.policy.failureRatio * Double(attempts)
    }

    private func closeIfCurrent(_ ticket: BreakerTicket) -> UInt64? {
        guard ticket.word == self.gate.load(ordering: .relaxed) else { return nil }
        self.failuresInRow.store(0, ordering: .relaxed)
        self.counts.clear()
        return self.enter(.closed, until: .zero)
    }

    // Called with the lock held. The deadline goes first, so that a loop which sees the new state sees no old deadline;
    // one that does all the same is put right by `admit`, which looks again under the lock.
    private func enter(_ state: BreakerState, until deadline: MonotonicTime) -> UInt64 {
        let period = (self.gate.load(ordering: .relaxed) >> 2) &+ 1
        let word = period << 2 | UInt64(state.rawValue)
        self.deadline.store(deadline.rawValue, ordering: .relaxed)
        self.gate.store(word, ordering: .releasing)
        return word
    }
}
