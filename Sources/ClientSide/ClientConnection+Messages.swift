import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Routing
import Telemetry
import Translation
import Transport

// Requests of Anthropic's Messages API, from their head to the bytes an endpoint gets (http-surface 4.1 to 4.4).

extension ClientConnection {
    /// The largest body of the request being served, 0 for any.
    var bodyBytesMax: Int {
        let configuration = self.loop.configuration
        guard self.exchange.match.isMessages else { return configuration.bodyBytesMax }
        let limit = configuration.messageBytesMax
        return configuration.bodyBytesMax > 0 ? min(limit, configuration.bodyBytesMax) : limit
    }

    /// The head of a call has been read; its body is read whole before anything is decided.
    func beginMessages(_ call: MessagesCall, at now: MonotonicTime) {
        let exchange = self.exchange
        exchange.beginMessages(call)
        exchange.operation = call == .send ? .chat : nil
        if self.loop.shared.inspector != nil, call == .send { exchange.messages?.inspection = Inspection() }
        // Whatever its type says, the body is JSON or nothing.
        let type: StaticString = "application/json"
        let bytes = UnsafeRawBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount)
        exchange.scan.restart(contentType: bytes.bytes)
        if self.isRequestComplete {
            exchange.scan.finish()
            return self.messagesReceived(at: now)
        }
        if self.head.expectsContinue, self.input.readableBytes == 0 { self.sendContinue() }
        exchange.machine.bodyAwaited(at: now)
        self.armClientRead(at: now)
    }

    /// The body of a call is whole.
    func messagesReceived(at now: MonotonicTime) {
        guard let messages = self.exchange.messages else { return }
        let body = self.body
        do {
            switch messages.call {
            case .send:
                try messages.request.read(body.readableBytesSpan)
                self.routeRequest(at: now)
            case .countTokens:
                try messages.request.readForCounting(body.readableBytesSpan)
                self.exchange.machine.inspected(at: now)
                self.answerLocally(
                    LocalResponse(
                        status: 200, fields: [("Content-Type", "application/json")],
                        body: Array("{\"input_tokens\":\(messages.request.inputTokens)}".utf8)))
            }
        } catch {
            self.answer(GatewayAnswer(.invalidRequest), text: error.message)
        }
    }

    // MARK: Mode

    /// Decides whether the endpoints get the request as it is, and rewrites it if not; false when it was refused.
    ///
    /// Asked before every choice until an attempt has been made: the fleet may have changed meanwhile.
    func decideMode(_ messages: MessagesTurn, question: RouteRequest, at now: MonotonicTime) -> Bool {
        guard self.exchange.machine.attemptCount == 0 else { return true }
        var fallback: TranslatorFallback?
        if self.loop.configuration.passesMessagesThrough {
            let (fleet, name) = (self.exchange.fleet, self.exchange.modelName)
            var question = question
            question.within = nil
            let endpoints = self.loop.router.eligible(question, path: Span(), model: name.span, in: fleet)
            switch MessagesPassthrough(messages.request.needs, among: endpoints, in: fleet) {
            case .possible(let capable, let path):
                messages.passThrough(to: capable, path: path)
                return true
            case .noEndpointSpeaksIt: fallback = .noCompatibleEndpoints
            case .needsTooMuch: fallback = .cannotPassthrough
            }
        }
        self.exchange.machine.requestTranslationBegan(at: now)
        do {
            try messages.translate(because: fallback)
        } catch {
            self.answer(GatewayAnswer(.invalidRequest), text: error.message)
            return false
        }
        self.exchange.machine.requestTranslated(at: Clock.now())
        return true
    }

    /// An endpoint may know the model by another name: puts that into the body of the attempt.
    func prepareMessages(_ messages: MessagesTurn, model name: String?) {
        let exchange = self.exchange
        guard let name else { return }
        if messages.isTranslated {
            exchange.machine.requestTranslationBegan(at: Clock.now())
            // It has been rewritten once without a fault, and the name cannot cause one.
            do { try messages.rewrite(model: name) } catch { self.loop.recorder.bug(.engine) }
        } else {
            let field = ModelField(range: messages.request.modelRange, encoding: .json)
            exchange.splice = AliasSplice(model: field, name: name)
        }
    }

    // MARK: Records

    /// Counts how a message was served; nothing for those that never reached an endpoint.
    func recordMessages() {
        let exchange = self.exchange
        guard let messages = exchange.messages, let mode = messages.mode, exchange.machine.attemptCount > 0 else {
            return
        }
        let result: RunResult = exchange.machine.outcome == .ok ? .ok : .fail
        self.loop.recorder.translatorFinished(.anthropic, mode, result)
        self.loop.shared.messages.finished(
            mode, isOK: result == .ok, isStream: messages.request.isStream,
            duration: exchange.machine.timeline.total, fallback: messages.fallback)
        if let fallback = messages.fallback { self.loop.recorder.translatorFellBack(.anthropic, fallback) }
    }
}
