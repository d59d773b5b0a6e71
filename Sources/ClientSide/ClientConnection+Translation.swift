import Catalog
import Dialects
import Domain
import HTTPWire
import NIOCore
import Pipeline
import Telemetry
import Translation
import Transport

// Answers that are rewritten for clients of Anthropic's Messages API (http-surface 4.5 and 4.6).

extension ClientConnection {
    /// The call whose answer is being rewritten; nil while answers go on as they come.
    var translating: MessagesTurn? {
        guard let messages = self.exchange.messages, messages.relay != .untouched else { return nil }
        return messages
    }

    // MARK: Head

    /// The head of the endpoint's answer is complete: decides how the rest is rewritten.
    func beginTranslation(
        _ messages: MessagesTurn, _ head: borrowing ResponseHead, bytes: ByteBuffer, at now: MonotonicTime
    ) {
        let span = bytes.readableBytesSpan
        self.flushesEveryRead = true
        self.forwardsTrailers = false
        self.isEncoded = false
        self.clientFraming = .none
        messages.retryAfter.removeAll(keepingCapacity: true)
        if let field = head.first(.retryAfter) {
            span.extracting(field.value).withUnsafeBytes { messages.retryAfter.append(contentsOf: $0) }
        }
        var isStream = false
        if let field = head.first(.contentType) {
            isStream = ResponseFraming(contentType: span.extracting(field.value)) == .sse
        }
        if head.status >= 400 {
            messages.relay = .error
            self.exchange.machine.answerWithheld()
        } else if head.contains(.contentEncoding), !Self.isIdentity(head, span) {
            messages.relay = .document
            messages.fault = "proxy error: the endpoint's answer has a content coding although none was asked for"
            self.exchange.machine.answerWithheld()
        } else if messages.request.isStream, isStream {
            messages.relay = .stream
            self.exchange.machine.answerReleased(status: 200)
            self.writeStreamHead(at: now)
            self.beginStream(messages)
        } else {
            messages.relay = .document
            self.exchange.machine.answerWithheld()
        }
        self.armUpstreamRead(at: now)
    }

    private static func isIdentity(_ head: borrowing ResponseHead, _ bytes: RawSpan) -> Bool {
        guard let field = head.first(.contentEncoding) else { return true }
        return bytes.extracting(field.value).withUnsafeBytes { value in
            value.count == 8 && zip(value, "identity".utf8).allSatisfy { $0 | 0x20 == $1 }
        }
    }

    private func beginStream(_ messages: MessagesTurn) {
        messages.stream.begin(
            id: self.messageID(), model: self.exchange.modelName, inputTokens: messages.request.inputTokens,
            into: &messages.output)
        self.writeEvents(messages)
    }

    private func messageID() -> MessageID {
        MessageID(high: self.loop.random.next(), low: self.loop.random.next())
    }

    private func writeStreamHead(at now: MonotonicTime) {
        let isHTTP11 = self.head.version == .one
        self.clientFraming = isHTTP11 ? .chunked : .close
        if !isHTTP11 { self.closesAfterAnswer = true }
        self.takeOut()
        self.out.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n")
        if isHTTP11 { self.out.writeStaticString("Transfer-Encoding: chunked\r\n") }
        self.out.writeStaticString(self.closesAfterAnswer ? "Connection: close\r\n" : "Connection: keep-alive\r\n")
        self.writeTranslatedFields(at: now)
        self.unflushed = self.out.readableBytes
    }

    /// What every rewritten answer says about its way (http-surface 2.3), and the end of the head.
    private func writeTranslatedFields(at now: MonotonicTime) {
        let exchange = self.exchange
        self.out.writeBytes(self.loop.dateLine(at: now))
        self.out.writeStaticString("X-Olla-Request-ID: ")
        let id = exchange.id
        id.span.withUnsafeBytes { _ = self.out.writeBytes($0) }
        self.out.writeStaticString("\r\n")
        self.out.writeBytes(self.dialectLines)
        if let wire = exchange.wire { self.out.writeBytes(wire.answerLines) }
        if !exchange.modelField.isEmpty {
            self.out.writeStaticString("X-Olla-Model: ")
            self.out.writeBytes(exchange.modelField)
            self.out.writeStaticString("\r\n")
        }
        let time = now - exchange.machine.timeline.start
        self.out.writeString("X-Olla-Response-Time: \(max(0, time.rawValue / 1_000_000))ms\r\n")
        if let rate = exchange.rate {
            var fields: [LocalResponse.Field] = []
            rate.append(to: &fields)
            for field in fields { self.out.writeString("\(field.name): \(field.value)\r\n") }
        }
        self.out.writeBytes(exchange.routingLines)
        self.out.writeBytes(exchange.stickyLines)
        self.out.writeBytes(exchange.corsLines)
        if let messages = exchange.messages, !messages.retryAfter.isEmpty {
            self.out.writeStaticString("Retry-After: ")
            self.out.writeBytes(messages.retryAfter)
            self.out.writeStaticString("\r\n")
        }
        self.out.writeStaticString("\r\n")
    }

    // MARK: Body

    /// Takes a piece of the endpoint's answer, after transfer coding.
    func translateContent(_ data: ByteBuffer, _ messages: MessagesTurn) {
        guard messages.relay == .stream else { return messages.hold(data) }
        messages.stream.feed(data.readableBytesSpan, into: &messages.output)
        self.writeEvents(messages)
    }

    /// Writes the events that are ready, as one piece.
    private func writeEvents(_ messages: MessagesTurn) {
        guard !messages.output.isEmpty else { return }
        self.exchange.machine.chunkReceived(at: Clock.now())
        self.exchange.responseBytes += messages.output.count
        messages.inspection?.append(messages.output)
        self.takeOut()
        if self.clientFraming == .chunked { Chunk.writePrefix(messages.output.count, into: &self.out) }
        self.out.writeBytes(messages.output)
        if self.clientFraming == .chunked { self.out.writeStaticString("\r\n") }
        self.unflushed += messages.output.count
        messages.output.removeAll(keepingCapacity: true)
    }

    /// A read of the endpoint's answer is over; false when the answer turned out to be of no use.
    func translatedReadCompleted(_ messages: MessagesTurn) -> Bool {
        if messages.relay == .stream, messages.stream.phase == .failed {
            self.attemptFailed(UpstreamFailure(.http5xx), hasAnswerBegun: true)
            return false
        }
        if messages.relay == .document, messages.fault != nil {
            self.attemptFailed(UpstreamFailure(.protocol), hasAnswerBegun: true)
            return false
        }
        return true
    }

    /// Says that the answer is still being worked on, when nothing else was said for a while.
    func sendPing(_ messages: MessagesTurn, at now: MonotonicTime) {
        messages.stream.ping(into: &messages.output)
        self.writeEvents(messages)
        self.flushAnswer()
        if self.isClientDrained { self.armSilence(messages, at: now) }
    }

    /// Arms the moment of the next ping, or the end of patience with the endpoint if that is sooner.
    func armSilence(_ messages: MessagesTurn, at now: MonotonicTime) {
        let interval = self.loop.configuration.messagePingInterval
        let ping = interval > .zero ? now + interval : MonotonicTime.distantFuture
        self.arm(at: min(messages.deadline, ping))
    }

    // MARK: End

    /// The endpoint's answer is complete: rewrites what was kept and ends the client's answer.
    ///
    /// - Parameters:
    ///   - messages: the call.
    ///   - isWhole: whether the endpoint marked the end, rather than just closing the connection.
    ///   - now: the time.
    /// - Returns: false when the answer turned out to be of no use; the attempt has failed then.
    func finishTranslation(_ messages: MessagesTurn, isWhole: Bool, at now: MonotonicTime) -> Bool {
        guard self.translatedReadCompleted(messages) else { return false }
        self.exchange.machine.answerTranslationBegan(at: now)
        switch messages.relay {
        case .untouched: return true
        case .stream: return self.finishStream(messages, isWhole: isWhole)
        case .document: return self.finishDocument(messages, at: now)
        case .error:
            let held = messages.held
            let message = AnthropicError.message(inBackendError: held.readableBytesSpan)
            let status = self.exchange.machine.status
            AnthropicError.append(
                status: status, message: message, requestID: self.exchange.id.text, to: &messages.output)
            self.writeDocument(messages, status: status, at: now)
            return true
        }
    }

    private func finishStream(_ messages: MessagesTurn, isWhole: Bool) -> Bool {
        guard messages.stream.finish(isWhole: isWhole, into: &messages.output) else {
            let hasFailed = messages.stream.phase == .failed
            self.attemptFailed(UpstreamFailure(hasFailed ? .http5xx : .closed), hasAnswerBegun: true)
            return false
        }
        self.writeEvents(messages)
        if self.clientFraming == .chunked { self.writeOut(Chunk.end) }
        return true
    }

    private func finishDocument(_ messages: MessagesTurn, at now: MonotonicTime) -> Bool {
        let held = messages.held
        do {
            if messages.request.isStream {
                // The endpoint gave all at once although a stream was asked for.
                let start = messages.output.count
                messages.stream.begin(
                    id: self.messageID(), model: self.exchange.modelName,
                    inputTokens: messages.request.inputTokens, into: &messages.output)
                do {
                    try messages.stream.take(whole: held.readableBytesSpan, into: &messages.output)
                } catch {
                    messages.output.removeSubrange(start...)
                    throw error
                }
                self.exchange.machine.answerReleased(status: 200)
                messages.relay = .stream
                self.writeStreamHead(at: now)
                self.writeEvents(messages)
                if self.clientFraming == .chunked { self.writeOut(Chunk.end) }
                return true
            }
            try messages.answer.appendMessage(held.readableBytesSpan, id: self.messageID(), to: &messages.output)
        } catch {
            messages.output.removeAll(keepingCapacity: true)
            messages.fault =
                "proxy error: \((error as? ChatAnswer.Fault)?.message ?? "the endpoint's answer cannot be used")"
            self.attemptFailed(UpstreamFailure(.protocol), hasAnswerBegun: true)
            return false
        }
        self.writeDocument(messages, status: 200, at: now)
        return true
    }

    private func writeDocument(_ messages: MessagesTurn, status: Int, at now: MonotonicTime) {
        self.exchange.machine.answerReleased(status: status)
        self.exchange.machine.chunkReceived(at: Clock.now())
        self.clientFraming = .length(UInt64(messages.output.count))
        let phrase = ReasonPhrase.of(UInt16(clamping: status))
        self.takeOut()
        self.out.writeString("HTTP/1.1 \(status) \(phrase)\r\nContent-Type: application/json\r\n")
        self.out.writeString("Content-Length: \(messages.output.count)\r\n")
        if self.closesAfterAnswer {
            self.out.writeStaticString("Connection: close\r\n")
        } else if self.head.version == .zero {
            self.out.writeStaticString("Connection: keep-alive\r\n")
        }
        self.writeTranslatedFields(at: now)
        self.exchange.responseBytes += messages.output.count
        messages.inspection?.append(messages.output)
        self.out.writeBytes(messages.output)
        self.unflushed += self.out.readableBytes
        messages.output.removeAll(keepingCapacity: true)
    }

    /// Tells the client of a rewritten stream that it will not be completed.
    func failTranslation(_ messages: MessagesTurn, _ message: String) {
        guard messages.relay == .stream else { return }
        messages.stream.fail(message, into: &messages.output)
        self.writeEvents(messages)
    }

    // MARK: Gateway's own answers

    /// Header lines that clients of the dialect look for; none for the others.
    var dialectLines: [UInt8] {
        guard self.exchange.match.speaksAnthropic else { return [] }
        var lines = Array("request-id: ".utf8)
        let id = self.exchange.id
        id.span.withUnsafeBytes { lines.append(contentsOf: $0) }
        lines.append(contentsOf: "\r\n".utf8)
        if let messages = self.exchange.messages, messages.mode == .passthrough {
            lines.append(contentsOf: "X-Olla-Mode: passthrough\r\n".utf8)
        }
        return lines
    }

    /// What clients of the Messages API are told beyond the words that all clients are; nil for nothing.
    func messagesText(_ kind: GatewayAnswer.Kind) -> String? {
        guard self.exchange.match.isMessages else { return nil }
        if kind == .bodyTooLarge { return "Request body too large: the limit is \(self.bodyBytesMax) bytes" }
        return self.exchange.messages?.fault
    }
}

extension PathMatch {
    /// Whether the path is a call of Anthropic's Messages API.
    var isMessages: Bool { if case .messages = self.target { true } else { false } }
}
