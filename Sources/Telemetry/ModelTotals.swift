public import Domain
public import MetricKernel

/// What the statistics by model say, read off one snapshot of the metrics; one attempt at one endpoint is one count.
///
/// - Bounds: one entry per model and endpoint that were ever used together.
public struct ModelTotals: Sendable {
    /// What became of attempts.
    public struct Count: Sendable {
        /// Attempts that have ended.
        public var attempts = 0
        /// Those that failed; cancellations by clients are no failures.
        public var failures = 0
        /// The mean time of those that were answered whole; zero without any.
        public var meanTime = Nanoseconds.zero
        /// When the last one ended, on the monotonic clock.
        public var lastEnd: MonotonicTime?

        /// Attempts that did not fail.
        public var successes: Int { max(0, self.attempts - self.failures) }
        /// The share of these in percent; zero without any attempt.
        public var successPercent: Double {
            self.attempts > 0 ? Double(self.successes) / Double(self.attempts) * 100 : 0
        }
    }

    /// A model on an endpoint, or an endpoint.
    public struct Place: Sendable {
        /// The endpoint's name.
        public var endpoint: String
        /// What became of the attempts there.
        public var count: Count
        /// Failures since the last success, added up over the event loops.
        public var errorsInRow: Int
    }

    /// One model.
    public struct Model: Sendable {
        /// The model's unified name.
        public var name: String
        /// What became of the attempts for it.
        public var count: Count
        /// The time below which 95 of 100 operations stayed; zero without any.
        public var percentile95 = Nanoseconds.zero
        /// The time below which 99 of 100 operations stayed.
        public var percentile99 = Nanoseconds.zero
        /// Response bytes.
        public var bytes = 0
        /// Distinct clients within the last hour; at most 100 are told apart.
        public var clients = 0
        /// Requests that their first endpoint served.
        public var hits = 0
        /// Requests that needed another attempt.
        public var misses = 0
        /// Requests sent to an endpoint that does not serve the model.
        public var fallbacks = 0
        /// Where it was tried, by name.
        public var places: [Place] = []
    }

    /// Every model that was ever tried, the busiest first.
    public let models: [Model]
    /// Every endpoint that was ever tried with a model, by name.
    public let endpoints: [Place]

    /// Reads a snapshot; the facts say what time it is.
    public init(_ snapshot: MetricsSnapshot, _ facts: ScrapeFacts) {
        let reader = SnapshotReader(snapshot)
        let view = OllaView(reader, facts)
        let ends = Self.lastEnds(reader)
        let errors = Self.errors(reader)
        let none = Int(ModelSlot.none.rawValue)
        var places: [Int: [Place]] = [:]
        var endpoints: [Int: (tally: OllaView.Tally, end: MonotonicTime?, errors: Int)] = [:]
        for (pair, tally) in view.byPair where pair.model != none {
            let name = Self.name(pair.endpoint, view.endpointNames)
            places[pair.model, default: []].append(
                Place(endpoint: name, count: Self.count(tally, ends[pair]), errorsInRow: errors[pair] ?? 0))
            var sum = endpoints[pair.endpoint] ?? (OllaView.Tally(), nil, 0)
            sum.tally.add(tally)
            sum.end = [sum.end, ends[pair]].compactMap { $0 }.max()
            sum.errors += errors[pair] ?? 0
            endpoints[pair.endpoint] = sum
        }
        self.endpoints = endpoints.map { index, sum in
            Place(
                endpoint: Self.name(index, view.endpointNames), count: Self.count(sum.tally, sum.end),
                errorsInRow: sum.errors)
        }
        .sorted { $0.endpoint < $1.endpoint }
        self.models = Self.models(view, places)
    }

    private static func models(_ view: OllaView, _ places: [Int: [Place]]) -> [Model] {
        let bytes = view.reader.totals(.viewModelBytesTotal, by: 0)
        let clients = view.clientsByModel
        let buckets = view.operationBuckets
        let routes = [ViewRouting.hit, .miss, .fallback].map { result in
            view.reader.totals(.viewModelRoutingTotal, by: 0) { $0[1] == Int(result.rawValue) }
        }
        let models = view.byModel.map { index, tally in
            let own = (places[index] ?? []).sorted { $0.endpoint < $1.endpoint }
            var model = Model(
                name: self.name(index, view.modelNames),
                count: self.count(tally, own.compactMap { $0.count.lastEnd }.max()))
            if let buckets = buckets[index] {
                model.percentile95 = Nanoseconds(rawValue: Int64(OllaView.quantile(0.95, of: buckets)))
                model.percentile99 = Nanoseconds(rawValue: Int64(OllaView.quantile(0.99, of: buckets)))
            }
            model.bytes = Int(clamping: bytes[index] ?? 0)
            model.clients = min(clients[index]?.count ?? 0, 100)
            model.hits = Int(clamping: routes[0][index] ?? 0)
            model.misses = Int(clamping: routes[1][index] ?? 0)
            model.fallbacks = Int(clamping: routes[2][index] ?? 0)
            model.places = own
            return model
        }
        return models.sorted { ($1.count.attempts, $0.name) < ($0.count.attempts, $1.name) }
    }

    private static func count(_ tally: OllaView.Tally, _ end: MonotonicTime?) -> Count {
        Count(
            attempts: Int(clamping: tally.attempts), failures: Int(clamping: tally.failures),
            meanTime: Nanoseconds(rawValue: Int64(clamping: tally.meanTime)), lastEnd: end)
    }

    private static func name(_ index: Int, _ names: [String]) -> String {
        index < names.count ? names[index] : "other"
    }

    private static func lastEnds(_ reader: SnapshotReader) -> [OllaView.Pair: MonotonicTime] {
        var ends: [OllaView.Pair: MonotonicTime] = [:]
        reader.each(.viewLastAttempt) { family, series, labels in
            let pair = OllaView.Pair(model: labels[0], endpoint: labels[1])
            let end = MonotonicTime(rawValue: family.level(of: series))
            ends[pair] = max(ends[pair] ?? end, end)
        }
        return ends
    }

    private static func errors(_ reader: SnapshotReader) -> [OllaView.Pair: Int] {
        var errors: [OllaView.Pair: Int] = [:]
        reader.each(.viewConsecutiveErrors) { family, series, labels in
            errors[OllaView.Pair(model: labels[0], endpoint: labels[1])] = Int(clamping: family.level(of: series))
        }
        return errors
    }
}
