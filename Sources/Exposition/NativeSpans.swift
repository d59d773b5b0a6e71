import MetricKernel

/// The populated buckets of a native histogram as runs: spans of neighbours and their counts.
///
/// Source: Prometheus documentation, "Native histograms", "Spans and buckets".
struct NativeSpans {
    /// How far a span lies from the end of the one before (the first: from index 0), and its length.
    private(set) var spans: [(offset: Int, length: Int)] = []
    /// The counts of all spans' buckets; those of short gaps are 0.
    private(set) var counts: [UInt64] = []

    /// The most empty buckets that are cheaper to write than a further span.
    private static let gapMax = 2

    init(_ native: NativeBuckets) {
        // The index after the newest span.
        var end = 0
        for bucket in native.buckets {
            let gap = bucket.index - end
            if self.spans.isEmpty || gap > Self.gapMax {
                self.spans.append((gap, 1))
            } else {
                for _ in 0..<gap { self.counts.append(0) }
                self.spans[self.spans.count - 1].length += gap + 1
            }
            self.counts.append(bucket.count)
            end = bucket.index + 1
        }
    }

    /// Each count less the one before.
    var deltas: [Int64] {
        var last: UInt64 = 0
        return self.counts.map { count in
            defer { last = count }
            return Int64(bitPattern: count &- last)
        }
    }
}
