import Catalog
import Telemetry

/// Finds an engine's load on its metrics page, in the Prometheus text format 0.0.4 or OpenMetrics 1.0.
///
/// What does not belong to the load is passed over, whatever it is. The samples of one name, one per model or engine
/// core, are added up; of shares the largest counts.
///
/// - Bounds: one pass over the page, lines of any length.
enum EngineLoadReader {
    /// The longest page that is read.
    static let bytesMax = 8 << 20

    /// The load on a page; nil when the page tells nothing of it.
    static func read(_ page: [UInt8], _ metrics: EngineMetrics) -> EngineLoad? {
        var tallies = [metrics.running, metrics.waiting, metrics.cacheUsage].map { Tally(names: $0) }
        for line in page.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard let sample = Sample(line) else { continue }
            for position in tallies.indices { tallies[position].add(sample) }
        }
        let load = EngineLoad(
            running: tallies[0].sum.map(Self.count), waiting: tallies[1].sum.map(Self.count),
            kvCacheUsage: tallies[2].largest)
        return load == EngineLoad() ? nil : load
    }

    private static func count(_ value: Double) -> Int { Int(min(max(value, 0), 1e9).rounded()) }

    /// What the samples of one figure amount to; those of an earlier name displace those of a later one.
    private struct Tally {
        let names: [[UInt8]]
        private var rank = Int.max
        private(set) var sum: Double?
        private(set) var largest: Double?

        init(names: [String]) { self.names = names.map { Array($0.utf8) } }

        mutating func add(_ sample: Sample) {
            guard let rank = self.names.firstIndex(where: { sample.name.elementsEqual($0) }), rank <= self.rank else {
                return
            }
            if rank < self.rank { (self.rank, self.sum, self.largest) = (rank, nil, nil) }
            self.sum = (self.sum ?? 0) + sample.value
            self.largest = max(self.largest ?? sample.value, sample.value)
        }
    }

    /// A line that is a sample with a finite value.
    private struct Sample {
        let name: ArraySlice<UInt8>
        let value: Double

        init?(_ line: ArraySlice<UInt8>) {
            let name = line.prefix { $0 != UInt8(ascii: "{") && $0 != 0x20 && $0 != 0x09 }
            guard let first = name.first, first != UInt8(ascii: "#") else { return nil }
            guard let rest = Self.skipLabels(line[name.endIndex...]) else { return nil }
            let fields = rest.split(maxSplits: 1) { $0 == 0x20 || $0 == 0x09 }
            guard let text = fields.first, let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite
            else { return nil }
            self.name = name
            self.value = value
        }

        /// What follows the labels; nil when they do not end.
        private static func skipLabels(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
            guard rest.first == UInt8(ascii: "{") else { return rest }
            var isQuoted = false
            var isEscaped = false
            for (position, byte) in zip(rest.indices, rest) {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\"") {
                    isQuoted.toggle()
                } else if isQuoted {
                    isEscaped = byte == UInt8(ascii: "\\")
                } else if byte == UInt8(ascii: "}") {
                    return rest[(position + 1)...]
                }
            }
            return nil
        }
    }
}
