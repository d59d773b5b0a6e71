import Domain
import Pipeline
import Telemetry

/// The page of `/internal/stats/models` (http-surface 1.7).
struct ModelStatisticsPage {
    let totals: ModelTotals
    /// Now, in nanoseconds since the Unix epoch.
    let wallTime: Nanoseconds
    /// The same moment on the monotonic clock.
    let now: MonotonicTime

    func document(_ query: Query) -> JSONValue {
        let tellsPlaces = query["include_endpoints"] == "true"
        let places = query["include_summary"] == "true" ? self.totals.endpoints : []
        return .object([
            ("timestamp", .string(DisplayText.time(self.wallTime))),
            ("models", .array(self.totals.models.map { self.model($0, tellsPlaces: tellsPlaces) })),
            ("endpoints", self.breakdown(places)),
            ("summary", self.summary),
        ])
    }

    private func model(_ model: ModelTotals.Model, tellsPlaces: Bool) -> JSONValue {
        var members: [JSONValue.Member] = [
            ("name", .string(model.name)),
            ("success_rate", .string(DisplayText.percent(model.count.successPercent))),
            ("total_traffic", .string(DisplayText.bytes(model.bytes))),
            ("average_latency", .string(DisplayText.latency(model.count.meanTime))),
            ("p95_latency", .string(DisplayText.latency(model.percentile95))),
            ("p99_latency", .string(DisplayText.latency(model.percentile99))),
            ("last_requested", .string(self.ago(model.count))),
            ("total_requests", .integer(model.count.attempts)),
            ("successful_requests", .integer(model.count.successes)),
            ("failed_requests", .integer(model.count.failures)),
            ("unique_clients", .integer(model.clients)),
            ("routing_hits", .integer(model.hits)),
            ("routing_misses", .integer(model.misses)),
            ("routing_fallbacks", .integer(model.fallbacks)),
        ]
        if tellsPlaces { members.append(("endpoint_breakdown", self.breakdown(model.places))) }
        return .object(members)
    }

    private func breakdown(_ places: [ModelTotals.Place]) -> JSONValue {
        .object(
            places.map { place in
                let percent = (place.count.successPercent * 10).rounded() / 10
                return (
                    place.endpoint,
                    .object([
                        ("endpoint_name", .string(place.endpoint)),
                        ("average_latency", .string(DisplayText.latency(place.count.meanTime))),
                        ("last_used", .string(self.ago(place.count))),
                        ("request_count", .integer(place.count.attempts)),
                        ("success_rate", .number(percent)),
                        ("consecutive_errors", .integer(place.errorsInRow)),
                    ])
                )
            })
    }

    private var summary: JSONValue {
        let models = self.totals.models
        let attempts = models.reduce(0) { $0 + $1.count.attempts }
        let successes = models.reduce(0) { $0 + $1.count.successes }
        let rate = attempts > 0 ? Double(successes) / Double(attempts) * 100 : 0
        let active = models.count { model in
            model.count.lastEnd.map { self.now - $0 <= .seconds(3_600) } ?? false
        }
        return .object([
            ("overall_success_rate", .string(DisplayText.percent(rate))),
            ("total_traffic", .string(DisplayText.bytes(models.reduce(0) { $0 + $1.bytes }))),
            ("most_popular_model", .string(models.first?.name ?? "")),
            ("least_popular_model", .string(models.last?.name ?? "")),
            ("total_models", .integer(models.count)),
            ("active_models", .integer(active)),
            ("total_requests", .integer(attempts)),
        ])
    }

    private func ago(_ count: ModelTotals.Count) -> String {
        DisplayText.ago(
            count.lastEnd.map { Nanoseconds(rawValue: $0.rawValue) }, now: Nanoseconds(rawValue: self.now.rawValue))
    }
}

extension AdminRoutes {
    /// How long the loops have for their figures, as for the status pages.
    static let collectionTimeMax = Nanoseconds.seconds(1)

    /// The statistics by model.
    func modelStatistics(_ request: LocalRequest) async -> LocalResponse {
        let (shards, facts) = await self.sources.collect(self.sources.now() + Self.collectionTimeMax)
        let snapshot = self.metrics.snapshot(shards: shards, facts: facts, for: .look)
        let page = ModelStatisticsPage(
            totals: ModelTotals(snapshot, facts), wallTime: self.sources.wallTime(), now: self.sources.now())
        return .json(page.document(Query(request.query)))
    }
}
