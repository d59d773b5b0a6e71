import Catalog
import Domain
import Pipeline

/// The page `/olla/models/{id}` (http-surface 1.7).
struct ModelDetail {
    let fleet: FleetSnapshot
    let report: StatusReport
    let now: Nanoseconds

    func answer(id: String) -> LocalResponse {
        guard !id.isEmpty else { return .textError(400, "Model ID or alias required") }
        guard let record = self.fleet.model(named: id.utf8.span).map({ self.fleet[$0] }),
            let model = record.merged(over: record.endpoints)
        else { return .textError(404, "Model not found") }
        return .json(self.document(record, model))
    }

    private func document(_ record: ModelRecord, _ model: DiscoveredModel) -> JSONValue {
        var endpoints: [String] = []
        var loaded: [String] = []
        var names: Set<String> = []
        var diskBytes = 0
        var lastSeen: Nanoseconds?
        for source in record.sources {
            guard let endpoint = self.fleet[source.endpoint] else { continue }
            names.insert(source.model.name)
            diskBytes += Int(source.model.sizeBytes ?? 0)
            if !endpoints.contains(endpoint.label) { endpoints.append(endpoint.label) }
            if source.model.state == "loaded", !loaded.contains(endpoint.label) { loaded.append(endpoint.label) }
            if let seen = self.report.health(of: endpoint.index).lastModelSync {
                lastSeen = max(lastSeen ?? seen, seen)
            }
        }
        let parameters = ModelFacts.parameters(model.parameterSize)
        var members: [JSONValue.Member] = [
            ("id", .string(record.id)),
            ("family", .string(model.unified.family)),
            ("variant", .string(model.unified.variant)),
            ("parameter_size", .string(parameters.label)),
            ("parameter_count", .integer(parameters.count)),
            ("quantization", .string(model.unified.quantization)),
            ("format", .string(model.format ?? "")),
            ("total_disk_size", .string(DisplayText.bytes(diskBytes))),
            ("last_seen", .string(DisplayText.ago(lastSeen, now: self.now))),
            ("aliases", .strings(names.sorted())),
            ("endpoints", .strings(endpoints.sorted())),
            ("loaded_endpoints", .strings(loaded.sorted())),
            ("capabilities", .strings(model.unified.capabilities)),
        ]
        if let context = model.contextLength {
            members.append(("max_context_length", .integer(Int(context))))
        }
        return .object(members)
    }
}
