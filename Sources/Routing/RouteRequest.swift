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
    /// Fresh random bits, all of them used by the `priority` balancer.
    public var random: UInt64

    /// A question.
    public init(kind: RouteKind, excluded: EndpointSet = .init(), now: MonotonicTime, random: UInt64) {
        self.kind = kind
        self.excluded = excluded
        self.now = now
        self.random = random
    }
}

/// How the model stage decided: the three `X-Olla-Routing-*` headers (routing-and-config 7.5).
public struct RoutingNote: Equatable, Sendable {
    /// `X-Olla-Routing-Strategy`.
    public enum Strategy: UInt8, CaseIterable, Sendable {
        case strict
        case alias

        /// The header value.
        public var label: StaticString {
            switch self {
            case .strict: "strict"
            case .alias: "alias"
            }
        }
    }

    /// `X-Olla-Routing-Decision`.
    public enum Verdict: UInt8, CaseIterable, Sendable {
        case routed
        case rejected

        /// The header value.
        public var label: StaticString {
            switch self {
            case .routed: "routed"
            case .rejected: "rejected"
            }
        }
    }

    /// `X-Olla-Routing-Reason`.
    public enum Reason: Equatable, Sendable {
        /// A candidate has the model.
        case modelFound
        /// No endpoint has the model.
        case modelNotFound
        /// Only endpoints that are no candidates have the model.
        case modelUnavailable
        /// The name is an alias, and so many candidates have one of its models.
        case aliasResolved(endpoints: Int)
    }

    /// Which rule decided.
    public let strategy: Strategy
    /// What it decided.
    public let verdict: Verdict
    /// Why.
    public let reason: Reason

    static let modelFound = RoutingNote(strategy: .strict, verdict: .routed, reason: .modelFound)
    static let modelNotFound = RoutingNote(strategy: .strict, verdict: .rejected, reason: .modelNotFound)
    static let modelUnavailable = RoutingNote(strategy: .strict, verdict: .rejected, reason: .modelUnavailable)

    /// The reason's code, or nil for an alias, whose text has to be written out.
    public var reasonCode: StaticString? {
        switch self.reason {
        case .modelFound: "model_found"
        case .modelNotFound: "model_not_found"
        case .modelUnavailable: "model_unavailable"
        case .aliasResolved: nil
        }
    }

    /// Appends the text of `X-Olla-Routing-Reason`.
    ///
    /// - Parameters:
    ///   - model: the name the client sent; bytes that may not stand in a field value are left out.
    ///   - output: receives the text.
    public func appendReason(model: Span<UInt8>, to output: inout [UInt8]) {
        guard case .aliasResolved(let endpoints) = self.reason else {
            if let code = self.reasonCode { output.append(contentsOf: code.description.utf8) }
            return
        }
        output.append(contentsOf: "alias \"".utf8)
        let range = ModelName.trimmedRange(of: model)
        for offset in range where model[offset] >= 0x20 && model[offset] != 0x7F { output.append(model[offset]) }
        output.append(contentsOf: "\" resolved to \(endpoints) endpoint(s)".utf8)
    }
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
    /// Why this endpoint.
    public let reason: RoutingReason
    /// The model as the fleet knows it, for an alias the real one on this endpoint; nil when none was named.
    public let model: ModelIndex?
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
    /// The candidates that were at their limit: what the request may wait for.
    public let saturated: EndpointSet

    init(
        _ kind: Kind, note: RoutingNote? = nil, retryAt: MonotonicTime = .zero, saturated: EndpointSet = .init()
    ) {
        self.kind = kind
        self.note = note
        self.retryAt = retryAt
        self.saturated = saturated
    }

    /// The HTTP status (http-surface 3.2, 3.3).
    public var status: Int {
        switch self.kind {
        case .modelNotFound, .noProviderEndpoint: 404
        case .modelUnavailable, .noHealthyEndpoint, .allBreakersOpen, .allAtCapacity: 503
        case .exhausted: 502
        }
    }

    /// The outcome a request that ends so is counted with (decisions.md 2).
    public var outcome: RequestOutcome {
        switch self.kind {
        case .modelNotFound: .clientError
        case .modelUnavailable, .noProviderEndpoint, .noHealthyEndpoint, .allBreakersOpen, .allAtCapacity:
            .noEndpoint
        case .exhausted: .upstreamError
        }
    }

    /// The value of `routing_failures_total`'s label; nil for ``Kind/exhausted``, where an endpoint had been chosen.
    public var failure: RoutingFailure? {
        switch self.kind {
        case .modelNotFound: .noModel
        case .modelUnavailable, .noProviderEndpoint, .noHealthyEndpoint, .allAtCapacity: .noHealthy
        case .allBreakersOpen: .allBreakersOpen
        case .exhausted: nil
        }
    }

    /// The answer's body, without newline.
    public func message(for kind: RouteKind, profiles: ProfileSet) -> String {
        switch self.kind {
        case .modelNotFound: return "model_not_found"
        case .modelUnavailable: return "model_unavailable"
        case .noProviderEndpoint:
            guard case .provider(let route) = kind else { return "no healthy endpoints available" }
            return "No \(profiles[route].displayName) endpoints available"
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
}
