import MetricKernel
import Testing

@Suite struct MetricSchemaTests {
    private func family(
        _ name: String, _ kind: MetricKind = .counter, labels: [LabelDescriptor] = [],
        buckets: BucketSet? = nil
    ) -> FamilyDescriptor {
        FamilyDescriptor(
            name: name, help: "Help.", kind: kind, unit: .none, labels: labels, buckets: buckets)
    }

    @Test func twoFamiliesMayNotShareANameOnceSuffixesAreOff() {
        #expect(throws: MetricSchema.Problem.nameClash("x")) {
            try MetricSchema(families: [self.family("x_total"), self.family("x", .gauge)])
        }
        #expect(throws: MetricSchema.Problem.nameClash("x_total")) {
            try MetricSchema(families: [self.family("x", .gauge), self.family("x_total")])
        }
        #expect(throws: MetricSchema.Problem.nameClash("x_info")) {
            try MetricSchema(families: [self.family("x", .gauge), self.family("x_info", .info)])
        }
        #expect(throws: MetricSchema.Problem.nameClash("x")) {
            try MetricSchema(families: [self.family("x"), self.family("x")])
        }
    }

    @Test func labelsAreBounded() {
        let five = (0..<5).map { LabelDescriptor(name: "l\($0)", domain: .closed(["a"])) }
        let bad: [[LabelDescriptor]] = [
            five,
            [LabelDescriptor(name: "l", domain: .closed([]))],
            [LabelDescriptor(name: "l", domain: .closed(["a", ""]))],
            [LabelDescriptor(name: "l", domain: .closed(["a", "a"]))],
            [LabelDescriptor(name: "l", domain: .closed((0..<4097).map { "\($0)" }))],
        ]
        for labels in bad {
            #expect(throws: MetricSchema.Problem.badLabels("x")) {
                try MetricSchema(families: [self.family("x", labels: labels)])
            }
        }
    }

    @Test func onlyHistogramsHaveBuckets() {
        #expect(throws: MetricSchema.Problem.badBuckets("h")) {
            try MetricSchema(families: [self.family("h", .histogram)])
        }
        #expect(throws: MetricSchema.Problem.badBuckets("c")) {
            try MetricSchema(families: [self.family("c", buckets: BucketSet(bounds: [1]))])
        }
    }

    @Test func familiesAreBounded() {
        #expect(throws: MetricSchema.Problem.tooManyFamilies) {
            try MetricSchema(
                families: (0...MetricSchema.familyLimit).map { self.family("c\($0)") })
        }
    }

    @Test func bucketSetsAreShortAndAscending() {
        #expect(BucketSet(bounds: []) == nil)
        #expect(BucketSet(bounds: [1, 1]) == nil)
        #expect(BucketSet(bounds: [2, 1]) == nil)
        #expect(BucketSet(bounds: (0..<25).map { Int64($0) }) == nil)
        #expect(BucketSet(bounds: (0..<24).map { Int64($0) })?.bounds.count == 24)
    }
}
