public import Catalog
public import Domain

/// Which subtree a request came in on, as far as it narrows the endpoints.
public enum RouteKind: Equatable, Sendable {
    /// `/olla/proxy/`: any endpoint.
    case proxy
    /// `/olla/{prefix}/`: the endpoints of a profile, or all OpenAI-compatible ones.
    case provider(ProviderRoute)
}

/// What is asked of the router, besides path and model.
public struct RouteRequest: Sendable {
    /// The subtree.
    public var kind: RouteKind
    /// Endpoints that this request has tried and that are not chosen again: indexes of the snapshot that is asked.
    public var excluded: EndpointSet
    /// The time.
    public var now: MonotonicTime
    /// Fresh random bits, all of them used by the `priority` and `p2c` balancers.
    public var random: UInt64
    /// What the conversation is known by, if sessions stick and the request has a key.
    public var session: SessionKey?
    /// What `prefix-affinity` places the conversation by; nil when there is no conversation.
    public var affinity: UInt64?
    /// What became of asking the endpoints again for their models.
    public var refresh: ModelRefresh
    /// Whether the request has waited and is called: it may go before those that wait.
    public var isCalled: Bool
    /// The only endpoints that may be chosen, indexes of the snapshot that is asked; nil for all.
    public var within: EndpointSet?

    /// A question.
    public init(
        kind: RouteKind, excluded: EndpointSet = .init(), now: MonotonicTime, random: UInt64,
        session: SessionKey? = nil, affinity: UInt64? = nil, refresh: ModelRefresh = .notAsked,
        isCalled: Bool = false
    ) {
        self.kind = kind
        self.excluded = excluded
        self.now = now
        self.random = random
        self.session = session
        self.affinity = affinity
        self.refresh = refresh
        self.isCalled = isCalled
    }
}

/// What became of asking the endpoints again which models they have, for the discovery strategy.
public enum ModelRefresh: UInt8, CaseIterable, Sendable {
    /// They have not been asked for this request.
    case notAsked
    /// They have answered, and the snapshot that is asked knows what.
    case done
    /// They have not, or not in time.
    case failed
    /// There is no discovery to ask with.
    case unavailable
}

/// An endpoint was chosen.
///
/// The choice is already counted on it: the attempt is active and admitted by the breaker. Exactly one
/// ``EndpointLive/end()`` and one verdict with ``ticket`` must follow, or one ``EndpointLive/abandon(_:at:)`` if the
/// attempt is never made.
public struct RouteDecision: Equatable, Sendable {
    /// The endpoint, an index of the snapshot that was asked.
    public let endpoint: EndpointIndex
    /// The right to report the attempt's verdict to ``EndpointLive/breaker``.
    public let ticket: BreakerTicket
    /// The state the breaker changed to by admitting this attempt as its trial; nil nearly always.
    public let breakerEntered: BreakerState?
    /// How many endpoints the balancer chose from.
    public let candidateCount: Int
    /// Which balancer chose.
    public let balancer: Balancer
    /// What the session's look-up found; nil when sessions do not stick.
    public let sticky: StickyOutcome?
    /// Sessions that were dropped on the way.
    public let evictions: StickyEvictions
    /// Why this endpoint.
    public let reason: RoutingReason
    /// The model as the fleet knows it, for an alias the real one on this endpoint; nil when none was named.
    public let model: ModelIndex?
    /// Whether the name was an alias: the body has to name the real model.
    public let isAlias: Bool
    /// The routing headers; nil when no model was named.
    public let note: RoutingNote?
    /// Endpoints that were chosen first, but whose breaker gave its trial to another request meanwhile.
    public let refused: EndpointSet
}

/// No endpoint was chosen.
public struct RouteRejection: Equatable, Sendable {
    /// What stands in the way.
    public enum Kind: UInt8, CaseIterable, Sendable {
        /// No endpoint has the model.
        case modelNotFound
        /// Only endpoints that are no candidates have the model.
        case modelUnavailable
        /// The provider of the path has no routable endpoint.
        case noProviderEndpoint
        /// No endpoint of the route has a profile that lists the path.
        case pathNotListed
        /// Nothing is routable.
        case noHealthyEndpoint
        /// The breakers of all candidates are open, or they asked to wait by `Retry-After`.
        case allBreakersOpen
        /// All candidates are at their limit of concurrent requests.
        case allAtCapacity
        /// Every candidate has been tried: the last failure stands.
        case exhausted
    }

    /// What stands in the way.
    public let kind: Kind
    /// The routing headers, as far as known; nil when no model was named.
    public let note: RoutingNote?
    /// When a candidate is likely to be free; ``MonotonicTime/zero`` when nothing is known.
    public let retryAt: MonotonicTime
    /// For ``Kind/allAtCapacity``: the line to wait in (``WaitingRoom/enter(_:at:wake:)``).
    public let line: EndpointSet

    init(_ kind: Kind, note: RoutingNote? = nil, retryAt: MonotonicTime = .zero, line: EndpointSet = .init()) {
        self.kind = kind
        self.note = note
        self.retryAt = retryAt
        self.line = line
    }

    /// The HTTP status (http-surface 3.2, 3.3).
    public var status: Int {
        switch self.kind {
        case .modelNotFound, .noProviderEndpoint, .pathNotListed: 404
        case .modelUnavailable, .noHealthyEndpoint, .allBreakersOpen, .allAtCapacity: 503
        case .exhausted: 502
        }
    }

    /// The outcome a request that ends so is counted with (decisions.md 2).
    public var outcome: RequestOutcome {
        switch self.kind {
        case .modelNotFound, .pathNotListed: .clientError
        case .modelUnavailable, .noProviderEndpoint, .noHealthyEndpoint, .allBreakersOpen, .allAtCapacity:
            .noEndpoint
        case .exhausted: .upstreamError
        }
    }

    /// The value of `routing_failures_total`'s label; nil where an endpoint had been chosen or none was looked for.
    public var failure: RoutingFailure? {
        switch self.kind {
        case .modelNotFound: .noModel
        case .modelUnavailable, .noProviderEndpoint, .noHealthyEndpoint, .allAtCapacity: .noHealthy
        case .allBreakersOpen: .allBreakersOpen
        case .exhausted, .pathNotListed: nil
        }
    }

    /// The answer's body, without newline.
    public func message(for kind: RouteKind, profiles: ProfileSet) -> String {
        switch self.kind {
        case .modelNotFound, .modelUnavailable: return (self.note?.reasonCode ?? "model_unavailable").description
        case .noProviderEndpoint:
            guard case .provider(let route) = kind else { return "no healthy endpoints available" }
            return "No \(profiles[route].displayName) endpoints available"
        case .pathNotListed:
            return "404 page not found: no profile of this route lists the path (proxy.enforce_profile_paths)"
        case .noHealthyEndpoint: return "no healthy endpoints available"
        case .allBreakersOpen: return "Proxy error: circuit open for every candidate endpoint"
        case .allAtCapacity: return "Proxy error: every candidate endpoint is at its request limit"
        case .exhausted: return "Proxy error: all endpoints failed with connection errors"
        }
    }
}

/// What the router answers.
public enum RouteResult: Equatable, Sendable {
    /// An endpoint was chosen.
    case routed(RouteDecision)
    /// None was.
    case rejected(RouteRejection)
    /// The endpoints have to be asked again for their models first (``RouteRequest/refresh``).
    case refreshNeeded
}
