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
    /// The families that have at least one series, sorted by name.
    public let families: [FamilySnapshot]
    /// The number of samples a page of the snapshot has: 1 for a counter or a gauge; for a
    /// histogram one per bucket, and sum and count.
    public let sampleCount: Int
    /// How many series were shown for the last time, by the registry whose value was removed.
    public let retired: [ObjectIdentifier: Int]

    /// Merges shard copies and computed values.
    ///
    /// Series of the same name are added up. Series with a removed label value are left out once
    /// they have been in one snapshot since the removal; this is that one for values removed before
    /// it. The gauge family `sampleCountFamily`, if given, shows ``sampleCount``, itself included.
    public init(
        schema: MetricSchema, shards: [ShardSnapshot], computed: [ComputedValue],
        sampleCountFamily: FamilyID? = nil
    ) {
        var merge = Merge(schema: schema)
        for shard in shards { merge.add(shard) }
        for value in computed { merge.add(value) }
        if let sampleCountFamily { merge.add(ComputedValue(sampleCountFamily, value: 0)) }
        var tables = LabelTables()
        var families: [FamilySnapshot] = []
        for position in schema.orderByName {
            let rows = tables.visible(merge.rows[position], of: schema.families[position])
            guard !rows.isEmpty else { continue }
            families.append(
                FamilySnapshot(
                    descriptor: schema.families[position],
                    labelValues: schema.families[position].labels.map { tables.values(of: $0) },
                    rows: rows.sorted { $0.labels < $1.labels }, words: merge.words[position]))
        }
        let sampleCount = families.reduce(0) { $0 + $1.sampleCount }
        if let sampleCountFamily {
            let name = schema.families[Int(sampleCountFamily.rawValue)].name
            for place in families.indices where families[place].descriptor.name == name {
                families[place].setFirst(UInt64(sampleCount))
            }
        }
        self.families = families
        self.sampleCount = sampleCount
        self.retired = tables.retired
        tables.buryRetired()
    }

    /// The family of a name, or nil when it has no series.
    public func family(_ name: String) -> FamilySnapshot? {
        self.families.first { $0.descriptor.name == name }
    }
}

/// One family of a snapshot.
public struct FamilySnapshot: Sendable {
    /// What the family is.
    public let descriptor: FamilyDescriptor
    /// The values of each label, in the order of the descriptor's labels.
    public let labelValues: [LabelValues]
    let rows: [(labels: LabelIndexes, start: Int)]
    private(set) var words: [UInt64]

    /// The number of series.
    public var seriesCount: Int { self.rows.count }

    /// The label positions of a series, ascending with `series`.
    public func labels(of series: Int) -> LabelIndexes { self.rows[series].labels }

    /// The value of a label of a series.
    public func labelValue(of series: Int, at place: Int) -> String {
        self.labelValues[place].values[self.rows[series].labels[place]]
    }

    /// A counter's value in stored units.
    public func total(of series: Int) -> UInt64 { self.words[self.rows[series].start] }

    /// A gauge's value in stored units.
    public func level(of series: Int) -> Int64 { Int64(bitPattern: self.total(of: series)) }

    /// A histogram's counts by bucket, not cumulative; the last one is the bucket without a bound.
    public func buckets(of series: Int) -> ArraySlice<UInt64> {
        let start = self.rows[series].start
        return self.words[start...start + self.boundCount]
    }

    /// A histogram's sum in stored units.
    public func sum(of series: Int) -> UInt64 {
        self.words[self.rows[series].start + self.boundCount + 1]
    }

    /// A histogram's number of observations: all buckets together.
    public func count(of series: Int) -> UInt64 { self.buckets(of: series).reduce(0, &+) }

    /// The number of samples of all series.
    var sampleCount: Int {
        self.seriesCount * (self.descriptor.kind == .histogram ? self.boundCount + 3 : 1)
    }

    mutating func setFirst(_ value: UInt64) { self.words[self.rows[0].start] = value }

    private var boundCount: Int { self.descriptor.buckets?.bounds.count ?? 0 }
}

/// Adds up series of the same key over many shards.
private struct Merge {
    let schema: MetricSchema
    /// By family: label positions and where the cells begin in `words`.
    var rows: [[(labels: LabelIndexes, start: Int)]]
    var words: [[UInt64]]
    private var places: [SeriesKey: Int] = [:]

    init(schema: MetricSchema) {
        self.schema = schema
        self.rows = Array(repeating: [], count: schema.families.count)
        self.words = Array(repeating: [], count: schema.families.count)
    }

    mutating func add(_ shard: ShardSnapshot) {
        var place = 0
        while place < shard.words.count {
            let key = SeriesKey(rawValue: shard.words[place])
            let next = place + self.schema.wordCount(of: key.family)
            self.add(key, shard.words[place + 1..<next])
            place = next
        }
    }

    mutating func add(_ computed: ComputedValue) {
        self.add(computed.key, [UInt64(bitPattern: computed.value)])
    }

    private mutating func add(_ key: SeriesKey, _ cells: ArraySlice<UInt64>) {
        let family = Int(key.family.rawValue)
        if let start = self.places[key] {
            for (offset, cell) in cells.enumerated() { self.words[family][start + offset] &+= cell }
        } else {
            let start = self.words[family].count
            self.places[key] = start
            self.rows[family].append((key.labels, start))
            self.words[family].append(contentsOf: cells)
        }
    }
}

/// The label values of one snapshot: every registry is read once, so all families agree.
private struct LabelTables {
    /// How many rows were shown for the last time, by registry.
    private(set) var retired: [ObjectIdentifier: Int] = [:]
    private var read: [ObjectIdentifier: (registry: LabelRegistry, values: LabelValues)] = [:]

    mutating func values(of label: LabelDescriptor) -> LabelValues {
        switch label.domain {
        case .closed(let values): return LabelValues(closed: values)
        case .registry(let registry):
            if let known = self.read[ObjectIdentifier(registry)] { return known.values }
            let values = registry.read()
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
