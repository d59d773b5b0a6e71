/// What the terminal view shows: the difference of two readings of the metrics page.
public struct TopFigures: Sendable {
    /// Three quantiles of a duration in seconds; nil where nothing was observed.
    struct Quantiles: Sendable {
        var median: Double?
        var p95: Double?
        var p99: Double?

        init(_ buckets: Buckets) {
            self.median = buckets.quantile(0.5)
            self.p95 = buckets.quantile(0.95)
            self.p99 = buckets.quantile(0.99)
        }
    }

    /// One endpoint.
    struct Endpoint: Sendable {
        var name: String
        var state: String
        var breaker: String
        var rate: Double
        /// 0…1; nil without attempts.
        var failedShare: Double?
        var inFlight: Double
        var firstByte: Quantiles
        var tokens: Double
    }

    /// One model.
    struct Model: Sendable {
        var name: String
        var rate: Double
        var firstToken: Quantiles
        var tokens: Double
    }

    var version: String
    var uptime: Double?
    var rate: Double
    /// 0…1; nil without requests.
    var failedShare: Double?
    var cancelled: Double
    var retries: Double
    var inFlight: Double
    var inputTokens: Double
    var outputTokens: Double
    var request: Quantiles
    var firstToken: Quantiles
    var overhead: Quantiles
    /// Seconds of each stage per request, the longest first.
    var stages: [(name: String, seconds: Double)]
    var endpoints: [Endpoint]
    var models: [Model]

    /// Outcomes that count against the gateway and its endpoints.
    private static let failures = ["upstream_error", "upstream_timeout", "no_endpoint", "gateway_error"]

    /// The figures between two readings.
    ///
    /// - Parameters:
    ///   - earlier: the first reading.
    ///   - later: the second reading.
    ///   - seconds: the time between them; above 0.
    ///   - unixTime: seconds since the Unix epoch at the second, for the uptime.
    public init(from earlier: MetricsText, to later: MetricsText, seconds: Double, unixTime: Double) {
        let change = Change(earlier: earlier, later: later, seconds: seconds)
        let ofClients: MetricsText.Filter = { $0["route"] != "internal" }
        let outcomes = change.rates("glasspot_requests_total", by: "outcome", where: ofClients)
        self.version = later.labels("glasspot_build_info")["version"] ?? ""
        let start = later.sum("process_start_time_seconds")
        self.uptime = start > 0 ? max(0, unixTime - start) : nil
        self.rate = outcomes.values.reduce(0, +)
        let failed = Self.failures.reduce(0) { $0 + (outcomes[$1] ?? 0) }
        self.failedShare = self.rate > 0 ? failed / self.rate : nil
        self.cancelled = outcomes["client_cancelled"] ?? 0
        self.retries = change.rate("glasspot_retries_total")
        self.inFlight = later.sum("glasspot_requests_in_flight", where: ofClients)
        self.inputTokens = change.rate("glasspot_tokens_total") { $0["token_type"] == "input" }
        self.outputTokens = change.rate("glasspot_tokens_total") { $0["token_type"] == "output" }
        self.request = Quantiles(change.histogram("glasspot_request_duration_seconds", where: ofClients))
        self.firstToken = Quantiles(change.histogram("glasspot_time_to_first_token_seconds"))
        self.overhead = Quantiles(change.histogram("glasspot_overhead_seconds"))
        self.stages = Self.stages(change, requestsPerSecond: self.rate)
        self.endpoints = Self.endpoints(change)
        self.models = Self.models(change)
    }

    private static func stages(_ change: Change, requestsPerSecond: Double) -> [(name: String, seconds: Double)] {
        guard requestsPerSecond > 0 else { return [] }
        var rates = change.rates("glasspot_request_stage_duration_seconds_sum", by: "stage")
        rates.merge(change.rates("glasspot_upstream_stage_duration_seconds_sum", by: "stage")) { $0 + $1 }
        return rates.filter { $0.value > 0 }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { (name: $0.key, seconds: $0.value / requestsPerSecond) }
    }

    private static func endpoints(_ change: Change) -> [Endpoint] {
        let states = change.later.states("glasspot_endpoint_state", of: "endpoint", in: "state")
        let breakers = change.later.states("glasspot_breaker_state", of: "endpoint", in: "state")
        return states.keys.sorted().map { name in
            let here: MetricsText.Filter = { $0["endpoint"] == name }
            let outcomes = change.rates("glasspot_upstream_requests_total", by: "outcome", where: here)
            let rate = outcomes.values.reduce(0, +)
            let failed = (outcomes["upstream_error"] ?? 0) + (outcomes["upstream_timeout"] ?? 0)
            return Endpoint(
                name: name, state: states[name] ?? "unknown", breaker: breakers[name] ?? "closed", rate: rate,
                failedShare: rate > 0 ? failed / rate : nil,
                inFlight: change.later.sum("glasspot_upstream_requests_in_flight", where: here),
                firstByte: Quantiles(change.histogram("glasspot_time_to_first_byte_seconds", where: here)),
                tokens: change.rate("glasspot_tokens_total") { here($0) && $0["token_type"] == "output" })
        }
    }

    private static func models(_ change: Change) -> [Model] {
        let rates = change.rates("glasspot_model_requests_total", by: "model")
        return rates.filter { $0.key != "none" }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { name, rate in
            let here: MetricsText.Filter = { $0["model"] == name }
            return Model(
                name: name, rate: rate,
                firstToken: Quantiles(change.histogram("glasspot_time_to_first_token_seconds", where: here)),
                tokens: change.rate("glasspot_tokens_total") { here($0) && $0["token_type"] == "output" })
        }
    }
}

/// Two readings and the time between them.
private struct Change {
    let earlier: MetricsText
    let later: MetricsText
    let seconds: Double

    /// What a counter gained per second; one that shrank began anew.
    private func rate(_ later: Double, _ earlier: Double) -> Double {
        (later >= earlier ? later - earlier : later) / self.seconds
    }

    func rate(_ name: String, where passes: MetricsText.Filter = { _ in true }) -> Double {
        self.rate(self.later.sum(name, where: passes), self.earlier.sum(name, where: passes))
    }

    func rates(
        _ name: String, by label: String, where passes: MetricsText.Filter = { _ in true }
    ) -> [String: Double] {
        let before = self.earlier.sums(name, by: label, where: passes)
        var rates: [String: Double] = [:]
        for (key, value) in self.later.sums(name, by: label, where: passes) {
            rates[key] = self.rate(value, before[key] ?? 0)
        }
        return rates
    }

    func histogram(_ name: String, where passes: MetricsText.Filter = { _ in true }) -> Buckets {
        self.later.histogram(name, where: passes).added(since: self.earlier.histogram(name, where: passes))
    }
}
