import Domain
import Logging
import MockLLM
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestKit
import Testing

@testable import TraceExport

@Suite("The export of spans", .timeLimit(.minutes(2)))
struct SpanExporterTests {
    /// Answers as told and keeps what it was given.
    private final class Sender: SpanSender {
        private let state: Mutex<(verdicts: [SendVerdict], batches: [[String]])>

        init(_ verdicts: [SendVerdict]) { self.state = Mutex((verdicts, [])) }

        var batches: [[String]] { self.state.withLock { $0.batches } }

        func send(_ body: [UInt8], timeout: Nanoseconds) async -> SendVerdict {
            let ids = (try? ReadSpan.all(in: body).map { $0.text("spanId") ?? "" }) ?? ["broken"]
            return self.state.withLock { state in
                state.batches.append(ids)
                return state.verdicts.isEmpty ? .taken(rejected: 0, message: "") : state.verdicts.removeFirst()
            }
        }

        func shutdown() async {}
    }

    /// Exporters whose time passes at once, with what they waited for, lost and told.
    private final class Stage: Sendable {
        let queues: [SpanQueue]
        private let waits = Mutex<[Nanoseconds]>([])
        private let losses = Mutex<Int>(0)
        private let told = Mutex<[SpanExporter.Event]>([])

        init(queues: Int = 1, capacity: Int = 64) {
            self.queues = (0..<queues).map { _ in SpanQueue(capacity: capacity) }
        }

        var pauses: [Nanoseconds] { self.waits.withLock { $0 } }
        var lost: Int { self.losses.withLock { $0 } }
        var events: [SpanExporter.Event] { self.told.withLock { $0 } }

        /// An exporter; `takesTime` makes its pauses real, `isHasty` makes them short.
        func exporter(
            takesTime: Bool = false, sender: @escaping @Sendable () -> any SpanSender = { Sender([]) },
            batchMax: Int = 512, timeout: Nanoseconds = .seconds(5), isHasty: Bool = false
        ) -> SpanExporter {
            var policy = SpanExporter.Policy(timeout: timeout)
            policy.batchMax = batchMax
            if isHasty {
                policy.pollInterval = .milliseconds(5)
                policy.linger = .milliseconds(5)
            }
            return SpanExporter(
                queues: self.queues, policy: policy, version: "1", instance: "i",
                lost: { count in self.losses.withLock { $0 += count } }, makeSender: sender,
                wait: { time in
                    if takesTime { return try await SpanExporter.sleep(time) }
                    self.waits.withLock { $0.append(time) }
                }, events: { event in self.told.withLock { $0.append(event) } })
        }

        func fill(_ numbers: ClosedRange<UInt64>, queue: Int = 0) {
            for number in numbers {
                let isTaken = self.queues[queue].put(.request(number))
                #expect(isTaken)
            }
        }
    }

    private static func id(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test("sends what waits in all queues, in batches of bounded size")
    func batches() async {
        let stage = Stage(queues: 2)
        stage.fill(1...5)
        stage.fill(11...13, queue: 1)
        let sender = Sender([])
        let exporter = stage.exporter(batchMax: 4)
        for _ in 0..<3 { await exporter.exportNext(to: sender) }
        #expect(sender.batches.map(\.count) == [4, 4])
        #expect(Set(sender.batches.joined()) == Set([1, 2, 3, 4, 5, 11, 12, 13].map(Self.id)))
        #expect(sender.batches[0].contains(Self.id(1)) && sender.batches[1].contains(Self.id(11)))
        #expect(stage.lost == 0 && stage.pauses.isEmpty && stage.events.isEmpty)
    }

    @Test("waits as long as the collector asks, and twice as long after each silence")
    func retries() async {
        let stage = Stage()
        stage.fill(1...2)
        let sender = Sender([
            .unavailable(message: "busy", retryAfter: .seconds(7)), .unavailable(message: "gone", retryAfter: nil),
            .unavailable(message: "gone", retryAfter: nil), .unavailable(message: "busy", retryAfter: .seconds(600)),
        ])
        await stage.exporter().exportNext(to: sender)
        #expect(sender.batches == Array(repeating: [Self.id(1), Self.id(2)], count: 5))
        let pauses = stage.pauses
        #expect(pauses.count == 4)
        #expect(pauses.first == .seconds(7) && pauses.last == .seconds(60))
        #expect((Nanoseconds.milliseconds(250)...Nanoseconds.milliseconds(500)).contains(pauses[1]))
        #expect((Nanoseconds.milliseconds(500)...Nanoseconds.seconds(1)).contains(pauses[2]))
        #expect(stage.lost == 0 && stage.events.isEmpty)
    }

    @Test("gives a batch up after five tries and says so once")
    func givesUp() async {
        let stage = Stage()
        let sender = Sender(
            Array(repeating: .unavailable(message: "gone", retryAfter: nil), count: 10)
                + [.taken(rejected: 0, message: ""), .refused(message: "bad")])
        let exporter = stage.exporter()
        stage.fill(1...3)
        await exporter.exportNext(to: sender)
        #expect(sender.batches.count == 5 && stage.lost == 3)
        stage.fill(4...4)
        await exporter.exportNext(to: sender)
        #expect(sender.batches.count == 10 && stage.lost == 4)
        #expect(stage.events == [.failing(reason: "gone")])
        stage.fill(5...5)
        await exporter.exportNext(to: sender)
        #expect(stage.events == [.failing(reason: "gone"), .recovered])
        stage.fill(6...6)
        await exporter.exportNext(to: sender)
        #expect(sender.batches.count == 12 && stage.lost == 5)
        #expect(stage.events.last == .failing(reason: "bad"))
    }

    @Test("counts what the collector rejected of a batch")
    func partial() async {
        let stage = Stage()
        let sender = Sender([.taken(rejected: 2, message: "too old"), .taken(rejected: 99, message: "odd")])
        let exporter = stage.exporter()
        stage.fill(1...3)
        await exporter.exportNext(to: sender)
        #expect(stage.lost == 2)
        stage.fill(4...4)
        await exporter.exportNext(to: sender)
        #expect(stage.lost == 3)
        #expect(stage.events == [.failing(reason: "too old")])
    }

    @Test(
        "reads the collector's answers",
        arguments: [
            (200, nil, "", .taken(rejected: 0, message: "")), (200, nil, "{}", .taken(rejected: 0, message: "")),
            (202, nil, "junk", .taken(rejected: 0, message: "")),
            (
                200, nil, #"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#,
                .taken(rejected: 3, message: "no")
            ),
            (200, nil, #"{"partialSuccess":{"rejectedSpans":4}}"#, .taken(rejected: 4, message: "")),
            (200, nil, #"{"partialSuccess":{"rejectedSpans":-4}}"#, .taken(rejected: 0, message: "")),
            (429, 3, "", .unavailable(message: "the collector answered 429", retryAfter: .seconds(3))),
            (503, nil, "", .unavailable(message: "the collector answered 503", retryAfter: nil)),
            (502, -1, "", .unavailable(message: "the collector answered 502", retryAfter: .zero)),
            (504, .max, "", .unavailable(message: "the collector answered 504", retryAfter: .seconds(86_400))),
            (400, 3, "", .refused(message: "the collector answered 400")),
            (500, nil, "", .refused(message: "the collector answered 500")),
            (301, nil, "", .refused(message: "the collector answered 301")),
        ] as [(Int, Int64?, String, SendVerdict)])
    func verdicts(status: Int, retryAfter: Int64?, body: String, expected: SendVerdict) {
        let verdict = CollectorClient.verdict(status: status, retryAfter: retryAfter, body: Array(body.utf8))
        #expect(verdict == expected)
    }

    @Test(
        "adds the usual path to a collector without one",
        arguments: [
            ("http://c:4318", "http://c:4318/v1/traces"), ("http://c:4318/", "http://c:4318/v1/traces"),
            ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"), ("http://[::1]:1", "http://[::1]:1/v1/traces"),
        ])
    func urls(text: String, expected: String) throws {
        #expect(CollectorClient.tracesURL(try EndpointURL(text)) == expected)
    }

    // MARK: With a collector

    /// Runs `body` with an exporter that is a service, and shuts it down gracefully at the end.
    private func run(
        _ exporter: SpanExporter, _ body: () async throws -> Void
    ) async throws {
        let group = ServiceGroup(
            services: [exporter], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        async let running: Void = group.run()
        try await body()
        await group.triggerGracefulShutdown()
        try await running
    }

    private static func client(_ port: Int) throws -> @Sendable () -> any SpanSender {
        let endpoint = try EndpointURL("http://127.0.0.1:\(port)")
        return {
            CollectorClient(endpoint: endpoint, eventLoopGroup: .singletonMultiThreadedEventLoopGroup, version: "1")
        }
    }

    @Test("brings spans to a collector, offers them again after 429 and 503, and what is left at shutdown")
    func collector() async throws {
        let collector = try await TraceCollector.start(answers: [
            .init(429, fields: [("Retry-After", "0")]), .init(503, fields: [("Retry-After", "0")]),
        ])
        let stage = Stage()
        let exporter = stage.exporter(takesTime: true, sender: try Self.client(collector.port), isHasty: true)
        stage.fill(1...3)
        try await self.run(exporter) {
            await collector.received(3)
            stage.fill(4...4)
        }
        let exports = collector.exports
        #expect(exports.map(\.status) == [429, 503, 200, 200])
        #expect(exports.allSatisfy { $0.line == "POST /v1/traces" && $0.contentType == "application/json" })
        #expect(exports[0].body == exports[2].body)
        let delivered = try exports.filter { $0.status == 200 }.flatMap { try ReadSpan.all(in: $0.body) }
        #expect(delivered.map { $0.text("spanId") } == (1...4).map(Self.id))
        #expect(stage.lost == 0 && stage.events.isEmpty)
        try await collector.stop()
    }

    @Test("does not outstay its time at shutdown when the collector is silent")
    func silentCollector() async throws {
        let collector = try await TraceCollector.start(answers: [.init(200, isSilent: true)])
        let stage = Stage()
        let exporter = stage.exporter(
            takesTime: true, sender: try Self.client(collector.port), batchMax: 2, timeout: .milliseconds(200),
            isHasty: true)
        stage.fill(1...3)
        try await self.run(exporter) {
            await collector.received(1)
        }
        // Whether the second batch was still tried depends on the moment; nothing is left, nothing uncounted. A span whose
        // receipt was not heard of before the end counts as lost, although the collector has it.
        let delivered = try collector.exports.filter { $0.status == 200 }.flatMap { try ReadSpan.all(in: $0.body) }
        #expect(stage.queues[0].count == 0)
        #expect((3 - delivered.count...3).contains(stage.lost))
        try await collector.stop()
    }

    @Test("counts every span when nobody listens")
    func absentCollector() async throws {
        let gone = try await ScriptedBackend.start(scripts: [])
        try await gone.stop()
        let stage = Stage()
        let exporter = stage.exporter(takesTime: true, sender: try Self.client(gone.port))
        stage.fill(1...3)
        try await self.run(exporter) {}
        #expect(stage.lost == 3)
        #expect(stage.queues[0].count == 0)
    }
}
