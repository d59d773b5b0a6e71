import Domain
import Testing

@Suite("What all loops share about an endpoint")
struct EndpointLiveTests {
    private let start = MonotonicTime.zero + .seconds(100)

    @Test func `counts active attempts up to the limit`() {
        let live = EndpointLive()
        #expect(live.tryBegin(limit: 2))
        #expect(live.tryBegin(limit: 2))
        #expect(!live.tryBegin(limit: 2))
        #expect(live.active == 2)
        #expect(live.tryBegin(limit: 0))
        live.end()
        live.end()
        #expect(live.tryBegin(limit: 2))
        #expect(live.active == 2)
    }

    @Test func `never passes the limit under contention and ends at zero`() async {
        let live = EndpointLive()
        let highest = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var highest = 0
                    var held = 0
                    for turn in 0..<500 {
                        if live.tryBegin(limit: 5) { held += 1 }
                        highest = max(highest, held)
                        if turn % 3 == 0, held > 0 {
                            live.end()
                            held -= 1
                        }
                    }
                    for _ in 0..<held { live.end() }
                    return highest
                }
            }
            return await group.reduce(0, max)
        }
        #expect(highest <= 5)
        #expect(live.active == 0)
    }

    @Test func `a reservation takes a place and a ticket, or nothing`() throws {
        let live = EndpointLive(breaker: .init(consecutiveFailures: 1))
        guard case .taken(let ticket, nil) = live.reserve(limit: 1, at: self.start) else {
            Issue.record("nothing was taken")
            return
        }
        #expect(live.reserve(limit: 1, at: self.start) == .atLimit)
        #expect(live.active == 1)
        _ = live.breaker.recordFailure(ticket, at: self.start)
        live.end()
        #expect(live.reserve(limit: 1, at: self.start) == .refused)
        #expect(live.active == 0)
        let later = self.start + .seconds(30)
        guard case .taken(let trial, .halfOpen) = live.reserve(limit: 1, at: later) else {
            Issue.record("no trial was admitted")
            return
        }
        #expect(live.reserve(limit: 0, at: later) == .refused)
        #expect(live.active == 1)
        live.abandon(trial, at: later)
        #expect(live.active == 0)
        guard case .taken(let next, nil) = live.reserve(limit: 1, at: later) else {
            Issue.record("the abandoned trial was not free")
            return
        }
        #expect(next.isTrial)
    }

    @Test func `a hold lasts as long as asked, at most a minute, and is never shortened`() {
        let live = EndpointLive()
        #expect(!live.isHeld(at: self.start))
        live.hold(for: .seconds(10), at: self.start)
        #expect(live.isHeld(at: self.start + .seconds(9)))
        #expect(!live.isHeld(at: self.start + .seconds(10)))
        live.hold(for: .seconds(3_600), at: self.start)
        #expect(live.heldUntil == self.start + .seconds(60))
        live.hold(for: .seconds(1), at: self.start)
        live.hold(for: .seconds(-5), at: self.start)
        #expect(live.heldUntil == self.start + .seconds(60))
    }

    @Test func `only the first of many connect failures demotes`() {
        let live = EndpointLive()
        #expect(live.isSelectable(at: self.start))
        #expect(live.demote())
        #expect(!live.demote())
        #expect(!live.isSelectable(at: self.start))
        live.reinstate()
        #expect(live.isSelectable(at: self.start))
        #expect(live.demote())
    }
}

@Suite("The retry budget")
struct RetryBudgetTests {
    private func second(_ count: Int64) -> MonotonicTime { .zero + .seconds(100 + count) }

    private func taken(from budget: RetryBudget, at now: MonotonicTime) -> Int {
        (0..<1_000).prefix { _ in budget.takeRetry(at: now) }.count
    }

    @Test(arguments: [(0, 10), (49, 10), (50, 10), (55, 11), (100, 20), (1_000, 200)])
    func `allows a fifth of the requests and never fewer than ten`(requests: Int, retries: Int) {
        let budget = RetryBudget()
        for _ in 0..<requests { budget.requestStarted(at: self.second(0)) }
        #expect(self.taken(from: budget, at: self.second(0)) == retries)
    }

    @Test func `forgets requests and retries after ten seconds`() {
        let budget = RetryBudget()
        for _ in 0..<100 { budget.requestStarted(at: self.second(0)) }
        #expect(self.taken(from: budget, at: self.second(8)) == 20)
        #expect(self.taken(from: budget, at: self.second(11)) == 0)
        #expect(self.taken(from: budget, at: self.second(19)) == 10)
    }

    @Test func `keeps to the configured share and floor`() {
        let budget = RetryBudget(policy: .init(percent: 50, floor: 0))
        #expect(!budget.takeRetry(at: self.second(0)))
        for _ in 0..<9 { budget.requestStarted(at: self.second(0)) }
        #expect(self.taken(from: budget, at: self.second(0)) == 4)
    }

    @Test func `is exact when many loops retry at once`() async {
        let budget = RetryBudget()
        let now = self.second(0)
        for _ in 0..<500 { budget.requestStarted(at: now) }
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<100).filter { _ in budget.takeRetry(at: now) }.count }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 100)
    }
}
