/// One family of a snapshot.
public struct FamilySnapshot: Sendable {
    /// What beside its cells a family has, by where the cells lie.
    struct Extras: Sendable {
        /// By the place of the bucket's cell.
        var exemplars: [Int: Exemplar] = [:]
        /// By the place of the series' first cell.
        var natives: [Int: NativeBuckets] = [:]
    }

    /// What the family is.
    public let descriptor: FamilyDescriptor
    /// The values of each label, in the order of the descriptor's labels.
    public let labelValues: [LabelValues]
    let rows: [(labels: LabelIndexes, start: Int)]
    private(set) var words: [UInt64]
    private let extras: Extras
    private let startTime: Int64

    init(
        descriptor: FamilyDescriptor, labelValues: [LabelValues],
        rows: [(labels: LabelIndexes, start: Int)], words: [UInt64], extras: Extras, startTime: Int64
    ) {
        self.descriptor = descriptor
        self.labelValues = labelValues
        self.rows = rows
        self.words = words
        self.extras = extras
        self.startTime = startTime
    }

    /// Makes a family of a view, out of numbers of other families.
    ///
    /// A series whose cells or labels do not fit the descriptor is left out.
    ///
    /// - Parameters:
    ///   - descriptor: the family; its labels' domains are not looked at.
    ///   - labelValues: the values of each label.
    ///   - series: the positions of each series' values in `labelValues`, no two alike, and its
    ///     cells: the value, or the buckets (not cumulative, the one without a bound last) and the
    ///     sum; all in stored units.
    ///   - startTime: when counting began, in nanoseconds since the Unix epoch; 0 when unknown.
    public init(
        descriptor: FamilyDescriptor, labelValues: [[String]],
        series: [(labels: LabelIndexes, cells: [UInt64])], startTime: Int64 = 0
    ) {
        let cellCount = descriptor.buckets.map { $0.bounds.count + 2 } ?? 1
        var rows: [(labels: LabelIndexes, start: Int)] = []
        var words: [UInt64] = []
        for one in series {
            let isKnown = labelValues.indices.allSatisfy {
                one.labels[$0] < labelValues[$0].count
            }
            guard isKnown, one.cells.count == cellCount else { continue }
            rows.append((one.labels, words.count))
            words += one.cells
        }
        self.init(
            descriptor: descriptor, labelValues: labelValues.map { LabelValues(closed: $0) },
            rows: rows.sorted { $0.labels < $1.labels }, words: words, extras: Extras(),
            startTime: startTime)
    }

    /// The number of series.
    public var seriesCount: Int { self.rows.count }

    /// The label positions of a series, ascending with `series`.
    public func labels(of series: Int) -> LabelIndexes { self.rows[series].labels }

    /// The value of a label of a series.
    public func labelValue(of series: Int, at place: Int) -> String {
        self.labelValues[place].values[self.rows[series].labels[place]]
    }

    /// When a series counted from zero, in nanoseconds since the Unix epoch; 0 when unknown.
    ///
    /// The start of the process or, for a label value that came later, the newest snapshot before.
    public func startTime(of series: Int) -> Int64 {
        guard self.startTime > 0 else { return 0 }
        return self.labelValues.indices.reduce(self.startTime) { latest, place in
            max(latest, self.labelValues[place].birth(at: self.rows[series].labels[place]))
        }
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

    /// The exemplar of a histogram's bucket, counted from 0, or nil when it has none.
    public func exemplar(of series: Int, bucket: Int) -> Exemplar? {
        self.extras.exemplars[self.rows[series].start + bucket]
    }

    /// Whether any bucket of any series has an exemplar.
    public var hasExemplars: Bool { !self.extras.exemplars.isEmpty }

    /// A histogram's native buckets.
    ///
    /// Nil when the family is not native, or when the shard had no room for all of the buckets:
    /// their count is that of the classic ones, or they are not shown.
    public func native(of series: Int) -> NativeBuckets? {
        guard self.descriptor.isNative else { return nil }
        guard let native = self.extras.natives[self.rows[series].start] else {
            return self.count(of: series) == 0 ? NativeBuckets(zeroCount: 0, fine: []) : nil
        }
        return native.count == self.count(of: series) ? native : nil
    }

    /// The number of samples of all series.
    var sampleCount: Int {
        self.seriesCount * (self.descriptor.kind == .histogram ? self.boundCount + 3 : 1)
    }

    mutating func setFirst(_ value: UInt64) { self.words[self.rows[0].start] = value }

    private var boundCount: Int { self.descriptor.buckets?.bounds.count ?? 0 }
}
