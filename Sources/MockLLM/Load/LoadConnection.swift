import NIOCore
import NIOHTTP1

/// What one request gave.
struct LoadResult: Sendable {
    let outcome: LoadSummary.Outcome
    let chunks: Int
    let inputTokens: Int
    let outputTokens: Int
    let bodyBytes: Int
    let timeToFirstToken: Duration?
}

/// A kept-alive client connection that carries one request at a time.
///
/// - Isolation: the channel's event loop.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private struct Exchange {
        let call: LoadCall
        let startedAt: NIODeadline
        let done: (LoadResult) -> Void
        var status = 0
        var meter: AnswerMeter?
        var bodyBytes = 0
        var firstTokenAt: NIODeadline?
    }

    private var context: ChannelHandlerContext?
    private var exchange: Exchange?
    private var deadline: Scheduled<Void>?
    /// Whether another request may be sent.
    private(set) var isReusable = true

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Sends a request; `done` is called once, on the loop.
    func send(
        _ call: LoadCall, host: String, key: String?, timeLimit: TimeAmount,
        done: @escaping (LoadResult) -> Void
    ) {
        self.exchange = Exchange(call: call, startedAt: .now(), done: done)
        guard let context = self.context, self.isReusable else {
            self.end(.broken)
            return
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.deadline = context.eventLoop.scheduleTask(in: timeLimit) {
            bound.value.leave(.timedOut)
        }
        var headers = HTTPHeaders([
            ("Host", host), ("Accept", "*/*"), ("User-Agent", "mockllm-load"),
        ])
        if let key { headers.add(name: "Authorization", value: "Bearer \(key)") }
        if !call.body.isEmpty {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: String(call.body.count))
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: call.method), uri: call.path,
            headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if !call.body.isEmpty {
            let body = IOData.byteBuffer(ByteBuffer(bytes: call.body))
            context.write(self.wrapOutboundOut(.body(body)), promise: nil)
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Closes an idle connection, or gives up the request under way.
    func close() {
        self.isReusable = false
        self.context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            guard head.status.code >= 200 else { return }
            self.exchange?.status = Int(head.status.code)
            self.exchange?.meter = AnswerMeter(
                contentType: head.headers.first(name: "content-type") ?? "")
            if !head.isKeepAlive { self.isReusable = false }
        case .body(let buffer):
            self.exchange?.bodyBytes += buffer.readableBytes
            if self.exchange?.meter?.read(buffer.readableBytesView) == true {
                self.exchange?.firstTokenAt = .now()
            }
            if self.exchange?.call.operation == .cancelled, self.exchange?.firstTokenAt != nil {
                self.leave(.cancelled)
            }
        case .end:
            guard let status = self.exchange?.status, status > 0 else { return }
            self.exchange?.meter?.finish()
            let isWhole =
                self.exchange?.meter?.hasEnded == true && self.exchange?.meter?.hasFailed == false
            switch status {
            case 429: self.end(.rateLimited)
            case 400..<500: self.end(.clientError)
            case 500...: self.end(.serverError)
            default: self.end(isWhole ? .ok : .broken)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isReusable = false
        self.end(.broken)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.leave(.broken)
    }

    private func leave(_ outcome: LoadSummary.Outcome) {
        self.isReusable = false
        self.end(outcome)
        self.context?.close(promise: nil)
    }

    private func end(_ outcome: LoadSummary.Outcome) {
        guard let exchange = self.exchange else { return }
        self.exchange = nil
        self.deadline?.cancel()
        self.deadline = nil
        let meter = exchange.meter
        exchange.done(
            LoadResult(
                outcome: outcome, chunks: meter?.chunks ?? 0,
                inputTokens: meter?.inputTokens ?? 0, outputTokens: meter?.outputTokens ?? 0,
                bodyBytes: exchange.bodyBytes,
                timeToFirstToken: exchange.firstTokenAt.map {
                    .nanoseconds(($0 - exchange.startedAt).nanoseconds)
                }))
    }
}

@available(*, unavailable)
extension LoadConnection: Sendable {}
