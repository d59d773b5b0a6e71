/// A page of metrics in text format 0.0.4, as scraped.
struct MetricsPage: Sendable {
    /// One line.
    struct Sample: Sendable {
        let name: String
        /// What stands between the braces.
        let labels: String
        let value: Double

        /// The value of a label; nil when the sample has none of that name.
        func label(_ name: String) -> String? {
            MetricsPage.pairs(of: self.labels).first { $0.name == name }?.value
        }

        /// Whole nanoseconds of a value in seconds.
        var nanoseconds: Int { Int((self.value * 1_000_000_000).rounded()) }
    }

    let samples: [Sample]
    private let positions: [String: [Int]]

    init(_ bytes: [UInt8]) throws {
        var samples: [Sample] = []
        var positions: [String: [Int]] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            let sample = try Self.sample(line)
            positions[sample.name, default: []].append(samples.count)
            samples.append(sample)
        }
        self.samples = samples
        self.positions = positions
    }

    private static func sample(_ line: ArraySlice<UInt8>) throws -> Sample {
        guard let blank = line.lastIndex(of: UInt8(ascii: " ")),
            let value = Self.number(String(decoding: line[(blank + 1)...], as: UTF8.self))
        else { throw PageFault(description: "no value in \(String(decoding: line, as: UTF8.self))") }
        let series = line[..<blank]
        guard let brace = series.firstIndex(of: UInt8(ascii: "{")) else {
            return Sample(name: String(decoding: series, as: UTF8.self), labels: "", value: value)
        }
        guard series.last == UInt8(ascii: "}") else { throw PageFault(description: "no closing brace") }
        return Sample(
            name: String(decoding: series[..<brace], as: UTF8.self),
            labels: String(decoding: series[(brace + 1)..<(series.endIndex - 1)], as: UTF8.self), value: value)
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }

    /// The labels of a sample; values hold no escapes in these tests.
    static func pairs(of labels: String) -> [(name: String, value: String)] {
        labels.split(separator: "\",").compactMap { pair in
            let parts = pair.split(separator: "=\"", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let value = parts[1].hasSuffix("\"") ? parts[1].dropLast() : parts[1]
            return (String(parts[0]), String(value))
        }
    }

    /// Every sample of a name.
    subscript(name: String) -> [Sample] { (self.positions[name] ?? []).map { self.samples[$0] } }

    /// The sum over the samples of a name that have these labels.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        self[name].reduce(0) { total, sample in
            labels.allSatisfy { sample.label($0.key) == $0.value } ? total + sample.value : total
        }
    }

    /// The sum as a whole number.
    func count(_ name: String, _ labels: [String: String] = [:]) -> Int { Int(self.sum(name, labels)) }

    /// The sum over nanoseconds of samples in seconds, without the error of adding fractions.
    func nanoseconds(_ name: String, _ labels: [String: String] = [:]) -> Int {
        self[name].reduce(0) { total, sample in
            labels.allSatisfy { sample.label($0.key) == $0.value } ? total + sample.nanoseconds : total
        }
    }

    /// The sums by the value of a label.
    func sums(_ name: String, by label: String) -> [String: Int] {
        self[name].reduce(into: [:]) { $0[$1.label(label) ?? "", default: 0] += Int($1.value) }
    }

    /// How many observations of a histogram lie above one bound and at or below the next.
    func bucket(_ name: String, above low: String?, through high: String, _ labels: [String: String] = [:]) -> Int {
        let upper = self.count(name + "_bucket", labels.merging(["le": high]) { $1 })
        guard let low else { return upper }
        return upper - self.count(name + "_bucket", labels.merging(["le": low]) { $1 })
    }
}

/// A page that cannot be read.
struct PageFault: Error, CustomStringConvertible {
    let description: String
}
