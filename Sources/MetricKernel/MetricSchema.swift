/// The frozen catalogue: every family there will ever be, and how its series lie in a shard.
///
/// - Isolation: immutable, any thread.
/// - Bounds: ``familyLimit`` families; an inconsistent catalogue is refused as a whole.
@safe
public final class MetricSchema: Sendable {
    /// The most families a catalogue may have.
    public static let familyLimit = 1024

    /// What is wrong with a catalogue.
    public enum Problem: Error, Equatable, Sendable {
        /// More than ``MetricSchema/familyLimit`` families.
        case tooManyFamilies
        /// Two families share a name, or the name OpenMetrics uses in metadata.
        case nameClash(String)
        /// More than ``LabelIndexes/labelLimit`` labels, or a label with too many or no values.
        case badLabels(String)
        /// A histogram without buckets, or buckets or native buckets on another kind.
        case badBuckets(String)
    }

    @usableFromInline
    struct Layout: Sendable {
        @usableFromInline let kind: MetricKind
        @usableFromInline let cellCount: UInt16
        @usableFromInline let boundsStart: UInt16
        @usableFromInline let boundsCount: UInt16
        /// What turns a stored value into an exposed one, or 0 when the family is not native.
        @usableFromInline let nativeDivisor: Float
        @usableFromInline let nativeShift: UInt8
    }

    /// The families, in the order of their ``FamilyID``.
    public let families: [FamilyDescriptor]
    @usableFromInline let layouts: [Layout]
    @usableFromInline let bounds: [Int64]
    /// Family positions in the order of their names: the order of every page.
    let orderByName: [Int]

    /// Freezes a catalogue.
    public init(families: [FamilyDescriptor]) throws(Problem) {
        guard families.count <= Self.familyLimit else { throw .tooManyFamilies }
        var names: Set<String> = []
        var layouts: [Layout] = []
        var bounds: [Int64] = []
        for family in families {
            guard names.insert(family.metadataName).inserted else { throw .nameClash(family.name) }
            if family.metadataName != family.name {
                guard names.insert(family.name).inserted else { throw .nameClash(family.name) }
            }
            try Self.checkLabels(of: family)
            guard
                (family.kind == .histogram) == (family.buckets != nil),
                family.kind == .histogram || !family.isNative
            else { throw .badBuckets(family.name) }
            let own = family.buckets?.bounds ?? []
            let nativeCells = family.isNative ? NativeScale.cellCount : 0
            layouts.append(
                Layout(
                    kind: family.kind,
                    cellCount: own.isEmpty ? 1 : UInt16(own.count + 2 + nativeCells),
                    boundsStart: UInt16(bounds.count), boundsCount: UInt16(own.count),
                    nativeDivisor: family.isNative ? NativeScale.divisor(of: family.unit) : 0,
                    nativeShift: NativeScale.shift(of: family.unit)))
            bounds.append(contentsOf: own)
        }
        self.families = families
        self.layouts = layouts
        self.bounds = bounds
        self.orderByName = families.indices.sorted { families[$0].name < families[$1].name }
    }

    private static func checkLabels(of family: FamilyDescriptor) throws(Problem) {
        guard family.labels.count <= LabelIndexes.labelLimit else { throw .badLabels(family.name) }
        for label in family.labels {
            guard case .closed(let values) = label.domain else { continue }
            guard
                !values.isEmpty, values.count <= LabelIndexes.valueLimit,
                Set(values).count == values.count, !values.contains("")
            else { throw .badLabels(family.name) }
        }
    }

    /// How many words a series of the family takes in a shard, its key included.
    @inlinable
    func wordCount(of family: FamilyID) -> Int {
        1 + Int(self.layouts[Int(family.rawValue)].cellCount)
    }
}
