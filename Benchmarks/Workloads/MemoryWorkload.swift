import Domain
import FlightRecorder

/// What stays of a finished request in the memory of its loop; every eighth one failed, all are among the slowest.
final class RequestMemory: Workload {
    let name = "request remembered"
    private var recorder = FlightRecorder()
    private let id = Array("noble-trekking-80a1c09b1f2233d4".utf8)
    private let method = Array("POST".utf8)
    private let path = Array("/olla/openai/v1/chat/completions".utf8)
    private let endpoint = Array("endpoint-0".utf8)
    private var count: Int64 = 0

    func run(rounds: Int) {
        let start = MonotonicTime(rawValue: 1_000_000_000)
        var timeline = Timeline(startedAt: start)
        for (place, stage) in [Stage.readBody, .inspect, .route, .send, .wait, .writeResponse, .finish].enumerated() {
            timeline.enter(stage, at: start + .microseconds(Int64(37 * (place + 1))))
        }
        timeline.close(at: start + .milliseconds(9))
        let upstream = UpstreamTimes(acquire: .zero, send: .zero, wait: .milliseconds(8), stream: .zero)
        let (id, method, path, endpoint) = (self.id, self.method, self.path, self.endpoint)
        for _ in 0..<rounds {
            self.count += 1
            let count = self.count
            self.recorder.record { record in
                record.id.set(id.span.bytes)
                record.method.set(method.span.bytes)
                record.path.set(path.span.bytes)
                record.endpoint.set(endpoint.span.bytes)
                record.start = .microseconds(count)
                record.take(timeline, upstream: upstream)
                record.duration = .microseconds(count)
                record.outcome = count % 8 == 0 ? .upstreamError : .ok
                record.status = 200
                record.attempts = 1
                record.usage = TokenUsage(input: 31, output: 12)
            }
        }
    }

    func complaint() -> String? {
        let remembered = self.recorder.copy(at: .microseconds(self.count)).count
        return self.count == 0 || remembered > 0 ? nil : "nothing was remembered"
    }
}
