import Domain
import Journal

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The line a finished request writes, up to its place in the queue.
final class AccessLine: Workload {
    let name = "access log line"
    private let logbook: Logbook
    private let writer: LineWriter
    private let descriptor: Int32
    private var dropped = 0

    init() throws {
        self.descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard self.descriptor >= 0 else { throw WorkloadFailure("/dev/null cannot be opened") }
        var configuration = Logbook.Configuration()
        // Room for all lines of a sample, so that what is timed is never a refusal.
        configuration.queueBytes = 1 << 26
        self.logbook = try Logbook(loops: 1, configuration: configuration, descriptor: self.descriptor)
        self.writer = self.logbook.writer(forLoop: 0)
    }

    deinit {
        _ = self.logbook.shutdown(within: .seconds(1))
        close(self.descriptor)
    }

    func run(rounds: Int) {
        let start = MonotonicTime(rawValue: 1_000_000_000)
        var timeline = Timeline(startedAt: start)
        for (place, stage) in [Stage.readBody, .inspect, .route, .send, .wait, .writeResponse, .finish].enumerated() {
            timeline.enter(stage, at: start + .microseconds(Int64(37 * (place + 1))))
        }
        timeline.close(at: start + .milliseconds(9))
        var record = AccessRecord(route: .provider, outcome: .ok, status: 200, timeline: timeline)
        record.requestBytes = 250
        record.responseBytes = 330
        record.upstream.wait = .milliseconds(8)
        record.attempts = 1
        record.timeToFirstByte = .milliseconds(8)
        record.usage = TokenUsage(input: 31, output: 12)
        record.finishReason = .stop
        for round in 0..<rounds {
            let moment = Nanoseconds(rawValue: 1_700_000_000_000_000_000 + Int64(round) * 50_000)
            var line = self.writer.begin(.info, AccessRecord.message, at: moment)
            line.string(.requestID, "noble-trekking-80a1c09b1f2233d4" as StaticString)
            line.string(.remoteAddress, "127.0.0.1" as StaticString)
            line.string(.method, "POST" as StaticString)
            line.string(.path, "/olla/openai/v1/chat/completions" as StaticString)
            line.string(.userAgent, "glasspot-bench/1" as StaticString)
            line.string(.contentType, "application/json" as StaticString)
            line.string(.accept, "application/json" as StaticString)
            line.string(.model, "bench" as StaticString)
            line.string(.endpoint, "endpoint-0" as StaticString)
            line.access(record)
            if line.commit() != .queued { self.dropped += 1 }
        }
    }

    func complaint() -> String? { self.dropped == 0 ? nil : "\(self.dropped) lines found no room in the queue" }
}
