import NIOCore
import NIOHTTP1
import NIOPosix
import SeededRandomness

/// Sends the traffic of a load maker.
///
/// - Isolation: one event loop.
final class LoadDriver {
    private let configuration: LoadMaker.Configuration
    private let loop: any EventLoop
    private let hostField: String
    private var random: SeededGenerator
    private var ticker: RepeatedTask?
    private var startedAt = NIODeadline.uptimeNanoseconds(0)
    private var sent = 0
    /// Requests whose time has come since the start, whether sent or skipped.
    private var due = 0
    private var underWay: [Int: LoadConnection?] = [:]
    private var idle: [LoadConnection] = []
    private var waiters: [EventLoopPromise<LoadSummary>] = []
    private var isStopped = false
    private(set) var summary = LoadSummary()

    init(configuration: LoadMaker.Configuration, loop: any EventLoop) {
        self.configuration = configuration
        self.loop = loop
        self.hostField = "\(configuration.host):\(configuration.port)"
        self.random = SeededGenerator(seed: configuration.seed)
    }

    func start() {
        guard self.ticker == nil, !self.isStopped else { return }
        self.startedAt = .now()
        // Never more than a thousand wake-ups a second; each sends all that is due.
        let interval = max(1_000_000, Int64(1e9 / self.configuration.requestsPerSecond))
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        self.ticker = self.loop.scheduleRepeatedTask(
            initialDelay: .zero, delay: .nanoseconds(interval)
        ) { _ in bound.value.tick() }
    }

    func stop() {
        self.isStopped = true
        self.ticker?.cancel()
        for connection in self.underWay.values { connection?.close() }
        for connection in self.idle { connection.close() }
        self.idle = []
        self.finishIfDone()
    }

    func whenFinished() -> EventLoopFuture<LoadSummary> {
        let promise = self.loop.makePromise(of: LoadSummary.self)
        self.waiters.append(promise)
        self.finishIfDone()
        return promise.futureResult
    }

    private var isExhausted: Bool {
        self.configuration.requestsMax.map { self.sent >= $0 } ?? false
    }

    private func finishIfDone() {
        guard self.underWay.isEmpty, self.isStopped || self.isExhausted else { return }
        let waiters = self.waiters
        self.waiters = []
        for waiter in waiters { waiter.succeed(self.summary) }
    }

    private func tick() {
        let elapsed = Double((NIODeadline.now() - self.startedAt).nanoseconds) / 1e9
        let target = Int(elapsed * self.configuration.requestsPerSecond) + 1
        while self.due < target, !self.isStopped, !self.isExhausted {
            guard self.underWay.count < self.configuration.concurrencyMax else {
                self.summary.skipped += target - self.due
                self.due = target
                return
            }
            self.due += 1
            guard
                let call = LoadCall.next(
                    targets: self.configuration.targets, mix: self.configuration.mix,
                    random: &self.random)
            else {
                self.stop()
                return
            }
            self.sent += 1
            self.send(call, number: self.sent)
        }
        if self.isExhausted { self.ticker?.cancel() }
    }

    private func send(_ call: LoadCall, number: Int) {
        while let connection = self.idle.popLast() {
            guard connection.isReusable else { continue }
            self.send(call, number: number, on: connection)
            return
        }
        self.underWay[number] = .some(nil)
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        self.connect().assumeIsolated().whenComplete { result in
            switch result {
            case .success(let connection):
                self.summary.connections += 1
                self.send(call, number: number, on: connection.value)
                if self.isStopped { connection.value.close() }
            case .failure:
                bound.value.ended(
                    call, number: number, connection: nil,
                    result: LoadResult(
                        outcome: .unreachable, chunks: 0, inputTokens: 0, outputTokens: 0,
                        bodyBytes: 0, timeToFirstToken: nil))
            }
        }
    }

    private func connect() -> EventLoopFuture<NIOLoopBound<LoadConnection>> {
        let bootstrap = ClientBootstrap(group: self.loop)
            .connectTimeout(.seconds(10))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        return bootstrap.connect(
            host: self.configuration.host, port: self.configuration.port
        ).flatMapThrowing { channel in
            let connection = LoadConnection()
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(connection)
            return NIOLoopBound(connection, eventLoop: channel.eventLoop)
        }
    }

    private func send(_ call: LoadCall, number: Int, on connection: LoadConnection) {
        self.underWay[number] = connection
        connection.send(
            call, host: self.hostField, key: self.configuration.key,
            timeLimit: .nanoseconds(self.configuration.timeLimit.nanoseconds)
        ) { result in
            self.ended(call, number: number, connection: connection, result: result)
        }
    }

    private func ended(
        _ call: LoadCall, number: Int, connection: LoadConnection?, result: LoadResult
    ) {
        self.underWay[number] = nil
        if let connection, connection.isReusable, !self.isStopped { self.idle.append(connection) }
        // What our own stop has cut is no fault of the server.
        let outcome = self.isStopped && result.outcome == .broken ? .cancelled : result.outcome
        let key = LoadSummary.Key(
            prefix: call.target.prefix, operation: call.operation, outcome: outcome)
        self.summary.cells[key, default: LoadSummary.Cell()].requests += 1
        self.summary.cells[key, default: LoadSummary.Cell()].chunks += result.chunks
        self.summary.cells[key, default: LoadSummary.Cell()].inputTokens += result.inputTokens
        self.summary.cells[key, default: LoadSummary.Cell()].outputTokens += result.outputTokens
        self.summary.cells[key, default: LoadSummary.Cell()].bodyBytes += result.bodyBytes
        if let time = result.timeToFirstToken,
            self.summary.timesToFirstToken.count < LoadSummary.samplesMax
        {
            self.summary.timesToFirstToken.append(time)
        }
        self.finishIfDone()
    }
}

@available(*, unavailable)
extension LoadDriver: Sendable {}
