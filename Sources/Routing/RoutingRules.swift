public import Domain

/// What happens with a model that no candidate has; key `model_registry.routing_strategy.type` (routing-and-config 7.5).
public enum RoutingStrategy: UInt8, CaseIterable, Sendable {
    /// It is refused.
    case strict
    /// The fallback decides.
    case optimistic
    /// The endpoints are asked once more which models they have, then the fallback decides.
    case discovery
}

/// Which endpoints stand in for those that have the model; key `fallback_behavior`.
public enum RoutingFallback: UInt8, CaseIterable, Sendable {
    /// None; the reasons say that compatible ones were wanted.
    case compatibleOnly
    /// None.
    case none
    /// Every candidate.
    case all
}

/// How endpoints are chosen; may change while requests are served.
public struct RoutingRules: Equatable, Sendable {
    /// How one of several candidates is chosen.
    public var balancer: Balancer
    /// What happens with a model that no candidate has.
    public var strategy: RoutingStrategy
    /// Which endpoints stand in.
    public var fallback: RoutingFallback
    /// Whether the discovery strategy asks the endpoints again on a miss.
    public var refreshesOnMiss: Bool
    /// Whether an endpoint gets only the paths that its profile lists; key `proxy.enforce_profile_paths`.
    public var enforcesPaths: Bool

    /// The documented defaults, but for what is given.
    public init(
        balancer: Balancer = .leastConnections, strategy: RoutingStrategy = .strict,
        fallback: RoutingFallback = .compatibleOnly, refreshesOnMiss: Bool = false, enforcesPaths: Bool = false
    ) {
        self.enforcesPaths = enforcesPaths
        self.balancer = balancer
        self.strategy = strategy
        self.fallback = fallback
        self.refreshesOnMiss = refreshesOnMiss
    }

    // All of it in one word, so that a loop never sees half a change.
    var word: UInt32 {
        let balancer = UInt32(Self.balancers.firstIndex(of: self.balancer) ?? 0)
        return balancer | UInt32(self.strategy.rawValue) << 8 | UInt32(self.fallback.rawValue) << 16
            | (self.refreshesOnMiss ? 1 << 24 : 0) | (self.enforcesPaths ? 1 << 25 : 0)
    }

    init(word: UInt32) {
        self.balancer = Self.balancers[Int(word & 0xFF)]
        self.strategy = RoutingStrategy(rawValue: UInt8(word >> 8 & 0xFF)) ?? .strict
        self.fallback = RoutingFallback(rawValue: UInt8(word >> 16 & 0xFF)) ?? .compatibleOnly
        self.refreshesOnMiss = word >> 24 & 1 == 1
        self.enforcesPaths = word >> 25 & 1 == 1
    }

    private static let balancers = Balancer.allCases
}
