import Domain
import SeededRandomness
import Testing

private func second(_ count: Int64) -> MonotonicTime { .zero + .seconds(100 + count) }

@Suite("The request breaker")
struct CircuitBreakerTests {
    /// Admits one attempt and returns its ticket; nil when the breaker refuses.
    private func ticket(of live: EndpointLive, at now: MonotonicTime) -> BreakerTicket? {
        switch live.admit(at: now) {
        case .admit(let ticket), .admitAsTrial(let ticket, _): ticket
        case .refuse: nil
        }
    }

    /// Fails attempts until the breaker opens; returns how many it took.
    private func open(_ live: EndpointLive, at now: MonotonicTime) throws -> Int {
        for count in 1...100 {
            let ticket = try #require(self.ticket(of: live, at: now))
            if live.recordFailure(ticket, at: now) == .open { return count }
        }
        return 0
    }

    @Test func `opens after five failures in a row and says so once`() throws {
        let live = EndpointLive()
        #expect(try self.open(live, at: second(0)) == 5)
        #expect(live.breakerState == .open)
        #expect(live.retryAt == second(30))
    }

    @Test func `a success in between starts the count of failures anew`() throws {
        let live = EndpointLive(breaker: .init(failureRatio: 0))
        for _ in 0..<20 {
            for outcome in [false, false, false, false, true] {
                let ticket = try #require(self.ticket(of: live, at: second(0)))
                let entered =
                    outcome
                    ? live.recordSuccess(ticket, at: second(0))
                    : live.recordFailure(ticket, at: second(0))
                #expect(entered == nil)
            }
        }
        #expect(live.breakerState == .closed)
    }

    @Test func `opens when half of twenty attempts in ten seconds failed, not before`() throws {
        let live = EndpointLive()
        for attempt in 1...20 {
            let now = second(Int64(attempt) / 3)
            let ticket = try #require(self.ticket(of: live, at: now))
            let entered =
                attempt.isMultiple(of: 2)
                ? live.recordFailure(ticket, at: now) : live.recordSuccess(ticket, at: now)
            #expect(entered == (attempt == 20 ? .open : nil))
        }
    }

    @Test func `attempts older than the window do not count for the ratio`() throws {
        let live = EndpointLive()
        for attempt in 1...60 {
            let now = second(Int64(attempt))
            let ticket = try #require(self.ticket(of: live, at: now))
            let entered =
                attempt.isMultiple(of: 2)
                ? live.recordFailure(ticket, at: now) : live.recordSuccess(ticket, at: now)
            #expect(entered == nil)
        }
    }

    @Test func `both rules can be switched off`() throws {
        let live = EndpointLive(breaker: .init(consecutiveFailures: 0, failureRatio: 0))
        #expect(try self.open(live, at: second(0)) == 0)
    }

    @Test func `refuses for thirty seconds, then admits exactly one trial`() throws {
        let live = EndpointLive()
        _ = try self.open(live, at: second(0))
        #expect(!live.isAdmitting(at: second(29)))
        #expect(live.admit(at: second(29)) == .refuse(retryAt: second(30)))
        #expect(live.isAdmitting(at: second(30)))
        guard case .admitAsTrial(let trial, let entered) = live.admit(at: second(30)) else {
            Issue.record("no trial was admitted")
            return
        }
        #expect(trial.isTrial)
        #expect(entered == .halfOpen)
        #expect(live.admit(at: second(30)) == .refuse(retryAt: second(60)))
        #expect(live.recordSuccess(trial, at: second(31)) == .closed)
        #expect(try self.open(live, at: second(31)) == 5)
    }

    @Test func `a failed trial opens it for another thirty seconds`() throws {
        let live = EndpointLive()
        _ = try self.open(live, at: second(0))
        let trial = try #require(self.ticket(of: live, at: second(30)))
        #expect(live.recordFailure(trial, at: second(35)) == .open)
        #expect(live.admit(at: second(64)) == .refuse(retryAt: second(65)))
        #expect(self.ticket(of: live, at: second(65)) != nil)
    }

    @Test func `a lost trial is replaced after thirty seconds and its late verdict is ignored`() throws {
        let live = EndpointLive()
        _ = try self.open(live, at: second(0))
        let lost = try #require(self.ticket(of: live, at: second(30)))
        #expect(self.ticket(of: live, at: second(59)) == nil)
        guard case .admitAsTrial(let replacement, let entered) = live.admit(at: second(60)) else {
            Issue.record("the lost trial was not replaced")
            return
        }
        #expect(entered == nil)
        #expect(live.recordSuccess(lost, at: second(61)) == nil)
        #expect(live.recordFailure(lost, at: second(61)) == nil)
        #expect(live.breakerState == .halfOpen)
        #expect(live.recordSuccess(replacement, at: second(62)) == .closed)
    }

    @Test func `a trial whose client left frees its place at once`() throws {
        let live = EndpointLive()
        _ = try self.open(live, at: second(0))
        let trial = try #require(self.ticket(of: live, at: second(30)))
        live.release(trial, at: second(31))
        let next = try #require(self.ticket(of: live, at: second(31)))
        #expect(next.isTrial)
        #expect(live.recordFailure(trial, at: second(31)) == nil)
        #expect(live.recordSuccess(next, at: second(32)) == .closed)
    }

    @Test func `a client that leaves does not count in a closed breaker`() throws {
        let live = EndpointLive()
        for _ in 0..<100 {
            let ticket = try #require(self.ticket(of: live, at: second(0)))
            live.release(ticket, at: second(0))
        }
        #expect(live.breakerState == .closed)
        #expect(try self.open(live, at: second(0)) == 5)
    }

    @Test func `a trial that streams for long closes the breaker with its head, and its end still counts`() throws {
        let live = EndpointLive(breaker: .init(consecutiveFailures: 1))
        _ = try self.open(live, at: second(0))
        var ticket = try #require(self.ticket(of: live, at: second(30)))
        let entered = live.trialAnswered(&ticket, at: second(31))
        #expect(entered == .closed)
        #expect(!ticket.isTrial)
        let again = live.trialAnswered(&ticket, at: second(31))
        #expect(again == nil)
        #expect(live.recordFailure(ticket, at: second(300)) == .open)
    }

    @Test func `verdicts of attempts from before the breaker opened change nothing`() throws {
        let live = EndpointLive()
        let early = try #require(self.ticket(of: live, at: second(0)))
        _ = try self.open(live, at: second(0))
        #expect(live.recordSuccess(early, at: second(1)) == nil)
        #expect(live.breakerState == .open)
        let trial = try #require(self.ticket(of: live, at: second(30)))
        #expect(live.recordFailure(early, at: second(30)) == nil)
        #expect(live.breakerState == .halfOpen)
        #expect(live.recordSuccess(trial, at: second(31)) == .closed)
    }

    /// Whatever happens to trials, in any order, the breaker admits again within one open or trial period.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `it is never stuck`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let live = EndpointLive()
        var now = second(0)
        var tickets: [BreakerTicket] = []
        for _ in 0..<2_000 {
            now = now + .milliseconds(Int64(random.next() % 4_000))
            if let ticket = self.ticket(of: live, at: now) { tickets.append(ticket) }
            if let ticket = tickets.randomElement(using: &random), random.next() % 3 != 0 {
                switch random.next() % 4 {
                case 0: _ = live.recordSuccess(ticket, at: now)
                case 1, 2: _ = live.recordFailure(ticket, at: now)
                default: live.release(ticket, at: now)
                }
            }
            #expect(live.isAdmitting(at: now + .seconds(30)))
        }
    }

    @Test func `of many loops that see the free trial exactly one gets it`() async throws {
        for round in 0..<50 {
            let live = EndpointLive()
            _ = try self.open(live, at: second(0))
            let admitted = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        guard live.isAdmitting(at: second(30)) else { return false }
                        guard case .admitAsTrial = live.admit(at: second(30)) else { return false }
                        return true
                    }
                }
                return await group.reduce(into: 0) { count, wasAdmitted in count += wasAdmitted ? 1 : 0 }
            }
            #expect(admitted == 1, "round \(round)")
        }
    }

    @Test func `of many loops that report failures exactly one learns that it opened`() async {
        for _ in 0..<50 {
            let live = EndpointLive()
            let openings = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var openings = 0
                        for _ in 0..<20 {
                            guard case .admit(let ticket) = live.admit(at: second(0)) else { break }
                            if live.recordFailure(ticket, at: second(0)) == .open { openings += 1 }
                        }
                        return openings
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(openings == 1)
            #expect(live.breakerState == .open)
        }
    }
}

/// `#expect` cannot take the breaker itself, because it is not copyable.
extension EndpointLive {
    fileprivate var breakerState: BreakerState { self.breaker.state }
    fileprivate var retryAt: MonotonicTime { self.breaker.retryAt }

    fileprivate func isAdmitting(at now: MonotonicTime) -> Bool { self.breaker.isAdmitting(at: now) }

    fileprivate func admit(at now: MonotonicTime) -> CircuitBreaker.Admission { self.breaker.admit(at: now) }

    fileprivate func recordSuccess(_ ticket: BreakerTicket, at now: MonotonicTime) -> BreakerState? {
        self.breaker.recordSuccess(ticket, at: now)
    }

    fileprivate func recordFailure(_ ticket: BreakerTicket, at now: MonotonicTime) -> BreakerState? {
        self.breaker.recordFailure(ticket, at: now)
    }

    fileprivate func release(_ ticket: BreakerTicket, at now: MonotonicTime) {
        self.breaker.release(ticket, at: now)
    }

    fileprivate func trialAnswered(_ ticket: inout BreakerTicket, at now: MonotonicTime) -> BreakerState? {
        self.breaker.trialAnswered(&ticket, at: now)
    }
}
