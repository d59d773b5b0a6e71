import Domain

/// Finds out which listings of which endpoints are the same model (routing-and-config 7.2 and 7.3).
///
/// Equal digests make one model, whatever the names; so do equal names, unless both have a digest and these differ. A name
/// that several models share leads to all of their endpoints.
struct ModelUnifier {
    private struct Group {
        var id: String
        var sources: [ModelRecord.Source] = []
        var keys: [String] = []
        var hasDigest = false

        var endpoints: EndpointSet {
            var set = EndpointSet()
            for source in self.sources { set.insert(source.endpoint) }
            return set
        }
    }

    /// Whether listings are merged; if not, only those whose name is the same to the letter are one.
    let merges: Bool
    private var groups: [Group] = []
    private var byDigest: [String: Int] = [:]
    private var byKey: [String: [Int]] = [:]
    private var ids: Set<String> = []

    init(merges: Bool) { self.merges = merges }

    /// Adds the models of all endpoints.
    consuming func add(to parts: inout FleetBuilder.Parts, modelSlot: (String) -> UInt16) {
        var unifier = self
        for endpoint in parts.endpoints {
            for model in endpoint.models {
                let key = ModelName.key(model.name)
                guard !key.isEmpty else { continue }
                let source = ModelRecord.Source(endpoint: endpoint.index, model: model)
                if !unifier.take(source, key: key) { parts.droppedModelCount += 1 }
            }
        }
        unifier.finish(&parts, modelSlot)
    }

    private mutating func take(_ source: ModelRecord.Source, key: String) -> Bool {
        let digest = source.model.digest ?? ""
        guard let position = self.position(of: source.model, key: key, digest: digest) else { return false }
        self.groups[position].sources.append(source)
        if !self.groups[position].keys.contains(key) {
            self.groups[position].keys.append(key)
            self.byKey[key, default: []].append(position)
        }
        if !digest.isEmpty {
            self.groups[position].hasDigest = true
            if self.byDigest[digest] == nil { self.byDigest[digest] = position }
        }
        return true
    }

    private mutating func position(of model: DiscoveredModel, key: String, digest: String) -> Int? {
        let namesakes = self.byKey[key] ?? []
        if !self.merges {
            if let same = namesakes.first(where: { self.groups[$0].id == model.name }) { return same }
        } else if !digest.isEmpty, let same = self.byDigest[digest] {
            return same
        } else if let same = namesakes.first(where: { digest.isEmpty || !self.groups[$0].hasDigest }) {
            return same
        }
        guard self.groups.count < FleetBuilder.modelsMax else { return nil }
        var id = model.name
        if self.ids.contains(id), !digest.isEmpty { id = "\(model.name)-\(digest.suffix(8))" }
        self.ids.insert(id)
        self.groups.append(Group(id: id))
        return self.groups.count - 1
    }

    private func finish(_ parts: inout FleetBuilder.Parts, _ modelSlot: (String) -> UInt16) {
        let order = self.groups.indices.sorted { self.groups[$0].id < self.groups[$1].id }
        var places = [Int](repeating: 0, count: order.count)
        for (place, position) in order.enumerated() {
            places[position] = place
            let group = self.groups[position]
            parts.models.append(
                ModelRecord(
                    id: group.id, sources: group.sources, endpoints: group.endpoints,
                    metricSlot: modelSlot(group.id)))
        }
        for (key, positions) in self.byKey.sorted(by: { $0.key < $1.key }) {
            let place: Int
            if positions.count == 1 {
                place = places[positions[0]]
            } else {
                guard parts.models.count + parts.sharedNames.count < FleetBuilder.modelsMax else { continue }
                place = parts.models.count + parts.sharedNames.count
                parts.sharedNames.append(self.sharedName(key, positions.map { parts.models[places[$0]] }))
            }
            parts.modelKeys.append(key)
            parts.keyRecords.append(UInt32(place))
        }
        // An id made of name and digest is a name too, unless an endpoint uses it for something else.
        for (place, record) in parts.models.enumerated() {
            let key = ModelName.key(record.id)
            guard !key.isEmpty, self.byKey[key] == nil else { continue }
            parts.modelKeys.append(key)
            parts.keyRecords.append(UInt32(place))
        }
    }

    /// All listings under a name that several models share; each endpoint is asked by its own spelling.
    private func sharedName(_ key: String, _ records: [ModelRecord]) -> ModelRecord {
        let sources = records.flatMap(\.sources).filter { ModelName.key($0.model.name) == key }
            .sorted { $0.endpoint.rawValue < $1.endpoint.rawValue }
        var set = EndpointSet()
        for source in sources { set.insert(source.endpoint) }
        return ModelRecord(
            id: records.first?.id ?? key, sources: sources, endpoints: set,
            metricSlot: records.first?.metricSlot ?? 0)
    }
}
