import Catalog
import Domain

// One of several candidates.

extension Router {
    /// The endpoint that a balancer chooses; nil only for an empty pool.
    ///
    /// - Parameters:
    ///   - pool: the candidates.
    ///   - balancer: how to choose.
    ///   - request: time, random bits and conversation.
    ///   - snapshot: the fleet.
    ///   - isTrying: nothing is remembered, so that the next choice is the same.
    /// - Returns: the endpoint.
    func select(
        from pool: EndpointSet, _ balancer: Balancer, _ request: RouteRequest, in snapshot: FleetSnapshot,
        isTrying: Bool
    ) -> EndpointIndex? {
        switch balancer {
        case .priority: return Self.selectByPriority(from: pool, random: request.random, in: snapshot)
        case .roundRobin:
            let turn = isTrying ? self.cursors.peek(pool) : self.cursors.advance(pool)
            return pool.element(at: Int(turn % UInt64(max(1, pool.count))))
        case .leastConnections: return self.selectLeastLoaded(from: pool, in: snapshot, isTrying: isTrying)
        case .powerOfTwoChoices: return Self.selectOfTwo(from: pool, request, in: snapshot)
        case .movingAverage:
            let tick = MillisecondTick(request.now)
            return self.selectLowest(of: pool, isTrying: isTrying) {
                Self.expectedTime(of: $0, at: tick, in: snapshot)
            }
        case .prefixAffinity:
            guard let key = request.affinity else {
                return self.selectLeastLoaded(from: pool, in: snapshot, isTrying: isTrying)
            }
            return Self.selectByAffinity(from: pool, key: key, at: MillisecondTick(request.now), in: snapshot)
        }
    }

    // MARK: priority

    private static func selectByPriority(
        from pool: EndpointSet, random: UInt64, in snapshot: FleetSnapshot
    ) -> EndpointIndex? {
        for tier in snapshot.priorityTiers {
            let members = tier.intersection(pool)
            if !members.isEmpty { return self.selectWeighted(from: members, random: random, in: snapshot) }
        }
        return nil
    }

    // The weights 1.0, 0.3 and 0.1 in tenths. All members of a state weigh the same, so the draw is made among states
    // and the rest of it names the member: no loop over the endpoints.
    private static func selectWeighted(
        from members: EndpointSet, random: UInt64, in snapshot: FleetSnapshot
    ) -> EndpointIndex? {
        let healthy = members.intersection(snapshot.healthy)
        let busy = members.intersection(snapshot.busy)
        let warming = members.intersection(snapshot.warming)
        let healthyShare = healthy.count * Self.tenths(.healthy)
        let busyShare = busy.count * Self.tenths(.busy)
        let total = healthyShare + busyShare + warming.count * Self.tenths(.warming)
        guard total > 0 else { return members.element(at: Self.scaled(random, below: members.count)) }
        let point = Self.scaled(random, below: total)
        if point < healthyShare { return healthy.element(at: point / Self.tenths(.healthy)) }
        if point < healthyShare + busyShare {
            return busy.element(at: (point - healthyShare) / Self.tenths(.busy))
        }
        return warming.element(at: (point - healthyShare - busyShare) / Self.tenths(.warming))
    }

    private static func tenths(_ state: EndpointState) -> Int { Int((state.weight * 10).rounded()) }

    private static func scaled(_ random: UInt64, below bound: Int) -> Int {
        Int(UInt64(bound).multipliedFullWidth(by: random).high)
    }

    /// A cost divided by the weight of an endpoint's health state.
    private static func weighed(_ cost: UInt64, _ index: EndpointIndex, in snapshot: FleetSnapshot) -> UInt64 {
        if snapshot.healthy.contains(index) { return cost }
        return cost &* 10 / UInt64(max(1, self.tenths(snapshot.busy.contains(index) ? .busy : .warming)))
    }

    // MARK: least-connections

    private func selectLeastLoaded(
        from pool: EndpointSet, in snapshot: FleetSnapshot, isTrying: Bool
    ) -> EndpointIndex? {
        var least = Int.max
        var ties = EndpointSet()
        for index in pool {
            let active = snapshot.active(index)
            if active < least {
                least = active
                ties = EndpointSet()
            }
            if active == least { ties.insert(index) }
        }
        let healthy = ties.intersection(snapshot.healthy)
        let busy = ties.intersection(snapshot.busy)
        return self.inTurn(of: !healthy.isEmpty ? healthy : !busy.isEmpty ? busy : ties, isTrying: isTrying)
    }

    private func inTurn(of ties: EndpointSet, isTrying: Bool) -> EndpointIndex? {
        let count = ties.count
        guard count > 1 else { return ties.element(at: 0) }
        let turn = isTrying ? self.ties.peek() : self.ties.advance()
        return ties.element(at: Int(turn % UInt64(count)))
    }

    // MARK: p2c

    private static func selectOfTwo(
        from pool: EndpointSet, _ request: RouteRequest, in snapshot: FleetSnapshot
    ) -> EndpointIndex? {
        let count = pool.count
        guard count > 1 else { return pool.element(at: 0) }
        // Two different ones: the second draw leaves the first one's place out.
        let place = Int(((request.random >> 32) &* UInt64(count)) >> 32)
        var other = Int(((request.random & 0xFFFF_FFFF) &* UInt64(count - 1)) >> 32)
        if other >= place { other += 1 }
        guard let first = pool.element(at: place), let second = pool.element(at: other) else { return nil }
        let tick = MillisecondTick(request.now)
        let isSecondLighter =
            self.burden(of: second, at: tick, in: snapshot) < self.burden(of: first, at: tick, in: snapshot)
        return isSecondLighter ? second : first
    }

    /// Active requests and this one, times one plus the recent failures, divided by the weight of the health state.
    static func burden(of index: EndpointIndex, at now: MillisecondTick, in snapshot: FleetSnapshot) -> UInt64 {
        let failures = snapshot.withExperience(of: index) { $0.recentFailures(at: now) }
        let load = UInt64(max(0, snapshot.active(index)) + 1)
        let unit = UInt64(EndpointExperience.unit)
        return self.weighed(load &* (unit + UInt64(failures)), index, in: snapshot)
    }

    // MARK: ewma

    /// Below this every endpoint is fast enough, and the load alone decides.
    private static let answerMicrosecondsMin: UInt64 = 1_000
    /// An endpoint that has answered nothing yet gets one request, and no second one before its first answer.
    private static let untriedTime: UInt64 = 1 << 40

    /// The time to first token that a further request may expect, in microseconds.
    static func expectedTime(of index: EndpointIndex, at now: MillisecondTick, in snapshot: FleetSnapshot) -> UInt64 {
        let active = UInt64(max(0, snapshot.active(index)))
        guard let average = snapshot.withExperience(of: index, { $0.answerMicroseconds(at: now) }) else {
            return active == 0 ? 0 : self.untriedTime + active
        }
        let cost = max(self.answerMicrosecondsMin, UInt64(average)) &* (active + 1)
        return self.weighed(cost, index, in: snapshot)
    }

    private func selectLowest(
        of pool: EndpointSet, isTrying: Bool, _ cost: (EndpointIndex) -> UInt64
    ) -> EndpointIndex? {
        var lowest = UInt64.max
        var ties = EndpointSet()
        for index in pool {
            let figure = cost(index)
            if figure < lowest {
                lowest = figure
                ties = EndpointSet()
            }
            if figure == lowest { ties.insert(index) }
        }
        return self.inTurn(of: ties, isTrying: isTrying)
    }

    // MARK: prefix-affinity

    private static func selectByAffinity(
        from pool: EndpointSet, key: UInt64, at now: MillisecondTick, in snapshot: FleetSnapshot
    ) -> EndpointIndex? {
        var guarding = LoadGuard(pool, at: now, in: snapshot)
        // Nearly always the first choice has room, so the loads are compared for one endpoint only.
        if let first = self.heaviest(of: pool, key: key, in: snapshot, where: { _ in true }),
            guarding.admits(first, in: snapshot)
        {
            return first
        }
        return self.heaviest(of: pool, key: key, in: snapshot) { guarding.admits($0, in: snapshot) }
            ?? self.heaviest(of: pool, key: key, in: snapshot, where: { _ in true })
    }

    private static func heaviest(
        of pool: EndpointSet, key: UInt64, in snapshot: FleetSnapshot, where isOpen: (EndpointIndex) -> Bool
    ) -> EndpointIndex? {
        var best: EndpointIndex?
        var heaviest: UInt64 = 0
        for index in pool {
            let weight = Rendezvous.weight(of: key, on: snapshot.identity(index))
            guard best == nil || weight > heaviest, isOpen(index) else { continue }
            heaviest = weight
            best = index
        }
        return best
    }
}

/// Keeps `prefix-affinity` from giving one endpoint much more than its share (consistent hashing with bounded loads,
/// Mirrokni, Thorup and Zadimoghaddam, 2016).
///
/// Two loads are bounded: the active requests at 1.25 times the mean, for endpoints that have become slow, and the
/// requests of the last half minute at 1.125 times the mean, for conversations that come too often; the second one is
/// asked only about an endpoint that is busier than the mean. Both leave room for chance (two standard deviations of the
/// first, one of the second), because moving a conversation costs its cached prefix.
struct LoadGuard {
    private let pool: EndpointSet
    private let now: MillisecondTick
    private let count: UInt64
    private var active: UInt64 = 0
    // Summed up when it is first asked for.
    private var recent: UInt64?

    /// The loads of a pool.
    init(_ pool: EndpointSet, at now: MillisecondTick, in snapshot: FleetSnapshot) {
        self.pool = pool
        self.now = now
        self.count = UInt64(pool.count)
        for index in pool { self.active &+= UInt64(max(0, snapshot.active(index))) }
    }

    /// Whether a further request leaves an endpoint within its bounds.
    mutating func admits(_ index: EndpointIndex, in snapshot: FleetSnapshot) -> Bool {
        let active = UInt64(max(0, snapshot.active(index)))
        guard self.isWithin(active, of: self.active, eighths: 10, deviations: 2) else { return false }
        // Whoever has no more to do than the others may take what comes, however much it was lately.
        if active &* self.count <= self.active { return true }
        let recent = snapshot.withExperience(of: index) { $0.recentRequests(at: self.now) }
        let total = self.recentTotal(in: snapshot)
        let unit = UInt64(EndpointExperience.unit)
        return self.isWithin(UInt64(recent) / unit, of: total / unit, eighths: 9, deviations: 1)
    }

    private mutating func recentTotal(in snapshot: FleetSnapshot) -> UInt64 {
        if let recent = self.recent { return recent }
        var total: UInt64 = 0
        for index in self.pool {
            total &+= UInt64(snapshot.withExperience(of: index) { $0.recentRequests(at: self.now) })
        }
        self.recent = total
        return total
    }

    // load <= eighths / 8 * mean + deviations * sqrt(mean) + 1, all times eight times the number of endpoints.
    private func isWithin(_ load: UInt64, of total: UInt64, eighths: UInt64, deviations: UInt64) -> Bool {
        let own = 8 &* self.count &* load
        let share = eighths &* total &+ 8 &* self.count
        guard own > share else { return true }
        let excess = own - share
        let deviation = 8 &* deviations
        let (square, overflow) = excess.multipliedReportingOverflow(by: excess)
        return !overflow && square <= deviation &* deviation &* self.count &* total
    }
}
