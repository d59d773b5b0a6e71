/// What a family measures with.
public enum MetricKind: UInt8, Sendable {
    /// A total that only grows; wraps at 2^64, which a reader sees as an ordinary counter reset.
    case counter
    /// A level that goes up and down.
    case gauge
    /// Facts carried by labels; the value is always 1.
    case info
    /// A distribution: non-cumulative buckets and a sum.
    case histogram
}

/// The unit of a family's exposed values, and how stored whole numbers become them.
public enum MetricUnit: UInt8, Sendable {
    /// A plain number.
    case none
    /// Stored in nanoseconds, exposed in seconds.
    case seconds
    /// Stored and exposed in bytes.
    case bytes
    /// Stored in thousandths, exposed as a plain number.
    case thousandths
    /// Stored in nanoseconds, exposed in milliseconds: for names that others chose.
    case milliseconds

    /// The word a metric name ends in (OpenMetrics 1.0, `UNIT`); empty when there is none.
    public var suffix: String {
        switch self {
        case .none, .thousandths, .milliseconds: ""
        case .seconds: "seconds"
        case .bytes: "bytes"
        }
    }

    /// How many decimal digits of a stored whole number stand behind the point.
    @inlinable
    public var decimals: Int {
        switch self {
        case .none, .bytes: 0
        case .seconds: 9
        case .thousandths: 3
        case .milliseconds: 6
        }
    }
}

/// The upper bounds of a histogram's finite buckets, in stored units.
///
/// - Bounds: at most ``boundLimit`` bounds, ascending; every other list is refused.
public struct BucketSet: Equatable, Sendable {
    /// The most finite bounds a histogram may have.
    public static let boundLimit = 24
    /// The bounds, ascending; a value equal to a bound is counted under it.
    public let bounds: [Int64]

    /// Takes a list of bounds in stored units, or nothing when it is empty, too long or unordered.
    public init?(bounds: [Int64]) {
        guard !bounds.isEmpty, bounds.count <= Self.boundLimit else { return nil }
        for (lower, upper) in zip(bounds, bounds.dropFirst()) where lower >= upper { return nil }
        self.bounds = bounds
    }
}

/// One label of a family and where its values come from.
public struct LabelDescriptor: Sendable {
    /// The values a label can take.
    public enum Domain: Sendable {
        /// A list that never changes.
        case closed([String])
        /// A bounded list that grows and shrinks while the process runs.
        case registry(LabelRegistry)
    }

    /// The label's name.
    public let name: String
    /// The label's values.
    public let domain: Domain

    /// Describes a label.
    public init(name: String, domain: Domain) {
        self.name = name
        self.domain = domain
    }
}

/// One family of the catalogue: everything an exposition format needs to know about it.
public struct FamilyDescriptor: Sendable {
    /// The full name, `_total` of counters included.
    public let name: String
    /// One sentence for `HELP`.
    public let help: String
    /// What it measures with.
    public let kind: MetricKind
    /// The unit of the exposed values.
    public let unit: MetricUnit
    /// The labels, in the order of ``LabelIndexes``.
    public let labels: [LabelDescriptor]
    /// The buckets of a histogram; nil for the other kinds.
    public let buckets: BucketSet?
    /// Whether a histogram is a native one too, beside its classic buckets.
    public let isNative: Bool
    /// Whether pages show the family; one that is not shown feeds views of the same storage.
    public let isExported: Bool

    /// Describes a family; only a histogram has buckets and can be native.
    public init(
        name: String, help: String, kind: MetricKind, unit: MetricUnit, labels: [LabelDescriptor],
        buckets: BucketSet?, isNative: Bool = false, isExported: Bool = true
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.buckets = buckets
        self.isNative = isNative
        self.isExported = isExported
    }

    /// The name without the suffixes that OpenMetrics takes off in metadata.
    ///
    /// Two families may not share it (OpenMetrics 1.0, "Metric name"), though their full names
    /// differ.
    public var metadataName: String {
        switch self.kind {
        case .counter where self.name.hasSuffix("_total"): String(self.name.dropLast(6))
        case .info where self.name.hasSuffix("_info"): String(self.name.dropLast(5))
        case .counter, .gauge, .info, .histogram: self.name
        }
    }
}
