public import MetricKernel

/// A second set of names over the same measurements; key `metrics.views`.
public enum MetricView: String, CaseIterable, Sendable {
    /// The names of the compatible system.
    case olla
    /// The names of the OpenTelemetry conventions.
    case otel

    /// What the view says, as its documentation shows it.
    public struct Row: Sendable {
        /// The family's name.
        public let name: String
        /// What it measures with.
        public let kind: MetricKind
        /// The labels in order.
        public let labels: [String]
        /// One sentence on what it means and which native metric stands behind it.
        public let help: String
    }

    /// The families of the view, sorted by name.
    public var rows: [Row] {
        switch self {
        case .olla: OllaView.rows
        case .otel: OTelView.rows
        }
    }
}

/// Reads families of a snapshot by their place in the catalogue.
struct SnapshotReader {
    let snapshot: MetricsSnapshot
    private let families: [String: FamilySnapshot]

    init(_ snapshot: MetricsSnapshot) {
        self.snapshot = snapshot
        var families: [String: FamilySnapshot] = [:]
        for family in snapshot.families + snapshot.hidden { families[family.descriptor.name] = family }
        self.families = families
    }

    /// A family, or nil when it has no series.
    func family(_ metric: Metric) -> FamilySnapshot? { self.families[MetricCatalog.row(metric).name] }

    /// Runs over the series of a family.
    func each(_ metric: Metric, _ body: (FamilySnapshot, Int, LabelIndexes) -> Void) {
        guard let family = self.family(metric) else { return }
        for series in 0..<family.seriesCount { body(family, series, family.labels(of: series)) }
    }

    /// A counter, added up by a label.
    ///
    /// - Parameters:
    ///   - metric: the family.
    ///   - place: the place of the label among the family's.
    ///   - isCounted: which series count.
    /// - Returns: totals by label position.
    func totals(
        _ metric: Metric, by place: Int, where isCounted: (LabelIndexes) -> Bool = { _ in true }
    ) -> [Int: UInt64] {
        var totals: [Int: UInt64] = [:]
        self.each(metric) { family, series, labels in
            if isCounted(labels) { totals[labels[place], default: 0] &+= family.total(of: series) }
        }
        return totals
    }

    /// A gauge, added up over all series.
    func level(_ metric: Metric) -> Int64 {
        var level: Int64 = 0
        self.each(metric) { family, series, _ in level &+= family.level(of: series) }
        return level
    }
}
