import Domain
import MetricKernel

/// The 45 names of the compatible system, computed from our storage: true counts under the old names.
///
/// One attempt at one endpoint is one count. A failure is an attempt that was neither `ok` nor cancelled by its client;
/// means and percentiles are over successes. What needs the split by model and endpoint comes from cells that no other
/// page shows.
struct OllaView {
    /// Attempts and what came of them.
    struct Tally {
        var attempts: UInt64 = 0
        var failures: UInt64 = 0
        var successes: UInt64 = 0
        var successTime: UInt64 = 0

        /// Attempts that did not fail, in thousandths of a percent; all of them when there were none.
        var successPercent: UInt64 {
            self.attempts == 0
                ? 100_000
                : UInt64(Double(self.attempts - min(self.failures, self.attempts)) / Double(self.attempts) * 100_000)
        }

        /// The mean time of a success in nanoseconds; 0 without any.
        var meanTime: UInt64 { self.successes == 0 ? 0 : self.successTime / self.successes }

        mutating func add(_ count: UInt64, _ outcome: Int) {
            self.attempts &+= count
            switch outcome {
            case Int(AttemptOutcome.ok.position): self.successes &+= count
            case Int(AttemptOutcome.clientCancelled.position): break
            default: self.failures &+= count
            }
        }

        mutating func add(_ other: Tally) {
            self.attempts &+= other.attempts
            self.failures &+= other.failures
            self.successes &+= other.successes
            self.successTime &+= other.successTime
        }
    }

    /// A model on an endpoint, by label positions.
    struct Pair: Hashable {
        let model: Int
        let endpoint: Int
    }

    let reader: SnapshotReader
    let facts: ScrapeFacts
    let byPair: [Pair: Tally]
    let byModel: [Int: Tally]
    let byEndpoint: [Int: Tally]
    let total: Tally
    let endpointNames: [String]
    let modelNames: [String]

    init(_ reader: SnapshotReader, _ facts: ScrapeFacts) {
        self.reader = reader
        self.facts = facts
        var pairs: [Pair: Tally] = [:]
        reader.each(.viewAttemptsTotal) { family, series, labels in
            pairs[Pair(model: labels[0], endpoint: labels[1]), default: Tally()]
                .add(family.total(of: series), labels[2])
        }
        reader.each(.viewSuccessSecondsTotal) { family, series, labels in
            pairs[Pair(model: labels[0], endpoint: labels[1]), default: Tally()].successTime &+= family.total(
                of: series)
        }
        self.byPair = pairs
        var models: [Int: Tally] = [:]
        var endpoints: [Int: Tally] = [:]
        for (pair, tally) in pairs { models[pair.model, default: Tally()].add(tally) }
        reader.each(.viewEndpointSuccessSecondsTotal) { family, series, labels in
            endpoints[labels[0], default: Tally()].successTime &+= family.total(of: series)
        }
        reader.each(.upstreamRequestsTotal) { family, series, labels in
            endpoints[labels[0], default: Tally()].add(family.total(of: series), labels[2])
        }
        // Requests that name no model are no model's.
        models[Int(ModelSlot.none.rawValue)] = nil
        self.byModel = models
        self.byEndpoint = endpoints
        self.total = endpoints.values.reduce(into: Tally()) { $0.add($1) }
        self.endpointNames = reader.family(.endpointUp)?.labelValues[0].values ?? []
        self.modelNames = reader.family(.viewAttemptsTotal)?.labelValues[0].values ?? []
    }

    /// All 45 families; those without series have none.
    func families() -> [FamilySnapshot] {
        let values = self.processValues().merging(self.endpointValues()) { one, _ in one }
            .merging(self.modelValues()) { one, _ in one }
        return Self.table.map { row in Self.family(row, values[row.row.name] ?? [], start: self.startTime) }
    }

    private var startTime: Int64 { self.facts.process?.startTime.rawValue ?? 0 }

    /// A value with the values of its labels.
    typealias Value = (labels: [String], value: UInt64)

    private static func family(_ row: TableRow, _ values: [Value], start: Int64) -> FamilySnapshot {
        var words: [[String]] = row.row.labels.map { _ in [] }
        var places: [[String: UInt16]] = row.row.labels.map { _ in [:] }
        var series: [(labels: LabelIndexes, cells: [UInt64])] = []
        for value in values {
            var positions: [UInt16] = [0, 0, 0, 0, 0]
            for (label, word) in value.labels.enumerated() {
                let next = UInt16(words[label].count)
                if let known = places[label][word] {
                    positions[label] = known
                } else {
                    places[label][word] = next
                    words[label].append(word)
                    positions[label] = next
                }
            }
            series.append((LabelIndexes(positions[0], positions[1], positions[2], positions[3]), [value.value]))
        }
        let descriptor = FamilyDescriptor(
            name: row.row.name, help: row.row.help, kind: row.row.kind, unit: row.unit,
            labels: row.row.labels.map { LabelDescriptor(name: $0, domain: .closed([])) }, buckets: nil)
        return FamilySnapshot(descriptor: descriptor, labelValues: words, series: series, startTime: start)
    }
}

// MARK: - The process

extension OllaView {
    private func processValues() -> [String: [Value]] {
        let refusals = self.reader.totals(.admissionTotal, by: 0)
        let rate = refusals[Int(AdmissionDecision.rateLimited.position)] ?? 0
        let size = refusals[Int(AdmissionDecision.bodyTooLarge.position)] ?? 0
        let blocked = UInt64(max(self.facts.rateLimitedClients, 0))
        let received = self.received.values.reduce(0, &+)
        let age = self.facts.process.map { max(0, (self.facts.wallTime - $0.startTime).rawValue) } ?? 0
        let endpoints = self.facts.endpoints ?? (healthy: 0, unhealthy: 0)
        let all: [(String, UInt64)] = [
            ("olla_system_status", self.systemStatus),
            ("olla_endpoints_total", UInt64(max(endpoints.healthy + endpoints.unhealthy, 0))),
            ("olla_endpoints_healthy", UInt64(max(endpoints.healthy, 0))),
            ("olla_success_rate_percent", self.total.successPercent),
            ("olla_avg_latency_ms", self.total.meanTime), ("olla_total_traffic_bytes", received),
            ("olla_uptime_seconds", UInt64(age)),
            ("olla_active_connections", UInt64(max(self.reader.level(.clientConnectionsOpen), 0))),
            ("olla_requests_total", self.total.attempts), ("olla_failures_total", self.total.failures),
            ("olla_security_violations_total", rate &+ size), ("olla_security_blocked_ips", blocked),
            ("olla_security_rate_limit_violations_total", rate),
            ("olla_security_size_limit_violations_total", size),
            ("olla_security_status", rate &+ size > 100 || blocked > 10 ? 0 : 1),
            ("olla_models_total", UInt64(self.knownModels)), ("olla_models_active", UInt64(self.clientsByModel.count)),
        ]
        var values = Dictionary(uniqueKeysWithValues: all.map { ($0.0, [Value([], $0.1)]) })
        values["olla_info"] = [Value(self.info, 1)]
        return values
    }

    /// 2 healthy, 1 degraded, 0 critical (http-surface 3.1): by the share of endpoints that are up, and with traffic by
    /// the share of attempts that did not fail.
    private var systemStatus: UInt64 {
        guard let endpoints = self.facts.endpoints, endpoints.healthy + endpoints.unhealthy > 0 else { return 0 }
        let up = Double(endpoints.healthy) / Double(endpoints.healthy + endpoints.unhealthy)
        let success = Double(self.total.successPercent) / 1_000
        if up < 0.5 || success < 90 { return 0 }
        return up < 0.8 || success < 95 ? 1 : 2
    }

    /// Version, commit, engine, profile and balancer.
    private var info: [String] {
        var words = Array(repeating: "unknown", count: 5)
        self.reader.each(.buildInfo) { family, series, _ in
            words[0] = family.labelValue(of: series, at: 0)
            words[1] = family.labelValue(of: series, at: 1)
        }
        self.reader.each(.configInfo) { family, series, _ in
            words[2] = family.labelValue(of: series, at: 0)
            words[3] = family.labelValue(of: series, at: 2)
            words[4] = family.labelValue(of: series, at: 1)
        }
        return words
    }

    private var knownModels: Int { self.reader.family(.modelEndpoints)?.seriesCount ?? 0 }

    /// Response bytes by endpoint.
    private var received: [Int: UInt64] {
        self.reader.totals(.upstreamBytesTotal, by: 0) { $0[1] == Int(ByteDirection.received.position) }
    }

    /// The distinct clients of each model that had any within the last hour.
    var clientsByModel: [Int: Set<UInt64>] {
        let minute = self.facts.wallTime.rawValue / 60_000_000_000
        var clients: [Int: Set<UInt64>] = [:]
        self.reader.each(.viewClients) { family, series, labels in
            let word = family.total(of: series)
            if ClientPlaces.isRecent(word, minute: minute) { clients[labels[0], default: []].insert(word >> 16) }
        }
        return clients
    }
}

// MARK: - Endpoints

extension OllaView {
    private func endpointValues() -> [String: [Value]] {
        var values: [String: [Value]] = [:]
        let received = self.received
        let priorities = Dictionary(
            uniqueKeysWithValues: self.facts.endpointPriorities.map { (Int($0.key.rawValue), $0.value) })
        self.reader.each(.endpointState) { family, series, labels in
            guard family.level(of: series) == 1 else { return }
            let endpoint = labels[0]
            let name = [self.endpointNames[endpoint]]
            let isUp = EndpointState.allCases[labels[1]].isRoutable
            values["olla_endpoint_up", default: []]
                .append(Value(name + [family.labelValue(of: series, at: 1)], isUp ? 1 : 0))
            let tally = self.byEndpoint[endpoint] ?? Tally()
            values["olla_endpoint_requests_total", default: []].append(Value(name, tally.attempts))
            values["olla_endpoint_success_rate_percent", default: []].append(Value(name, tally.successPercent))
            values["olla_endpoint_avg_latency_ms", default: []].append(Value(name, tally.meanTime))
            values["olla_endpoint_traffic_bytes", default: []].append(Value(name, received[endpoint] ?? 0))
            if let priority = priorities[endpoint] {
                values["olla_endpoint_priority", default: []].append(Value(name, UInt64(bitPattern: Int64(priority))))
            }
        }
        self.copy(.upstreamRequestsInFlight, as: "olla_endpoint_connections", to: &values)
        self.copy(.endpointModels, as: "olla_endpoint_models_count", to: &values)
        return values
    }

    private func copy(_ metric: Metric, as name: String, to values: inout [String: [Value]]) {
        self.reader.each(metric) { family, series, _ in
            values[name, default: []].append(Value([family.labelValue(of: series, at: 0)], family.total(of: series)))
        }
    }
}

// MARK: - Models

extension OllaView {
    private func modelValues() -> [String: [Value]] {
        var values: [String: [Value]] = [:]
        let bytes = self.reader.totals(.viewModelBytesTotal, by: 0)
        let clients = self.clientsByModel
        for (model, tally) in self.byModel {
            let name = [self.modelNames[model]]
            func add(_ metric: String, _ value: UInt64) {
                values["olla_model_" + metric, default: []].append(Value(name, value))
            }
            add("requests_total", tally.attempts)
            add("failed_requests_total", tally.failures)
            add("successful_requests_total", tally.attempts - min(tally.failures, tally.attempts))
            add("success_rate_percent", tally.successPercent)
            add("traffic_bytes", bytes[model] ?? 0)
            add("avg_latency_ms", tally.meanTime)
            if let buckets = self.operationBuckets[model] {
                add("p95_latency_ms", Self.quantile(0.95, of: buckets))
                add("p99_latency_ms", Self.quantile(0.99, of: buckets))
            }
            add("unique_clients", UInt64(min(clients[model]?.count ?? 0, 100)))
            for (result, metric) in [
                (ViewRouting.hit, "routing_hits_total"), (.miss, "routing_misses_total"),
                (.fallback, "routing_fallbacks_total"),
            ] {
                add(
                    metric,
                    self.reader.totals(.viewModelRoutingTotal, by: 0) { $0[1] == Int(result.rawValue) }[model] ?? 0)
            }
        }
        let all = self.byModel.values.reduce(into: Tally()) { $0.add($1) }
        values["olla_models_requests_total"] = [Value([], all.attempts)]
        values["olla_models_success_rate_percent"] = [Value([], all.successPercent)]
        let counted = bytes.filter { $0.key != Int(ModelSlot.none.rawValue) }
        values["olla_models_traffic_bytes"] = [Value([], counted.values.reduce(0, &+))]
        return values.merging(self.pairValues()) { one, _ in one }
    }

    private func pairValues() -> [String: [Value]] {
        var values: [String: [Value]] = [:]
        var errors: [Pair: UInt64] = [:]
        self.reader.each(.viewConsecutiveErrors) { family, series, labels in
            errors[Pair(model: labels[0], endpoint: labels[1])] = family.total(of: series)
        }
        for (pair, tally) in self.byPair where pair.model != Int(ModelSlot.none.rawValue) {
            let names = [self.modelNames[pair.model], self.endpointNames[pair.endpoint]]
            func add(_ metric: String, _ value: UInt64) {
                values["olla_model_endpoint_" + metric, default: []].append(Value(names, value))
            }
            add("requests_total", tally.attempts)
            add("success_rate_percent", tally.successPercent)
            add("avg_latency_ms", tally.meanTime)
            add("consecutive_errors", errors[pair] ?? 0)
        }
        return values
    }

    /// The buckets of the operations of each model, with their bounds.
    var operationBuckets: [Int: (counts: [UInt64], bounds: [Int64])] {
        var buckets: [Int: (counts: [UInt64], bounds: [Int64])] = [:]
        self.reader.each(.operationDurationSeconds) { family, series, labels in
            let own = Array(family.buckets(of: series))
            let sum = buckets[labels[0]].map { zip($0.counts, own).map { $0 &+ $1 } } ?? own
            buckets[labels[0]] = (sum, family.descriptor.buckets?.bounds ?? [])
        }
        return buckets
    }

    /// The value below which a share of the observations lies, by even spread within its bucket.
    ///
    /// Source: Prometheus documentation, `histogram_quantile`: from 0 in the lowest bucket, the highest bound for what
    /// lies beyond it.
    static func quantile(_ share: Double, of buckets: (counts: [UInt64], bounds: [Int64])) -> UInt64 {
        let count = buckets.counts.reduce(0, &+)
        guard count > 0, let highest = buckets.bounds.last else { return 0 }
        let rank = share * Double(count)
        var below: UInt64 = 0
        for (place, bound) in buckets.bounds.enumerated() {
            let here = buckets.counts[place]
            if here > 0, Double(below &+ here) >= rank {
                let low = place == 0 ? 0 : Double(buckets.bounds[place - 1])
                return UInt64(low + (Double(bound) - low) * (rank - Double(below)) / Double(here))
            }
            below &+= here
        }
        return UInt64(max(highest, 0))
    }
}
