public import Catalog
public import Domain

/// Why an endpoint does not take part in a choice.
public enum RouteExclusion: UInt8, CaseIterable, Sendable {
    /// Its health does not allow traffic.
    case notRoutable
    /// The path's provider is another one.
    case otherProvider
    /// It does not have the model.
    case modelMissing
    /// Others list the path, it does not; or ``RoutingRules/enforcesPaths`` holds and it does not.
    case pathNotListed
    /// Others speak the request's dialect, it does not.
    case otherDialect
    /// A request could not connect to it, and no health check has succeeded since.
    case unreachable
    /// It asked to wait by `Retry-After`.
    case retryAfter
    /// Its request breaker is open, or its trial is under way.
    case breakerOpen
    /// It has as many requests as `max_concurrent_requests` allows.
    case atCapacity

    /// The word used in JSON.
    public var label: StaticString {
        switch self {
        case .notRoutable: "not_routable"
        case .otherProvider: "other_provider"
        case .modelMissing: "model_missing"
        case .pathNotListed: "path_not_listed"
        case .otherDialect: "other_dialect"
        case .unreachable: "unreachable"
        case .retryAfter: "retry_after"
        case .breakerOpen: "breaker_open"
        case .atCapacity: "at_capacity"
        }
    }
}

/// What a choice would look like now, endpoint by endpoint.
public struct RouteExplanation: Sendable {
    /// One endpoint's part.
    public struct Row: Sendable {
        /// The endpoint.
        public let endpoint: EndpointIndex
        /// Why it takes no part; nil for a candidate.
        public let exclusion: RouteExclusion?
        /// When an exclusion that ends by itself ends; nil for others.
        public let retryAt: MonotonicTime?
        /// Whether the balancer chooses from it, because its profile lists the path or nobody's does.
        public let isPreferred: Bool
        /// The figure the balancer compares; nil for an endpoint that takes no part.
        public let score: Double?
        /// For `prefix-affinity`: whether the endpoint has room within its bounds; true for all others.
        public let isWithinBounds: Bool
    }

    /// How the choice would end.
    public enum Ending: Sendable {
        /// This endpoint would be chosen.
        case chosen(EndpointIndex)
        /// The request would wait for room.
        case waits
        /// There is none.
        case rejected(RouteRejection)
        /// The endpoints would be asked for their models first.
        case refreshes
    }

    /// The rules in force.
    public let rules: RoutingRules
    /// Every endpoint in configuration order.
    public let rows: [Row]
    /// How the choice would end.
    public let ending: Ending
    /// The routing headers; nil when no model was named.
    public let note: RoutingNote?
    /// What the session's look-up would find; nil when sessions do not stick.
    public let sticky: StickyOutcome?
    /// How many requests wait for room.
    public let waiting: Int
}

extension Balancer {
    /// What the score of ``RouteExplanation/Row`` means, in words for people.
    public var scoreMeaning: String {
        switch self {
        case .priority: "configured priority; the highest tier is drawn from at random, weighted by health"
        case .roundRobin: "turns until this endpoint is next; 0 is next"
        case .leastConnections: "active requests; the fewest are chosen, equals by health and then in turn"
        case .powerOfTwoChoices:
            "active requests and this one, times one plus recent failures, over the weight of health; "
                + "the lower of two drawn at random is chosen"
        case .movingAverage: "expected milliseconds to the first token; the lowest is chosen"
        case .prefixAffinity:
            "rendezvous weight of the conversation, 0 to 1; the highest within its bounds is chosen"
        }
    }
}

extension Router {
    /// Tells what ``pick(_:path:model:in:)`` would do now; changes and remembers nothing.
    ///
    /// - Parameters:
    ///   - request: as for a choice; its random bits stand in for those of the next request.
    ///   - path: the request path behind the route prefix, without query.
    ///   - model: the model name; empty when there is none.
    ///   - snapshot: the fleet.
    /// - Returns: the explanation; its indexes are those of the snapshot.
    public func explain(
        _ request: RouteRequest, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> RouteExplanation {
        let rules = self.rules
        let narrowed = Self.candidates(for: request, rules, path: path, model: model, in: snapshot)
        var candidates = Candidates(EndpointSet())
        let ending: RouteExplanation.Ending
        var note: RoutingNote?
        var sticky: StickyOutcome?
        var ready = EndpointSet()
        switch narrowed {
        case .rejection(let rejection): (ending, note) = (.rejected(rejection), rejection.note)
        case .refreshNeeded: ending = .refreshes
        case .candidates(let found):
            candidates = found
            note = found.note
            ready = Self.ready(found.all, at: request.now, in: snapshot)
            (ending, sticky) = self.ending(request, rules, found, ready: ready, in: snapshot)
        }
        let preferred = ready.intersection(candidates.preferred)
        let scoring = Scoring(
            router: self, balancer: rules.balancer, request: request, pool: preferred.isEmpty ? ready : preferred,
            snapshot: snapshot)
        let named = !ModelName.trimmedRange(of: model).isEmpty
        let isEnforced = rules.enforcesPaths && !path.isEmpty
        let listing = isEnforced ? Self.endpoints(listing: path, for: request.kind, in: snapshot) : nil
        let rows = snapshot.endpoints.map { endpoint in
            let exclusion = Self.exclusion(
                of: endpoint.index, request, candidates, listing: listing, named: named, in: snapshot)
            return scoring.row(endpoint.index, exclusion)
        }
        return RouteExplanation(
            rules: rules, rows: rows, ending: ending, note: note, sticky: sticky, waiting: self.room.count)
    }

    private func ending(
        _ request: RouteRequest, _ rules: RoutingRules, _ candidates: Candidates, ready: EndpointSet,
        in snapshot: FleetSnapshot
    ) -> (RouteExplanation.Ending, StickyOutcome?) {
        var sticky: StickyOutcome?
        if let sessions = self.sessions {
            sticky = .disabled
            if let key = request.session {
                switch sessions.peek(key, among: ready, in: snapshot, at: request.now) {
                case .pinned(let endpoint): return (.chosen(endpoint), .hit)
                case .elsewhere: sticky = .repin
                case .nothing: sticky = .miss
                }
            }
        }
        let preferred = ready.intersection(candidates.preferred)
        let pool = preferred.isEmpty ? ready : preferred
        if !self.room.hasLine(for: candidates.all),
            let endpoint = self.select(from: pool, rules.balancer, request, in: snapshot, isTrying: true)
        {
            return (.chosen(endpoint), sticky)
        }
        let rejection = self.rejection(request, candidates, in: snapshot)
        let waits = rejection.kind == .allAtCapacity || !ready.isEmpty
        return (waits && self.room.policy.length > 0 ? .waits : .rejected(rejection), sticky)
    }

    private static func exclusion(
        of index: EndpointIndex, _ request: RouteRequest, _ candidates: Candidates, listing: EndpointSet?, named: Bool,
        in snapshot: FleetSnapshot
    ) -> RouteExclusion? {
        guard snapshot.routable.contains(index) else { return .notRoutable }
        if case .provider(let route) = request.kind {
            let ofProvider = snapshot.endpoints(of: route)
            let isSoft =
                snapshot.profiles[route].isOpenAI && snapshot.routable.intersection(ofProvider).isEmpty
            if !isSoft, !ofProvider.contains(index) { return .otherProvider }
        }
        if let listing, !listing.contains(index) { return .pathNotListed }
        guard candidates.all.contains(index) else {
            if let within = request.within, !within.contains(index), candidates.mayHaveModel(index, in: snapshot) {
                return .otherDialect
            }
            let lacksModel = candidates.model == nil && candidates.alias == nil && candidates.note == nil && named
            return lacksModel || candidates.model != nil || candidates.alias != nil ? .modelMissing : .pathNotListed
        }
        let live = snapshot.live(index)
        if live.isDemoted { return .unreachable }
        if live.isHeld(at: request.now) { return .retryAfter }
        if !live.breaker.isAdmitting(at: request.now) { return .breakerOpen }
        let limit = snapshot.limit(index)
        return limit > 0 && live.active >= limit ? .atCapacity : nil
    }
}

/// The figures that a balancer compares.
private struct Scoring {
    let router: Router
    let balancer: Balancer
    let request: RouteRequest
    let pool: EndpointSet
    let snapshot: FleetSnapshot

    func row(_ index: EndpointIndex, _ exclusion: RouteExclusion?) -> RouteExplanation.Row {
        let live = self.snapshot.live(index)
        let retryAt: MonotonicTime? =
            switch exclusion {
            case .retryAfter: live.heldUntil
            case .breakerOpen: live.breaker.retryAt
            case .notRoutable, .otherProvider, .modelMissing, .pathNotListed, .otherDialect, .unreachable, .atCapacity,
                nil:
                nil
            }
        let isPreferred = self.pool.contains(index)
        return RouteExplanation.Row(
            endpoint: index, exclusion: exclusion, retryAt: retryAt, isPreferred: isPreferred,
            score: exclusion == nil ? self.score(index) : nil, isWithinBounds: self.isWithinBounds(index))
    }

    private var tick: MillisecondTick { MillisecondTick(self.request.now) }

    private func score(_ index: EndpointIndex) -> Double? {
        switch self.balancer {
        case .priority: return self.snapshot[index].map { Double($0.spec.priority) }
        case .roundRobin: return self.turns(until: index)
        case .leastConnections: return Double(self.snapshot.active(index))
        case .powerOfTwoChoices:
            return Double(Router.burden(of: index, at: self.tick, in: self.snapshot))
                / Double(EndpointExperience.unit)
        case .movingAverage:
            return Double(Router.expectedTime(of: index, at: self.tick, in: self.snapshot)) / 1_000
        case .prefixAffinity:
            guard let key = self.request.affinity else { return Double(self.snapshot.active(index)) }
            let weight = Rendezvous.weight(of: key, on: self.snapshot.identity(index))
            return Double(weight) / Double(UInt64.max)
        }
    }

    private func turns(until index: EndpointIndex) -> Double? {
        let count = self.pool.count
        guard count > 0, self.pool.contains(index) else { return nil }
        let next = Int(self.router.cursors.peek(self.pool) % UInt64(count))
        var place = 0
        for other in self.pool {
            if other == index { break }
            place += 1
        }
        return Double((place - next + count) % count)
    }

    private func isWithinBounds(_ index: EndpointIndex) -> Bool {
        guard self.balancer == .prefixAffinity, self.request.affinity != nil, self.pool.contains(index) else {
            return true
        }
        var guarding = LoadGuard(self.pool, at: self.tick, in: self.snapshot)
        return guarding.admits(index, in: self.snapshot)
    }
}
