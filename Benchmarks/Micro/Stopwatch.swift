import Workloads

/// What timing a workload showed: nanoseconds a round.
struct Timing {
    let name: String
    let note: String
    let limit: Double?
    /// The best sample: the work without disturbance, which is what limits are compared with.
    let minimum: Double
    let median: Double
    /// The sample that nine of ten are not slower than.
    let ninetieth: Double
    let complaint: String?

    /// Why the run fails; nil when it does not.
    var failure: String? {
        if let complaint { return "\(self.name): \(complaint)" }
        guard let limit, self.minimum > limit else { return nil }
        return "\(self.name): \(Report.number(self.minimum)) ns, the limit is \(Report.number(limit)) ns"
    }
}

/// Times workloads by the monotonic clock.
enum Stopwatch {
    /// Samples of a workload; their median is steady from about thirty on.
    static let samples = 51
    /// How long a sample takes at least: the clock's own cost vanishes, and few samples meet an interrupt.
    static let sampleMilliseconds = 4

    /// Warms a workload up, finds how many rounds make a sample, and times the samples.
    static func measure(_ workload: any Workload) -> Timing {
        var rounds = 1
        while self.time(workload, rounds: rounds) < .milliseconds(self.sampleMilliseconds) { rounds *= 2 }
        let sorted = (0..<self.samples).map { _ in
            Double(self.time(workload, rounds: rounds).attoseconds) / 1e9 / Double(rounds)
        }.sorted()
        return Timing(
            name: workload.name, note: workload.note, limit: workload.limit, minimum: sorted[0],
            median: sorted[self.samples / 2], ninetieth: sorted[self.samples * 9 / 10],
            complaint: workload.complaint())
    }

    private static func time(_ workload: any Workload, rounds: Int) -> Duration {
        let clock = ContinuousClock()
        return clock.measure { workload.run(rounds: rounds) }
    }
}

extension Duration {
    /// The whole span in units of 10⁻¹⁸ s; a sample is far below the 9 s that fit.
    fileprivate var attoseconds: Int64 {
        self.components.seconds * 1_000_000_000_000_000_000 + self.components.attoseconds
    }
}
