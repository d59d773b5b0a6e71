import Domain

/// What happens in a run, as far as it is measured.
struct SimulationLog {
    private let plan: SimulationPlan
    private let failing: Int
    private let leaving: Int
    var failedAttempts = 0
    var lost = 0

    // In ordinary times, from the end of the warm-up to the outage.
    private var counts: [Int]
    private var busySeconds: [Double]
    private var hits = 0
    private var firstTokens: [Float] = []

    // Requests of each second on the endpoints that come back.
    private var failingBySecond: [Int]
    private var leavingBySecond: [Int]

    // Where each conversation was last before the departure, and where it came first after it.
    private var before: [Int32]
    private var after: [Int32]

    init(_ plan: SimulationPlan, failing: Int, leaving: Int) {
        self.plan = plan
        self.failing = failing
        self.leaving = leaving
        self.counts = .init(repeating: 0, count: plan.endpoints)
        self.busySeconds = .init(repeating: 0, count: plan.endpoints)
        let seconds = Int(plan.duration * 2) + 2
        self.failingBySecond = .init(repeating: 0, count: seconds)
        self.leavingBySecond = .init(repeating: 0, count: seconds)
        self.before = .init(repeating: -1, count: plan.conversations)
        self.after = .init(repeating: -1, count: plan.conversations)
    }

    private func isOrdinary(_ time: Double) -> Bool {
        (self.plan.warmUpEnd..<self.plan.outageStart).contains(time)
    }

    mutating func chosen(_ endpoint: Int, conversation: Int, isHit: Bool, at time: Double) {
        if self.isOrdinary(time) {
            self.counts[endpoint] += 1
            if isHit { self.hits += 1 }
        }
        let second = min(Int(time), self.failingBySecond.count - 1)
        if endpoint == self.failing { self.failingBySecond[second] += 1 }
        if endpoint == self.leaving { self.leavingBySecond[second] += 1 }
        if time < self.plan.departure {
            self.before[conversation] = Int32(endpoint)
        } else if time < self.plan.comeback, self.after[conversation] < 0 {
            self.after[conversation] = Int32(endpoint)
        }
    }

    mutating func firstToken(after time: Double, at moment: Double) {
        if self.isOrdinary(moment) { self.firstTokens.append(Float(time)) }
    }

    mutating func worked(_ endpoint: Int, from start: Double, to end: Double) {
        if self.isOrdinary(start) { self.busySeconds[endpoint] += end - start }
    }

    func result(_ balancer: Balancer) -> SimulationResult {
        var result = SimulationResult(balancer: balancer)
        let total = self.counts.reduce(0, +)
        let endpoints = Double(self.plan.endpoints)
        result.peakShare = Double(self.counts.max() ?? 0) * endpoints / Double(max(1, total))
        let busy = self.busySeconds.reduce(0, +)
        result.peakLoad = (self.busySeconds.max() ?? 0) * endpoints / max(1e-9, busy)
        result.hitRate = Double(self.hits) / Double(max(1, total))
        let sorted = self.firstTokens.sorted()
        if !sorted.isEmpty {
            result.medianFirstToken = Double(sorted[sorted.count / 2])
            result.slowFirstToken = Double(sorted[sorted.count * 99 / 100])
        }
        result.failedAttempts = self.failedAttempts
        result.lostRequests = self.lost
        result.recoverySeconds = self.recovery(self.failingBySecond, from: self.plan.outageEnd)
        result.comebackSeconds = self.recovery(self.leavingBySecond, from: self.plan.comeback)
        var (kept, stayed) = (0, 0)
        for (old, new) in zip(self.before, self.after) where old >= 0 && new >= 0 && old != Int32(self.leaving) {
            stayed += 1
            if old == new { kept += 1 }
        }
        result.keptShare = Double(kept) / Double(max(1, stayed))
        result.keptOf = stayed
        return result
    }

    /// Seconds until an endpoint carries four fifths of its share over three seconds.
    private func recovery(_ bySecond: [Int], from time: Double) -> Double? {
        let start = Int(time.rounded(.up))
        let wanted = self.plan.rate * 3 * 0.8
        guard start + 3 <= Int(self.plan.duration) else { return nil }
        for second in start..<Int(self.plan.duration) - 2
        where Double(bySecond[second] + bySecond[second + 1] + bySecond[second + 2]) >= wanted {
            return Double(second) - time
        }
        return nil
    }
}
