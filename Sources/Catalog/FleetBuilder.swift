public import Domain

/// Makes fleet snapshots out of configuration, health and discovered models: a pure function.
public struct FleetBuilder: Sendable {
    /// The most models in a snapshot; further ones are unknown to routing and counted as dropped.
    public static let modelsMax = 65_535

    /// What is known about one endpoint.
    public struct Input: Sendable {
        /// What the configuration says.
        public var spec: EndpointSpec
        /// What every loop shares about it; the same object as long as the endpoint stays configured.
        public var live: EndpointLive
        /// What health checks say.
        public var state: EndpointState
        /// Its models as last listed, already filtered; kept while the endpoint is down.
        public var models: [DiscoveredModel]
        /// The profile that was detected for type `auto`.
        public var detectedProfile: ProfileIndex?
        /// The label's place among the metrics.
        public var metricSlot: UInt16

        /// An endpoint of which only the configuration is known.
        public init(
            spec: EndpointSpec, live: EndpointLive, state: EndpointState = .unknown, models: [DiscoveredModel] = [],
            detectedProfile: ProfileIndex? = nil, metricSlot: UInt16 = 0
        ) {
            self.spec = spec
            self.live = live
            self.state = state
            self.models = models
            self.detectedProfile = detectedProfile
            self.metricSlot = metricSlot
        }
    }

    /// There are more endpoints than an ``EndpointSet`` can hold.
    public struct TooManyEndpoints: Error, Equatable, Sendable {
        /// How many there are.
        public let count: Int

        /// More than ``EndpointSet/capacity``.
        public init(count: Int) { self.count = count }
    }

    struct Parts {
        var endpoints: [FleetEndpoint] = []
        var models: [ModelRecord] = []
        // Behind the models: one record for each name that several models share.
        var sharedNames: [ModelRecord] = []
        var modelKeys: [String] = []
        // For each key the record it means.
        var keyRecords: [UInt32] = []
        var droppedModelCount = 0
        var aliases: [ModelAlias] = []
        var aliasKeys: [String] = []
        var aliasSets: [EndpointSet] = []
        var aliasTargets: [UInt32] = []
        var priorityTiers: [EndpointSet] = []
        var routeSets: [EndpointSet] = []
        var openAISet = EndpointSet()
    }

    /// The profiles in force.
    public let profiles: ProfileSet
    /// The aliases as configured.
    public let aliases: [ModelAlias]
    /// Whether models of several endpoints that have the same digest, or the same name, are one; key
    /// `model_registry.enable_unifier`.
    public let unifiesModels: Bool
    /// Counts the configurations of a process; every snapshot of a configuration carries its number.
    public let revision: UInt32
    /// What else belongs to the configuration; opaque here, handed on with every snapshot.
    public let attachment: (any AnyObject & Sendable)?

    /// A builder for one configuration.
    public init(
        profiles: ProfileSet = .builtIn, aliases: [ModelAlias] = [], unifiesModels: Bool = true, revision: UInt32 = 0,
        attachment: (any AnyObject & Sendable)? = nil
    ) {
        self.profiles = profiles
        self.aliases = aliases
        self.unifiesModels = unifiesModels
        self.revision = revision
        self.attachment = attachment
    }

    /// The same builder without ``attachment``.
    public var detached: FleetBuilder {
        FleetBuilder(
            profiles: self.profiles, aliases: self.aliases, unifiesModels: self.unifiesModels,
            revision: self.revision)
    }

    /// The `endpoint` labels of a configuration, in its order.
    ///
    /// A label is the name, else host and port. One that is taken gets `-2`, `-3`, … so that every label is unique.
    public static func labels(of specs: [EndpointSpec]) -> [String] {
        var taken: Set<String> = []
        return specs.map { spec in
            let base = spec.name.isEmpty ? "\(spec.url.host):\(spec.url.port)" : spec.name
            var label = base
            var number = 2
            while !taken.insert(label).inserted {
                label = "\(base)-\(number)"
                number += 1
            }
            return label
        }
    }

    /// Builds a snapshot.
    ///
    /// - Parameters:
    ///   - generation: greater than that of the snapshot it replaces.
    ///   - inputs: the endpoints in configuration order.
    ///   - modelSlot: the place of a model id among the metrics.
    /// - Returns: the snapshot, for ``FleetHandle/publish(_:)``.
    /// - Throws: ``TooManyEndpoints``.
    public func build(
        generation: UInt64, endpoints inputs: [Input], modelSlot: (String) -> UInt16 = { _ in 0 }
    ) throws(TooManyEndpoints) -> FleetSnapshot {
        guard inputs.count <= EndpointSet.capacity else { throw TooManyEndpoints(count: inputs.count) }
        var parts = Parts()
        let labels = Self.labels(of: inputs.map(\.spec))
        let ids = EndpointID.texts(of: inputs.map { ($0.spec.name, $0.spec.url) })
        for (position, input) in inputs.enumerated() {
            parts.endpoints.append(
                FleetEndpoint(
                    index: EndpointIndex(rawValue: UInt16(position)), input: input, id: ids[position],
                    label: labels[position]))
        }
        parts.priorityTiers = Self.tiers(of: parts.endpoints)
        self.addRoutes(to: &parts)
        ModelUnifier(merges: self.unifiesModels).add(to: &parts, modelSlot: modelSlot)
        self.addAliases(to: &parts)
        return FleetSnapshot(generation: generation, builder: self, parts: parts)
    }

    private static func tiers(of endpoints: [FleetEndpoint]) -> [EndpointSet] {
        var tiers: [Int: EndpointSet] = [:]
        for endpoint in endpoints { tiers[endpoint.spec.priority, default: .init()].insert(endpoint.index) }
        return tiers.sorted { $0.key > $1.key }.map(\.value)
    }

    private func addRoutes(to parts: inout Parts) {
        for route in self.profiles.routes {
            var set = EndpointSet()
            for endpoint in parts.endpoints where self.fits(endpoint, route) { set.insert(endpoint.index) }
            parts.routeSets.append(set)
        }
        for endpoint in parts.endpoints where self.isOpenAICompatible(endpoint) {
            parts.openAISet.insert(endpoint.index)
        }
    }

    private func fits(_ endpoint: FleetEndpoint, _ route: ProfileSet.Route) -> Bool {
        if route.isOpenAI { return self.isOpenAICompatible(endpoint) }
        return switch endpoint.spec.kind {
        case .auto: true
        case .profile(let index): index == route.profile
        }
    }

    private func isOpenAICompatible(_ endpoint: FleetEndpoint) -> Bool {
        switch endpoint.spec.kind {
        case .auto: true
        case .profile(let index): self.profiles[index].isOpenAICompatible
        }
    }

    private func addAliases(to parts: inout Parts) {
        var positions: [String: Int] = [:]
        for (key, record) in zip(parts.modelKeys, parts.keyRecords) { positions[key] = Int(record) }
        let records = parts.models + parts.sharedNames
        var seen: Set<String> = []
        for alias in self.aliases {
            let key = ModelName.key(alias.name)
            guard !key.isEmpty, seen.insert(key).inserted else { continue }
            var row = [UInt32](repeating: 0, count: parts.endpoints.count)
            var set = EndpointSet()
            for target in alias.targets {
                guard let position = positions[ModelName.key(target)] else { continue }
                for index in records[position].endpoints where row[Int(index.rawValue)] == 0 {
                    row[Int(index.rawValue)] = UInt32(position + 1)
                }
                set = set.union(records[position].endpoints)
            }
            parts.aliases.append(alias)
            parts.aliasKeys.append(key)
            parts.aliasSets.append(set)
            parts.aliasTargets.append(contentsOf: row)
        }
    }
}
