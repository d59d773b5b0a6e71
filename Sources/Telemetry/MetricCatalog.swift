import Domain
public import MetricKernel

/// The part of the catalogue a family belongs to; the headings of the documentation.
public enum MetricSection: String, CaseIterable, Sendable {
    case edge = "Edge"
    case gatewayStages = "Gateway stages"
    case admission = "Admission"
    case routing = "Routing"
    case upstream = "Upstream"
    case llm = "LLM"
    case health = "Health and breaker"
    case discovery = "Discovery and models"
    case stickyAndTranslator = "Sticky and translator"
    case backend = "Backend"
    case logs = "Logs"
    case pipeline = "The metrics pipeline itself"
    case process = "Build, config, process"
}

/// Where the values of a label come from.
public struct LabelSource: Sendable {
    /// What kind of list holds the values.
    public enum Values: Equatable, Sendable {
        /// This list, for ever.
        case closed([String])
        /// The endpoints of the configuration.
        case endpoints
        /// The models the gateway knows.
        case models
        /// The client keys of the configuration.
        case clientKeys
        /// The event loops, counted from 0.
        case loops
        /// The version of this build.
        case version
        /// The source revision of this build.
        case revision
        /// The compiler of this build.
        case swiftVersion
    }

    /// The label's name.
    public let name: String
    /// The label's values.
    public let values: Values

    static func closed<Label: MetricLabel>(_ name: String, _ type: Label.Type) -> LabelSource {
        LabelSource(name: name, values: .closed(Label.values))
    }

    static func closed(_ name: String, _ values: [String]) -> LabelSource {
        LabelSource(name: name, values: .closed(values))
    }

    static let endpoint = LabelSource(name: "endpoint", values: .endpoints)
    static let model = LabelSource(name: "model", values: .models)
    static let clientKey = LabelSource(name: "key", values: .clientKeys)
    static let loop = LabelSource(name: "loop", values: .loops)
    static let version = LabelSource(name: "version", values: .version)
    static let revision = LabelSource(name: "revision", values: .revision)
    static let swiftVersion = LabelSource(name: "swift_version", values: .swiftVersion)
    static let code = LabelSource(name: "code", values: .closed(StatusCode.values))
    static let codeClass = LabelSource(name: "code_class", values: .closed(StatusCode.classes))
}

/// Which series of a family exist before anything was observed.
///
/// A series that is there at zero lets `rate()` and alerts see the first event.
enum StartSeries: Sendable {
    /// Every combination of the closed label values.
    case zero
    /// Every combination of the closed label values, for each endpoint as it becomes known.
    case perEndpoint
    /// These.
    case exactly([LabelIndexes])
    /// None.
    case firstSight
}

/// One family of the catalogue, as data.
public struct CatalogRow: Sendable {
    /// Which family this is.
    public let metric: Metric
    /// What it measures with.
    public let kind: MetricKind
    /// The full name.
    public let name: String
    /// One sentence on what it means.
    public let help: String
    /// The moment it is recorded.
    public let recorded: String
    /// The labels in order.
    public let labels: [LabelSource]
    /// The unit.
    public let unit: MetricUnit
    /// The buckets of a histogram.
    public let buckets: BucketSet?
    let start: StartSeries

    init(
        _ metric: Metric, _ kind: MetricKind, _ name: String, _ help: String, recorded: String,
        labels: [LabelSource] = [], unit: MetricUnit = .none, buckets: BucketSet? = nil,
        start: StartSeries
    ) {
        self.metric = metric
        self.kind = kind
        self.name = name
        self.help = help
        self.recorded = recorded
        self.labels = labels
        self.unit = unit
        self.buckets = buckets
        self.start = start
    }
}

/// The metric catalogue: one table of data, from which storage, pages and documentation follow.
///
/// No other target spells a metric name.
public enum MetricCatalog {
    /// All families by section, in the order of the documentation.
    public static let sections: [(section: MetricSection, rows: [CatalogRow])] = [
        (.edge, Self.edge),
        (.gatewayStages, Self.gatewayStages),
        (.admission, Self.admission),
        (.routing, Self.routing),
        (.upstream, Self.upstream),
        (.llm, Self.llm),
        (.health, Self.health),
        (.discovery, Self.discovery),
        (.stickyAndTranslator, Self.stickyAndTranslator),
        (.backend, Self.backend),
        (.logs, Self.logs),
        (.pipeline, Self.pipeline),
        (.process, Self.process),
    ]

    /// All families in the order of ``Metric``.
    public static let rows: [CatalogRow] = Self.sections
        .flatMap { $0.rows }
        .sorted { $0.metric.rawValue < $1.metric.rawValue }

    /// The histograms that are native ones by default, by short names for the configuration.
    public static let nativeByDefault: [(name: String, metric: Metric)] = [
        ("request", .requestDurationSeconds), ("ttft", .timeToFirstTokenSeconds),
        ("itl", .interChunkDurationSeconds), ("overhead", .overheadSeconds),
    ]

    /// The histograms that a list of names means: short names as in ``nativeByDefault``, or the full
    /// name of any histogram.
    ///
    /// Returns the histograms, and the names that mean none.
    public static func histograms(named names: [String]) -> (found: Set<Metric>, unknown: [String]) {
        var known: [String: Metric] = [:]
        for row in Self.rows where row.kind == .histogram { known[row.name] = row.metric }
        for entry in Self.nativeByDefault { known[entry.name] = entry.metric }
        return (Set(names.compactMap { known[$0] }), names.filter { known[$0] == nil })
    }

    /// The outcomes a client may meet first, each with the code it most often has, for every route.
    static let firstRequests: [LabelIndexes] = RouteClass.allCases.flatMap { route in
        RequestOutcome.allCases.map { outcome in
            LabelIndexes(
                route.position, MethodLabel.post.position,
                StatusCode.position(Self.firstCode(of: outcome)), outcome.position)
        }
    }

    private static func firstCode(of outcome: RequestOutcome) -> Int {
        switch outcome {
        case .ok: 200
        case .clientError: 400
        case .clientCancelled: 499
        case .rateLimited: 429
        case .noEndpoint: 503
        case .upstreamError: 502
        case .upstreamTimeout: 504
        case .gatewayError: 500
        }
    }

    /// The stages of `request_stage_duration_seconds`: those that are not of one attempt.
    static let gatewayStagePositions: [LabelIndexes] = Stage.allCases
        .filter { !$0.isUpstream }
        .map { LabelIndexes($0.position) }
}

extension CatalogRow: CustomStringConvertible {
    /// The family's name.
    public var description: String { self.name }
}
