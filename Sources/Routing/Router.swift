public import Catalog
import Domain

/// Chooses the endpoint of an attempt: narrows the fleet down to candidates, then lets the balancer pick.
///
/// The stages are those of routing-and-config 3.4: provider, model, path. Then come off the endpoints that were tried,
/// those whose breaker is open, that asked to wait or that a request found unreachable, and those at their limit.
///
/// - Isolation: shared by all loops; what it remembers is atomic.
/// - Bounds: constant size; a pick allocates nothing and costs at most three relaxed loads per candidate.
public final class Router: Sendable {
    /// How one of several candidates is chosen.
    public let balancer: Balancer
    private let cursors: CursorTable
    private let ties: Cursor

    /// A router that remembers nothing yet.
    public init(balancer: Balancer) {
        self.balancer = balancer
        self.cursors = CursorTable()
        self.ties = Cursor()
    }

    /// Chooses an endpoint and reserves it.
    ///
    /// - Parameters:
    ///   - request: subtree, endpoints tried, time and random bits.
    ///   - path: the request path behind the route prefix, without query.
    ///   - model: the model name as the client sent it; empty when there is none.
    ///   - snapshot: the fleet; the indexes in request and result are its own.
    /// - Returns: a reserved endpoint, or the reason why there is none.
    public func pick(
        _ request: RouteRequest, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> RouteResult {
        switch Self.candidates(for: request.kind, path: path, model: model, in: snapshot) {
        case .rejection(let rejection):
            return .rejected(request.excluded.isEmpty ? rejection : RouteRejection(.exhausted, note: rejection.note))
        case .candidates(let candidates):
            return self.reserve(request, candidates, in: snapshot)
        }
    }

    /// Whether ``pick(_:path:model:in:)`` would find an endpoint now; takes nothing.
    public func hasCandidate(
        _ request: RouteRequest, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> Bool {
        switch Self.candidates(for: request.kind, path: path, model: model, in: snapshot) {
        case .rejection: return false
        case .candidates(let candidates):
            return !Self.ready(candidates.all.subtracting(request.excluded), at: request.now, in: snapshot).isEmpty
        }
    }

    private func reserve(
        _ request: RouteRequest, _ candidates: Candidates, in snapshot: FleetSnapshot
    ) -> RouteResult {
        var ready = Self.ready(candidates.all.subtracting(request.excluded), at: request.now, in: snapshot)
        var refused = EndpointSet()
        while !ready.isEmpty {
            let preferred = ready.intersection(candidates.preferred)
            let pool = preferred.isEmpty ? ready : preferred
            guard let endpoint = self.select(from: pool, random: request.random, in: snapshot) else { break }
            // Another loop may have taken the last place or the trial since the candidates were thinned out.
            switch snapshot.live(endpoint).reserve(limit: snapshot.limit(endpoint), at: request.now) {
            case .taken(let ticket, let entered):
                return .routed(
                    candidates.decision(
                        endpoint, ticket, entered: entered, pool: pool, refused: refused, in: snapshot))
            case .atLimit: break
            case .refused: refused.insert(endpoint)
            }
            ready.remove(endpoint)
        }
        return .rejected(Self.explain(request, candidates, in: snapshot))
    }

    private static func ready(
        _ candidates: EndpointSet, at now: MonotonicTime, in snapshot: FleetSnapshot
    ) -> EndpointSet {
        var ready = candidates
        for index in candidates where !snapshot.isSelectable(index, at: now) { ready.remove(index) }
        for index in ready.intersection(snapshot.limited)
        where snapshot.active(index) >= snapshot.limit(index) {
            ready.remove(index)
        }
        return ready
    }

    // Off the fast path: says why none of the candidates could be taken.
    private static func explain(
        _ request: RouteRequest, _ candidates: Candidates, in snapshot: FleetSnapshot
    ) -> RouteRejection {
        guard request.excluded.isEmpty else { return RouteRejection(.exhausted, note: candidates.note) }
        var saturated = EndpointSet()
        var hasWithheld = false
        var retryAt = MonotonicTime.distantFuture
        for index in candidates.all {
            let live = snapshot.live(index)
            if live.isDemoted { continue }
            if live.isSelectable(at: request.now) {
                saturated.insert(index)
            } else {
                hasWithheld = true
                retryAt = min(retryAt, max(live.breaker.retryAt, live.heldUntil))
            }
        }
        if !saturated.isEmpty { return RouteRejection(.allAtCapacity, note: candidates.note, saturated: saturated) }
        if hasWithheld { return RouteRejection(.allBreakersOpen, note: candidates.note, retryAt: retryAt) }
        // All were found unreachable since the snapshot was made: as if it said so already.
        if candidates.note != nil { return RouteRejection(.modelUnavailable, note: .modelUnavailable) }
        if case .provider(let route) = request.kind, !snapshot.profiles[route].isOpenAI {
            return RouteRejection(.noProviderEndpoint)
        }
        return RouteRejection(.noHealthyEndpoint)
    }
}

// MARK: - Stages

/// The endpoints that can serve a request, before breakers and load are looked at.
private struct Candidates {
    var all: EndpointSet
    // Chosen from as long as any of them can be taken.
    var preferred: EndpointSet
    var model: ModelIndex?
    var alias: AliasIndex?
    var note: RoutingNote?

    init(_ all: EndpointSet) {
        self.all = all
        self.preferred = all
    }

    func decision(
        _ endpoint: EndpointIndex, _ ticket: BreakerTicket, entered: BreakerState?, pool: EndpointSet,
        refused: EndpointSet, in snapshot: FleetSnapshot
    ) -> RouteDecision {
        RouteDecision(
            endpoint: endpoint, ticket: ticket, breakerEntered: entered, candidateCount: pool.count,
            reason: self.alias != nil ? .alias : self.model != nil ? .model : .any,
            model: self.alias.flatMap { snapshot.model(of: $0, on: endpoint) } ?? self.model, note: self.note,
            refused: refused)
    }
}

extension Router {
    private enum Narrowed {
        case candidates(Candidates)
        case rejection(RouteRejection)
    }

    private static func candidates(
        for kind: RouteKind, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> Narrowed {
        var base = snapshot.routable
        if case .provider(let route) = kind {
            let ofProvider = base.intersection(snapshot.endpoints(of: route))
            if !ofProvider.isEmpty {
                base = ofProvider
            } else if !snapshot.profiles[route].isOpenAI {
                return .rejection(RouteRejection(.noProviderEndpoint))
            }
        }
        // Until some endpoint has listed its models, "no endpoint has it" would be a guess.
        let isNothingKnown = base.isEmpty && snapshot.models.isEmpty
        if ModelName.trimmedRange(of: model).isEmpty || isNothingKnown {
            guard !base.isEmpty else { return .rejection(RouteRejection(.noHealthyEndpoint)) }
            return .candidates(self.narrowedByPath(base, path: path, in: snapshot))
        }
        return self.narrowedByModel(base, path: path, model: model, in: snapshot)
    }

    private static func narrowedByModel(
        _ base: EndpointSet, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> Narrowed {
        if let alias = snapshot.alias(named: model) {
            let holders = base.intersection(snapshot.endpoints(of: alias))
            if !holders.isEmpty {
                var candidates = Candidates(holders)
                candidates.alias = alias
                candidates.note = RoutingNote(
                    strategy: .alias, verdict: .routed, reason: .aliasResolved(endpoints: holders.count))
                return .candidates(self.preferringPath(candidates, path: path, in: snapshot))
            }
        }
        guard let index = snapshot.model(named: model) else {
            return .rejection(RouteRejection(.modelNotFound, note: .modelNotFound))
        }
        let holders = base.intersection(snapshot.endpoints(of: index))
        guard !holders.isEmpty else {
            return .rejection(RouteRejection(.modelUnavailable, note: .modelUnavailable))
        }
        var candidates = Candidates(holders)
        candidates.model = index
        candidates.note = .modelFound
        return .candidates(self.preferringPath(candidates, path: path, in: snapshot))
    }

    // Without a model the path is all there is to go by. Below /v1/, where servers grow new paths faster than profiles,
    // it only decides who is asked first.
    private static func narrowedByPath(
        _ base: EndpointSet, path: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> Candidates {
        var candidates = Candidates(base)
        guard let listing = snapshot.endpoints(listing: path)?.intersection(base), !listing.isEmpty else {
            return candidates
        }
        candidates.preferred = listing
        if !self.isBelowV1(path) { candidates.all = listing }
        return candidates
    }

    // With a model, whoever has it stays a candidate. Outside /v1/ paths belong to one API, so its servers come first.
    private static func preferringPath(
        _ candidates: Candidates, path: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> Candidates {
        guard !self.isBelowV1(path), let listing = snapshot.endpoints(listing: path)?.intersection(candidates.all),
            !listing.isEmpty
        else { return candidates }
        var candidates = candidates
        candidates.preferred = listing
        return candidates
    }

    private static func isBelowV1(_ path: Span<UInt8>) -> Bool {
        path.count >= 4 && path[0] == 0x2F && path[1] == 0x76 && path[2] == 0x31 && path[3] == 0x2F
    }
}

// MARK: - Balancers

extension Router {
    // Nil only for an empty pool.
    private func select(from pool: EndpointSet, random: UInt64, in snapshot: FleetSnapshot) -> EndpointIndex? {
        switch self.balancer {
        case .priority: Self.selectByPriority(from: pool, random: random, in: snapshot)
        case .roundRobin:
            pool.element(at: Int(self.cursors.advance(pool) % UInt64(max(1, pool.count))))
        case .leastConnections: self.selectLeastLoaded(from: pool, in: snapshot)
        }
    }

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

    private func selectLeastLoaded(from pool: EndpointSet, in snapshot: FleetSnapshot) -> EndpointIndex? {
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
        let best = !healthy.isEmpty ? healthy : !busy.isEmpty ? busy : ties
        let count = best.count
        return best.element(at: count < 2 ? 0 : Int(self.ties.advance() % UInt64(count)))
    }
}
