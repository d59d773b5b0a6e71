public import MetricKernel

/// Writes a snapshot as delimited `io.prometheus.client.MetricFamily` messages.
///
/// The one format every Prometheus with native histograms reads. A native histogram carries its
/// classic buckets in the same message; start times stand in a field of their own. Info families are
/// gauges, counters keep their full name, as the official Go client writes them.
/// Source: `io/prometheus/client/metrics.proto` of prometheus/client_model; each message is preceded
/// by its length as a varint.
public enum ProtobufRenderer {
    /// Appends a whole page.
    public static func render(_ snapshot: MetricsSnapshot, into page: inout [UInt8]) {
        // Measured on a typical page: 40 bytes for each sample of the text format.
        page.reserveCapacity(page.count + snapshot.sampleCount * 40)
        var writer = FamilyWriter()
        for family in snapshot.families { writer.append(family, to: &page) }
    }

    /// The numbers of the schema's fields.
    fileprivate enum Field {
        enum Family {
            static let (name, help, type, metric, unit) = (1, 2, 3, 4, 5)
        }
        enum Metric {
            static let (label, gauge, counter, histogram) = (1, 2, 3, 7)
        }
        enum Pair {
            static let (name, value) = (1, 2)
        }
        enum Gauge {
            static let value = 1
        }
        enum Counter {
            static let (value, startTimestamp) = (1, 3)
        }
        enum Histogram {
            static let (sampleCount, sampleSum, bucket, schema, zeroThreshold, zeroCount) =
                (1, 2, 3, 5, 6, 7)
            static let (positiveSpan, positiveDelta, startTimestamp, exemplars) = (12, 13, 15, 16)
        }
        enum Bucket {
            static let (cumulativeCount, upperBound, exemplar) = (1, 2, 3)
        }
        enum Span {
            static let (offset, length) = (1, 2)
        }
        enum Exemplar {
            static let (label, value, timestamp) = (1, 2, 3)
        }
        enum Timestamp {
            static let (seconds, nanos) = (1, 2)
        }
    }

    /// The values of `MetricType`.
    fileprivate enum TypeNumber {
        static let (counter, gauge, histogram): (UInt64, UInt64, UInt64) = (0, 1, 4)
    }
}

/// Builds messages inside out, each level in a buffer that is used again.
private struct FamilyWriter {
    private typealias Field = ProtobufRenderer.Field
    private var family = ProtobufMessage()
    private var metric = ProtobufMessage()
    private var value = ProtobufMessage()
    private var part = ProtobufMessage()
    private var leaf = ProtobufMessage()
    private var label = ProtobufMessage()

    mutating func append(_ family: FamilySnapshot, to page: inout [UInt8]) {
        let descriptor = family.descriptor
        self.family.clear()
        self.family.append(Field.Family.name, descriptor.name.utf8)
        self.family.append(Field.Family.help, descriptor.help.utf8)
        self.family.append(Field.Family.type, Self.type(of: descriptor.kind))
        let labels = self.labelMessages(of: family)
        for series in 0..<family.seriesCount {
            self.metric.clear()
            let positions = family.labels(of: series)
            for place in labels.indices {
                self.metric.append(Field.Metric.label, labels[place][positions[place]])
            }
            self.appendValue(of: series, in: family)
            self.family.append(Field.Family.metric, self.metric)
        }
        if let unit = descriptor.exposedUnit { self.family.append(Field.Family.unit, unit.utf8) }
        self.family.appendDelimited(to: &page)
    }

    private static func type(of kind: MetricKind) -> UInt64 {
        switch kind {
        case .counter: ProtobufRenderer.TypeNumber.counter
        case .gauge, .info: ProtobufRenderer.TypeNumber.gauge
        case .histogram: ProtobufRenderer.TypeNumber.histogram
        }
    }

    /// The `LabelPair` of each value of each label.
    private mutating func labelMessages(of family: FamilySnapshot) -> [[ProtobufMessage]] {
        zip(family.descriptor.labels, family.labelValues).map { label, table in
            table.values.map { value in
                self.label.clear()
                self.label.append(Field.Pair.name, label.name.utf8)
                self.label.append(Field.Pair.value, value.utf8)
                return self.label
            }
        }
    }

    private mutating func appendValue(of series: Int, in family: FamilySnapshot) {
        let decimals = family.descriptor.unit.decimals
        self.value.clear()
        switch family.descriptor.kind {
        case .counter:
            let total = NumberText.scaled(family.total(of: series), decimals: decimals)
            self.value.append(Field.Counter.value, total)
            self.appendTimestamp(Field.Counter.startTimestamp, family.startTime(of: series))
            self.metric.append(Field.Metric.counter, self.value)
        case .gauge, .info:
            let level = NumberText.scaled(family.level(of: series), decimals: decimals)
            self.value.append(Field.Gauge.value, level)
            self.metric.append(Field.Metric.gauge, self.value)
        case .histogram:
            self.appendHistogram(series, in: family)
            self.metric.append(Field.Metric.histogram, self.value)
        }
    }

    /// Appends a timestamp to the value, if it is known.
    private mutating func appendTimestamp(_ field: Int, _ wallTime: Int64) {
        guard wallTime > 0 else { return }
        self.leaf.fill(timestamp: wallTime)
        self.value.append(field, self.leaf)
    }

    private mutating func appendHistogram(_ series: Int, in family: FamilySnapshot) {
        let descriptor = family.descriptor
        let decimals = descriptor.unit.decimals
        let bounds = descriptor.buckets?.bounds ?? []
        let sum = NumberText.scaled(family.sum(of: series), decimals: decimals)
        self.value.append(Field.Histogram.sampleCount, family.count(of: series))
        self.value.append(Field.Histogram.sampleSum, sum)
        let native = family.native(of: series)
        var exemplars: [ProtobufMessage] = []
        var count: UInt64 = 0
        for (bucket, own) in family.buckets(of: series).enumerated() {
            count &+= own
            let bound =
                bucket < bounds.count
                ? NumberText.scaled(bounds[bucket], decimals: decimals) : .infinity
            self.part.clear()
            self.part.append(Field.Bucket.cumulativeCount, count)
            self.part.append(Field.Bucket.upperBound, bound)
            if family.hasExemplars, let exemplar = family.exemplar(of: series, bucket: bucket) {
                let message = self.message(of: exemplar, decimals: decimals)
                self.part.append(Field.Bucket.exemplar, message)
                if native != nil { exemplars.append(message) }
            }
            self.value.append(Field.Histogram.bucket, self.part)
        }
        if let native { self.append(native) }
        self.appendTimestamp(Field.Histogram.startTimestamp, family.startTime(of: series))
        for exemplar in exemplars { self.value.append(Field.Histogram.exemplars, exemplar) }
    }

    private mutating func append(_ native: NativeBuckets) {
        self.value.append(Field.Histogram.schema, signed: Int64(native.schema))
        self.value.append(Field.Histogram.zeroThreshold, NativeBuckets.zeroThreshold)
        self.value.append(Field.Histogram.zeroCount, native.zeroCount)
        let spans = NativeSpans(native)
        // A span of nothing tells an empty native histogram from a classic one.
        for span in spans.spans.isEmpty ? [(offset: 0, length: 0)] : spans.spans {
            self.part.clear()
            self.part.append(Field.Span.offset, signed: Int64(span.offset))
            self.part.append(Field.Span.length, UInt64(span.length))
            self.value.append(Field.Histogram.positiveSpan, self.part)
        }
        guard !spans.counts.isEmpty else { return }
        self.part.clear()
        for delta in spans.deltas { self.part.appendPacked(signed: delta) }
        self.value.append(Field.Histogram.positiveDelta, self.part)
    }

    private mutating func message(of exemplar: Exemplar, decimals: Int) -> ProtobufMessage {
        self.leaf.clear()
        for pair in ExemplarLabels(exemplar).pairs {
            self.label.clear()
            self.label.append(Field.Pair.name, pair.name.utf8)
            self.label.append(Field.Pair.value, pair.value)
            self.leaf.append(Field.Exemplar.label, self.label)
        }
        let value = NumberText.scaled(exemplar.value, decimals: decimals)
        self.leaf.append(Field.Exemplar.value, value)
        self.label.fill(timestamp: exemplar.wallTime)
        self.leaf.append(Field.Exemplar.timestamp, self.label)
        return self.leaf
    }
}

extension ProtobufMessage {
    /// Makes this a `google.protobuf.Timestamp`, to the millisecond like the text formats.
    fileprivate mutating func fill(timestamp wallTime: Int64) {
        let milliseconds = UInt64(max(wallTime, 0)) / 1_000_000
        self.clear()
        self.append(ProtobufRenderer.Field.Timestamp.seconds, milliseconds / 1_000)
        self.append(ProtobufRenderer.Field.Timestamp.nanos, milliseconds % 1_000 * 1_000_000)
    }
}
