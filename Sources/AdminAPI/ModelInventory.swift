import Catalog
import Domain

/// The page `/internal/status/models`: every known model, whether or not its endpoints are up (http-surface 1.7).
struct ModelInventory {
    private struct Record {
        let name: String
        let model: DiscoveredModel
        let holders: [FleetEndpoint]
        let otherNames: [String]
        let lastSeen: Nanoseconds?

        var family: String { self.model.family ?? "unknown" }
    }

    private let fleet: FleetSnapshot
    private let now: Nanoseconds
    private let records: [Record]

    init(fleet: FleetSnapshot, report: StatusReport, now: Nanoseconds) {
        self.fleet = fleet
        self.now = now
        self.records = fleet.models.compactMap { Self.record(of: $0, in: fleet, report) }
            .sorted { $0.name < $1.name }
    }

    /// Scalar fields come from the endpoint with the lowest URL that has a value.
    private static func record(
        of model: ModelRecord, in fleet: FleetSnapshot, _ report: StatusReport
    ) -> Record? {
        let sightings = model.sources.compactMap { source in
            fleet[source.endpoint].map { (endpoint: $0, model: source.model) }
        }
        let byURL = sightings.sorted { $0.endpoint.spec.url.sanitised < $1.endpoint.spec.url.sanitised }
        guard var merged = byURL.first?.model else { return nil }
        for sighting in byURL.dropFirst() { merged.fillMissing(from: sighting.model) }
        var holders: [FleetEndpoint] = []
        for sighting in sightings where !holders.contains(where: { $0 === sighting.endpoint }) {
            holders.append(sighting.endpoint)
        }
        holders.sort { ($0.label, $0.id) < ($1.label, $1.id) }
        return Record(
            name: model.id, model: merged, holders: holders,
            otherNames: Set(sightings.map(\.model.name)).subtracting([model.id]).sorted(),
            lastSeen: holders.compactMap { report.health(of: $0.index).lastModelSync }.max())
    }

    /// The page; `detailed=true&group=family` adds the groups.
    func document(_ query: Query) -> JSONValue {
        let families = Dictionary(grouping: self.records, by: \.family)
        var members: [JSONValue.Member] = [
            ("timestamp", .volatile(.string(DisplayText.time(self.now)))),
            ("total_models", .integer(self.records.count)),
            ("total_families", .integer(families.count)),
            ("total_endpoints", .integer(self.fleet.endpoints.count { !$0.models.isEmpty })),
            (
                "models_by_family",
                .object(
                    families.sorted { $0.key < $1.key }.map { ($0.key, .strings($0.value.map(\.name).sorted())) })
            ),
            ("recent_models", .array(self.recent.map(self.json))),
        ]
        if query["detailed"] == "true", query["group"] == "family" {
            members.append(("model_groups", .array(self.groups(families))))
        }
        return .object(members)
    }

    /// The ten models seen last.
    private var recent: [Record] {
        let ordered = self.records.sorted { left, right in
            let (leftSeen, rightSeen) = (left.lastSeen ?? .zero, right.lastSeen ?? .zero)
            return leftSeen == rightSeen ? left.name < right.name : leftSeen > rightSeen
        }
        return Array(ordered.prefix(10))
    }

    private func groups(_ families: [String: [Record]]) -> [JSONValue] {
        let names = families.keys.sorted { left, right in
            if (left == "unknown") != (right == "unknown") { return right == "unknown" }
            return left < right
        }
        return names.map { family in
            let records = families[family] ?? []
            let endpoints = Set(records.flatMap { $0.holders.map(\.label) }).sorted()
            return .object([
                ("family", .string(family)),
                ("models", .array(records.map(self.json))),
                ("endpoints", .strings(endpoints)),
                ("model_count", .integer(records.count)),
            ])
        }
    }

    private func json(_ record: Record) -> JSONValue {
        let model = record.model
        var members: [JSONValue.Member] = [
            ("name", .string(record.name)),
            ("last_seen", .volatile(.string(DisplayText.ago(record.lastSeen, now: self.now)))),
            ("endpoints", .strings(record.holders.map(\.label))),
        ]
        if let seen = record.lastSeen { members.append(("last_seen_at", .string(DisplayText.time(seen)))) }
        let texts: [(String, String?)] = [
            ("type", ModelFacts.type(model)), ("family", model.family),
            ("size", model.sizeBytes.map { DisplayText.bytes(Int($0)) }), ("params", model.parameterSize),
            ("quant", model.quantization),
        ]
        for case (let name, let text?) in texts { members.append((name, .string(text))) }
        let lists = [
            ("endpoint_ids", record.holders.map(\.id)), ("aliases", record.otherNames),
            ("capabilities", ModelFacts.inventoryCapabilities(model)),
        ]
        for (name, list) in lists where !list.isEmpty { members.append((name, .strings(list))) }
        return .object(members)
    }
}
