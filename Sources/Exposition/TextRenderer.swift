public import MetricKernel

/// Writes a snapshot in the Prometheus text format, version 0.0.4.
///
/// Families are sorted by name and contiguous, `HELP` and `TYPE` first, series in the order of
/// their label positions, so two pages of the same state are equal byte by byte. The names are all
/// of the legacy character set, which makes the page a valid text 1.0.0 page under every escaping
/// too. Source: Prometheus documentation, "Exposition formats", text-based format.
public enum TextRenderer {
    /// Renders a whole page.
    public static func render(_ snapshot: MetricsSnapshot) -> [UInt8] {
        var page: [UInt8] = []
        Self.render(snapshot, into: &page)
        return page
    }

    /// Appends a whole page.
    public static func render(_ snapshot: MetricsSnapshot, into page: inout [UInt8]) {
        // Measured on a typical page: a sample line is about 95 bytes.
        page.reserveCapacity(page.count + snapshot.sampleCount * 100)
        for family in snapshot.families { Self.append(family, to: &page) }
    }

    private static func append(_ family: FamilySnapshot, to page: inout [UInt8]) {
        let descriptor = family.descriptor
        page.append(contentsOf: "# HELP \(descriptor.name) ".utf8)
        Self.appendEscaped(descriptor.help, quotes: false, to: &page)
        page.append(contentsOf: "\n# TYPE \(descriptor.name) ".utf8)
        page.append(contentsOf: Self.typeName(descriptor.kind).utf8)
        page.append(UInt8(ascii: "\n"))
        let labels = Self.renderedLabels(of: family)
        switch descriptor.kind {
        case .counter:
            for series in 0..<family.seriesCount {
                Self.appendName(descriptor.name, "", labels, family.labels(of: series), to: &page)
                NumberText.append(
                    family.total(of: series), decimals: descriptor.unit.decimals, to: &page)
                page.append(UInt8(ascii: "\n"))
            }
        case .gauge, .info:
            for series in 0..<family.seriesCount {
                Self.appendName(descriptor.name, "", labels, family.labels(of: series), to: &page)
                NumberText.append(
                    family.level(of: series), decimals: descriptor.unit.decimals, to: &page)
                page.append(UInt8(ascii: "\n"))
            }
        case .histogram:
            let bounds = (descriptor.buckets?.bounds ?? []).map {
                NumberText.canonicalBound($0, decimals: descriptor.unit.decimals)
            }
            for series in 0..<family.seriesCount {
                Self.appendHistogram(family, series, labels, bounds, to: &page)
            }
        }
    }

    private static func appendHistogram(
        _ family: FamilySnapshot, _ series: Int, _ labels: [[[UInt8]]], _ bounds: [[UInt8]],
        to page: inout [UInt8]
    ) {
        let name = family.descriptor.name
        let positions = family.labels(of: series)
        // The part of every bucket line that does not change.
        var head = Array("\(name)_bucket{".utf8)
        for place in labels.indices {
            head.append(contentsOf: labels[place][positions[place]])
            head.append(UInt8(ascii: ","))
        }
        head.append(contentsOf: "le=\"".utf8)
        let infinity = Array("+Inf".utf8)
        var count: UInt64 = 0
        for (bucket, own) in family.buckets(of: series).enumerated() {
            count &+= own
            page.append(contentsOf: head)
            page.append(contentsOf: bucket < bounds.count ? bounds[bucket] : infinity)
            page.append(contentsOf: "\"} ".utf8)
            NumberText.append(count, to: &page)
            page.append(UInt8(ascii: "\n"))
        }
        Self.appendName(name, "_sum", labels, positions, to: &page)
        NumberText.append(
            family.sum(of: series), decimals: family.descriptor.unit.decimals, to: &page)
        page.append(UInt8(ascii: "\n"))
        Self.appendName(name, "_count", labels, positions, to: &page)
        NumberText.append(count, to: &page)
        page.append(UInt8(ascii: "\n"))
    }

    /// Appends `name_suffix{labels} `.
    private static func appendName(
        _ name: String, _ suffix: String, _ labels: [[[UInt8]]], _ positions: LabelIndexes,
        to page: inout [UInt8]
    ) {
        page.append(contentsOf: name.utf8)
        page.append(contentsOf: suffix.utf8)
        for place in labels.indices {
            page.append(UInt8(ascii: place == 0 ? "{" : ","))
            page.append(contentsOf: labels[place][positions[place]])
        }
        if !labels.isEmpty { page.append(UInt8(ascii: "}")) }
        page.append(UInt8(ascii: " "))
    }

    /// `name="value"` for each value of each label, escaped once per page.
    private static func renderedLabels(of family: FamilySnapshot) -> [[[UInt8]]] {
        zip(family.descriptor.labels, family.labelValues).map { label, table in
            table.values.map { value in
                var text = Array("\(label.name)=\"".utf8)
                Self.appendEscaped(value, quotes: true, to: &text)
                text.append(UInt8(ascii: "\""))
                return text
            }
        }
    }

    /// Escapes backslash and line feed, and in label values the double quote.
    private static func appendEscaped(_ text: String, quotes: Bool, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: "\\\"".utf8)
            default: bytes.append(byte)
            }
        }
    }

    private static func typeName(_ kind: MetricKind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge, .info: "gauge"
        case .histogram: "histogram"
        }
    }
}
