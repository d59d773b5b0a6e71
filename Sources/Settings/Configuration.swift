public import Catalog
public import Domain

/// Holds everything an operator can decide: one validated value, immutable once the gateway has started.
///
/// Every property carries its default in its declaration, so `Configuration()` is what a start without any
/// file means. Spans are ``Nanoseconds``, sizes are bytes. The table that reads it from YAML and from the
/// environment is `KeyCatalog`; docs/CONFIGURATION.md is written from the same table.
///
/// - Isolation: a value; share it freely.
/// - Bounds: at most `EndpointSet.capacity` endpoints; the file it came from is at most 4 MiB.
public struct Configuration: Equatable, Sendable {
    /// The listener, its limits and who may use it.
    public var server = Server()
    /// How requests are relayed, retried and spread.
    public var proxy = Proxy()
    /// The endpoints and how their models are found.
    public var discovery = Discovery()
    /// How models of several endpoints become one list, and how strictly requests follow it.
    public var modelRegistry = ModelRegistry()
    /// Names that stand for several real model names, in file order.
    public var modelAliases: [ModelAlias] = []
    /// The Anthropic surface.
    public var translators = Translators()
    /// Log lines.
    public var logging = Logging()
    /// Developer conveniences.
    public var engineering = Engineering()
    /// The dashboard page and who may see it.
    public var dashboard = Dashboard()
    /// What the metrics page shows beyond its fixed families.
    public var metrics = Metrics()
    /// Export of spans.
    public var tracing = Tracing()

    /// The kinds of backends: those that are compiled in and those of `config/profiles`, after `proxy.profile_filter`.
    public internal(set) var profiles = ProfileSet.builtIn
    /// The rules of `models.yaml`.
    public internal(set) var modelRules = ModelRules.builtIn

    /// Makes the built-in configuration.
    public init() {}
}

extension Configuration {
    /// A name that clients may ask for and the real model names it stands for.
    public struct ModelAlias: Equatable, Sendable {
        /// The name in the client's request; never empty, without blanks around it.
        public var name: String
        /// The real names; never empty.
        public var models: [String]

        /// Pairs an alias with its models.
        public init(name: String, models: [String]) {
            self.name = name
            self.models = models
        }
    }

    /// How models are registered and how requests for missing ones are answered.
    public struct ModelRegistry: Equatable, Sendable {
        /// The kind of registry; only `memory` exists.
        public var type = "memory"
        /// Whether equal models of several endpoints are listed as one.
        public var enableUnifier = true
        /// What happens when no candidate has the requested model.
        public var routingStrategy = RoutingStrategy()
        /// When unified records are forgotten.
        public var unification = Unification()

        /// Makes the default registry.
        public init() {}
    }

    /// What happens when no candidate has the requested model.
    public struct RoutingStrategy: Equatable, Sendable {
        /// The family of rules, contract 7.5.
        public enum Kind: String, CaseIterable, Sendable {
            /// Only endpoints that have the model are candidates.
            case strict
            /// Other endpoints may be tried, as ``FallbackBehavior`` says.
            case optimistic
            /// A miss first asks the endpoints again.
            case discovery
        }

        /// Which endpoints may stand in for those that have the model.
        public enum FallbackBehavior: String, CaseIterable, Sendable {
            /// None, reported as a compatibility decision.
            case compatibleOnly = "compatible_only"
            /// None.
            case none
            /// Every healthy candidate.
            case all
        }

        /// The family of rules.
        public var kind = Kind.strict
        /// Which endpoints may stand in.
        public var fallbackBehavior = FallbackBehavior.compatibleOnly
        /// How long the discovery strategy waits for fresh model lists.
        public var discoveryTimeout = Nanoseconds.seconds(2)
        /// Whether the discovery strategy asks the endpoints again on a miss.
        public var discoveryRefreshOnMiss = false

        /// Makes the default strategy.
        public init() {}
    }

    /// When unified model records are forgotten.
    public struct Unification: Equatable, Sendable {
        /// The age from which an unseen record is dropped.
        public var staleThreshold = Nanoseconds.seconds(24 * 3_600)
        /// The least time between two clean-ups.
        public var cleanupInterval = Nanoseconds.seconds(600)

        /// Makes the default limits.
        public init() {}
    }

    /// Dialects that are translated.
    public struct Translators: Equatable, Sendable {
        /// The Anthropic Messages API.
        public var anthropic = Anthropic()

        /// Makes the default translators.
        public init() {}
    }

    /// The Anthropic Messages API.
    public struct Anthropic: Equatable, Sendable {
        /// Whether the routes exist.
        public var enabled = true
        /// Whether endpoints that speak the dialect get the request untranslated.
        public var passthroughEnabled = true
        /// The largest message in bytes, 0…104857600; 0 means the default.
        public var maxMessageSize = 10_485_760
        /// Silence after which a translated stream gets a `ping`, zero for never.
        public var pingInterval = Nanoseconds.seconds(15)
        /// The development aid that writes exchanges to files.
        public var inspector = Inspector()

        /// Makes the default Anthropic surface.
        public init() {}
    }

    /// The development aid that writes Anthropic exchanges to files.
    public struct Inspector: Equatable, Sendable {
        /// Whether exchanges are written.
        public var enabled = false
        /// The folder they are written to.
        public var outputDirectory = "logs/inspector/anthropic"
        /// The request header that groups exchanges.
        public var sessionHeader = "X-Session-ID"

        /// Makes the default inspector, which is off.
        public init() {}
    }
}
