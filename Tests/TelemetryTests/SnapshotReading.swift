import MetricKernel
import Telemetry

/// What a histogram's series add up to.
struct Distribution: Equatable {
    var count: UInt64 = 0
    var sum: UInt64 = 0
}

extension MetricsSnapshot {
    /// The series of a family whose labels have these values.
    private func matches(
        _ name: String, _ labels: [String: String]
    ) -> [(family: FamilySnapshot, series: Int)] {
        guard let family = self.family(name) else { return [] }
        return (0..<family.seriesCount).filter { series in
            labels.allSatisfy { label, value in
                guard
                    let place = family.descriptor.labels.firstIndex(where: { $0.name == label })
                else { return false }
                return family.labelValue(of: series, at: place) == value
            }
        }.map { (family, $0) }
    }

    /// A counter, added up over the series with these labels.
    func total(_ name: String, _ labels: [String: String] = [:]) -> UInt64 {
        self.matches(name, labels).reduce(0) { $0 + $1.family.total(of: $1.series) }
    }

    /// A gauge, added up over the series with these labels.
    func level(_ name: String, _ labels: [String: String] = [:]) -> Int64 {
        self.matches(name, labels).reduce(0) { $0 + $1.family.level(of: $1.series) }
    }

    /// A histogram, added up over the series with these labels.
    func distribution(_ name: String, _ labels: [String: String] = [:]) -> Distribution {
        self.matches(name, labels).reduce(into: Distribution()) {
            $0.count += $1.family.count(of: $1.series)
            $0.sum += $1.family.sum(of: $1.series)
        }
    }

    /// The number of series with these labels.
    func seriesCount(_ name: String, _ labels: [String: String] = [:]) -> Int {
        self.matches(name, labels).count
    }
}

extension MetricStore {
    /// A snapshot of copies that the owners made, as a scrape of a live gateway has them.
    func scraped(_ facts: ScrapeFacts = ScrapeFacts()) -> MetricsSnapshot {
        let shards = self.loops.map { recorder in
            var copy = ShardSnapshot()
            recorder.copy(into: &copy)
            return copy
        }
        return self.snapshot(shards: shards, facts: facts)
    }
}
