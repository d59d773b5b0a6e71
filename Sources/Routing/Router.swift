public import Catalog
public import Domain
import Synchronization

/// Chooses the endpoint of an attempt: narrows the fleet down to candidates, then lets the balancer pick.
///
/// The stages are those of routing-and-config 3.4: provider, model, path. Then come off the endpoints that were tried,
/// those whose breaker is open, that asked to wait or that a request found unreachable, and those at their limit. A
/// session that is pinned to one of the rest gets it; for all others the balancer picks.
///
/// - Isolation: shared by all loops; what it remembers is atomic, but for sticky sessions, which have locks of their own.
/// - Bounds: constant size; a pick allocates nothing and costs at most five relaxed loads per candidate.
public final class Router: Sendable {
    /// Where conversations are kept on one endpoint; nil when they are not.
    public let sessions: StickySessions?
    /// Where requests wait for room.
    public let room: WaitingRoom
    private let packedRules: Atomic<UInt32>
    let cursors: CursorTable
    let ties: Cursor

    /// A router that remembers nothing yet.
    public init(rules: RoutingRules, sessions: StickySessions? = nil, room: WaitingRoom = .init()) {
        self.sessions = sessions
        self.room = room
        self.packedRules = Atomic(rules.word)
        self.cursors = CursorTable()
        self.ties = Cursor()
    }

    /// A router with the documented defaults but for its balancer.
    public convenience init(balancer: Balancer) { self.init(rules: RoutingRules(balancer: balancer)) }

    /// How endpoints are chosen; a change acts on the next choice of every loop.
    public var rules: RoutingRules {
        get { RoutingRules(word: self.packedRules.load(ordering: .relaxed)) }
        set { self.packedRules.store(newValue.word, ordering: .relaxed) }
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
        let rules = self.rules
        switch Self.candidates(for: request, rules, path: path, model: model, in: snapshot) {
        case .rejection(let rejection):
            return .rejected(request.excluded.isEmpty ? rejection : RouteRejection(.exhausted, note: rejection.note))
        case .candidates(let candidates): return self.reserve(request, rules, candidates, in: snapshot)
        case .refreshNeeded: return .refreshNeeded
        }
    }

    /// The endpoints that have the model and are up, whatever else may stand in their way.
    ///
    /// - Parameters:
    ///   - request: subtree and time.
    ///   - path: the request path behind the route prefix, without query.
    ///   - model: the model name as the client sent it.
    ///   - snapshot: the fleet; the indexes in the result are its own.
    /// - Returns: none when ``pick(_:path:model:in:)`` would reject the request or ask for models first.
    public func eligible(
        _ request: RouteRequest, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> EndpointSet {
        switch Self.candidates(for: request, self.rules, path: path, model: model, in: snapshot) {
        case .candidates(let candidates): candidates.all
        case .rejection, .refreshNeeded: EndpointSet()
        }
    }

    /// Whether ``pick(_:path:model:in:)`` would find an endpoint now, or a line to wait in; takes nothing.
    public func hasCandidate(
        _ request: RouteRequest, path: Span<UInt8>, model: Span<UInt8>, in snapshot: FleetSnapshot
    ) -> Bool {
        switch Self.candidates(for: request, self.rules, path: path, model: model, in: snapshot) {
        case .rejection, .refreshNeeded: return false
        case .candidates(let candidates):
            let open = candidates.all.subtracting(request.excluded)
            if !Self.ready(open, at: request.now, in: snapshot).isEmpty { return true }
            return !request.isCalled && self.room.hasRoom(for: open)
                && Self.isSaturated(open, at: request.now, in: snapshot)
        }
    }

    private func reserve(
        _ request: RouteRequest, _ rules: RoutingRules, _ candidates: Candidates, in snapshot: FleetSnapshot
    ) -> RouteResult {
        let open = candidates.all.subtracting(request.excluded)
        // Those who wait for the same endpoints came first.
        if !request.isCalled, self.room.hasLine(for: open) {
            return .rejected(RouteRejection(.allAtCapacity, note: candidates.note, line: open))
        }
        var ready = Self.ready(open, at: request.now, in: snapshot)
        var choice = Choice()
        while !ready.isEmpty {
            let preferred = ready.intersection(candidates.preferred)
            choice.pool = preferred.isEmpty ? ready : preferred
            let pinned = self.pinned(request, among: ready, in: snapshot, &choice)
            guard
                let endpoint = pinned
                    ?? self.select(from: choice.pool, rules.balancer, request, in: snapshot, isTrying: false)
            else { break }
            // Another loop may have taken the last place or the trial since the candidates were thinned out.
            switch snapshot.live(endpoint).reserve(limit: snapshot.limit(endpoint), at: request.now) {
            case .taken(let ticket, let entered):
                choice.endpoint = endpoint
                self.noteChoice(request, rules, &choice, isPinned: pinned != nil, in: snapshot)
                return .routed(
                    candidates.decision(choice, rules.balancer, ticket, entered: entered, in: snapshot))
            case .atLimit: break
            case .refused: choice.refused.insert(endpoint)
            }
            ready.remove(endpoint)
        }
        return .rejected(self.rejection(request, candidates, in: snapshot))
    }

    private func pinned(
        _ request: RouteRequest, among ready: EndpointSet, in snapshot: FleetSnapshot, _ choice: inout Choice
    ) -> EndpointIndex? {
        guard let sessions = self.sessions else { return nil }
        guard let key = request.session else {
            choice.sticky = .disabled
            return nil
        }
        switch sessions.find(key, among: ready, in: snapshot, at: request.now, evictions: &choice.evictions) {
        case .pinned(let endpoint):
            choice.sticky = .hit
            return endpoint
        case .elsewhere: choice.sticky = .repin
        // A pinned endpoint that was lost to another loop a moment ago stays a new pin, not a first one.
        case .nothing: choice.sticky = choice.sticky == .hit ? .repin : .miss
        }
        return nil
    }

    private func noteChoice(
        _ request: RouteRequest, _ rules: RoutingRules, _ choice: inout Choice, isPinned: Bool,
        in snapshot: FleetSnapshot
    ) {
        if rules.balancer == .prefixAffinity {
            snapshot.withExperience(of: choice.endpoint) { $0.chosen(at: request.now) }
        }
        guard let sessions = self.sessions, let outcome = choice.sticky else { return }
        sessions.counted(outcome)
        guard !isPinned, let key = request.session else { return }
        sessions.pin(
            key, to: snapshot.identity(choice.endpoint), at: request.now, evictions: &choice.evictions)
    }

    static func ready(_ candidates: EndpointSet, at now: MonotonicTime, in snapshot: FleetSnapshot) -> EndpointSet {
        var ready = candidates
        for index in candidates where !snapshot.isSelectable(index, at: now) { ready.remove(index) }
        for index in ready.intersection(snapshot.limited)
        where snapshot.active(index) >= snapshot.limit(index) {
            ready.remove(index)
        }
        return ready
    }

    private static func isSaturated(
        _ candidates: EndpointSet, at now: MonotonicTime, in snapshot: FleetSnapshot
    ) -> Bool {
        candidates.intersection(snapshot.limited).contains { snapshot.isSelectable($0, at: now) }
    }

    // Off the fast path: says why none of the candidates could be taken.
    func rejection(
        _ request: RouteRequest, _ candidates: Candidates, in snapshot: FleetSnapshot
    ) -> RouteRejection {
        let open = candidates.all.subtracting(request.excluded)
        if Self.isSaturated(open, at: request.now, in: snapshot) {
            return RouteRejection(.allAtCapacity, note: candidates.note, line: open)
        }
        guard request.excluded.isEmpty else { return RouteRejection(.exhausted, note: candidates.note) }
        var hasWithheld = false
        var retryAt = MonotonicTime.distantFuture
        for index in candidates.all {
            let live = snapshot.live(index)
            if live.isDemoted { continue }
            hasWithheld = true
            retryAt = min(retryAt, max(live.breaker.retryAt, live.heldUntil))
        }
        if hasWithheld { return RouteRejection(.allBreakersOpen, note: candidates.note, retryAt: retryAt) }
        // All were found unreachable since the snapshot was made: as if it said so already.
        if let note = candidates.note, note.verdict == .routed {
            return RouteRejection(.modelUnavailable, note: note.rejectedAsUnavailable)
        }
        if case .provider(let route) = request.kind, !snapshot.profiles[route].isOpenAI {
            return RouteRejection(.noProviderEndpoint)
        }
        return RouteRejection(.noHealthyEndpoint)
    }
}

/// What a pick has found out on its way.
struct Choice {
    var endpoint = EndpointIndex(rawValue: 0)
    var pool = EndpointSet()
    var refused = EndpointSet()
    var sticky: StickyOutcome?
    var evictions = StickyEvictions()
}
