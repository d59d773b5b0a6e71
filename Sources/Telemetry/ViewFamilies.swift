import Domain
import MetricKernel

extension MetricCatalog {
    /// What views, status pages and statistics need and no family has: cells of the same shards that no page shows.
    static let hidden: [CatalogRow] = [
        CatalogRow(
            .viewAttemptsTotal, .counter, "view_attempts_total",
            "Attempts by model, endpoint and outcome.",
            recorded: "attempt finished",
            labels: [.model, .endpoint, .closed("outcome", AttemptOutcome.self)],
            start: .firstSight),
        CatalogRow(
            .viewSuccessSecondsTotal, .counter, "view_success_seconds_total",
            "Time of the attempts that succeeded, by model and endpoint.",
            recorded: "attempt finished",
            labels: [.model, .endpoint],
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .viewConsecutiveErrors, .gauge, "view_consecutive_errors",
            "Failed attempts since the last success, each event loop on its own.",
            recorded: "attempt finished",
            labels: [.model, .endpoint],
            start: .firstSight),
        CatalogRow(
            .viewModelBytesTotal, .counter, "view_model_bytes_total",
            "Response bytes by model.",
            recorded: "attempt finished",
            labels: [.model],
            unit: .bytes, start: .firstSight),
        CatalogRow(
            .viewModelRoutingTotal, .counter, "view_model_routing_total",
            "Requests by model and how they found their endpoint.",
            recorded: "request finished, at least one attempt made",
            labels: [.model, .closed("result", ViewRouting.self)],
            start: .firstSight),
        CatalogRow(
            .viewClients, .gauge, "view_clients",
            "Clients of a model: a fingerprint above the minute it was last seen.",
            recorded: "request finished",
            labels: [.model, .loop, .closed("place", ClientPlaces.names)],
            start: .firstSight),
        CatalogRow(
            .viewEndpointSuccessSecondsTotal, .counter, "view_endpoint_success_seconds_total",
            "Time of the attempts that succeeded, by endpoint.",
            recorded: "attempt finished",
            labels: [.endpoint],
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .viewQuickestSuccess, .gauge, "view_quickest_success_seconds",
            "The shortest attempt that succeeded.",
            recorded: "attempt finished",
            labels: [.endpoint, .loop],
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .viewSlowestSuccess, .gauge, "view_slowest_success_seconds",
            "The longest attempt that succeeded.",
            recorded: "attempt finished",
            labels: [.endpoint, .loop],
            unit: .seconds, start: .firstSight),
        CatalogRow(
            .viewLastAttempt, .gauge, "view_last_attempt_seconds",
            "When a model was last tried on an endpoint, on the monotonic clock.",
            recorded: "attempt finished",
            labels: [.model, .endpoint, .loop],
            unit: .seconds, start: .firstSight),
    ]

    /// The row of a family, shown or not.
    static func row(_ metric: Metric) -> CatalogRow { Self.all[Int(metric.rawValue)] }

    /// All families in the order of ``Metric``, those that no page shows included.
    static let all: [CatalogRow] = (Self.rows + Self.hidden).sorted { $0.metric.rawValue < $1.metric.rawValue }
}

/// How a request found its endpoint.
enum ViewRouting: UInt8, MetricLabel {
    /// The first endpoint tried served it.
    case hit
    /// A retry was needed.
    case miss
    /// It went to an endpoint that does not serve the model.
    case fallback

    var label: StaticString {
        switch self {
        case .hit: "hit"
        case .miss: "miss"
        case .fallback: "fallback"
        }
    }
}

/// The distinct clients of each model on one event loop, for the view that tells them.
///
/// - Bounds: ``count`` clients per model; when they are too many the one seen longest ago makes room. A client is a
///   fingerprint of 48 bits, so two of a hundred are taken for one in about one case of 10^11.
struct ClientPlaces {
    /// The most clients of a model on one loop.
    static let count = 128
    static let names = (0..<Self.count).map { String($0) }
    /// How many places a client may lie at.
    private static let probes = 8
    /// How long a client counts, in minutes.
    static let lifetime = 60

    private var words: [ModelSlot: [UInt64]] = [:]

    /// Notes that a client asked for a model.
    ///
    /// - Parameters:
    ///   - fingerprint: a hash of the client's address.
    ///   - model: the model.
    ///   - minute: minutes since any fixed moment.
    /// - Returns: the place and the word it holds now; nil when nothing changed.
    mutating func note(_ fingerprint: UInt64, _ model: ModelSlot, minute: Int64) -> (place: Int, word: UInt64)? {
        let stamp = UInt64(truncatingIfNeeded: minute) & 0xFFFF
        let word = (fingerprint << 16) | stamp
        let home = Int(fingerprint % UInt64(Self.count))
        var oldest = home
        var oldestAge: UInt64 = 0
        for probe in 0..<Self.probes {
            let place = (home + probe) % Self.count
            let held = self.words[model]?[place] ?? 0
            if held == word { return nil }
            if held == 0 || held >> 16 == word >> 16 {
                oldest = place
                break
            }
            let age = (stamp &- held) & 0xFFFF
            if age > oldestAge { (oldest, oldestAge) = (place, age) }
        }
        self.words[model, default: Array(repeating: 0, count: Self.count)][oldest] = word
        return (oldest, word)
    }

    /// Whether a word's client was seen lately.
    static func isRecent(_ word: UInt64, minute: Int64) -> Bool {
        word != 0 && (UInt64(truncatingIfNeeded: minute) &- word) & 0xFFFF <= UInt64(Self.lifetime)
    }
}
