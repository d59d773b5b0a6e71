public import Domain

/// A model as a listing shows it.
public struct ListedModel: Sendable {
    /// One endpoint that has the model.
    public struct Holder: Sendable {
        /// The endpoint.
        public let endpoint: FleetEndpoint
        /// How it lists the model.
        public let model: DiscoveredModel
    }

    /// A name the client may send back as `model`: the native name of the first holder.
    public let id: String
    /// The other native names.
    public let otherNames: [String]
    /// The fields of the first holder, completed from the others.
    public let model: DiscoveredModel
    /// The holders in configuration order.
    public let holders: [Holder]
}

extension FleetSnapshot {
    /// The models of routable endpoints that fit a provider route, sorted by id (http-surface 1.7, listings).
    public func listing(for route: ProviderRoute) -> [ListedModel] {
        self.listing(over: self.endpoints(of: route).intersection(self.routable))
    }

    /// The models of routable OpenAI-compatible endpoints, sorted by id: the listing of `/olla/proxy/v1/models`.
    public func listing() -> [ListedModel] {
        self.listing(over: self.openAICompatible.intersection(self.routable))
    }

    /// The models of the given endpoints, sorted by id.
    public func listing(over endpoints: EndpointSet) -> [ListedModel] {
        self.models.compactMap { record in
            guard let merged = record.merged(over: endpoints) else { return nil }
            var others: [String] = []
            var holders: [ListedModel.Holder] = []
            for source in record.sources where endpoints.contains(source.endpoint) {
                let name = source.model.name
                if name != merged.name, !others.contains(name) { others.append(name) }
                if let endpoint = self[source.endpoint], holders.last?.endpoint !== endpoint {
                    holders.append(.init(endpoint: endpoint, model: source.model))
                }
            }
            return ListedModel(id: merged.name, otherNames: others, model: merged, holders: holders)
        }.sorted { $0.id < $1.id }
    }
}
