public import Catalog
public import Domain

/// What a configuration says about the fleet as a whole.
public struct FleetPlan: Sendable {
    /// The endpoints in configuration order.
    public var specs: [EndpointSpec]
    /// The profiles and aliases in force, and the configuration's number.
    public var builder: FleetBuilder
    /// How family, quantisation and capabilities of models are found out.
    public var modelRules: ModelRules
    /// The rules of the request breakers of endpoints that are new with this plan.
    public var breaker: BreakerPolicy
    /// When models that no listing has confirmed are forgotten.
    public var staleness: ModelStaleness

    /// A plan.
    public init(
        specs: [EndpointSpec], builder: FleetBuilder, modelRules: ModelRules = .builtIn,
        breaker: BreakerPolicy = .init(), staleness: ModelStaleness = .init()
    ) {
        self.specs = specs
        self.builder = builder
        self.modelRules = modelRules
        self.breaker = breaker
        self.staleness = staleness
    }
}

/// When models are forgotten whose endpoint has not listed them for long; keys `model_registry.unification.*`.
///
/// They are looked for when an endpoint has been asked for its models, not by a timer (routing-and-config 1.4.7).
public struct ModelStaleness: Equatable, Sendable {
    /// How old the last listing may be.
    public var threshold: Nanoseconds
    /// The least time between two looks.
    public var cleanupInterval: Nanoseconds

    /// The documented defaults.
    public init(threshold: Nanoseconds = .seconds(86_400), cleanupInterval: Nanoseconds = .seconds(600)) {
        self.threshold = threshold
        self.cleanupInterval = cleanupInterval
    }
}

/// An endpoint for as long as it stays configured, whatever its place in the configuration becomes.
public struct EndpointKey: Hashable, Sendable {
    let rawValue: UInt32
}

/// An endpoint that is to be watched, and how.
public struct Assignment: Equatable, Sendable {
    /// The endpoint.
    let key: EndpointKey
    /// What the configuration says about it.
    let spec: EndpointSpec
}

/// What a new configuration did to the fleet, by label, in configuration order.
public struct FleetChange: Equatable, Sendable {
    /// Endpoints that were not there before.
    public var added: [String] = []
    /// Endpoints that are there no longer.
    public var removed: [String] = []
    /// Endpoints that stay, with another name or other settings.
    public var changed: [String] = []

    /// Nothing, or what is given.
    public init(added: [String] = [], removed: [String] = [], changed: [String] = []) {
        self.added = added
        self.removed = removed
        self.changed = changed
    }
}

/// What supervision knows about an endpoint beyond the fleet snapshot; for the status pages.
///
/// Moments are nanoseconds since the Unix epoch.
public struct EndpointCondition: Equatable, Sendable {
    /// When the last health check ended; nil before the first.
    public var lastCheck: Nanoseconds?
    /// When the next health check is due, without jitter; nil before the first check.
    public var nextCheck: Nanoseconds?
    /// How long the last health check took; nil before the first.
    public var lastDuration: Nanoseconds?
    /// Failed checks and connect failures since the last success.
    public var failuresInRow: Int
    /// When the models were last listed with success; nil before that.
    public var lastModelSync: Nanoseconds?
}
