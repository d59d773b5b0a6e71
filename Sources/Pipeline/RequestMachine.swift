public import Domain

/// One client request's life as events and actions: where it stands, what must happen next, how it ended.
///
/// Both engines drive this one machine, so they cannot drift apart. It owns no socket and no clock: every event
/// carries its time, and an engine does what the returned action says. Events are past tense.
///
/// Three kinds of event can come at a wrong time. One that our own engine must never send (a response head with no
/// attempt running) traps in debug and is counted as a bug in release by the caller through ``isFinished``. One that
/// the peer causes (bytes after the end of an answer) is a failure event. One that races with the end (the client
/// leaves while the last bytes are flushed) is ignored once ``isFinished`` is true.
///
/// - Isolation: owned by one request on one event loop.
/// - Bounds: constant size; allocates only from the ninth attempt on.
public struct RequestMachine: ~Copyable {
    /// Where a request stands.
    public enum Phase: UInt8, CaseIterable, Sendable {
        /// Bytes of the head are arriving. Exits: `collecting`, `answering`.
        case readingHead
        /// The head is known; the body is read until the request can be routed. Exits: `routing`, `answering`.
        case collecting
        /// An endpoint is being chosen. Exits: `acquiring`, `queued`, `answering`.
        case routing
        /// Every candidate is at its limit; waits for a place. Exits: `routing`, `answering`.
        case queued
        /// Waiting for a connection to the endpoint. Exits: `sending`, `routing` (retry), `answering`.
        case acquiring
        /// The request is being written. Exits: `waiting`, `relaying` (early answer), `routing`, `answering`.
        case sending
        /// Waiting for the answer's head. Exits: `relaying`, `routing`, `acquiring` (same endpoint), `answering`.
        case waiting
        /// The answer is being relayed; its head has been given to the client. Exits: `finishing`, `finished`.
        case relaying
        /// The gateway's own answer is being written. Exits: `finished`.
        case answering
        /// The answer is complete and being flushed. Exits: `finished`.
        case finishing
        /// Over: exactly one outcome.
        case finished
    }

    /// Where the request stands.
    public private(set) var phase: Phase
    /// Where the time went.
    public var timeline: Timeline
    /// The attempts that have ended.
    public private(set) var ledger: AttemptLedger
    /// How many attempts have begun.
    public private(set) var attemptCount: Int
    /// The endpoints tried so far; they are not chosen again.
    public private(set) var tried: EndpointSet
    /// The endpoint of the running or last attempt; meaningful once ``attemptCount`` is above 0.
    public private(set) var endpoint: EndpointIndex
    /// When the endpoint of the running or last attempt was chosen.
    public private(set) var attemptStart: MonotonicTime
    /// When the first endpoint was chosen; ``MonotonicTime/zero`` before.
    public private(set) var firstChoice: MonotonicTime
    /// When the last byte of the request was read from the client; ``MonotonicTime/zero`` before.
    public private(set) var requestRead: MonotonicTime
    /// The status given to the client; 0 before any.
    public private(set) var status: Int
    /// How the request ended; meaningful once ``isFinished``.
    public private(set) var outcome: RequestOutcome
    /// The stage the client left in, if it did.
    public private(set) var cancelledIn: Stage?
    /// Whether the attempt that runs uses a connection that has served before.
    public private(set) var usesReusedConnection: Bool

    private let policy: RetryPolicy
    private var isIdempotent: Bool
    private var isReplayable: Bool
    private var isAttemptRunning: Bool
    private var hasUsedFreshConnection: Bool
    private var isRequestComplete: Bool
    private var isAnswerWithheld = false

    /// A request whose first byte was read at `now`.
    public init(policy: RetryPolicy, startedAt now: MonotonicTime) {
        self.policy = policy
        self.phase = .readingHead
        self.timeline = Timeline(startedAt: now)
        self.ledger = AttemptLedger()
        self.attemptCount = 0
        self.tried = EndpointSet()
        self.endpoint = EndpointIndex(rawValue: 0)
        self.attemptStart = .zero
        self.firstChoice = .zero
        self.requestRead = .zero
        self.status = 0
        self.outcome = .gatewayError
        self.cancelledIn = nil
        self.usesReusedConnection = false
        self.isIdempotent = true
        self.isReplayable = true
        self.isAttemptRunning = false
        self.hasUsedFreshConnection = false
        self.isRequestComplete = false
    }

    /// Whether the request is over; every later event is ignored.
    public var isFinished: Bool { self.phase == .finished }

    /// Whether bytes of an answer may have reached the client, so that no further attempt is possible.
    public var hasStartedAnswer: Bool {
        switch self.phase {
        case .relaying, .answering, .finishing, .finished: true
        case .readingHead, .collecting, .routing, .queued, .acquiring, .sending, .waiting: false
        }
    }

    /// Whether nothing of an answer has been given to the client, so that the gateway may still answer by itself.
    public var mayAnswerItself: Bool { self.phase == .relaying ? self.isAnswerWithheld : !self.hasStartedAnswer }

    /// Whether an attempt is running on ``endpoint``.
    public var hasRunningAttempt: Bool { self.isAttemptRunning }

    /// Whether the whole request has been read from the client.
    public var hasReadRequest: Bool { self.isRequestComplete }
}

// MARK: - Request side

extension RequestMachine {
    /// The head was parsed.
    ///
    /// - Parameters:
    ///   - isIdempotent: whether the method may be repeated without harm (RFC 9110 section 9.2.2).
    ///   - now: the time.
    public mutating func headReceived(isIdempotent: Bool, at now: MonotonicTime) {
        assert(self.phase == .readingHead)
        self.isIdempotent = isIdempotent
        self.phase = .collecting
        self.timeline.enter(.inspect, at: now)
    }

    /// More of the body is needed before the request can be routed.
    public mutating func bodyAwaited(at now: MonotonicTime) { self.timeline.enter(.readBody, at: now) }

    /// Part of the body arrived and is about to be inspected.
    public mutating func bodyReceived(at now: MonotonicTime) {
        if self.phase == .collecting { self.timeline.enter(.inspect, at: now) }
    }

    /// The last byte of the request was read.
    public mutating func requestCompleted(at now: MonotonicTime) {
        self.isRequestComplete = true
        self.requestRead = now
    }

    /// The body outgrew the replay buffer: once part of it is sent, no other endpoint can be tried.
    public mutating func replayLost() { self.isReplayable = false }

    /// The model and the needs are known; admission decides next.
    public mutating func inspected(at now: MonotonicTime) { self.timeline.enter(.admit, at: now) }

    /// The request was admitted and waits for an endpoint to be chosen.
    public mutating func admitted(at now: MonotonicTime) {
        self.phase = .routing
        self.timeline.enter(.route, at: now)
    }

    /// Every candidate is at its limit: the request waits for a place.
    public mutating func placeAwaited(at now: MonotonicTime) {
        assert(self.phase == .routing)
        self.phase = .queued
        self.timeline.enter(.queue, at: now)
    }

    /// A place may have become free: an endpoint is chosen afresh.
    public mutating func placeOffered(at now: MonotonicTime) {
        assert(self.phase == .queued)
        self.phase = .routing
        self.timeline.enter(.route, at: now)
    }
}

// MARK: - Attempts

extension RequestMachine {
    /// The request is being rewritten for its endpoint.
    public mutating func requestTranslationBegan(at now: MonotonicTime) {
        self.timeline.enter(.translateRequest, at: now)
    }

    /// The request has been rewritten; an endpoint is chosen next.
    public mutating func requestTranslated(at now: MonotonicTime) { self.timeline.enter(.route, at: now) }

    /// An endpoint was chosen; a connection to it is needed.
    public mutating func endpointChosen(_ endpoint: EndpointIndex, at now: MonotonicTime) {
        assert(self.phase == .routing)
        self.endpoint = endpoint
        self.tried.insert(endpoint)
        self.beginAttempt(at: now)
    }

    private mutating func beginAttempt(at now: MonotonicTime) {
        self.isAnswerWithheld = false
        self.attemptCount += 1
        self.isAttemptRunning = true
        self.attemptStart = now
        if self.firstChoice == .zero { self.firstChoice = now }
        self.phase = .acquiring
        self.timeline.enter(.acquire, at: now)
    }

    /// A usable connection is at hand; the request is written next.
    public mutating func connectionAcquired(isReused: Bool, at now: MonotonicTime) {
        assert(self.phase == .acquiring)
        self.usesReusedConnection = isReused
        self.phase = .sending
        self.timeline.enter(.send, at: now)
    }

    /// The socket took what there was to send, but the client has not sent the whole body yet.
    public mutating func sendStarved(at now: MonotonicTime) {
        if self.phase == .sending { self.timeline.enter(.readBody, at: now) }
    }

    /// More of the body is being written to the endpoint.
    public mutating func sendResumed(at now: MonotonicTime) {
        if self.phase == .sending { self.timeline.enter(.send, at: now) }
    }

    /// The socket took the last byte of the request.
    public mutating func requestSent(at now: MonotonicTime) {
        if self.phase == .sending {
            self.phase = .waiting
            self.timeline.enter(.wait, at: now)
        }
    }

    /// What to do with an answer's head.
    public enum HeadVerdict: Equatable, Sendable {
        /// Give it to the client, and the body after it.
        case relay
        /// Drop it and try the next candidate.
        case retryElsewhere(RetryReason)
    }

    /// The head of a final answer arrived.
    ///
    /// - Parameters:
    ///   - status: the status of the answer.
    ///   - now: the time.
    ///   - hasAlternative: asked only when the policy would retry: is there an untried candidate?
    ///   - spendRetry: asked last: takes one retry from the shared budget, false when it is spent.
    /// - Returns: whether the answer is relayed.
    public mutating func responseHeadReceived(
        status: Int, at now: MonotonicTime, hasAlternative: (EndpointSet) -> Bool, spendRetry: () -> Bool
    ) -> HeadVerdict {
        assert(self.phase == .sending || self.phase == .waiting)
        if let reason = self.policy.reason(forStatus: status),
            self.mayRetry, hasAlternative(self.tried), spendRetry()
        {
            self.endAttempt(at: now)
            self.phase = .routing
            self.timeline.enter(.route, at: now)
            return .retryElsewhere(reason)
        }
        self.status = status
        self.phase = .relaying
        self.timeline.enter(.writeResponse, at: now)
        return .relay
    }

    /// Part of the answer's body is at hand and about to be written to the client.
    public mutating func chunkReceived(at now: MonotonicTime) {
        if self.phase == .relaying { self.timeline.enter(.writeResponse, at: now) }
    }

    /// The answer's head is not given to the client yet: the body is read first, and rewritten.
    public mutating func answerWithheld() { self.isAnswerWithheld = true }

    /// The rewritten answer is about to be written, with a status of its own.
    public mutating func answerReleased(status: Int) {
        self.isAnswerWithheld = false
        self.status = status
    }

    /// Part of the answer is being rewritten; ``chunkReceived(at:)`` follows when it is ready.
    public mutating func answerTranslationBegan(at now: MonotonicTime) {
        if self.phase == .relaying { self.timeline.enter(.translateResponse, at: now) }
    }

    /// The client's socket took everything written so far.
    public mutating func chunkWritten(at now: MonotonicTime) {
        if self.phase == .relaying { self.timeline.enter(.stream, at: now) }
    }

    /// The answer is complete; its last bytes are being flushed.
    ///
    /// Returns the attempt's outcome.
    public mutating func responseCompleted(at now: MonotonicTime) -> AttemptOutcome {
        assert(self.phase == .relaying)
        self.timeline.enter(.finish, at: now)
        self.endAttempt(at: now)
        self.phase = .finishing
        return self.status >= 500 || self.status == 429 ? .upstreamError : .ok
    }

    /// The client's socket took the last byte: the request is over.
    public mutating func responseFlushed(at now: MonotonicTime) {
        switch self.phase {
        case .finishing:
            switch self.status {
            case 429, 500...: self.finish(.upstreamError, at: now)
            case 400..<500: self.finish(.clientError, at: now)
            default: self.finish(.ok, at: now)
            }
        case .answering: self.finish(self.outcome, at: now)
        case .readingHead, .collecting, .routing, .queued, .acquiring, .sending, .waiting, .relaying, .finished: break
        }
    }

    /// The answer is complete, but the client's socket has not taken all of it: it is the client who is waited for.
    public mutating func answerHeldUp(at now: MonotonicTime) {
        if self.phase == .finishing || self.phase == .answering { self.timeline.enter(.writeResponse, at: now) }
    }

    private var mayRetry: Bool {
        self.policy.isEnabled && self.isReplayable && !self.hasStartedAnswer
            && (self.policy.maxAttempts == 0 || self.attemptCount < self.policy.maxAttempts)
    }

    private mutating func endAttempt(at now: MonotonicTime) {
        guard self.isAttemptRunning else { return }
        self.timeline.close(at: now)
        self.ledger.append(.init(endpoint: self.endpoint, times: self.timeline.takeUpstream()))
        self.isAttemptRunning = false
    }

    private mutating func finish(_ outcome: RequestOutcome, at now: MonotonicTime) {
        self.timeline.close(at: now)
        self.endAttempt(at: now)
        self.outcome = outcome
        self.phase = .finished
    }
}

// MARK: - Failures and answers of the gateway

extension RequestMachine {
    /// What to do about a failed attempt.
    public enum FailureVerdict: Equatable, Sendable {
        /// The event came too late or concerned no running attempt.
        case ignore
        /// The connection had grown stale: open a fresh one to the same endpoint.
        case retrySameEndpoint(RetryReason)
        /// Choose another endpoint.
        case retryElsewhere(RetryReason)
        /// Nothing has reached the client: answer in the endpoint's place.
        case answer(GatewayAnswer)
        /// The client has part of the answer: a typed error where the dialect has one, then abort.
        case abort
    }

    /// The running attempt failed.
    ///
    /// - Parameters:
    ///   - failure: what happened.
    ///   - hasAnswerBegun: a byte of this attempt's answer was received.
    ///   - now: the time.
    ///   - hasAlternative: asked only when the policy would retry: is there an untried candidate?
    ///   - spendRetry: asked last: takes one retry from the shared budget, false when it is spent.
    /// - Returns: what to do next; the attempt has ended in every case.
    public mutating func upstreamFailed(
        _ failure: UpstreamFailure, hasAnswerBegun: Bool, at now: MonotonicTime,
        hasAlternative: (EndpointSet) -> Bool, spendRetry: () -> Bool
    ) -> FailureVerdict {
        guard self.isAttemptRunning else { return .ignore }
        if !self.mayAnswerItself {
            self.finish(failure.requestOutcome, at: now)
            return .abort
        }
        if let reason = self.staleReason(failure, hasAnswerBegun: hasAnswerBegun) {
            self.hasUsedFreshConnection = true
            self.endAttempt(at: now)
            self.beginAttempt(at: now)
            return .retrySameEndpoint(reason)
        }
        if let reason = self.retryReason(failure), self.mayRetry, hasAlternative(self.tried), spendRetry() {
            self.endAttempt(at: now)
            self.phase = .routing
            self.timeline.enter(.route, at: now)
            return .retryElsewhere(reason)
        }
        self.endAttempt(at: now)
        let answer = GatewayAnswer.failed(failure)
        self.answered(answer, at: now)
        return .answer(answer)
    }

    /// A connection kept alive may be closed by the server at any moment: one fresh one to the same endpoint.
    private func staleReason(_ failure: UpstreamFailure, hasAnswerBegun: Bool) -> RetryReason? {
        guard self.usesReusedConnection, !hasAnswerBegun, !self.hasUsedFreshConnection, self.isReplayable,
            self.phase == .sending || self.phase == .waiting
        else { return nil }
        switch failure.type {
        case .reset: return .reset
        case .closed: return .closed
        default: return nil
        }
    }

    private func retryReason(_ failure: UpstreamFailure) -> RetryReason? {
        switch failure.type {
        case .dns, .connectRefused, .unreachable: .connect
        case .connectTimeout: .timeout
        case .tls: failure.isCertificate ? nil : .tls
        case .reset: .reset
        case .closed: .closed
        case .firstByteTimeout:
            self.isIdempotent || self.policy.retriesUnsafeOnHeaderTimeout ? .timeout : nil
        case .idleTimeout, .protocol: nil
        case .http429: .http429
        case .http5xx: .http5xx
        }
    }

    /// The gateway answers by itself; the outcome is the answer's.
    ///
    /// Also used when no endpoint could be chosen and when the request is refused.
    public mutating func answered(_ answer: GatewayAnswer, at now: MonotonicTime) {
        guard !self.isFinished else { return }
        self.endAttempt(at: now)
        self.status = answer.status
        self.outcome = answer.outcome
        self.phase = .answering
        self.timeline.enter(.finish, at: now)
    }

    /// A local route's answer is about to be written.
    public mutating func answeredLocally(status: Int, at now: MonotonicTime) {
        guard !self.isFinished else { return }
        self.status = status
        self.outcome =
            switch status {
            // A refused call is the client's affair (decisions.md 2); 503 is what the readiness route has to say.
            case 400..<500, 501: .clientError
            case 503: .ok
            case 500...: .gatewayError
            default: .ok
            }
        self.phase = .answering
        self.timeline.enter(.finish, at: now)
    }

    /// The client's connection is gone.
    ///
    /// Returns whether that ended the request.
    public mutating func clientClosed(at now: MonotonicTime) -> Bool {
        guard !self.isFinished else { return false }
        self.cancelledIn = self.timeline.stage
        if self.status == 0 { self.status = 499 }
        self.finish(.clientCancelled, at: now)
        return true
    }

    /// The gateway itself cuts the request: shutdown, or a bug.
    ///
    /// Returns whether that ended the request.
    public mutating func gatewayAborted(at now: MonotonicTime) -> Bool {
        guard !self.isFinished else { return false }
        self.finish(.gatewayError, at: now)
        return true
    }
}
