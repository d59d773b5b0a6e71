import Catalog
import Domain

/// The endpoints that can serve a request, before breakers and load are looked at.
struct Candidates {
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
        _ choice: Choice, _ balancer: Balancer, _ ticket: BreakerTicket, entered: BreakerState?,
        in snapshot: FleetSnapshot
    ) -> RouteDecision {
        RouteDecision(
            endpoint: choice.endpoint, ticket: ticket, breakerEntered: entered, candidateCount: choice.pool.count,
            balancer: balancer, sticky: choice.sticky, evictions: choice.evictions,
            reason: choice.sticky == .hit ? .sticky : self.reason,
            model: self.alias.flatMap { snapshot.model(of: $0, on: choice.endpoint) } ?? self.model,
            isAlias: self.alias != nil, note: self.note, refused: choice.refused)
    }

    /// Whether the endpoint has the model that was found; true when none was looked for.
    func mayHaveModel(_ index: EndpointIndex, in snapshot: FleetSnapshot) -> Bool {
        if let alias = self.alias { return snapshot.endpoints(of: alias).contains(index) }
        if let model = self.model { return snapshot.endpoints(of: model).contains(index) }
        return true
    }

    private var reason: RoutingReason {
        if self.alias != nil { return .alias }
        if self.note?.verdict == .fallback { return .fallback }
        return self.model != nil ? .model : .any
    }
}

// MARK: - Provider, model, path

extension Router {
    enum Narrowed {
        case candidates(Candidates)
        case rejection(RouteRejection)
        case refreshNeeded
    }

    static func candidates(
        for request: RouteRequest, _ rules: RoutingRules, path: Span<UInt8>, model: Span<UInt8>,
        in snapshot: FleetSnapshot
    ) -> Narrowed {
        var base = snapshot.routable
        if case .provider(let route) = request.kind {
            let ofProvider = base.intersection(snapshot.endpoints(of: route))
            if !ofProvider.isEmpty {
                base = ofProvider
            } else if !snapshot.profiles[route].isOpenAI {
                return .rejection(RouteRejection(.noProviderEndpoint))
            }
        }
        if rules.enforcesPaths, !path.isEmpty {
            let listing = self.endpoints(listing: path, for: request.kind, in: snapshot)
            guard !listing.isEmpty else { return .rejection(RouteRejection(.pathNotListed)) }
            base = base.intersection(listing)
        }
        if let within = request.within { base = base.intersection(within) }
        // Until some endpoint has listed its models, "no endpoint has it" would be a guess.
        let isNothingKnown = base.isEmpty && snapshot.models.isEmpty
        if ModelName.trimmedRange(of: model).isEmpty || isNothingKnown {
            guard !base.isEmpty else { return .rejection(RouteRejection(.noHealthyEndpoint)) }
            return .candidates(self.narrowedByPath(base, path: path, in: snapshot))
        }
        return self.narrowedByModel(base, request, rules, path: path, model: model, in: snapshot)
    }

    // The endpoints of a route, up or down, whose profiles list exactly this path.
    static func endpoints(
        listing path: Span<UInt8>, for kind: RouteKind, in snapshot: FleetSnapshot
    ) -> EndpointSet {
        guard let listing = snapshot.endpoints(listingExactly: path) else { return EndpointSet() }
        guard case .provider(let route) = kind, !snapshot.profiles[route].isOpenAI else { return listing }
        return listing.intersection(snapshot.endpoints(of: route))
    }

    private static func narrowedByModel(
        _ base: EndpointSet, _ request: RouteRequest, _ rules: RoutingRules, path: Span<UInt8>, model: Span<UInt8>,
        in snapshot: FleetSnapshot
    ) -> Narrowed {
        if let alias = snapshot.alias(named: model) {
            let holders = base.intersection(snapshot.endpoints(of: alias))
            if !holders.isEmpty {
                var candidates = Candidates(holders)
                candidates.alias = alias
                candidates.note = RoutingNote(.alias, .routed, .aliasResolved, aliasEndpoints: holders.count)
                return .candidates(self.preferringPath(candidates, path: path, in: snapshot))
            }
        }
        let index = snapshot.model(named: model)
        if let index {
            let holders = base.intersection(snapshot.endpoints(of: index))
            if !holders.isEmpty {
                var candidates = Candidates(holders)
                candidates.model = index
                candidates.note = rules.noteForHit(refresh: request.refresh)
                return .candidates(self.preferringPath(candidates, path: path, in: snapshot))
            }
        }
        guard let note = rules.noteForMiss(isKnown: index != nil, hasAny: !base.isEmpty, refresh: request.refresh)
        else { return .refreshNeeded }
        guard note.verdict == .fallback else {
            return .rejection(RouteRejection(note.isNotFound ? .modelNotFound : .modelUnavailable, note: note))
        }
        guard !base.isEmpty else { return .rejection(RouteRejection(.noHealthyEndpoint, note: note)) }
        var candidates = self.narrowedByPath(base, path: path, in: snapshot)
        candidates.note = note
        return .candidates(candidates)
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

// MARK: - Strategies

extension RoutingNote {
    /// Whether the answer is 404; every other rejection is 503 (routing-and-config 7.5).
    var isNotFound: Bool { self.reason == .modelNotFound }

    /// What is said of a model whose candidates were all found unreachable since the snapshot was made.
    var rejectedAsUnavailable: RoutingNote {
        switch self.strategy {
        case .strict, .alias: RoutingNote(.strict, .rejected, .modelUnavailable)
        case .optimistic: RoutingNote(.optimistic, .rejected, .modelUnavailableNoFallback)
        case .discovery: RoutingNote(.discovery, .rejected, .modelUnavailableNoRefresh)
        }
    }
}

/// The table of routing-and-config 7.5.
extension RoutingRules {
    /// What is said when a candidate has the model.
    func noteForHit(refresh: ModelRefresh) -> RoutingNote {
        let isFirstLook = self.strategy == .discovery && refresh == .notAsked
        return RoutingNote(
            .init(self.strategy), .routed, isFirstLook ? .modelFoundNoRefresh : .modelFound)
    }

    /// What is said when no candidate has the model; nil when the endpoints have to be asked again first.
    ///
    /// - Parameters:
    ///   - isKnown: some endpoint has the model that is no candidate.
    ///   - hasAny: there are candidates.
    ///   - refresh: what became of asking again.
    /// - Returns: strategy, verdict and reason.
    func noteForMiss(isKnown: Bool, hasAny: Bool, refresh: ModelRefresh) -> RoutingNote? {
        switch self.strategy {
        case .strict: RoutingNote(.strict, .rejected, isKnown ? .modelUnavailable : .modelNotFound)
        case .optimistic: self.noteForOptimisticMiss(isKnown: isKnown)
        case .discovery: self.noteForDiscoveryMiss(hasAny: hasAny, refresh: refresh)
        }
    }

    private func noteForOptimisticMiss(isKnown: Bool) -> RoutingNote {
        switch self.fallback {
        case .all: RoutingNote(.optimistic, .fallback, isKnown ? .allHealthyFallback : .modelNotFoundFallback)
        case .none: RoutingNote(.optimistic, .rejected, isKnown ? .modelUnavailableNoFallback : .modelNotFound)
        case .compatibleOnly:
            RoutingNote(.optimistic, .rejected, isKnown ? .modelUnavailableCompatibleOnly : .modelNotFound)
        }
    }

    private func noteForDiscoveryMiss(hasAny: Bool, refresh: ModelRefresh) -> RoutingNote? {
        guard self.refreshesOnMiss else { return RoutingNote(.discovery, .rejected, .modelUnavailableNoRefresh) }
        switch refresh {
        case .notAsked: return nil
        case .unavailable: return RoutingNote(.discovery, .fallback, .discoveryErrorFallback)
        case .failed:
            return switch self.fallback {
            case .none: RoutingNote(.discovery, .rejected, .discoveryFailedNoFallback)
            case .compatibleOnly: RoutingNote(.discovery, .rejected, .discoveryFailedCompatibleOnly)
            case .all: RoutingNote(.discovery, .fallback, .discoveryFailedAllFallback)
            }
        case .done:
            guard hasAny else { return RoutingNote(.discovery, .rejected, .noHealthyAfterDiscovery) }
            return self.fallback == .all
                ? RoutingNote(.discovery, .fallback, .allHealthyAfterDiscovery)
                : RoutingNote(.discovery, .rejected, .modelUnavailableAfterDiscovery)
        }
    }
}
