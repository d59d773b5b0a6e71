public import Catalog
public import Domain
import Synchronization

/// How many sessions were dropped, by reason.
public struct StickyEvictions: Equatable, Sendable {
    /// Idle for longer than the time to live.
    public var expired = 0
    /// Displaced by a newer session.
    public var displaced = 0
    /// Pinned to an endpoint that is down.
    public var endpointDown = 0

    /// None.
    public init() {}

    /// Whether none was dropped.
    public var isEmpty: Bool { self.expired | self.displaced | self.endpointDown == 0 }

    mutating func add(_ other: StickyEvictions) {
        self.expired += other.expired
        self.displaced += other.displaced
        self.endpointDown += other.endpointDown
    }
}

/// Keeps conversations on one endpoint (routing-and-config 6.4): which endpoint each session key is pinned to.
///
/// The table is split into shards by key, each with a lock of its own that is held for one look-up. A shard keeps its
/// sessions in order of last use, so expired ones are found at its end.
///
/// - Isolation: shared by all loops.
/// - Bounds: ``Policy/sessionsMax`` sessions of about 64 bytes; when there are more, the one of the same shard that was
///   used longest ago goes. Memory is taken at the first use of a shard; after that nothing is allocated.
public final class StickySessions: Sendable {
    /// Keys `proxy.sticky_sessions.*`.
    public struct Policy: Equatable, Sendable {
        /// How long a session may idle; zero means for ever.
        public var idleTime: Nanoseconds
        /// The most sessions; 0 means no bound.
        public var sessionsMax: Int
        /// Where keys come from, in the order they are tried.
        public var sources: [SessionSource]
        /// How many bytes of the messages are hashed; 0 means all.
        public var prefixBytes: Int

        /// The documented defaults.
        public init(
            idleTime: Nanoseconds = .seconds(600), sessionsMax: Int = 10_000,
            sources: [SessionSource] = [.sessionHeader, .prefixHash, .authHeader], prefixBytes: Int = 512
        ) {
            self.idleTime = idleTime
            self.sessionsMax = sessionsMax
            self.sources = sources
            self.prefixBytes = prefixBytes
        }
    }

    /// Figures since the start, for `/internal/stats/sticky`.
    public struct Statistics: Equatable, Sendable {
        /// Sessions held now.
        public var active = 0
        /// Sessions pinned for the first time, or again after they were dropped.
        public var insertions = 0
        /// Look-ups that found the pinned endpoint usable.
        public var hits = 0
        /// Look-ups that found nothing pinned.
        public var misses = 0
        /// Sessions dropped.
        public var evictions = 0

        /// All zero.
        public init() {}
    }

    /// The rules.
    public let policy: Policy
    private let shards: [Shard]
    private let held = Atomic<Int>(0)
    private let insertions = Atomic<Int>(0)
    private let hits = Atomic<Int>(0)
    private let misses = Atomic<Int>(0)
    private let evictions = Atomic<Int>(0)

    /// An empty table.
    public init(policy: Policy = .init()) {
        self.policy = policy
        // A small table is one shard, so that the session used longest ago in the whole table is the one to go.
        let count = policy.sessionsMax == 0 ? 64 : min(64, max(1, policy.sessionsMax / 256))
        self.shards = (0..<count).map { _ in Shard() }
    }

    /// How many sessions are held.
    public var count: Int { self.held.load(ordering: .relaxed) }

    /// The figures.
    public var statistics: Statistics {
        var statistics = Statistics()
        statistics.active = self.count
        statistics.insertions = self.insertions.load(ordering: .relaxed)
        statistics.hits = self.hits.load(ordering: .relaxed)
        statistics.misses = self.misses.load(ordering: .relaxed)
        statistics.evictions = self.evictions.load(ordering: .relaxed)
        return statistics
    }

    /// What a look-up tells before the balancer is asked.
    enum Finding: Equatable {
        /// The session is pinned to this candidate.
        case pinned(EndpointIndex)
        /// The session is pinned to an endpoint that is no candidate.
        case elsewhere
        /// Nothing is pinned.
        case nothing
    }

    /// Looks a session up and refreshes it; what has expired or lost its endpoint is dropped on the way.
    func find(
        _ key: SessionKey, among candidates: EndpointSet, in snapshot: FleetSnapshot, at now: MonotonicTime,
        evictions: inout StickyEvictions
    ) -> Finding {
        let idleTime = self.policy.idleTime
        let (identity, expired) = self.shard(of: key).locked { shard -> (UInt64?, Int) in
            let expired = shard.dropExpired(idleTime: idleTime, at: now)
            return (shard.touch(key, at: now), expired)
        }
        self.dropped(expired)
        evictions.expired += expired
        guard let identity else { return .nothing }
        if let index = Self.index(of: identity, among: candidates, in: snapshot) { return .pinned(index) }
        if Self.index(of: identity, among: snapshot.routable, in: snapshot) != nil { return .elsewhere }
        if self.shard(of: key).locked({ $0.remove(key, pinnedTo: identity) }) {
            self.dropped(1)
            evictions.endpointDown += 1
        }
        return .nothing
    }

    /// Looks a session up and changes nothing.
    func peek(
        _ key: SessionKey, among candidates: EndpointSet, in snapshot: FleetSnapshot, at now: MonotonicTime
    ) -> Finding {
        let idleTime = self.policy.idleTime
        let found = self.shard(of: key).locked { $0.pin(of: key, idleTime: idleTime, at: now) }
        guard let identity = found else { return .nothing }
        if let index = Self.index(of: identity, among: candidates, in: snapshot) { return .pinned(index) }
        return Self.index(of: identity, among: snapshot.routable, in: snapshot) == nil ? .nothing : .elsewhere
    }

    /// Pins a session to an endpoint.
    func pin(_ key: SessionKey, to identity: UInt64, at now: MonotonicTime, evictions: inout StickyEvictions) {
        let capacity = self.shardCapacity
        guard self.shard(of: key).locked({ $0.pin(key, to: identity, at: now, capacity: capacity) }) else { return }
        self.insertions.add(1, ordering: .relaxed)
        let held = self.held.add(1, ordering: .relaxed).newValue
        guard self.policy.sessionsMax > 0, held > self.policy.sessionsMax else { return }
        let first = self.position(of: key)
        for offset in 0..<self.shards.count {
            let shard = self.shards[(first + offset) % self.shards.count]
            guard shard.locked({ $0.dropOldest(but: key) }) else { continue }
            self.dropped(1)
            evictions.displaced += 1
            return
        }
    }

    /// Counts a look-up.
    func counted(_ outcome: StickyOutcome) {
        switch outcome {
        case .hit: self.hits.add(1, ordering: .relaxed)
        case .miss: self.misses.add(1, ordering: .relaxed)
        case .repin, .disabled: break
        }
    }

    /// Drops what has expired and what is pinned to endpoints that are not routable; for the control plane.
    ///
    /// - Returns: what was dropped.
    public func sweep(_ snapshot: FleetSnapshot, at now: MonotonicTime) -> StickyEvictions {
        var alive: Set<UInt64> = []
        for index in snapshot.routable { alive.insert(snapshot.identity(index)) }
        var evictions = StickyEvictions()
        let idleTime = self.policy.idleTime
        for shard in self.shards {
            let (expired, down) = shard.locked { table -> (Int, Int) in
                (table.dropExpired(idleTime: idleTime, at: now), table.dropAll { !alive.contains($0) })
            }
            evictions.expired += expired
            evictions.endpointDown += down
        }
        self.dropped(evictions.expired + evictions.endpointDown)
        return evictions
    }

    private var shardCapacity: Int {
        self.policy.sessionsMax == 0 ? 0 : self.policy.sessionsMax / self.shards.count + 64
    }

    private func position(of key: SessionKey) -> Int { Int(key.spread >> 33) % self.shards.count }

    private func shard(of key: SessionKey) -> Shard { self.shards[self.position(of: key)] }

    private func dropped(_ count: Int) {
        guard count > 0 else { return }
        self.held.subtract(count, ordering: .relaxed)
        self.evictions.add(count, ordering: .relaxed)
    }

    private static func index(
        of identity: UInt64, among candidates: EndpointSet, in snapshot: FleetSnapshot
    ) -> EndpointIndex? {
        for index in candidates where snapshot.identity(index) == identity { return index }
        return nil
    }
}

/// A part of the table, with its lock.
private final class Shard: Sendable {
    private let table = Mutex(StickyTable())

    func locked<Result: Sendable>(_ body: (inout StickyTable) -> Result) -> Result {
        self.table.withLock { body(&$0) }
    }
}
