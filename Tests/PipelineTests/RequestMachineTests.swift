import Domain
import Testing

@testable import Pipeline

/// Drives a machine through a script of events, a microsecond apart.
final class MachineScript {
    var machine: RequestMachine
    private var clock: Int64 = 1_000_000
    var alternatives = EndpointSet()
    var budget = 1_000
    var spent = 0

    init(policy: RetryPolicy = RetryPolicy(), alternatives: [UInt16] = [0, 1, 2]) {
        self.machine = RequestMachine(policy: policy, startedAt: MonotonicTime(rawValue: 1_000_000))
        for index in alternatives { self.alternatives.insert(EndpointIndex(rawValue: index)) }
    }

    func tick() -> MonotonicTime {
        self.clock += 1_000
        return MonotonicTime(rawValue: self.clock)
    }

    /// Brings a request to a phase on endpoint 0, over a reused connection if asked.
    func reach(_ phase: RequestMachine.Phase, isIdempotent: Bool = false, isReused: Bool = false) {
        guard phase != .readingHead else { return }
        self.machine.headReceived(isIdempotent: isIdempotent, at: self.tick())
        guard phase != .collecting else { return }
        self.machine.bodyAwaited(at: self.tick())
        self.machine.bodyReceived(at: self.tick())
        self.machine.requestCompleted(at: self.tick())
        self.machine.inspected(at: self.tick())
        self.machine.admitted(at: self.tick())
        guard phase != .routing else { return }
        if phase == .answering {
            self.machine.answered(GatewayAnswer(.noHealthyEndpoint), at: self.tick())
            return
        }
        if phase == .queued {
            self.machine.placeAwaited(at: self.tick())
            return
        }
        self.machine.endpointChosen(EndpointIndex(rawValue: 0), at: self.tick())
        guard phase != .acquiring else { return }
        self.machine.connectionAcquired(isReused: isReused, at: self.tick())
        guard phase != .sending else { return }
        self.machine.requestSent(at: self.tick())
        guard phase != .waiting else { return }
        _ = self.head(200)
        self.machine.chunkWritten(at: self.tick())
        guard phase != .relaying else { return }
        _ = self.machine.responseCompleted(at: self.tick())
        guard phase != .finishing else { return }
        self.machine.responseFlushed(at: self.tick())
    }

    func head(_ status: Int) -> RequestMachine.HeadVerdict {
        self.machine.responseHeadReceived(
            status: status, at: self.tick(),
            hasAlternative: { !self.alternatives.subtracting($0).isEmpty }, spendRetry: self.spend)
    }

    func fail(_ failure: UpstreamFailure, hasAnswerBegun: Bool = false) -> RequestMachine.FailureVerdict {
        self.machine.upstreamFailed(
            failure, hasAnswerBegun: hasAnswerBegun, at: self.tick(),
            hasAlternative: { !self.alternatives.subtracting($0).isEmpty }, spendRetry: self.spend)
    }

    private func spend() -> Bool {
        guard self.budget > 0 else { return false }
        self.budget -= 1
        self.spent += 1
        return true
    }

    /// The stage times still on the timeline plus those of the ended attempts.
    var accounted: Int64 {
        var sum: Int64 = 0
        for stage in Stage.allCases { sum += self.machine.timeline[stage].rawValue }
        for row in 0..<self.machine.ledger.count { sum += self.machine.ledger[row].times.total.rawValue }
        return sum
    }
}

private let everyFailure: [UpstreamFailure] =
    UpstreamErrorType.allCases.map { UpstreamFailure($0) } + [UpstreamFailure(.tls, isCertificate: true)]
private let attemptPhases: [RequestMachine.Phase] = [.acquiring, .sending, .waiting]

@Suite("RequestMachine")
struct RequestMachineTests {
    @Test("a request that is relayed whole ends ok and accounts for every nanosecond")
    func relaysWhole() {
        let script = MachineScript()
        script.reach(.finished)
        let (outcome, status, total) = (
            script.machine.outcome, script.machine.status, script.machine.timeline.total.rawValue
        )
        #expect(outcome == .ok)
        #expect(status == 200)
        #expect(script.accounted == total)
        let attempts = script.machine.attemptCount
        #expect(attempts == 1)
    }

    @Test(
        "the outcome follows the relayed status",
        arguments: [
            (200, RequestOutcome.ok), (304, .ok), (400, .clientError), (404, .clientError),
            (429, .upstreamError), (500, .upstreamError), (503, .upstreamError),
        ])
    func outcomeFollowsStatus(status: Int, expected: RequestOutcome) {
        let script = MachineScript(alternatives: [0])
        script.reach(.waiting)
        let verdict = script.head(status)
        #expect(verdict == .relay)
        _ = script.machine.responseCompleted(at: script.tick())
        script.machine.responseFlushed(at: script.tick())
        let outcome = script.machine.outcome
        #expect(outcome == expected)
    }

    @Test(
        "the client leaving ends the request once, in every phase, with the stage it was in",
        arguments: RequestMachine.Phase.allCases)
    func clientLeaves(phase: RequestMachine.Phase) {
        let script = MachineScript()
        script.reach(phase)
        let stage = script.machine.timeline.stage
        let before = script.machine.outcome
        let ended = script.machine.clientClosed(at: script.tick())
        let (isFinished, outcome, cancelledIn) = (
            script.machine.isFinished, script.machine.outcome, script.machine.cancelledIn
        )
        #expect(isFinished)
        if phase == .finished {
            #expect(!ended)
            #expect(outcome == before)
        } else {
            #expect(ended)
            #expect(outcome == .clientCancelled)
            #expect(cancelledIn == stage)
            #expect(script.accounted == script.machine.timeline.total.rawValue)
        }
        let again = script.machine.clientClosed(at: script.tick())
        #expect(!again)
        let running = script.machine.hasRunningAttempt
        #expect(!running)
    }

    @Test("waiting for a place is the stage queue, however often it takes, and nothing else")
    func waits() {
        let script = MachineScript()
        script.reach(.routing)
        let route = script.machine.timeline[.route]
        for _ in 0..<3 {
            script.machine.placeAwaited(at: script.tick())
            script.machine.placeOffered(at: script.tick())
        }
        script.machine.endpointChosen(EndpointIndex(rawValue: 1), at: script.tick())
        let (queue, later, phase) = (
            script.machine.timeline[.queue], script.machine.timeline[.route], script.machine.phase
        )
        #expect(queue == .microseconds(3))
        // Each step of the script takes a microsecond: into the queue three times, and to the endpoint.
        #expect(later - route == .microseconds(4))
        #expect(phase == .acquiring)
        #expect(script.accounted == script.machine.timeline.total.rawValue)
    }

    @Test("a client that got a status keeps it, one that got none is recorded as 499")
    func cancelledStatus() {
        let early = MachineScript()
        early.reach(.waiting)
        _ = early.machine.clientClosed(at: early.tick())
        let late = MachineScript()
        late.reach(.relaying)
        _ = late.machine.clientClosed(at: late.tick())
        let (first, second) = (early.machine.status, late.machine.status)
        #expect(first == 499)
        #expect(second == 200)
    }

    @Test("the gateway's own abort ends the request in every phase", arguments: RequestMachine.Phase.allCases)
    func gatewayAborts(phase: RequestMachine.Phase) {
        let script = MachineScript()
        script.reach(phase)
        let ended = script.machine.gatewayAborted(at: script.tick())
        let outcome = script.machine.outcome
        #expect(ended == (phase != .finished))
        #expect(outcome == (phase == .finished ? .ok : .gatewayError))
    }

    @Test(
        "every failure before the answer is retried elsewhere or answered by its own status",
        arguments: attemptPhases, everyFailure)
    func failsBeforeAnswer(phase: RequestMachine.Phase, failure: UpstreamFailure) {
        let script = MachineScript()
        script.reach(phase)
        let verdict = script.fail(failure)
        switch failure.type {
        case .protocol, .idleTimeout:
            #expect(isAnswer(verdict))
        case .firstByteTimeout:
            #expect(verdict == .answer(GatewayAnswer(.upstreamTimedOut)), "a POST may have been executed")
        case .tls where failure.isCertificate:
            #expect(verdict == .answer(GatewayAnswer(.certificateRefused)))
        default:
            guard case .retryElsewhere = verdict else {
                Issue.record("\(failure) in \(phase): \(verdict)")
                return
            }
            let (now, tried) = (script.machine.phase, script.machine.tried.count)
            #expect(now == .routing)
            #expect(tried == 1)
        }
        #expect(script.accounted == script.machine.timeline.total.rawValue)
        let (rows, running) = (script.machine.ledger.count, script.machine.hasRunningAttempt)
        #expect(rows == 1)
        #expect(!running)
    }

    @Test("with no candidate left every failure is answered", arguments: attemptPhases, everyFailure)
    func failsOnLastCandidate(phase: RequestMachine.Phase, failure: UpstreamFailure) {
        let script = MachineScript(alternatives: [0])
        script.reach(phase)
        let verdict = script.fail(failure)
        guard case .answer(let answer) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(answer.status == (failure.attemptOutcome == .upstreamTimeout ? 504 : 502))
        #expect(script.spent == 0)
        script.machine.responseFlushed(at: script.tick())
        let outcome = script.machine.outcome
        #expect(outcome == answer.outcome)
    }

    @Test("every failure after the first byte aborts and is never retried", arguments: everyFailure)
    func failsMidStream(failure: UpstreamFailure) {
        let script = MachineScript()
        script.reach(.relaying, isIdempotent: true)
        let verdict = script.fail(failure, hasAnswerBegun: true)
        #expect(verdict == .abort)
        let (outcome, status) = (script.machine.outcome, script.machine.status)
        #expect(outcome == (failure.attemptOutcome == .upstreamTimeout ? .upstreamTimeout : .upstreamError))
        #expect(status == 200)
        #expect(script.spent == 0)
    }

    @Test(
        "every failure while the answer is withheld is answered by the gateway, once released it aborts",
        arguments: everyFailure)
    func failsWithheld(failure: UpstreamFailure) {
        let script = MachineScript()
        script.reach(.relaying, isIdempotent: true)
        script.machine.answerWithheld()
        let mayAnswer = script.machine.mayAnswerItself
        #expect(mayAnswer)
        let verdict = script.fail(failure, hasAnswerBegun: true)
        #expect(verdict == .answer(GatewayAnswer.failed(failure)))
        #expect(script.spent == 0)
        let other = MachineScript()
        other.reach(.relaying)
        other.machine.answerWithheld()
        other.machine.answerReleased(status: 200)
        let aborted = other.fail(failure, hasAnswerBegun: true)
        #expect(aborted == .abort)
    }

    @Test(
        "the gateway may answer by itself until bytes of an answer have gone out",
        arguments: RequestMachine.Phase.allCases)
    func answersItself(phase: RequestMachine.Phase) {
        let script = MachineScript()
        script.reach(phase)
        let (mayAnswer, hasStarted) = (script.machine.mayAnswerItself, script.machine.hasStartedAnswer)
        #expect(mayAnswer == !hasStarted)
    }

    @Test("a failure after the end is ignored", arguments: everyFailure)
    func failsTooLate(failure: UpstreamFailure) {
        for phase in [RequestMachine.Phase.finishing, .finished, .answering, .routing] {
            let script = MachineScript()
            script.reach(phase)
            let verdict = script.fail(failure)
            #expect(verdict == .ignore)
        }
    }

    @Test(
        "a stale kept-alive connection gets one fresh one to the same endpoint",
        arguments: [RequestMachine.Phase.sending, .waiting], [UpstreamErrorType.reset, .closed])
    func staleConnection(phase: RequestMachine.Phase, type: UpstreamErrorType) {
        let script = MachineScript(alternatives: [0])
        script.reach(phase, isReused: true)
        let first = script.fail(UpstreamFailure(type))
        #expect(first == .retrySameEndpoint(type == .reset ? .reset : .closed))
        let (attempts, endpoint) = (script.machine.attemptCount, script.machine.endpoint.rawValue)
        #expect(attempts == 2)
        #expect(endpoint == 0)
        script.machine.connectionAcquired(isReused: true, at: script.tick())
        let second = script.fail(UpstreamFailure(type))
        #expect(second == .answer(GatewayAnswer(.closedEarly)))
    }

    @Test("a connection closed after part of the answer's head is no stale one")
    func closedInHead() {
        let script = MachineScript(alternatives: [0])
        script.reach(.waiting, isReused: true)
        let verdict = script.fail(UpstreamFailure(.closed), hasAnswerBegun: true)
        #expect(verdict == .answer(GatewayAnswer(.closedEarly)))
    }

    @Test(
        "retryable statuses move on while a candidate is left, then the last answer is relayed",
        arguments: [429, 502, 503, 504])
    func retriesStatuses(status: Int) {
        let script = MachineScript(alternatives: [0, 1])
        script.reach(.waiting)
        let first = script.head(status)
        #expect(first == .retryElsewhere(status == 429 ? .http429 : .http5xx))
        script.machine.endpointChosen(EndpointIndex(rawValue: 1), at: script.tick())
        script.machine.connectionAcquired(isReused: false, at: script.tick())
        script.machine.requestSent(at: script.tick())
        let second = script.head(status)
        #expect(second == .relay)
        let (attempts, given) = (script.machine.attemptCount, script.machine.status)
        #expect(attempts == 2)
        #expect(given == status)
    }

    @Test("500, 501 and 400 are relayed at once", arguments: [400, 401, 404, 500, 501, 505])
    func relaysOtherStatuses(status: Int) {
        let script = MachineScript()
        script.reach(.waiting)
        let verdict = script.head(status)
        #expect(verdict == .relay)
    }

    @Test("a spent budget lets the last answer and the last failure pass")
    func spentBudget() {
        let answered = MachineScript()
        answered.budget = 0
        answered.reach(.waiting)
        let relayed = answered.head(503)
        #expect(relayed == .relay)
        let failed = MachineScript()
        failed.budget = 0
        failed.reach(.acquiring)
        let verdict = failed.fail(UpstreamFailure(.connectRefused))
        #expect(verdict == .answer(GatewayAnswer(.connectFailed)))
    }

    @Test("a body that outgrew the replay buffer is sent once")
    func unreplayable() {
        let script = MachineScript()
        script.reach(.waiting, isReused: true)
        script.machine.replayLost()
        let verdict = script.fail(UpstreamFailure(.closed))
        #expect(verdict == .answer(GatewayAnswer(.closedEarly)))
        #expect(script.spent == 0)
    }

    @Test("the attempt limit holds")
    func attemptLimit() {
        let script = MachineScript(policy: RetryPolicy(maxAttempts: 2))
        script.reach(.acquiring)
        let first = script.fail(UpstreamFailure(.connectRefused))
        #expect(first == .retryElsewhere(.connect))
        script.machine.endpointChosen(EndpointIndex(rawValue: 1), at: script.tick())
        let second = script.fail(UpstreamFailure(.connectRefused))
        #expect(second == .answer(GatewayAnswer(.connectFailed)))
    }

    @Test("with retries off nothing is sent twice but a stale connection's request")
    func retriesOff() {
        let script = MachineScript(policy: RetryPolicy(isEnabled: false))
        script.reach(.acquiring)
        let verdict = script.fail(UpstreamFailure(.connectRefused))
        #expect(verdict == .answer(GatewayAnswer(.connectFailed)))
    }

    @Test("a header timeout moves an idempotent request on, and a POST only when the operator says so")
    func headerTimeout() {
        let get = MachineScript()
        get.reach(.waiting, isIdempotent: true)
        let first = get.fail(UpstreamFailure(.firstByteTimeout))
        #expect(first == .retryElsewhere(.timeout))
        let post = MachineScript(policy: RetryPolicy(retriesUnsafeOnHeaderTimeout: true))
        post.reach(.waiting)
        let second = post.fail(UpstreamFailure(.firstByteTimeout))
        #expect(second == .retryElsewhere(.timeout))
    }

    @Test("twelve attempts keep twelve ledger rows and every nanosecond")
    func manyAttempts() {
        let script = MachineScript(alternatives: Array(0..<13))
        script.reach(.routing)
        for index in 0..<12 {
            script.machine.endpointChosen(EndpointIndex(rawValue: UInt16(index)), at: script.tick())
            let verdict = script.fail(UpstreamFailure(.connectRefused))
            #expect(verdict == .retryElsewhere(.connect))
        }
        let (rows, last) = (script.machine.ledger.count, script.machine.ledger[11].endpoint.rawValue)
        #expect(rows == 12)
        #expect(last == 11)
        #expect(script.accounted == script.machine.timeline.total.rawValue)
    }

    @Test("a slow upload alternates between the client and the endpoint")
    func slowUpload() {
        let script = MachineScript()
        script.reach(.routing)
        script.machine.endpointChosen(EndpointIndex(rawValue: 0), at: script.tick())
        script.machine.connectionAcquired(isReused: false, at: script.tick())
        for _ in 0..<3 {
            script.machine.sendStarved(at: script.tick())
            script.machine.sendResumed(at: script.tick())
        }
        script.machine.requestSent(at: script.tick())
        let (body, send) = (script.machine.timeline[.readBody], script.machine.timeline[.send])
        #expect(body == .microseconds(1 + 3))
        #expect(send == .microseconds(4))
    }
}

private func isAnswer(_ verdict: RequestMachine.FailureVerdict) -> Bool {
    if case .answer = verdict { true } else { false }
}

@Suite("UpstreamFailure")
struct UpstreamFailureTests {
    @Test("only failures to connect take the endpoint offline")
    func charges() {
        let offline = everyFailure.filter { $0.charge == .offline }.map(\.type)
        #expect(offline == [.dns, .connectRefused, .unreachable, .connectTimeout, .tls])
        #expect(UpstreamFailure(.tls, isCertificate: true).charge == .breaker)
    }
}
