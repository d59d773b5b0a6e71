import Domain
import Routing
import Settings
import Supervision

// From configuration values to the rules of routing.

extension RoutingRules {
    /// How a configuration wants endpoints to be chosen.
    init(_ settings: Configuration) {
        let strategy = settings.modelRegistry.routingStrategy
        self.init(
            balancer: settings.proxy.loadBalancer.balancer, strategy: RoutingStrategy(strategy.kind),
            fallback: RoutingFallback(strategy.fallbackBehavior), refreshesOnMiss: strategy.discoveryRefreshOnMiss,
            enforcesPaths: settings.proxy.enforceProfilePaths)
    }
}

extension RoutingStrategy {
    init(_ kind: Configuration.RoutingStrategy.Kind) {
        self =
            switch kind {
            case .strict: .strict
            case .optimistic: .optimistic
            case .discovery: .discovery
            }
    }
}

extension RoutingFallback {
    init(_ behavior: Configuration.RoutingStrategy.FallbackBehavior) {
        self =
            switch behavior {
            case .compatibleOnly: .compatibleOnly
            case .none: .none
            case .all: .all
            }
    }
}

extension StickySessions.Policy {
    /// The rules of sticky sessions; nil when a configuration wants none.
    init?(_ settings: Configuration.StickySessions) {
        guard settings.enabled else { return nil }
        self.init(
            idleTime: .seconds(Int64(max(0, settings.idleTTLSeconds))), sessionsMax: settings.maxSessions,
            sources: settings.keySources.map(SessionSource.init), prefixBytes: max(0, settings.prefixHashBytes))
    }
}

extension WaitingRoom.Policy {
    /// The rules of waiting.
    init(_ settings: Configuration.Queue) {
        self.init(length: settings.length, timeout: settings.timeout)
    }
}

extension SessionSource {
    init(_ source: Configuration.StickySessions.KeySource) {
        self =
            switch source {
            case .sessionHeader: .sessionHeader
            case .prefixHash: .prefixHash
            case .authHeader: .authHeader
            case .address: .address
            }
    }
}

/// What the discovery strategy asks the supervisor.
enum ModelRefreshing {
    /// Asks the endpoints again which models they have; without model discovery there is nothing to ask.
    static func closure(
        _ settings: Configuration, supervisor: Supervisor
    ) -> @Sendable () async -> ModelRefresh {
        guard settings.discovery.modelDiscovery.enabled else { return { .unavailable } }
        let limit = settings.modelRegistry.routingStrategy.discoveryTimeout
        return {
            switch await supervisor.refreshModels(within: limit) {
            case .refreshed: .done
            case .failed: .failed
            }
        }
    }
}
