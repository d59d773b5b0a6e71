/// A value that is computed when a snapshot is made rather than kept in a shard.
public struct ComputedValue: Sendable {
    let key: SeriesKey
    let value: Int64

    /// A counter's or gauge's value in stored units; it is added to what the shards hold.
    public init(_ family: FamilyID, _ labels: LabelIndexes = LabelIndexes(), value: Int64) {
        self.key = SeriesKey(family, labels)
        self.value = value
    }
}

/// All measurements of the process at one scrape, in no particular format.
///
/// Every format is rendered from this one value, so all of them carry the same numbers.
public struct MetricsSnapshot: Sendable {
    /// When a snapshot is made and what it does to removed label values.
    public struct Occasion: Sendable {
        /// When the process began to count, in nanoseconds since the Unix epoch; 0 when unknown.
        public var startTime: Int64
        /// When the snapshot is made, in nanoseconds since the Unix epoch; 0 when unknown.
        public var wallTime: Int64
        /// Whether this is the page that shows series of removed label values for the last time.
        ///
        /// False for a look at the numbers that no scraper sees.
        public var buriesRemoved: Bool

        /// A scrape at unknown times.
        public init(startTime: Int64 = 0, wallTime: Int64 = 0, buriesRemoved: Bool = true) {
            self.startTime = startTime
            self.wallTime = wallTime
            self.buriesRemoved = buriesRemoved
        }
    }

    /// The families on the page that have at least one series, sorted by name.
    public private(set) var families: [FamilySnapshot]
    /// The families that are not exported and have at least one series, sorted by name.
    public let hidden: [FamilySnapshot]
    /// The number of samples a page of the snapshot has: 1 for a counter or a gauge; for a
    /// histogram one per bucket, and sum and count.
    public private(set) var sampleCount: Int
    /// How many series were shown for the last time, by the registry whose value was removed.
    public let retired: [ObjectIdentifier: Int]
    /// When the snapshot was made, in nanoseconds since the Unix epoch; 0 when unknown.
    public let wallTime: Int64
    private let sampleCountName: String?

    /// Merges shard copies and computed values.
    ///
    /// Series of the same name are added up. Series with a removed label value are left out once
    /// they have been in one snapshot since the removal; this is that one for values removed before
    /// it, if `occasion` says so. The gauge family `sampleCountFamily`, if given, shows
    /// ``sampleCount``, itself included.
    public init(
        schema: MetricSchema, shards: [ShardSnapshot], computed: [ComputedValue],
        sampleCountFamily: FamilyID? = nil, occasion: Occasion = Occasion()
    ) {
        var merge = SnapshotMerge(schema: schema)
        for shard in shards { merge.add(shard) }
        for value in computed { merge.add(value) }
        if let sampleCountFamily { merge.add(ComputedValue(sampleCountFamily, value: 0)) }
        let extras = merge.extras()
        var tables = LabelTables(wallTime: occasion.wallTime)
        var families: [FamilySnapshot] = []
        var hidden: [FamilySnapshot] = []
        for position in schema.orderByName {
            let descriptor = schema.families[position]
            let rows = tables.visible(merge.rows[position], of: descriptor)
            guard !rows.isEmpty else { continue }
            let family = FamilySnapshot(
                descriptor: descriptor, labelValues: descriptor.labels.map { tables.values(of: $0) },
                rows: rows.sorted { $0.labels < $1.labels }, words: merge.words[position],
                extras: extras[position], startTime: occasion.startTime)
            if descriptor.isExported { families.append(family) } else { hidden.append(family) }
        }
        self.families = families
        self.hidden = hidden
        self.sampleCount = 0
        self.retired = tables.retired
        self.wallTime = occasion.wallTime
        self.sampleCountName = sampleCountFamily.map { schema.families[Int($0.rawValue)].name }
        if occasion.buriesRemoved { tables.buryRetired() }
        self.countSamples()
    }

    /// The family of a name, exported or not, or nil when it has no series.
    public func family(_ name: String) -> FamilySnapshot? {
        self.families.first { $0.descriptor.name == name }
            ?? self.hidden.first { $0.descriptor.name == name }
    }

    /// The snapshot with further families, such as those of a view over the same numbers.
    ///
    /// Families without series are left out; ``sampleCount`` and its family count the others too.
    public func adding(_ views: [FamilySnapshot]) -> MetricsSnapshot {
        var result = self
        result.families += views.filter { $0.seriesCount > 0 }
        result.families.sort { $0.descriptor.name < $1.descriptor.name }
        result.countSamples()
        return result
    }

    /// The snapshot with only the families whose name is one of `names`.
    ///
    /// The numbers stay those of the whole page.
    public func keeping(_ names: Set<String>) -> MetricsSnapshot {
        var result = self
        result.families.removeAll { !names.contains($0.descriptor.name) }
        return result
    }

    private mutating func countSamples() {
        self.sampleCount = self.families.reduce(0) { $0 + $1.sampleCount }
        guard let name = self.sampleCountName else { return }
        for place in self.families.indices where self.families[place].descriptor.name == name {
            self.families[place].setFirst(UInt64(self.sampleCount))
        }
    }
}

/// The label values of one snapshot: every registry is read once, so all families agree.
private struct LabelTables {
    /// How many rows were shown for the last time, by registry.
    private(set) var retired: [ObjectIdentifier: Int] = [:]
    private let wallTime: Int64
    private var read: [ObjectIdentifier: (registry: LabelRegistry, values: LabelValues)] = [:]

    init(wallTime: Int64) { self.wallTime = wallTime }

    mutating func values(of label: LabelDescriptor) -> LabelValues {
        switch label.domain {
        case .closed(let values): return LabelValues(closed: values)
        case .registry(let registry):
            if let known = self.read[ObjectIdentifier(registry)] { return known.values }
            let values = registry.read(at: self.wallTime)
            self.read[ObjectIdentifier(registry)] = (registry, values)
            return values
        }
    }

    /// The rows without a label value that is gone.
    mutating func visible(
        _ rows: [(labels: LabelIndexes, start: Int)], of family: FamilyDescriptor
    ) -> [(labels: LabelIndexes, start: Int)] {
        let tables = family.labels.map { self.values(of: $0) }
        var visible: [(labels: LabelIndexes, start: Int)] = []
        rows: for row in rows {
            var dying: Int?
            for place in tables.indices {
                switch tables[place].life(at: row.labels[place]) {
                case .live: break
                case .retiring: dying = place
                case .gone: continue rows
                }
            }
            visible.append(row)
            if let dying, case .registry(let registry) = family.labels[dying].domain {
                self.retired[ObjectIdentifier(registry), default: 0] += 1
            }
        }
        return visible
    }

    /// Ends the life of the values that were shown for the last time.
    func buryRetired() {
        for (registry, values) in self.read.values { registry.bury(values) }
    }
}
