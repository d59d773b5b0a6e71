import MetricKernel

/// A small catalogue with one family of each kind.
struct TestSchema {
    static let counter = FamilyID(rawValue: 0)
    static let gauge = FamilyID(rawValue: 1)
    static let histogram = FamilyID(rawValue: 2)
    static let native = FamilyID(rawValue: 3)
    static let bounds: [Int64] = [10, 20, 50, 100, 1_000]

    let registry: LabelRegistry
    let schema: MetricSchema

    init(liveLimit: Int = 64) throws {
        let registry = LabelRegistry(reserved: ["other"], liveLimit: liveLimit)
        let letters = (0..<300).map { "v\($0)" }
        self.registry = registry
        self.schema = try MetricSchema(families: [
            FamilyDescriptor(
                name: "z_total", help: "A counter.", kind: .counter, unit: .none,
                labels: [
                    LabelDescriptor(name: "letter", domain: .closed(letters)),
                    LabelDescriptor(name: "endpoint", domain: .registry(registry)),
                ],
                buckets: nil),
            FamilyDescriptor(
                name: "b_level", help: "A gauge.", kind: .gauge, unit: .none,
                labels: [LabelDescriptor(name: "endpoint", domain: .registry(registry))],
                buckets: nil),
            FamilyDescriptor(
                name: "m_seconds", help: "A histogram.", kind: .histogram, unit: .seconds,
                labels: [LabelDescriptor(name: "letter", domain: .closed(letters))],
                buckets: BucketSet(bounds: Self.bounds)),
            FamilyDescriptor(
                name: "n_seconds", help: "A native histogram.", kind: .histogram, unit: .seconds,
                labels: [LabelDescriptor(name: "letter", domain: .closed(letters))],
                buckets: BucketSet(bounds: Self.bounds), isNative: true),
        ])
    }
}

extension MetricShard {
    /// A copy made by the owner.
    func copied() -> ShardSnapshot {
        var snapshot = ShardSnapshot()
        self.copy(into: &snapshot)
        return snapshot
    }
}
