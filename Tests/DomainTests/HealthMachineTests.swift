import Domain
import SeededRandomness
import Testing

private func second(_ count: Int64) -> MonotonicTime { .zero + .seconds(100 + count) }

/// Drives a machine the way a supervisor does.
private final class Script {
    var machine: HealthMachine
    var now: MonotonicTime

    init(_ policy: HealthPolicy = .init()) {
        self.now = second(0)
        self.machine = HealthMachine(policy: policy, at: self.now)
    }

    /// Runs the check that is due now; returns nil when the breaker refused it.
    func check(_ result: ProbeResult, taking duration: Nanoseconds = .milliseconds(5)) -> HealthChange? {
        guard case .probe(let probe) = self.machine.probeDue(at: self.now) else { return nil }
        return self.machine.probeFinished(probe, result: result, duration: duration, at: self.now)
    }

    /// Moves to the next check and returns how long that took.
    func waitForCheck() -> Int64 {
        let wait = self.machine.nextCheck - self.now
        self.now = self.machine.nextCheck
        return wait.rawValue / 1_000_000_000
    }
}

private func answered(_ status: Int) -> ProbeResult { .answered(status: status, retryAfter: nil) }

@Suite("Health checking")
struct HealthMachineTests {
    @Test func `an endpoint is unknown and due at once before its first check`() {
        let script = Script()
        #expect(script.machine.state == .unknown)
        #expect(script.machine.nextCheck == second(0))
    }

    @Test(
        arguments: [
            (answered(200), EndpointState.healthy), (answered(204), .healthy), (answered(301), .unhealthy),
            (answered(401), .configError), (answered(403), .configError), (answered(404), .unhealthy),
            (answered(429), .rateLimited), (answered(500), .unhealthy), (.failed, .offline),
        ])
    func `the first check decides the state`(result: ProbeResult, state: EndpointState) throws {
        let script = Script()
        let change = try #require(script.check(result))
        #expect(change.previous == .unknown)
        #expect(change.state == state)
        #expect(!change.isRecovery)
        #expect(!change.isDown)
        #expect(change.isFirstSuccess == (state == .healthy))
    }

    @Test func `a success is followed by another check after the interval`() throws {
        let script = Script()
        _ = script.check(answered(200))
        #expect(script.waitForCheck() == 5)
        #expect(script.machine.lastDuration == .milliseconds(5))
        #expect(script.machine.lastCheck == second(0))
    }

    @Test func `the waits after failures double and end at a minute, asked or not`() {
        let script = Script()
        var waits: [Int64] = []
        var asked: [Bool] = []
        for _ in 0..<7 {
            asked.append(script.check(.failed) != nil)
            waits.append(script.waitForCheck())
        }
        #expect(waits == [5, 10, 20, 40, 60, 60, 60])
        // Failures at 0, 5 and 15 s open the breaker until 45 s: the check at 35 s is refused, the one at 75 s a trial.
        #expect(asked == [true, true, true, false, true, true, true])
    }

    @Test(
        arguments: [
            (1, [1, 2, 4, 8, 12, 12]), (2, [2, 4, 8, 16, 24, 24]), (30, [30, 60, 60, 60, 60, 60]),
            (300, [60, 60, 60, 60, 60, 60]),
        ] as [(Int64, [Int64])])
    func `the waits follow from the interval`(interval: Int64, waits: [Int64]) {
        let policy = HealthPolicy(checkInterval: .seconds(interval))
        #expect((1...6).map { policy.wait(afterFailures: $0) } == waits.map { .seconds($0) })
    }

    @Test func `the first success after an outage is warming and a recovery, the next one healthy`() throws {
        let script = Script()
        _ = script.check(answered(200))
        _ = script.waitForCheck()
        let down = try #require(script.check(.failed))
        #expect(down.isDown)
        #expect(down.state == .offline)
        _ = script.waitForCheck()
        let up = try #require(script.check(answered(200)))
        #expect(up.state == .warming)
        #expect(up.isRecovery)
        #expect(script.waitForCheck() == 5)
        let settled = try #require(script.check(answered(200)))
        #expect(settled.state == .healthy)
        #expect(!settled.isRecovery)
        #expect(script.machine.failuresInRow == 0)
    }

    @Test func `a slow success means busy, and the endpoint stays routable`() throws {
        let script = Script(.init(checkInterval: .seconds(60), checkTimeout: .seconds(30)))
        _ = script.check(answered(200))
        _ = script.waitForCheck()
        let slow = try #require(script.check(answered(200), taking: .seconds(11)))
        #expect(slow.state == .busy)
        #expect(!slow.isDown)
        _ = script.waitForCheck()
        #expect(script.check(answered(200), taking: .seconds(10))?.state == .healthy)
    }

    @Test(
        arguments: [
            (nil, 30), (.seconds(120), 120), (.seconds(1), 5), (.seconds(-1), 5), (.seconds(999_999), 3_600),
        ] as [(Nanoseconds?, Int64)])
    func `a 429 is not asked again before its window and the usual wait are over`(
        retryAfter: Nanoseconds?, wait: Int64
    ) throws {
        let script = Script()
        let change = try #require(script.check(.answered(status: 429, retryAfter: retryAfter)))
        #expect(change.state == .rateLimited)
        #expect(script.waitForCheck() == wait)
        _ = script.check(answered(500))
        #expect(script.waitForCheck() == 10, "another answer ends the window")
    }

    @Test func `rate limits and refused credentials never open the breaker`() {
        let script = Script()
        for status in [429, 401, 429, 403, 429, 401] {
            #expect(script.check(answered(status)) != nil)
            _ = script.waitForCheck()
        }
        #expect(script.check(answered(200))?.state == .healthy)
    }

    @Test func `an open breaker means offline without a request`() throws {
        let script = Script()
        for _ in 0..<3 {
            #expect(script.check(answered(500))?.state == .unhealthy)
            _ = script.waitForCheck()
        }
        guard case .refuse(let change) = script.machine.probeDue(at: script.now) else {
            Issue.record("the breaker did not open")
            return
        }
        #expect(change.previous == .unhealthy)
        #expect(change.state == .offline)
    }

    @Test func `a lost trial is replaced after twice the time limit and a second`() throws {
        let script = Script()
        for _ in 0..<3 {
            _ = script.check(.failed)
            _ = script.waitForCheck()
        }
        script.now = second(45)
        guard case .probe(let lost) = script.machine.probeDue(at: script.now) else {
            Issue.record("no trial")
            return
        }
        guard case .refuse(let wait) = script.machine.probeDue(at: second(46)) else {
            Issue.record("a second trial")
            return
        }
        #expect(wait.nextCheck == second(50))
        guard case .probe(let replacement) = script.machine.probeDue(at: second(50)) else {
            Issue.record("the lost trial was not replaced")
            return
        }
        let late = script.machine.probeFinished(lost, result: answered(200), duration: .zero, at: second(51))
        #expect(late == nil)
        #expect(script.machine.state == .offline)
        let change = script.machine.probeFinished(
            replacement, result: answered(200), duration: .zero, at: second(52))
        #expect(change?.isRecovery == true)
        guard case .probe = script.machine.probeDue(at: second(57)) else {
            Issue.record("the breaker did not close")
            return
        }
    }

    @Test func `a trial that is called off can be made again at once`() {
        let script = Script()
        for _ in 0..<3 {
            _ = script.check(.failed)
            _ = script.waitForCheck()
        }
        script.now = second(45)
        guard case .probe(let probe) = script.machine.probeDue(at: script.now) else {
            Issue.record("no trial")
            return
        }
        script.machine.probeAbandoned(probe, at: script.now)
        #expect(script.machine.nextCheck == script.now)
        #expect(script.check(answered(200))?.state == .warming)
    }

    @Test func `a connect failure of a request takes the endpoint offline and counts once`() {
        let script = Script()
        _ = script.check(answered(200))
        let first = script.machine.connectFailed(at: second(1))
        #expect(first.state == .offline)
        #expect(first.isChanged)
        #expect(!first.isDown, "sessions that stick are let go by checks only")
        #expect(first.nextCheck == second(6))
        let again = script.machine.connectFailed(at: second(2))
        #expect(!again.isChanged)
        #expect(script.machine.failuresInRow == 1)
        #expect(script.machine.nextCheck == second(6))
        script.now = second(6)
        #expect(script.check(.failed)?.nextCheck == second(16))
    }

    @Test func `the last word of overlapping checks wins`() throws {
        let script = Script()
        guard case .probe(let early) = script.machine.probeDue(at: script.now),
            case .probe(let late) = script.machine.probeDue(at: script.now)
        else {
            Issue.record("a closed breaker refused")
            return
        }
        let second = script.machine.probeFinished(late, result: answered(200), duration: .zero, at: script.now)
        let first = script.machine.probeFinished(early, result: .failed, duration: .zero, at: script.now)
        #expect(second?.state == .healthy)
        #expect(first == nil)
        #expect(script.machine.state == .healthy)
    }

    /// After any history, an endpoint that answers well from now on is routable within two minutes.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `it always recovers`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let script = Script()
        let results: [ProbeResult] = [.failed, answered(500), answered(401), answered(200)]
        for _ in 0..<200 {
            if case .probe(let probe) = script.machine.probeDue(at: script.now), random.next() % 5 != 0 {
                let result = results.randomElement(using: &random) ?? .failed
                _ = script.machine.probeFinished(probe, result: result, duration: .zero, at: script.now)
            }
            if random.next() % 4 == 0 { _ = script.machine.connectFailed(at: script.now) }
            script.now = max(script.now + .seconds(1), script.machine.nextCheck)
        }
        let limit = script.now + .seconds(120)
        while !script.machine.state.isRoutable, script.now < limit {
            _ = script.check(answered(200))
            script.now = max(script.now + .seconds(1), script.machine.nextCheck)
        }
        #expect(script.machine.state.isRoutable)
    }
}
