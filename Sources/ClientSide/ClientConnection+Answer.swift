import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Telemetry
import Transport

// Answers that no backend gave, and the end of every request.

extension ClientConnection {
    // MARK: The gateway's own answers

    /// Answers in a backend's place.
    ///
    /// - Parameters:
    ///   - answer: what is answered.
    ///   - text: the body; the kind's own words when nil.
    ///   - retryAt: when another try makes sense; ``MonotonicTime/zero`` when nothing is known.
    func answer(_ answer: GatewayAnswer, text: String? = nil, retryAt: MonotonicTime = .zero) {
        let exchange = self.exchange
        let now = Clock.now()
        exchange.machine.answered(answer, at: now)
        let body =
            text ?? self.messagesText(answer.kind)
            ?? self.loop.answers.text(
                answer, failure: exchange.lastFailure, elapsed: now - exchange.machine.timeline.start)
        var fields: [(name: String, value: String)] = []
        if retryAt > now, retryAt != .distantFuture {
            fields.append(("Retry-After", String(((retryAt - now).rawValue + 999_999_999) / 1_000_000_000)))
        }
        exchange.rate?.append(to: &fields)
        if answer.kind == .unauthorized { fields.append(("WWW-Authenticate", "Bearer")) }
        if answer.kind == .upgradeRefused { fields.append(("Upgrade", "HTTP/1.1")) }
        let code = answer.kind == .modelRejected ? body : answer.kind.code
        self.write(self.errorResponse(answer.status, body, code: code, fields: fields), withRouting: true)
    }

    /// Answers a path that leads to no backend.
    func answerWithoutBackend() {
        let exchange = self.exchange
        let now = Clock.now()
        exchange.machine.inspected(at: now)
        if exchange.isPreflight { return self.answerLocally(LocalResponse(status: 204)) }
        if self.isTurnedAway() { return }
        switch exchange.match.target {
        case .notFound: self.answerLocally(.notFound)
        case .methodNotAllowed(let allowed) where exchange.match.speaksAnthropic:
            let field: LocalResponse.Field = ("Allow", allowed.fieldValue.description)
            self.answerLocally(
                self.errorResponse(
                    405, "method not allowed: use \(allowed.fieldValue)", code: "method_not_allowed", fields: [field]))
        case .methodNotAllowed(let allowed): self.answerLocally(.methodNotAllowed(allowed))
        case .redirect:
            let request = self.localRequest(.health)
            let location = self.loop.paths.location(path: request.path, query: request.query)
            self.answerLocally(.redirect(to: location, method: request.method))
        case .local(let route): self.askLocalRoutes(route)
        case .proxy, .provider, .messages: self.loop.recorder.bug(.engine)
        }
    }

    /// Whether the client may not even learn which internal routes there are; it has been answered then.
    private func isTurnedAway() -> Bool {
        guard self.exchange.match.routeClass == .internal, self.surface != .clients else { return false }
        // The routes judge by themselves who asks for them.
        if case .local = self.exchange.match.target { return false }
        guard let refusal = self.loop.routes.refusal(of: self.localRequest(.health)) else { return false }
        self.answerLocally(refusal)
        return true
    }

    private func askLocalRoutes(_ route: LocalRoute) {
        let request = self.localRequest(route)
        let turn = self.exchange.turn
        let connection = NIOLoopBound(self, eventLoop: self.loop.eventLoop)
        let eventLoop = self.loop.eventLoop
        let routes = self.loop.routes
        Task {
            let response = await routes.respond(to: request)
            eventLoop.execute {
                let connection = connection.value
                guard connection.exchange.isActive, connection.exchange.turn == turn, !connection.isAnswerComplete
                else {
                    return
                }
                connection.answerLocally(response)
            }
        }
    }

    func answerLocally(_ local: LocalResponse) {
        var response = self.inClientsForm(local)
        self.exchange.rate?.append(to: &response.fields)
        self.exchange.machine.answeredLocally(status: response.status, at: Clock.now())
        if response.closes { self.closesAfterAnswer = true }
        self.write(response, withRouting: false)
    }

    private func localRequest(_ route: LocalRoute) -> LocalRequest {
        let bytes = self.headBytes.readableBytesView
        func text(_ range: Range<Int>) -> String {
            let start = bytes.startIndex + range.lowerBound
            return String(decoding: bytes[start..<start + range.count], as: UTF8.self)
        }
        var fields: [LocalRequest.Field] = []
        for index in 0..<self.head.fields.count {
            fields.append((text(self.head.fields[index].name), text(self.head.fields[index].value)))
        }
        return LocalRequest(
            route: route, method: text(self.head.methodRange), path: text(self.head.path),
            query: self.head.query.map(text) ?? "", fields: fields,
            clientAddress: String(decoding: self.clientAddress, as: UTF8.self),
            peerAddress: String(decoding: self.clientAddress, as: UTF8.self), requestID: self.exchange.id.text,
            host: self.head.host.map(text) ?? "", fleet: self.exchange.fleet)
    }

    private func write(_ response: LocalResponse, withRouting: Bool) {
        let exchange = self.exchange
        let isHead = self.head.method == .head
        self.takeOut()
        self.loop.answers.writeHead(
            response, id: exchange.id, closes: self.closesAfterAnswer,
            saysKeepAlive: self.head.version == .zero && !self.closesAfterAnswer,
            wire: withRouting ? exchange.wire : nil,
            routing: self.dialectLines + (withRouting ? exchange.routingLines : []),
            sticky: withRouting && exchange.wire != nil ? exchange.stickyLines : [], cors: exchange.corsLines,
            date: self.loop.dateLine(at: Clock.now()), into: &self.out)
        if !isHead, !response.body.isEmpty, response.status != 204, response.status != 304 {
            exchange.responseBytes += response.body.count
            exchange.messages?.inspection?.append(response.body)
            self.out.writeBytes(response.body)
        }
        self.answerCompleted()
    }

    // MARK: The end

    /// The client's socket has taken the last byte.
    func requestFinished(at now: MonotonicTime) {
        self.exchange.machine.responseFlushed(at: now)
        self.finishStream(aborted: nil)
        self.finishRequest()
        if self.closesAfterAnswer || self.reading == .body {
            self.closeGracefully()
            return
        }
        self.reading = .head
        self.head.reset()
        self.arm(at: now + self.loop.configuration.clientIdleTimeout)
        self.resumeInput()
        guard self.input.readableBytes > 0 else {
            self.input = ByteBuffer()
            return
        }
        self.process()
        // This is no read of the client's, at whose end its channel would say that the input is done with.
        self.inputTaken()
    }

    /// The stream, if the answer was one, is over; nil means it came to its end.
    func finishStream(aborted reason: StreamAbortReason?) {
        let exchange = self.exchange
        guard exchange.observation.isStream, !exchange.isStreamClosed, let wire = exchange.wire else { return }
        exchange.isStreamClosed = true
        if let reason {
            self.loop.recorder.streamAborted(wire.slot, reason)
        } else {
            self.loop.recorder.streamEnded(wire.slot)
        }
    }

    /// Records everything about a request that has ended, and forgets it.
    func finishRequest() {
        let exchange = self.exchange
        guard exchange.isActive else { return }
        exchange.isActive = false
        if let inspection = exchange.messages?.inspection { self.inspect(inspection) }
        self.isAnswerComplete = false
        self.leaveQueue()
        self.loop.requestFinished(self)
        self.recordCompletion()
        self.recordRequest()
        self.recordMessages()
        if exchange.clientKey != nil { self.recordClientKey() }
        self.writeLogLine()
        self.logEnd()
        self.recordRequestSpan()
        self.remember()
        exchange.endMessages()
        exchange.wire = nil
        if self.body.capacity > 65_536 { self.body = ByteBuffer() }
    }

    private func recordCompletion() {
        let exchange = self.exchange
        guard exchange.operation != nil, let wire = exchange.wire, exchange.machine.status < 300,
            exchange.machine.status != 0
        else { return }
        let recorder = self.loop.recorder
        let usage = exchange.observation.usage
        if usage.isKnown {
            recorder.usage(exchange.model, wire.slot, usage, exemplar: self.exemplar(at: exchange.machine.timeline.end))
        } else if exchange.machine.outcome == .ok {
            recorder.usageMissing(wire.slot)
        }
        if let reason = exchange.observation.finishReason { recorder.finished(exchange.model, reason) }
        if exchange.observation.timeToFirstToken != nil {
            let isWhole = exchange.machine.outcome == .ok
            recorder.streamFinished(
                model: exchange.model, endpoint: wire.slot,
                timePerOutputToken: isWhole ? exchange.observation.timePerOutputToken(usage) : nil,
                longestStall: exchange.observation.longestStall,
                tokensPerSecond: isWhole ? exchange.observation.tokensPerSecond(usage) : nil,
                exemplar: self.exemplar(at: exchange.machine.timeline.end))
        }
    }

    private func recordRequest() {
        let exchange = self.exchange
        var report = RequestReport(
            route: exchange.match.routeClass, method: exchange.method, code: exchange.machine.status,
            outcome: exchange.machine.outcome, timeline: exchange.machine.timeline)
        report.isStream = exchange.isStream
        for row in 0..<exchange.machine.ledger.count {
            let attempt = exchange.machine.ledger[row]
            let slot = exchange.fleet[attempt.endpoint].map { EndpointSlot(rawValue: $0.metricSlot) } ?? .other
            report.attempts.append(slot, attempt.times)
        }
        report.model = exchange.model
        report.requestBodyBytes = exchange.requestBytes
        report.responseBodyBytes = exchange.responseBytes
        if exchange.machine.attemptCount > 0 {
            report.operation = exchange.operation
            report.operationDuration = exchange.machine.timeline.end - exchange.machine.firstChoice
        }
        if case .local(.metrics) = exchange.match.target { report.isScrape = true }
        let end = exchange.machine.timeline.end
        self.loop.recorder.requestFinished(report, exemplar: self.exemplar(at: end))
        self.loop.recorder.modelAsked(
            exchange.model, attempts: report.attempts.count, isFallback: exchange.usedFallback,
            client: self.clientFingerprint, wallTime: self.loop.wallClock(at: end))
    }
}
