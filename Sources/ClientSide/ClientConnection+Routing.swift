import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Routing
import Telemetry
import Transport

// From a request that is known well enough to an endpoint, at once or after a wait.

extension ClientConnection {
    /// The model and the needs are known.
    func routeRequest(at now: MonotonicTime) {
        let exchange = self.exchange
        exchange.machine.inspected(at: now)
        self.loop.budget.requestStarted(at: now)
        let admitted = Clock.now()
        exchange.takeModelName()
        self.takeConversation()
        exchange.machine.admitted(at: admitted)
        self.chooseEndpoint(at: admitted)
    }

    /// The subtree the request came in on.
    private var routeKind: RouteKind {
        if case .provider(let route, _) = self.exchange.match.target { .provider(route) } else { .proxy }
    }

    /// Where the path behind the prefix stands in the head.
    var forwardedPath: Range<Int> {
        let path = self.head.path
        // Who has the model serves messages, in its own dialect or another: profiles' paths say nothing here.
        if self.exchange.messages != nil { return path.upperBound..<path.upperBound }
        return path.lowerBound + min(self.prefixLength, path.count)..<path.upperBound
    }

    // MARK: Conversation

    /// Whether the choice of an endpoint needs a part of the messages that has not arrived yet.
    ///
    /// Asked while the body arrives; with the replay buffer full nothing is waited for any more.
    var awaitsConversation: Bool {
        let (wantsPrefix, wantsOpening) = (self.wantsPrefix, self.wantsOpening)
        guard wantsPrefix || wantsOpening,
            self.body.readableBytes < self.loop.configuration.replayBytesMax
        else { return false }
        let body = self.body
        let bytes = body.readableBytesSpan
        if wantsOpening, Conversation.opening(self.exchange.scan, in: bytes, isWhole: false) == .incomplete {
            return true
        }
        let count = self.loop.router.sessions?.policy.prefixBytes ?? 0
        return wantsPrefix
            && Conversation.prefix(self.exchange.scan, in: bytes, count: count, isWhole: false) == .incomplete
    }

    /// Whether the balancer places conversations.
    private var wantsOpening: Bool {
        self.exchange.operation != nil && self.loop.router.rules.balancer == .prefixAffinity
    }

    /// Whether the session's key has to be taken from the messages, because no earlier source has one.
    private var wantsPrefix: Bool {
        guard let sessions = self.loop.router.sessions else { return false }
        for source in sessions.policy.sources {
            if source == .prefixHash { return true }
            if self.field(of: source) != nil { return false }
        }
        return false
    }

    /// The header field, not empty, that a source takes its key from.
    private func field(of source: SessionSource) -> HTTPWire.HeaderField? {
        let field: HTTPWire.HeaderField? =
            switch source {
            case .sessionHeader: self.head.first(.xOllaSessionID)
            case .authHeader: self.head.first(.authorization)
            case .prefixHash, .address: nil
            }
        guard let field, !field.value.isEmpty else { return nil }
        return field
    }

    /// Takes over what the conversation is known by.
    private func takeConversation() {
        let exchange = self.exchange
        if self.wantsOpening {
            let (body, name) = (self.body, exchange.modelName)
            let bytes = body.readableBytesSpan
            if case .found(let range) = Conversation.opening(exchange.scan, in: bytes, isWhole: true) {
                var hash = FNV1a()
                hash.add(Span(_bytes: bytes.extracting(range)))
                exchange.affinity = SessionKey.affinity(of: hash.value, model: name.span)
            }
        }
        guard let sessions = self.loop.router.sessions else { return }
        for source in sessions.policy.sources {
            exchange.session = self.sessionKey(source, prefixBytes: sessions.policy.prefixBytes)
            if exchange.session != nil { return }
        }
    }

    private func sessionKey(_ source: SessionSource, prefixBytes: Int) -> SessionKey? {
        let name = self.exchange.modelName
        switch source {
        case .sessionHeader, .authHeader:
            guard let field = self.field(of: source) else { return nil }
            let head = self.headBytes
            let value = Span<UInt8>(_bytes: head.readableBytesSpan.extracting(field.value))
            return SessionKey(source, value: value, model: name.span)
        case .prefixHash:
            let body = self.body
            let bytes = body.readableBytesSpan
            let reading = Conversation.prefix(self.exchange.scan, in: bytes, count: prefixBytes, isWhole: true)
            guard case .found(let range) = reading else { return nil }
            return SessionKey(source, value: Span(_bytes: bytes.extracting(range)), model: name.span)
        case .address:
            let address = self.clientAddress
            return SessionKey(source, value: address.span, model: name.span)
        }
    }

    // MARK: Choosing

    private func question(excluding tried: EndpointSet, at now: MonotonicTime, random: UInt64) -> RouteRequest {
        let exchange = self.exchange
        var request = RouteRequest(
            kind: self.routeKind, excluded: tried, now: now, random: random, session: exchange.session,
            affinity: exchange.affinity, refresh: exchange.refresh, isCalled: exchange.waiter != nil)
        request.within = exchange.messages?.within
        return request
    }

    /// Chooses the next endpoint and goes for a connection to it, or waits, or answers that there is none.
    func chooseEndpoint(at now: MonotonicTime) {
        let exchange = self.exchange
        var request = self.question(excluding: exchange.machine.tried, at: now, random: self.loop.random.next())
        if let messages = exchange.messages {
            guard self.decideMode(messages, question: request, at: now) else { return self.leaveQueue() }
            request.within = messages.within
        }
        let (bytes, name) = (self.headBytes, exchange.modelName)
        let path = Span<UInt8>(_bytes: bytes.readableBytesSpan.extracting(self.forwardedPath))
        switch self.loop.router.pick(request, path: path, model: name.span, in: exchange.fleet) {
        case .routed(let decision):
            self.leaveQueue()
            exchange.queueDeadline = nil
            self.countAdmission(.admitted)
            self.endpointChosen(decision)
        case .rejected(let rejection) where rejection.kind == .allAtCapacity: self.awaitPlace(rejection, at: now)
        case .rejected(let rejection):
            self.leaveQueue()
            self.countAdmission(.admitted)
            self.routingFailed(rejection)
        case .refreshNeeded:
            // Nobody keeps a place in a line whose endpoints have lost the model.
            self.leaveQueue()
            self.refreshModels()
        }
    }

    /// Whether an endpoint that has not been tried could take the request.
    func hasAlternative(to tried: EndpointSet, at now: MonotonicTime) -> Bool {
        let request = self.question(excluding: tried, at: now, random: 0)
        let (bytes, name) = (self.headBytes, self.exchange.modelName)
        let path = Span<UInt8>(_bytes: bytes.readableBytesSpan.extracting(self.forwardedPath))
        return self.loop.router.hasCandidate(request, path: path, model: name.span, in: self.exchange.fleet)
    }

    /// Takes one retry out of the budget that all loops share.
    func spendRetry(at now: MonotonicTime) -> Bool {
        if self.loop.budget.takeRetry(at: now) { return true }
        self.loop.recorder.retryBudgetExhausted()
        return false
    }

    /// Counts the decision about the request's admission, once.
    private func countAdmission(_ decision: AdmissionDecision) {
        guard !self.exchange.isAdmissionCounted else { return }
        self.exchange.isAdmissionCounted = true
        self.loop.recorder.admission(decision)
    }

    private func endpointChosen(_ decision: RouteDecision) {
        let loop = self.loop
        let exchange = self.exchange
        exchange.balancer = decision.balancer
        for index in decision.refused {
            guard let endpoint = exchange.fleet[index] else { continue }
            let slot = EndpointSlot(rawValue: endpoint.metricSlot)
            loop.recorder.routeChosen(
                slot, balancer: exchange.balancer, reason: decision.reason, candidates: decision.candidateCount)
            loop.recorder.breakerRejected(slot)
        }
        guard let wire = loop.wire(for: decision.endpoint, in: exchange.fleet) else {
            loop.recorder.bug(.routing)
            exchange.fleet.live(decision.endpoint).abandon(decision.ticket, at: Clock.now())
            return self.answer(GatewayAnswer(.noHealthyEndpoint))
        }
        exchange.wire = wire
        exchange.ticket = decision.ticket
        exchange.breaker = decision.ticket.isTrial ? .halfOpen : nil
        if let state = decision.breakerEntered { loop.breakerChanged(wire, to: state) }
        if let model = decision.model {
            exchange.model = ModelSlot(rawValue: exchange.fleet[model].metricSlot)
        } else if !exchange.modelName.isEmpty {
            exchange.model = .other
        }
        self.noteRouting(decision.note)
        self.noteSession(decision)
        self.prepareSplice(decision)
        loop.recorder.routeChosen(
            wire.slot, balancer: exchange.balancer, reason: decision.reason, candidates: decision.candidateCount,
            exemplar: self.exemplar(at: Clock.now()))
        exchange.usedFallback = decision.reason == .fallback
        if decision.isAlias { loop.recorder.aliasRewritten(exchange.model) }
        exchange.machine.endpointChosen(decision.endpoint, at: Clock.now())
        self.attemptBegan()
    }

    private func noteSession(_ decision: RouteDecision) {
        let exchange = self.exchange
        guard let outcome = decision.sticky else { return }
        let recorder = self.loop.recorder
        recorder.stickyLookup(outcome)
        if !decision.evictions.isEmpty {
            recorder.stickyEvicted(.ttl, count: decision.evictions.expired)
            recorder.stickyEvicted(.capacity, count: decision.evictions.displaced)
            recorder.stickyEvicted(.endpointDown, count: decision.evictions.endpointDown)
        }
        exchange.sticky = outcome
        exchange.stickyLines.removeAll(keepingCapacity: true)
        let source = exchange.session?.source
        self.loop.answers.appendStickyLines(outcome, source, to: &exchange.stickyLines)
        guard source == .sessionHeader, let field = self.field(of: .sessionHeader) else { return }
        let head = self.headBytes
        let value = head.readableBytesSpan.extracting(field.value)
        exchange.stickyLines.append(contentsOf: "X-Olla-Session-ID: ".utf8)
        value.withUnsafeBytes { exchange.stickyLines.append(contentsOf: $0) }
        exchange.stickyLines.append(contentsOf: "\r\n".utf8)
    }

    private func noteRouting(_ note: RoutingNote?) {
        let exchange = self.exchange
        exchange.note = note
        guard let note else {
            exchange.routingLines = []
            return
        }
        if let lines = self.loop.answers.routingLines(note) {
            exchange.routingLines = lines
        } else {
            exchange.routingLines = self.loop.answers.aliasLines(note, model: exchange.modelName)
        }
    }

    // MARK: None

    private func routingFailed(_ rejection: RouteRejection) {
        let profiles = self.exchange.fleet.profiles
        self.noteFailure(rejection)
        let answer =
            switch rejection.kind {
            case .exhausted:
                self.exchange.lastFailure.map { GatewayAnswer.afterLastAttempt($0) } ?? GatewayAnswer(.connectFailed)
            case .allBreakersOpen: GatewayAnswer(.allBreakersOpen)
            case .noHealthyEndpoint where self.exchange.messages != nil:
                GatewayAnswer(.noHealthyEndpoint, status: 404, outcome: .noEndpoint)
            case .noHealthyEndpoint, .allAtCapacity: GatewayAnswer(.noHealthyEndpoint)
            case .noProviderEndpoint: GatewayAnswer(.noProviderEndpoint)
            case .pathNotListed: GatewayAnswer(.notFound)
            case .modelNotFound, .modelUnavailable:
                GatewayAnswer(.modelRejected, status: rejection.status, outcome: rejection.outcome)
            }
        if rejection.kind == .allBreakersOpen { self.exchange.breaker = .open }
        let text = self.rejectionText(rejection.kind) ?? rejection.message(for: self.routeKind, profiles: profiles)
        self.answer(answer, text: rejection.kind == .exhausted ? nil : text, retryAt: rejection.retryAt)
    }

    /// Messages name their model where nothing can be said about it (http-surface 3.5).
    private func rejectionText(_ kind: RouteRejection.Kind) -> String? {
        guard self.exchange.messages != nil, kind == .noHealthyEndpoint else { return nil }
        return "no healthy endpoint for model \"\(String(decoding: self.exchange.modelName, as: UTF8.self))\""
    }

    private func noteFailure(_ rejection: RouteRejection) {
        let exchange = self.exchange
        self.noteRouting(rejection.note)
        if !exchange.modelName.isEmpty {
            let name = exchange.modelName
            let known = exchange.fleet.model(named: name.span)
            exchange.model = known.map { ModelSlot(rawValue: exchange.fleet[$0].metricSlot) } ?? .other
        }
        if let failure = rejection.failure { self.loop.recorder.routingFailed(failure) }
        if !self.isRequestComplete { self.closesAfterAnswer = true }
    }

    // MARK: Queue

    /// Gets in line, or stays there after a call that came to nothing.
    private func awaitPlace(_ rejection: RouteRejection, at now: MonotonicTime) {
        let exchange = self.exchange
        let room = self.loop.router.room
        if let waiter = exchange.waiter, waiter.isWaiting(for: rejection.line) {
            exchange.machine.placeAwaited(at: now)
            room.stay(waiter)
            if self.hasAlternative(to: exchange.machine.tried, at: now) { room.callAgain(waiter) }
            return
        }
        self.leaveQueue()
        exchange.turn &+= 1
        let turn = exchange.turn
        let connection = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        let eventLoop = self.loop.eventLoop
        let waiter = room.enter(rejection.line, at: now) {
            eventLoop.execute { connection.value.placeOffered(turn: turn) }
        }
        guard let waiter else { return self.refuseToWait(.queueFull, .queueFull, rejection, at: now) }
        exchange.waiter = waiter
        exchange.rejection = rejection
        exchange.machine.placeAwaited(at: now)
        self.loop.recorder.queueEntered()
        // A line changes when the fleet does; the time to wait stays that of the first one.
        let deadline = exchange.queueDeadline ?? now + room.policy.timeout
        exchange.queueDeadline = deadline
        self.arm(at: deadline)
        self.resumeInput()
    }

    /// A place may have become free.
    private func placeOffered(turn: UInt64) {
        let exchange = self.exchange
        guard exchange.isActive, exchange.turn == turn, exchange.machine.phase == .queued else { return }
        let now = Clock.now()
        exchange.machine.placeOffered(at: now)
        // Indexes of endpoints that were tried belong to the fleet they were tried in.
        if exchange.machine.attemptCount == 0 { self.takeCurrentFleet() }
        self.chooseEndpoint(at: now)
    }

    /// The request has waited for as long as it may.
    func queueTimedOut(at now: MonotonicTime) {
        guard let rejection = self.exchange.rejection else { return }
        self.refuseToWait(.queueTimeout, .queueTimedOut, rejection, at: now)
    }

    private func refuseToWait(
        _ decision: AdmissionDecision, _ kind: GatewayAnswer.Kind, _ rejection: RouteRejection, at now: MonotonicTime
    ) {
        let expected = max(self.loop.router.room.wait(for: rejection.line, at: now), .seconds(1))
        self.leaveQueue()
        self.countAdmission(decision)
        self.noteFailure(rejection)
        self.answer(GatewayAnswer(kind), retryAt: now + min(expected, .seconds(60)))
    }

    /// Gives the place in the queue up, if the request has one.
    func leaveQueue() {
        guard let waiter = self.exchange.waiter else { return }
        self.exchange.waiter = nil
        self.loop.router.room.leave(waiter)
        self.loop.recorder.queueLeft()
    }

    /// An attempt is over: whoever waits for a place on its endpoint may have it.
    func freePlace(on endpoint: FleetEndpoint) {
        endpoint.live.end()
        guard endpoint.spec.maxConcurrentRequests > 0 else { return }
        if self.exchange.fleet.revision == self.loop.currentFleet().revision {
            self.loop.router.room.placeFreed(on: endpoint.index)
        } else {
            // The endpoint's place in the configuration now is another one.
            self.loop.router.room.callEveryLine()
        }
    }

    /// Takes the newest fleet over, for a request that has waited and has not been tried anywhere.
    private func takeCurrentFleet() {
        let exchange = self.exchange
        let fleet = self.loop.currentFleet()
        if fleet.revision != exchange.fleet.revision, fleet.profiles != exchange.fleet.profiles {
            let bytes = self.headBytes
            let match = self.loop.paths.match(
                path: self.routedPath(bytes.readableBytesSpan),
                method: bytes.readableBytesSpan.extracting(self.head.methodRange))
            // A route that is gone ends for the next request; this one was let in by it.
            guard match.isProxied else { return }
            exchange.match = match
        }
        exchange.fleet = fleet
    }

    // MARK: Discovery

    /// Asks the endpoints again which models they have, then chooses afresh.
    private func refreshModels() {
        let exchange = self.exchange
        exchange.turn &+= 1
        let turn = exchange.turn
        let connection = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        let eventLoop = self.loop.eventLoop
        let refresh = self.loop.shared.refreshModels
        self.arm(at: .distantFuture)
        Task {
            let result = await refresh()
            eventLoop.execute { connection.value.modelsRefreshed(result, turn: turn) }
        }
    }

    private func modelsRefreshed(_ result: ModelRefresh, turn: UInt64) {
        let exchange = self.exchange
        guard exchange.isActive, exchange.turn == turn, exchange.machine.phase == .routing else { return }
        // An answer of "not asked" would ask for ever.
        exchange.refresh = result == .notAsked ? .failed : result
        self.takeCurrentFleet()
        self.chooseEndpoint(at: Clock.now())
    }
}
