public import MetricKernel

/// Writes a snapshot in OpenMetrics 2.0, the one text format with native histograms.
///
/// A histogram is one line: its count and sum, its native buckets if it has any, its classic ones,
/// when it began to count, and the exemplars of all buckets. Metadata names are the samples' names.
/// Source: OpenMetrics 2.0.0-rc0, which is experimental: offered only where it is switched on.
public enum OpenMetrics2Renderer {
    /// Appends a whole page.
    public static func render(_ snapshot: MetricsSnapshot, into page: inout [UInt8]) {
        // Measured on a typical page: 20 bytes for each sample of the text format.
        page.reserveCapacity(page.count + snapshot.sampleCount * 20)
        for family in snapshot.families { Self.append(family, to: &page) }
        page.append(contentsOf: "# EOF\n".utf8)
    }

    private static func append(_ family: FamilySnapshot, to page: inout [UInt8]) {
        let descriptor = family.descriptor
        let decimals = descriptor.unit.decimals
        page.append(contentsOf: "# TYPE \(descriptor.name) \(Self.typeName(descriptor))\n".utf8)
        if let unit = descriptor.exposedUnit {
            page.append(contentsOf: "# UNIT \(descriptor.name) \(unit)\n".utf8)
        }
        page.append(contentsOf: "# HELP \(descriptor.name) ".utf8)
        LabelText.appendEscaped(descriptor.help, quotes: true, to: &page)
        page.append(UInt8(ascii: "\n"))
        let labels = LabelText(family)
        let bounds = (descriptor.buckets?.bounds ?? []).map {
            NumberText.canonicalBound($0, decimals: decimals)
        }
        for series in 0..<family.seriesCount {
            page.append(contentsOf: descriptor.name.utf8)
            labels.append(family.labels(of: series), to: &page)
            page.append(UInt8(ascii: " "))
            switch descriptor.kind {
            case .counter:
                NumberText.append(family.total(of: series), decimals: decimals, to: &page)
                Self.appendStart(family.startTime(of: series), to: &page)
            case .gauge, .info:
                NumberText.append(family.level(of: series), decimals: decimals, to: &page)
            case .histogram: Self.appendHistogram(family, series, bounds, to: &page)
            }
            page.append(UInt8(ascii: "\n"))
        }
    }

    private static func appendHistogram(
        _ family: FamilySnapshot, _ series: Int, _ bounds: [[UInt8]], to page: inout [UInt8]
    ) {
        let decimals = family.descriptor.unit.decimals
        page.append(contentsOf: "{count:".utf8)
        NumberText.append(family.count(of: series), to: &page)
        page.append(contentsOf: ",sum:".utf8)
        NumberText.append(family.sum(of: series), decimals: decimals, to: &page)
        if let native = family.native(of: series) { Self.append(native, to: &page) }
        page.append(contentsOf: ",bucket:[".utf8)
        let buckets = family.buckets(of: series)
        var count: UInt64 = 0
        for (bucket, own) in buckets.enumerated() {
            count &+= own
            if bucket < bounds.count {
                page.append(contentsOf: bounds[bucket])
            } else {
                page.append(contentsOf: "+Inf".utf8)
            }
            page.append(UInt8(ascii: ":"))
            NumberText.append(count, to: &page)
            if bucket < bounds.count { page.append(UInt8(ascii: ",")) }
        }
        page.append(contentsOf: "]}".utf8)
        Self.appendStart(family.startTime(of: series), to: &page)
        guard family.hasExemplars else { return }
        for bucket in 0..<buckets.count {
            guard let exemplar = family.exemplar(of: series, bucket: bucket) else { continue }
            ExemplarLabels.append(exemplar, decimals: decimals, to: &page)
        }
    }

    private static func append(_ native: NativeBuckets, to page: inout [UInt8]) {
        page.append(contentsOf: ",schema:\(native.schema)".utf8)
        page.append(contentsOf: ",zero_threshold:\(NativeBuckets.zeroThreshold)".utf8)
        page.append(contentsOf: ",zero_count:".utf8)
        NumberText.append(native.zeroCount, to: &page)
        let spans = NativeSpans(native)
        guard !spans.counts.isEmpty else { return }
        page.append(contentsOf: ",positive_spans:[".utf8)
        for (place, span) in spans.spans.enumerated() {
            page.append(contentsOf: "\(place > 0 ? "," : "")\(span.offset):\(span.length)".utf8)
        }
        page.append(contentsOf: "],positive_buckets:[".utf8)
        for (place, count) in spans.counts.enumerated() {
            if place > 0 { page.append(UInt8(ascii: ",")) }
            NumberText.append(count, to: &page)
        }
        page.append(UInt8(ascii: "]"))
    }

    private static func appendStart(_ startTime: Int64, to page: inout [UInt8]) {
        guard startTime > 0 else { return }
        page.append(contentsOf: " st@".utf8)
        NumberText.appendTimestamp(startTime, to: &page)
    }

    private static func typeName(_ descriptor: FamilyDescriptor) -> String {
        switch descriptor.kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .info: descriptor.name.hasSuffix("_info") ? "info" : "gauge"
        case .histogram: "histogram"
        }
    }
}
