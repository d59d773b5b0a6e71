import Exposition
import MetricKernel
import PromQL
import Telemetry

/// What a series of one name can look like.
struct SeriesShape: Equatable {
    /// The labels its series can have; nil when anything is possible.
    var labels: Set<String>?
    /// All values of the labels that have a closed list of them.
    var values: [String: Set<String>] = [:]

    /// Both shapes at once, for a query that reads either.
    func merged(with other: SeriesShape) -> SeriesShape {
        guard let mine = self.labels, let theirs = other.labels else { return SeriesShape(labels: nil) }
        var values: [String: Set<String>] = [:]
        for label in mine.union(theirs) {
            // A label that one of them has with any value is open.
            let isOpen =
                mine.contains(label) && self.values[label] == nil
                || theirs.contains(label) && other.values[label] == nil
            if !isOpen { values[label] = (self.values[label] ?? []).union(other.values[label] ?? []) }
        }
        return SeriesShape(labels: mine.union(theirs), values: values)
    }
}

/// Every series a query may ask for: the catalogue's, what recording rules make, and other exporters'.
struct Vocabulary {
    /// The labels that Prometheus adds to every series it scrapes.
    static let targetLabels: Set<String> = ["job", "instance"]
    /// Names that other exporters and Prometheus itself own; nothing is known of them here.
    private static let foreignPrefixes = [
        "prometheus_", "alertmanager_", "grafana_", "loki_", "alloy_", "promtail_", "go_", "promhttp_", "scrape_",
        "container_", "node_", "kube_",
    ]
    private static let foreignNames: Set<String> = ["up", "ALERTS", "ALERTS_FOR_STATE"]

    private var shapes: [String: SeriesShape] = [:]

    /// The catalogue, with further labels that targets may have.
    init(targetLabels: [String] = []) {
        let ambient = Self.targetLabels.union(targetLabels)
        for row in MetricCatalog.rows { self.add(row, ambient) }
        for row in MetricView.allCases.flatMap({ $0.rows }) { self.add(row, ambient) }
    }

    private mutating func add(_ row: CatalogRow, _ ambient: Set<String>) {
        var shape = SeriesShape(labels: ambient)
        for label in row.labels {
            shape.labels?.insert(label.name)
            if case .closed(let values) = label.values { shape.values[label.name] = Set(values) }
        }
        // A histogram's own name is that of its native form.
        self.shapes[row.name] = shape
        guard row.kind == .histogram else { return }
        self.shapes[row.name + "_sum"] = shape
        self.shapes[row.name + "_count"] = shape
        shape.labels?.insert("le")
        shape.values["le"] = Set((row.buckets?.boundTexts(in: row.unit) ?? []) + ["+Inf"])
        self.shapes[row.name + "_bucket"] = shape
    }

    private mutating func add(_ row: MetricView.Row, _ ambient: Set<String>) {
        let labels = ambient.union(row.labels)
        self.shapes[row.name] = SeriesShape(labels: labels)
        guard row.kind == .histogram else { return }
        self.shapes[row.name + "_sum"] = SeriesShape(labels: labels)
        self.shapes[row.name + "_count"] = SeriesShape(labels: labels)
        self.shapes[row.name + "_bucket"] = SeriesShape(labels: labels.union(["le"]))
    }

    /// Adds what a recording rule makes; rules of one name are read together.
    mutating func add(_ name: String, _ shape: SeriesShape) {
        self.shapes[name] = self.shapes[name]?.merged(with: shape) ?? shape
    }

    /// The shape of the series of a name; nil when there are none.
    func shape(named name: String) -> SeriesShape? {
        if let shape = self.shapes[name] { return shape }
        let isForeign = Self.foreignNames.contains(name) || Self.foreignPrefixes.contains { name.hasPrefix($0) }
        return isForeign ? SeriesShape(labels: nil) : nil
    }

    /// All names that match, as Prometheus anchors a pattern.
    func names(matching pattern: Pattern) -> [String] { self.shapes.keys.filter(pattern.matches).sorted() }

    /// The known name nearest to one that is not, when it is near enough to be meant.
    func suggestion(for name: String) -> String? { Self.nearest(to: name, in: self.shapes.keys) }

    /// The word nearest to another, at most a third of its length away.
    static func nearest(to word: String, in words: some Sequence<String>) -> String? {
        let scored = words.map { ($0, Self.distance(word, $0)) }
        let best = scored.min { ($0.1, $0.0) < ($1.1, $1.0) }
        return best.flatMap { $0.1 <= max(1, word.count / 3) ? $0.0 : nil }
    }

    /// How many letters have to be changed, added or taken out (Levenshtein).
    private static func distance(_ one: String, _ other: String) -> Int {
        let other = Array(other.utf8)
        var row = Array(0...other.count)
        for (place, letter) in one.utf8.enumerated() {
            var corner = row[0]
            row[0] = place + 1
            for column in other.indices {
                let above = row[column + 1]
                row[column + 1] = min(above + 1, row[column] + 1, corner + (letter == other[column] ? 0 : 1))
                corner = above
            }
        }
        return row[other.count]
    }
}

/// A regular expression of a matcher, anchored at both ends as Prometheus does it.
struct Pattern {
    private let regex: Regex<AnyRegexOutput>

    /// Reads a pattern; nil when it is none.
    init?(_ text: String) {
        guard let regex = try? Regex(text) else { return nil }
        self.regex = regex
    }

    /// Whether a whole value matches.
    func matches(_ value: String) -> Bool { (try? self.regex.wholeMatch(in: value)) != nil }

    /// The alternatives of a pattern at its outermost level: `a|b(c|d)` has two.
    static func alternatives(of text: String) -> [String] {
        var parts = [""]
        var depth = 0
        var isEscaped = false
        for letter in text {
            if !isEscaped, letter == "(" || letter == "[" { depth += 1 }
            if !isEscaped, letter == ")" || letter == "]" { depth -= 1 }
            if !isEscaped, letter == "|", depth == 0 {
                parts.append("")
            } else {
                parts[parts.count - 1].append(letter)
            }
            isEscaped = !isEscaped && letter == "\\"
        }
        return parts
    }
}
