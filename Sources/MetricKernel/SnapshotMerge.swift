/// Adds up series of the same key over many shards.
struct SnapshotMerge {
    private let schema: MetricSchema
    /// By family: label positions and where the cells begin in ``words``.
    private(set) var rows: [[(labels: LabelIndexes, start: Int)]]
    /// By family: the cells of all its series.
    private(set) var words: [[UInt64]]
    private var places: [SeriesKey: Int] = [:]
    /// The native buckets at schema 3 of each series that has any above 0.
    private var natives: [SeriesKey: [UInt64]] = [:]
    /// The record of each bucket's exemplar.
    private var exemplars: [SeriesKey: ArraySlice<UInt64>] = [:]

    init(schema: MetricSchema) {
        self.schema = schema
        self.rows = Array(repeating: [], count: schema.families.count)
        self.words = Array(repeating: [], count: schema.families.count)
    }

    mutating func add(_ shard: ShardSnapshot) {
        var place = 0
        while place < shard.words.count {
            let key = SeriesKey(rawValue: shard.words[place])
            let next: Int
            if key.part == SeriesKey.Part.cells {
                next = place + self.schema.wordCount(of: key.family)
                self.add(key, shard.words[place + 1..<next])
            } else if key.part < SeriesKey.Part.firstRun {
                next = place + 1 + ExemplarRecord.wordCount
                self.offer(key, shard.words[place + 1..<next])
            } else {
                next = place + 1 + NativeScale.runLength
                self.addRun(key, shard.words[place + 1..<next])
            }
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

    private mutating func addRun(_ key: SeriesKey, _ cells: ArraySlice<UInt64>) {
        let start = Int(key.part - SeriesKey.Part.firstRun) * NativeScale.runLength
        let series = key.part(SeriesKey.Part.cells)
        let empty = [UInt64](repeating: 0, count: NativeScale.runLength * NativeScale.runCount)
        for (offset, cell) in cells.enumerated() where cell != 0 {
            self.natives[series, default: empty][start + offset] &+= cell
        }
    }

    /// Keeps one exemplar of a bucket by the rule of one shard, whose order is that of the shards.
    private mutating func offer(_ key: SeriesKey, _ record: ArraySlice<UInt64>) {
        func facts(_ record: ArraySlice<UInt64>) -> (value: Int64, wallTime: Int64) {
            (
                Int64(bitPattern: record[record.startIndex + ExemplarRecord.value]),
                Int64(bitPattern: record[record.startIndex + ExemplarRecord.wallTime])
            )
        }
        guard let known = self.exemplars[key] else {
            self.exemplars[key] = record
            return
        }
        var (older, newer) = (known, record)
        if facts(known).wallTime > facts(record).wallTime { (older, newer) = (record, known) }
        let replaces = ExemplarRecord.replaces(
            value: facts(newer).value, wallTime: facts(newer).wallTime, old: facts(older))
        self.exemplars[key] = replaces ? newer : older
    }

    /// The exemplars and native buckets, by family.
    func extras() -> [FamilySnapshot.Extras] {
        var extras = Array(repeating: FamilySnapshot.Extras(), count: self.schema.families.count)
        for (key, record) in self.exemplars {
            let bucket = Int(key.part - SeriesKey.Part.firstExemplar)
            guard let start = self.places[key.part(SeriesKey.Part.cells)] else { continue }
            extras[Int(key.family.rawValue)].exemplars[start + bucket] = Exemplar(record: record)
        }
        for (family, descriptor) in self.schema.families.enumerated() where descriptor.isNative {
            let zeroCell = (descriptor.buckets?.bounds.count ?? 0) + 2
            for row in self.rows[family] {
                let key = SeriesKey(FamilyID(rawValue: UInt16(family)), row.labels)
                let zeroCount = self.words[family][row.start + zeroCell]
                let fine = self.natives[key]
                guard zeroCount > 0 || fine != nil else { continue }
                extras[family].natives[row.start] = Self.buckets(
                    zeroCount, fine ?? [], shift: Int(NativeScale.shift(of: descriptor.unit)))
            }
        }
        return extras
    }

    private static func buckets(_ zeroCount: UInt64, _ fine: [UInt64], shift: Int) -> NativeBuckets {
        var populated: [(index: Int, count: UInt64)] = []
        for (place, count) in fine.enumerated() where count > 0 {
            populated.append((place - shift, count))
        }
        return NativeBuckets(zeroCount: zeroCount, fine: populated)
    }
}
