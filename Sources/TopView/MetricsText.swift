/// A metrics page in the text format 0.0.4 as samples by name.
///
/// Lines that are no samples are left out: a newer gateway may say more than this reader knows.
///
/// - Bounds: linear in the page; the reader keeps its texts.
public struct MetricsText: Sendable {
    /// One sample.
    struct Sample: Sendable {
        var labels: [String: String]
        var value: Double
    }

    private let samples: [String: [Sample]]

    /// Reads a page.
    public init(_ page: String) {
        var samples: [String: [Sample]] = [:]
        for line in page.utf8.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            guard let (name, sample) = Self.sample(line) else { continue }
            samples[name, default: []].append(sample)
        }
        self.samples = samples
    }

    /// Whether there is no sample at all: the text was no metrics page.
    public var isEmpty: Bool { self.samples.isEmpty }

    private static func sample(_ line: Substring.UTF8View) -> (name: String, sample: Sample)? {
        let name = line.prefix { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: " ") }
        var rest = line[name.endIndex...]
        var labels: [String: String] = [:]
        if rest.first == UInt8(ascii: "{") {
            rest = rest.dropFirst()
            while let first = rest.first, first != UInt8(ascii: "}") {
                guard let (label, value, after) = Self.label(rest) else { return nil }
                labels[label] = value
                rest = after.first == UInt8(ascii: ",") ? after.dropFirst() : after
            }
            rest = rest.dropFirst()
        }
        let fields = rest.split(separator: UInt8(ascii: " "))
        guard !name.isEmpty, let text = fields.first, let value = Self.number(String(decoding: text, as: UTF8.self))
        else { return nil }
        return (String(decoding: name, as: UTF8.self), Sample(labels: labels, value: value))
    }

    private static func label(
        _ text: Substring.UTF8View
    ) -> (name: String, value: String, rest: Substring.UTF8View)? {
        let name = text.prefix { $0 != UInt8(ascii: "=") }
        let start = text[name.endIndex...]
        guard start.count >= 2, start.dropFirst().first == UInt8(ascii: "\"") else { return nil }
        var value: [UInt8] = []
        var index = start.index(start.startIndex, offsetBy: 2)
        while index < text.endIndex {
            let byte = text[index]
            index = text.index(after: index)
            if byte == UInt8(ascii: "\"") {
                return (
                    String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self), text[index...]
                )
            }
            if byte == UInt8(ascii: "\\"), index < text.endIndex {
                value.append(text[index] == UInt8(ascii: "n") ? UInt8(ascii: "\n") : text[index])
                index = text.index(after: index)
            } else {
                value.append(byte)
            }
        }
        return nil
    }

    /// A value or bound as the format writes it.
    static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }

    // MARK: Reading

    typealias Filter = (_ labels: [String: String]) -> Bool

    /// The sum of a family's samples.
    func sum(_ name: String, where passes: Filter = { _ in true }) -> Double {
        (self.samples[name] ?? []).reduce(0) { passes($1.labels) ? $0 + $1.value : $0 }
    }

    /// The sums of a family's samples by the values of a label.
    func sums(_ name: String, by label: String, where passes: Filter = { _ in true }) -> [String: Double] {
        var sums: [String: Double] = [:]
        for sample in self.samples[name] ?? [] where passes(sample.labels) {
            if let key = sample.labels[label] { sums[key, default: 0] += sample.value }
        }
        return sums
    }

    /// For each value of one label, the value of another whose sample is 1: the state of a state set.
    func states(_ name: String, of subject: String, in label: String) -> [String: String] {
        var states: [String: String] = [:]
        for sample in self.samples[name] ?? [] where sample.value == 1 {
            if let key = sample.labels[subject] { states[key] = sample.labels[label] }
        }
        return states
    }

    /// The labels of the first sample of a family.
    func labels(_ name: String) -> [String: String] { self.samples[name]?.first?.labels ?? [:] }

    /// A histogram, its series added up.
    func histogram(_ name: String, where passes: Filter = { _ in true }) -> Buckets {
        var counts: [Double: Double] = [:]
        for sample in self.samples[name + "_bucket"] ?? [] where passes(sample.labels) {
            guard let bound = sample.labels["le"].flatMap(Self.number) else { continue }
            counts[bound, default: 0] += sample.value
        }
        return Buckets(cumulative: counts.sorted { $0.key < $1.key }.map { (bound: $0.key, count: $0.value) })
    }
}

/// The cumulative buckets of a histogram.
struct Buckets: Sendable {
    /// Upper bounds, ascending, with how many observations were not above each.
    var cumulative: [(bound: Double, count: Double)] = []

    /// How many observations there are.
    var count: Double { self.cumulative.last?.count ?? 0 }

    /// What was added since an earlier reading; all of it when the counters began anew.
    func added(since earlier: Buckets) -> Buckets {
        guard self.count >= earlier.count else { return self }
        let before = Dictionary(earlier.cumulative.map { ($0.bound, $0.count) }) { first, _ in first }
        return Buckets(
            cumulative: self.cumulative.map { (bound: $0.bound, count: max(0, $0.count - (before[$0.bound] ?? 0))) })
    }

    /// A quantile as Prometheus' `histogram_quantile` estimates it: linear within a bucket.
    ///
    /// The last finite bound stands for what lies beyond it; nil without observations.
    func quantile(_ share: Double) -> Double? {
        guard self.count > 0 else { return nil }
        let rank = share * self.count
        var lower = (bound: 0.0, count: 0.0)
        for bucket in self.cumulative {
            if bucket.count >= rank, bucket.count > 0 {
                guard bucket.bound.isFinite else { return lower.bound }
                guard bucket.count > lower.count else { return bucket.bound }
                let position = (rank - lower.count) / (bucket.count - lower.count)
                return lower.bound + (bucket.bound - lower.bound) * position
            }
            lower = bucket
        }
        return lower.bound
    }
}
