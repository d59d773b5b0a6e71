public import MetricKernel

/// Writes a snapshot in the Prometheus text format or in OpenMetrics 1.0.
///
/// Families are sorted by name and contiguous, metadata first, series in the order of their label
/// positions, so two pages of the same state are equal byte by byte. The names are all of the legacy
/// character set, which makes a page valid under every escaping. Source: Prometheus documentation,
/// "Exposition formats", text-based format; OpenMetrics 1.0, "Text format".
public enum TextRenderer {
    /// The dialects, whose sample lines are the same.
    public enum Dialect: Sendable {
        /// Versions 0.0.4 and 1.0.0 of the Prometheus format: no units, no exemplars.
        case prometheus
        /// OpenMetrics 1.0.0 and 0.0.1.
        case openMetrics
    }

    /// Renders a whole page.
    public static func render(
        _ snapshot: MetricsSnapshot, as dialect: Dialect = .prometheus
    ) -> [UInt8] {
        var page: [UInt8] = []
        Self.render(snapshot, as: dialect, into: &page)
        return page
    }

    /// Appends a whole page.
    public static func render(
        _ snapshot: MetricsSnapshot, as dialect: Dialect = .prometheus, into page: inout [UInt8]
    ) {
        // Measured on a typical page: a sample line is about 95 bytes.
        page.reserveCapacity(page.count + snapshot.sampleCount * 100)
        for family in snapshot.families { Self.append(family, dialect, to: &page) }
        if dialect == .openMetrics { page.append(contentsOf: "# EOF\n".utf8) }
    }

    private static func append(
        _ family: FamilySnapshot, _ dialect: Dialect, to page: inout [UInt8]
    ) {
        let descriptor = family.descriptor
        switch dialect {
        case .prometheus: Self.appendMetadata(descriptor, to: &page)
        case .openMetrics: Self.appendOpenMetricsMetadata(descriptor, to: &page)
        }
        let labels = LabelText(family)
        let name = Array(descriptor.name.utf8)
        let decimals = descriptor.unit.decimals
        switch descriptor.kind {
        case .counter:
            for series in 0..<family.seriesCount {
                page.append(contentsOf: name)
                labels.append(family.labels(of: series), to: &page)
                page.append(UInt8(ascii: " "))
                NumberText.append(family.total(of: series), decimals: decimals, to: &page)
                page.append(UInt8(ascii: "\n"))
            }
        case .gauge, .info:
            for series in 0..<family.seriesCount {
                page.append(contentsOf: name)
                labels.append(family.labels(of: series), to: &page)
                page.append(UInt8(ascii: " "))
                NumberText.append(family.level(of: series), decimals: decimals, to: &page)
                page.append(UInt8(ascii: "\n"))
            }
        case .histogram:
            let bounds = (descriptor.buckets?.bounds ?? []).map {
                NumberText.canonicalBound($0, decimals: decimals)
            }
            let showsExemplars = dialect == .openMetrics && family.hasExemplars
            for series in 0..<family.seriesCount {
                Self.appendHistogram(
                    family, series, labels, bounds, showsExemplars: showsExemplars, to: &page)
            }
        }
    }

    private static func appendMetadata(_ descriptor: FamilyDescriptor, to page: inout [UInt8]) {
        page.append(contentsOf: "# HELP \(descriptor.name) ".utf8)
        LabelText.appendEscaped(descriptor.help, quotes: false, to: &page)
        page.append(contentsOf: "\n# TYPE \(descriptor.name) ".utf8)
        let type =
            switch descriptor.kind {
            case .counter: "counter"
            case .gauge, .info: "gauge"
            case .histogram: "histogram"
            }
        page.append(contentsOf: "\(type)\n".utf8)
    }

    /// Counters without `_total` and facts without `_info` keep their names under another type: the
    /// suffix is part of the sample's name there.
    private static func appendOpenMetricsMetadata(
        _ descriptor: FamilyDescriptor, to page: inout [UInt8]
    ) {
        let name = descriptor.metadataName
        let type =
            switch descriptor.kind {
            case .counter: name == descriptor.name ? "unknown" : "counter"
            case .gauge: "gauge"
            case .info: name == descriptor.name ? "gauge" : "info"
            case .histogram: "histogram"
            }
        page.append(contentsOf: "# TYPE \(name) \(type)\n".utf8)
        if let unit = descriptor.exposedUnit {
            page.append(contentsOf: "# UNIT \(name) \(unit)\n".utf8)
        }
        page.append(contentsOf: "# HELP \(name) ".utf8)
        LabelText.appendEscaped(descriptor.help, quotes: true, to: &page)
        page.append(UInt8(ascii: "\n"))
    }

    private static func appendHistogram(
        _ family: FamilySnapshot, _ series: Int, _ labels: LabelText, _ bounds: [[UInt8]],
        showsExemplars: Bool, to page: inout [UInt8]
    ) {
        let name = family.descriptor.name
        let decimals = family.descriptor.unit.decimals
        let positions = family.labels(of: series)
        // The part of every bucket line that does not change.
        var head = Array("\(name)_bucket".utf8)
        labels.appendOpen(positions, to: &head)
        head.append(contentsOf: "le=\"".utf8)
        let infinity = Array("+Inf".utf8)
        var count: UInt64 = 0
        for (bucket, own) in family.buckets(of: series).enumerated() {
            count &+= own
            page.append(contentsOf: head)
            page.append(contentsOf: bucket < bounds.count ? bounds[bucket] : infinity)
            page.append(contentsOf: "\"} ".utf8)
            NumberText.append(count, to: &page)
            if showsExemplars, let exemplar = family.exemplar(of: series, bucket: bucket) {
                ExemplarLabels.append(exemplar, decimals: decimals, to: &page)
            }
            page.append(UInt8(ascii: "\n"))
        }
        page.append(contentsOf: "\(name)_sum".utf8)
        labels.append(positions, to: &page)
        page.append(UInt8(ascii: " "))
        NumberText.append(family.sum(of: series), decimals: decimals, to: &page)
        page.append(contentsOf: "\n\(name)_count".utf8)
        labels.append(positions, to: &page)
        page.append(UInt8(ascii: " "))
        NumberText.append(count, to: &page)
        page.append(UInt8(ascii: "\n"))
    }
}

extension FamilyDescriptor {
    /// The unit for `UNIT`: it must be what the name ends in (OpenMetrics 1.0, "Unit").
    var exposedUnit: String? {
        let unit = self.unit.suffix
        return !unit.isEmpty && self.metadataName.hasSuffix("_\(unit)") ? unit : nil
    }
}
