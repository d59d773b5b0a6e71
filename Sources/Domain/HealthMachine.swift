/// The rules of health checking for one endpoint.
public struct HealthPolicy: Equatable, Sendable {
    /// The time between checks of a healthy endpoint; key `check_interval`.
    public var checkInterval: Nanoseconds
    /// How long one check may take; key `check_timeout`, at most 30 s.
    public var checkTimeout: Nanoseconds
    /// A successful check that took longer means the endpoint is busy.
    public var busyThreshold: Nanoseconds
    /// Failed checks in a row that open the health breaker.
    public var breakerThreshold: Int
    /// How long the health breaker refuses before it admits a trial.
    public var breakerOpenDuration: Nanoseconds

    /// The documented defaults.
    public init(
        checkInterval: Nanoseconds = .seconds(5), checkTimeout: Nanoseconds = .seconds(2),
        busyThreshold: Nanoseconds = .seconds(10), breakerThreshold: Int = 3,
        breakerOpenDuration: Nanoseconds = .seconds(30)
    ) {
        self.checkInterval = checkInterval
        self.checkTimeout = checkTimeout
        self.busyThreshold = busyThreshold
        self.breakerThreshold = breakerThreshold
        self.breakerOpenDuration = breakerOpenDuration
    }

    /// The longest wait between two checks of a failing endpoint.
    public static let waitMax = Nanoseconds.seconds(60)
    /// The wait after a 429 without a usable `Retry-After`.
    public static let rateLimitDefault = Nanoseconds.seconds(30)
    /// The longest `Retry-After` that is honoured; an endpoint cannot take itself out for good.
    public static let rateLimitMax = Nanoseconds.seconds(3_600)

    /// The wait after the n-th failed check in a row: the interval times 1, 2, 4, 8, 12, 12, …, at most ``waitMax``.
    ///
    /// - Parameter failures: the checks that failed in a row, this one included; at least 1.
    /// - Returns: the wait, without jitter.
    public func wait(afterFailures failures: Int) -> Nanoseconds {
        let multiplier: Int64 =
            switch failures {
            case ...1: 1
            case 2: 2
            case 3: 4
            case 4: 8
            default: 12
            }
        let (product, overflow) = self.checkInterval.rawValue.multipliedReportingOverflow(by: multiplier)
        return overflow ? Self.waitMax : min(Self.waitMax, Nanoseconds(rawValue: product))
    }
}

/// What one health check found.
public enum ProbeResult: Equatable, Sendable {
    /// An answer came.
    ///
    /// `retryAfter` is that of a 429, nil when absent or unreadable.
    case answered(status: Int, retryAfter: Nanoseconds?)
    /// No answer came: a network error or the time limit, after the retries within the check.
    case failed
}

/// What a health event did to an endpoint.
public struct HealthChange: Equatable, Sendable {
    /// The state before.
    public var previous: EndpointState
    /// The state now.
    public var state: EndpointState
    /// When the next check is due, without jitter.
    public var nextCheck: MonotonicTime
    /// The endpoint came back from an outage: its models must be asked for again.
    public var isRecovery: Bool
    /// The endpoint was seen for the first time and is routable: its models must be asked for if none are known.
    public var isFirstSuccess: Bool
    /// A check took the endpoint out of routing: sessions that stick to it must be let go.
    public var isDown: Bool

    /// Whether the state moved.
    public var isChanged: Bool { self.previous != self.state }
}

/// Decides what state an endpoint is in and when to look again.
///
/// The machine has its own breaker, apart from the one requests feed: after three failed checks in a row the endpoint
/// is offline for 30 s without being asked, then one check is the trial. A trial whose result never comes is replaced
/// once twice the time limit of a check and a second have passed.
///
/// Results of a check that was replaced, and a second connect failure of one outage, are ignored.
///
/// - Isolation: single owner, in the control plane. It reads no clock: every event carries its time.
/// - Bounds: constant size; no allocation.
public struct HealthMachine: Sendable {
    /// One check that was begun.
    public struct Probe: Equatable, Sendable {
        let number: UInt64
        let isTrial: Bool
    }

    /// What to do with a check that is due.
    public enum Admission: Equatable, Sendable {
        /// Ask the endpoint, and report with ``HealthMachine/probeFinished(_:result:duration:at:)``.
        case probe(Probe)
        /// Do not ask: the breaker is open.
        case refuse(HealthChange)
    }

    private enum Breaker: Equatable {
        case closed
        case open(until: MonotonicTime)
        case halfOpen(trial: UInt64, staleAt: MonotonicTime)
    }

    /// The rules.
    public private(set) var policy: HealthPolicy
    /// The state as of the last event.
    public private(set) var state: EndpointState
    /// When the next check is due, without jitter.
    public private(set) var nextCheck: MonotonicTime
    /// When the last check ended; ``MonotonicTime/zero`` before the first.
    public private(set) var lastCheck: MonotonicTime
    /// How long the last check took.
    public private(set) var lastDuration: Nanoseconds
    /// Failed checks and connect failures since the last success.
    public private(set) var failuresInRow: Int
    private var breaker: Breaker
    private var breakerFailures: Int
    private var rateLimitedUntil: MonotonicTime
    private var latestProbe: UInt64

    /// An endpoint nothing is known about; its first check is due at once.
    public init(policy: HealthPolicy, at now: MonotonicTime) {
        self.policy = policy
        self.state = .unknown
        self.nextCheck = now
        self.lastCheck = .zero
        self.lastDuration = .zero
        self.failuresInRow = 0
        self.breaker = .closed
        self.breakerFailures = 0
        self.rateLimitedUntil = .zero
        self.latestProbe = 0
    }

    /// Takes other rules over; the next check is due no later than they ask for.
    public mutating func adopt(_ policy: HealthPolicy, at now: MonotonicTime) {
        self.policy = policy
        guard self.state.isRoutable else { return }
        self.nextCheck = min(self.nextCheck, now + policy.checkInterval)
    }

    /// A check is due.
    ///
    /// An open breaker counts as a failed check, so that the waits keep growing as if the endpoint had been asked.
    public mutating func probeDue(at now: MonotonicTime) -> Admission {
        switch self.breaker {
        case .closed:
            return .probe(self.begin(isTrial: false))
        case .open(let until):
            guard now >= until else {
                return .refuse(self.change(to: .offline, at: now, isProbe: true) { $0.fail(at: now) })
            }
            return .probe(self.beginTrial(at: now))
        case .halfOpen(_, let staleAt):
            guard now >= staleAt else {
                return .refuse(self.change(to: .offline, at: now, isProbe: true) { $0.nextCheck = staleAt })
            }
            return .probe(self.beginTrial(at: now))
        }
    }

    private mutating func begin(isTrial: Bool) -> Probe {
        self.latestProbe += 1
        return Probe(number: self.latestProbe, isTrial: isTrial)
    }

    private mutating func beginTrial(at now: MonotonicTime) -> Probe {
        let probe = self.begin(isTrial: true)
        let patience = self.policy.checkTimeout + self.policy.checkTimeout + .seconds(1)
        self.breaker = .halfOpen(trial: probe.number, staleAt: now + patience)
        return probe
    }

    /// A check ended.
    ///
    /// - Parameters:
    ///   - probe: as ``probeDue(at:)`` gave it.
    ///   - result: what was found.
    ///   - duration: from the first attempt of the check to its answer.
    ///   - now: the time.
    /// - Returns: what changed, or nil for a check that was replaced by a later one.
    public mutating func probeFinished(
        _ probe: Probe, result: ProbeResult, duration: Nanoseconds, at now: MonotonicTime
    ) -> HealthChange? {
        guard probe.number == self.latestProbe else { return nil }
        self.lastCheck = now
        self.lastDuration = duration
        let state = self.state(for: result, duration: duration)
        self.judge(state, at: now)
        return self.change(to: state, at: now, isProbe: true) { machine in
            guard case .answered(429, let retryAfter) = result else {
                machine.rateLimitedUntil = .zero
                if state.isRoutable { machine.succeed(at: now) } else { machine.fail(at: now) }
                return
            }
            let asked = retryAfter ?? HealthPolicy.rateLimitDefault
            machine.rateLimitedUntil = now + max(.zero, min(asked, HealthPolicy.rateLimitMax))
            machine.fail(at: now)
        }
    }

    /// A check was called off before its result was known, as when the gateway stops or is configured anew.
    public mutating func probeAbandoned(_ probe: Probe, at now: MonotonicTime) {
        guard probe.number == self.latestProbe else { return }
        if probe.isTrial { self.breaker = .open(until: now) }
        self.nextCheck = now
    }

    /// A request could not connect: the endpoint is offline at once, and that counts as a failed check.
    ///
    /// Only the first of many failures of one outage counts; in any state that is not routable nothing changes.
    public mutating func connectFailed(at now: MonotonicTime) -> HealthChange {
        guard self.state.isRoutable else {
            return self.change(to: self.state, at: now, isProbe: false) { _ in }
        }
        return self.change(to: .offline, at: now, isProbe: false) { $0.fail(at: now) }
    }

    private func state(for result: ProbeResult, duration: Nanoseconds) -> EndpointState {
        switch result {
        case .failed: return .offline
        case .answered(let status, _):
            switch status {
            case 200..<300:
                if self.state == .offline || self.state == .unhealthy { return .warming }
                return duration > self.policy.busyThreshold ? .busy : .healthy
            case 401, 403: return .configError
            case 429: return .rateLimited
            default: return .unhealthy
            }
        }
    }

    private mutating func judge(_ state: EndpointState, at now: MonotonicTime) {
        switch state {
        case .healthy, .busy, .warming:
            self.breaker = .closed
            self.breakerFailures = 0
        case .unhealthy, .offline:
            self.breakerFailures += 1
            let isTrial = self.breaker != .closed
            if isTrial || self.breakerFailures >= self.policy.breakerThreshold {
                self.breaker = .open(until: now + self.policy.breakerOpenDuration)
            }
        case .configError, .rateLimited, .unknown:
            // The endpoint answers, so it is worth asking; but this is no proof of health. A trial is repeated.
            if self.breaker != .closed { self.breaker = .open(until: now) }
        }
    }

    private mutating func succeed(at now: MonotonicTime) {
        self.failuresInRow = 0
        self.nextCheck = now + self.policy.checkInterval
    }

    private mutating func fail(at now: MonotonicTime) {
        self.failuresInRow += 1
        self.nextCheck = max(now + self.policy.wait(afterFailures: self.failuresInRow), self.rateLimitedUntil)
    }

    private mutating func change(
        to state: EndpointState, at now: MonotonicTime, isProbe: Bool, _ update: (inout HealthMachine) -> Void
    ) -> HealthChange {
        let previous = self.state
        self.state = state
        update(&self)
        return HealthChange(
            previous: previous, state: state, nextCheck: self.nextCheck,
            isRecovery: state.isRoutable && !previous.isRoutable && previous != .unknown,
            isFirstSuccess: state.isRoutable && previous == .unknown,
            isDown: isProbe && previous.isRoutable && !state.isRoutable)
    }
}
