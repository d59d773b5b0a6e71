public import Domain
import Synchronization

/// A request that waits until one of its candidates has room.
///
/// - Isolation: shared; its state belongs to the ``WaitingRoom``.
public final class Waiter: Sendable {
    /// Whom it waits for: a set of the fleet it was routed by.
    let candidates: EndpointSet
    /// Its place in the order of arrival.
    let number: UInt64
    /// When it came.
    let arrival: MonotonicTime
    fileprivate let wake: @Sendable () -> Void
    /// Whether it was told to try, and has not come back yet; guarded by the room's lock.
    fileprivate let isCalled = Atomic<Bool>(false)

    /// Whether it waits for just these candidates.
    public func isWaiting(for candidates: EndpointSet) -> Bool { self.candidates == candidates }

    fileprivate init(
        _ candidates: EndpointSet, number: UInt64, arrival: MonotonicTime, wake: @escaping @Sendable () -> Void
    ) {
        self.candidates = candidates
        self.number = number
        self.arrival = arrival
        self.wake = wake
    }
}

/// Where requests wait when every candidate is at its `max_concurrent_requests` (decisions.md 6).
///
/// There is one line per candidate set, shared by all loops: first come, first served. Whoever frees a place calls the
/// first of the lines that wait for that endpoint; the one that is called chooses afresh on its own loop, keeps its place
/// in the line until it has an endpoint, and then lets the next one try. Newcomers queue up behind those who wait.
///
/// - Isolation: shared by all loops. As long as nobody waits, nobody takes the lock: one load tells.
/// - Bounds: ``Policy/length`` requests in each line.
public final class WaitingRoom: Sendable {
    /// Keys `proxy.queue.*`.
    public struct Policy: Equatable, Sendable {
        /// The most requests that wait for one candidate set; 0 means that nobody waits.
        public var length: Int
        /// The longest wait.
        public var timeout: Nanoseconds

        /// The documented defaults.
        public init(length: Int = 1_000, timeout: Nanoseconds = .seconds(30)) {
            self.length = length
            self.timeout = timeout
        }
    }

    private struct Line {
        var candidates: EndpointSet
        var waiters: [Waiter] = []
    }

    private struct Lines {
        var lines: [Line] = []
        var nextNumber: UInt64 = 0

        func position(of candidates: EndpointSet) -> Int? { self.lines.firstIndex { $0.candidates == candidates } }
    }

    private let length: Atomic<Int>
    private let timeout: Atomic<Int64>
    private let paddingBefore: InlineArray<15, UInt64>
    private let waiting: Atomic<Int>
    private let paddingAfter: InlineArray<15, UInt64>
    private let state: Mutex<Lines>

    /// An empty room.
    public init(policy: Policy = .init()) {
        self.length = Atomic(policy.length)
        self.timeout = Atomic(policy.timeout.rawValue)
        self.paddingBefore = .init(repeating: 0)
        self.waiting = Atomic(0)
        self.paddingAfter = .init(repeating: 0)
        self.state = Mutex(Lines())
    }

    /// The rules; a change acts on whoever comes next.
    public var policy: Policy {
        get {
            Policy(
                length: self.length.load(ordering: .relaxed),
                timeout: Nanoseconds(rawValue: self.timeout.load(ordering: .relaxed)))
        }
        set {
            self.length.store(newValue.length, ordering: .relaxed)
            self.timeout.store(newValue.timeout.rawValue, ordering: .relaxed)
        }
    }

    /// How many wait.
    public var count: Int { self.waiting.load(ordering: .sequentiallyConsistent) }

    /// Whether somebody waits for just these candidates, so that a newcomer must not overtake.
    func hasLine(for candidates: EndpointSet) -> Bool {
        guard self.count > 0 else { return false }
        return self.state.withLock { $0.position(of: candidates) != nil }
    }

    /// Whether one more may wait for these candidates.
    func hasRoom(for candidates: EndpointSet) -> Bool {
        guard self.policy.length > 0 else { return false }
        guard self.count > 0 else { return true }
        return self.state.withLock { state in
            state.position(of: candidates).map { state.lines[$0].waiters.count < self.policy.length } ?? true
        }
    }

    /// Gets in line.
    ///
    /// A place may have become free since the candidates were looked at, so whoever has got in line calls itself once.
    ///
    /// - Parameters:
    ///   - candidates: whom the request waits for, from the rejection that said so.
    ///   - now: the time.
    ///   - wake: tells the request to choose again; called on any thread, possibly before this returns.
    /// - Returns: the place in the line, to be given up with ``leave(_:)``; nil when the line is full.
    public func enter(
        _ candidates: EndpointSet, at now: MonotonicTime, wake: @escaping @Sendable () -> Void
    ) -> Waiter? {
        let (waiter, isFirst) = self.state.withLock { state -> (Waiter?, Bool) in
            let position = state.position(of: candidates)
            let length = position.map { state.lines[$0].waiters.count } ?? 0
            guard length < self.policy.length else { return (nil, false) }
            let waiter = Waiter(candidates, number: state.nextNumber, arrival: now, wake: wake)
            state.nextNumber += 1
            if let position {
                state.lines[position].waiters.append(waiter)
            } else {
                state.lines.append(Line(candidates: candidates, waiters: [waiter]))
            }
            self.waiting.add(1, ordering: .sequentiallyConsistent)
            if length == 0 { waiter.isCalled.store(true, ordering: .sequentiallyConsistent) }
            return (waiter, length == 0)
        }
        if isFirst { waiter?.wake() }
        return waiter
    }

    /// The called request found no room: it waits on, in its old place.
    ///
    /// A place that became free in this moment called nobody, so look once more after this.
    public func stay(_ waiter: Waiter) { waiter.isCalled.store(false, ordering: .sequentiallyConsistent) }

    /// Tells a request that stayed to choose again, unless that has happened meanwhile.
    public func callAgain(_ waiter: Waiter) {
        if !waiter.isCalled.exchange(true, ordering: .sequentiallyConsistent) { waiter.wake() }
    }

    /// Gives the place in the line up: served, refused, late or gone.
    ///
    /// Whoever is next may try, for there may be room for more than one.
    public func leave(_ waiter: Waiter) {
        let next = self.state.withLock { state -> Waiter? in
            guard let position = state.position(of: waiter.candidates),
                let place = state.lines[position].waiters.firstIndex(where: { $0 === waiter })
            else { return nil }
            state.lines[position].waiters.remove(at: place)
            self.waiting.subtract(1, ordering: .sequentiallyConsistent)
            if state.lines[position].waiters.isEmpty {
                state.lines.remove(at: position)
                return nil
            }
            return Self.callFirst(of: state.lines[position])
        }
        next?.wake()
    }

    /// A place on an endpoint became free.
    public func placeFreed(on endpoint: EndpointIndex) {
        guard self.count > 0 else { return }
        let called = self.state.withLock { state -> Waiter? in
            let lines = state.lines.filter { line in
                line.candidates.contains(endpoint)
                    && line.waiters.contains { !$0.isCalled.load(ordering: .sequentiallyConsistent) }
            }
            let oldest = lines.min { Self.firstNumber(of: $0) < Self.firstNumber(of: $1) }
            return oldest.flatMap(Self.callFirst)
        }
        called?.wake()
    }

    /// Lets the first of every line try: an endpoint may have come back, which frees no place that would tell.
    public func callEveryLine() {
        guard self.count > 0 else { return }
        let called = self.state.withLock { state in state.lines.compactMap(Self.callFirst) }
        for waiter in called { waiter.wake() }
    }

    /// How long the one who is next in a line has waited: about what a newcomer has to expect.
    public func wait(for candidates: EndpointSet, at now: MonotonicTime) -> Nanoseconds {
        self.state.withLock { state in
            state.position(of: candidates).flatMap { state.lines[$0].waiters.first }.map { now - $0.arrival } ?? .zero
        }
    }

    private static func firstNumber(of line: Line) -> UInt64 {
        line.waiters.first { !$0.isCalled.load(ordering: .sequentiallyConsistent) }?.number ?? .max
    }

    private static func callFirst(of line: Line) -> Waiter? {
        guard let first = line.waiters.first(where: { !$0.isCalled.load(ordering: .sequentiallyConsistent) }) else {
            return nil
        }
        first.isCalled.store(true, ordering: .sequentiallyConsistent)
        return first
    }
}
