/// A family's place in the frozen catalogue.
///
/// Range: 0 ..< ``MetricSchema/familyLimit``.
public struct FamilyID: RawRepresentable, Hashable, Sendable {
    /// The position in ``MetricSchema/families``.
    public let rawValue: UInt16

    /// Wraps a position.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }
}

/// The values of a series' labels, as positions in their label domains.
///
/// Four positions of twelve bits each, first label in the highest, so that comparing two packed
/// values of one family orders them by their labels. Unused positions are zero.
///
/// - Bounds: at most ``labelLimit`` labels of ``valueLimit`` values each; a position past that is
///   cut to twelve bits, which ``MetricSchema`` makes impossible for values of its domains.
public struct LabelIndexes: Hashable, Comparable, Sendable {
    /// The most labels a family may have.
    public static let labelLimit = 4
    /// The most values a label domain may have.
    public static let valueLimit = 4096
    /// The packed positions; the upper sixteen bits are zero.
    public let rawValue: UInt64

    /// No labels.
    @inlinable
    public init() { self.rawValue = 0 }

    /// One label.
    @inlinable
    public init(_ first: UInt16) { self.rawValue = (UInt64(first) & 0xFFF) << 36 }

    /// Two labels.
    @inlinable
    public init(_ first: UInt16, _ second: UInt16) {
        self.rawValue = (UInt64(first) & 0xFFF) << 36 | (UInt64(second) & 0xFFF) << 24
    }

    /// Three labels.
    @inlinable
    public init(_ first: UInt16, _ second: UInt16, _ third: UInt16) {
        self.rawValue =
            (UInt64(first) & 0xFFF) << 36 | (UInt64(second) & 0xFFF) << 24
            | (UInt64(third) & 0xFFF) << 12
    }

    /// Four labels.
    @inlinable
    public init(_ first: UInt16, _ second: UInt16, _ third: UInt16, _ fourth: UInt16) {
        self.rawValue =
            (UInt64(first) & 0xFFF) << 36 | (UInt64(second) & 0xFFF) << 24
            | (UInt64(third) & 0xFFF) << 12 | UInt64(fourth) & 0xFFF
    }

    @inlinable
    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The position of the label at `place`.
    ///
    /// Range of `place`: 0 ..< ``labelLimit``; any other place is 0.
    @inlinable
    public subscript(place: Int) -> Int {
        guard place >= 0, place < Self.labelLimit else { return 0 }
        return Int(self.rawValue >> UInt64(36 - 12 * place) & 0xFFF)
    }

    /// Orders series of one family by their first label, then the second, and so on.
    @inlinable
    public static func < (left: LabelIndexes, right: LabelIndexes) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What names one series: its family and its label positions.
///
/// The top bit is always set, so a key is never zero and an empty table slot can be. The five bits
/// below it say which part of a series the key names: its cells, the exemplar of one of its
/// buckets, or a run of its native buckets.
public struct SeriesKey: Hashable, Sendable {
    /// The parts of a series that have a record of their own in a shard.
    @usableFromInline
    enum Part {
        /// The cells themselves.
        @usableFromInline static let cells: UInt64 = 0
        /// The exemplar of the first bucket; those of the others follow.
        @usableFromInline static let firstExemplar: UInt64 = 1
        /// The first run of native buckets; the others follow.
        @usableFromInline static let firstRun: UInt64 = firstExemplar + UInt64(BucketSet.boundLimit) + 1
    }

    @usableFromInline let rawValue: UInt64

    /// Packs a family and label positions.
    @inlinable
    public init(_ family: FamilyID, _ labels: LabelIndexes) {
        self.rawValue = 1 << 63 | (UInt64(family.rawValue) & 0x3FF) << 48 | labels.rawValue
    }

    @inlinable
    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Which part of the series this names, see ``Part``.
    @inlinable
    var part: UInt64 { self.rawValue >> 58 & 0x1F }

    /// The key of a part of the same series.
    @inlinable
    func part(_ part: UInt64) -> SeriesKey {
        SeriesKey(rawValue: self.rawValue & ~(0x1F << 58) | (part & 0x1F) << 58)
    }

    /// The family.
    @inlinable
    public var family: FamilyID { FamilyID(rawValue: UInt16(self.rawValue >> 48 & 0x3FF)) }

    /// The label positions.
    @inlinable
    public var labels: LabelIndexes { LabelIndexes(rawValue: self.rawValue & 0xFFFF_FFFF_FFFF) }
}
