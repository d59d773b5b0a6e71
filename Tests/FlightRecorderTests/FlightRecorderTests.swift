import Domain
import FlightRecorder
import Testing

@Suite("FlightRecorder")
struct FlightRecorderTests {
    private static let capacity: FlightRecorder.Capacity = {
        var capacity = FlightRecorder.Capacity()
        (capacity.recent, capacity.failed, capacity.refused, capacity.slowest) = (4, 2, 2, 2)
        return capacity
    }()

    /// Records requests one second apart and tells the sequence numbers that are remembered at the end.
    private func remembered(
        _ requests: [(outcome: RequestOutcome, milliseconds: Int64)], waiting: Nanoseconds = .zero
    ) -> [UInt64] {
        var recorder = FlightRecorder(capacity: Self.capacity)
        for (position, request) in requests.enumerated() {
            recorder.record { record in
                record.outcome = request.outcome
                record.start = .seconds(Int64(position))
                record.duration = .milliseconds(request.milliseconds)
            }
        }
        return recorder.copy(at: .seconds(Int64(requests.count)) + waiting).map(\.sequence)
    }

    @Test("the last requests are remembered, oldest first")
    func recent() {
        #expect(self.remembered([]) == [])
        #expect(self.remembered([(.ok, 1), (.ok, 1)]) == [1, 2])
        // Two of the same duration stay as the slowest; the newer ones do not push them out.
        #expect(self.remembered(Array(repeating: (.ok, 1), count: 8)) == [1, 2, 5, 6, 7, 8])
    }

    @Test(
        "a failure outlives the good requests after it",
        arguments: [RequestOutcome.upstreamError, .upstreamTimeout, .noEndpoint, .gatewayError])
    func failures(outcome: RequestOutcome) {
        let good: [(RequestOutcome, Int64)] = Array(repeating: (.ok, 5), count: 9)
        #expect(self.remembered([(.ok, 9), (outcome, 1), (.ok, 9)] + good).contains(2))
        #expect(!self.remembered([(.ok, 9), (.ok, 1), (.ok, 9)] + good).contains(2))
    }

    @Test("clients that are refused push no failure of an endpoint out")
    func refusals() {
        let refused: [(RequestOutcome, Int64)] = [
            (.clientError, 1), (.rateLimited, 1), (.clientCancelled, 1), (.clientError, 1), (.clientError, 1),
        ]
        let kept = self.remembered([(.ok, 9), (.ok, 9), (.upstreamError, 1)] + refused)
        #expect(kept.contains(3))
    }

    @Test("the slowest stay until slower ones come or their time is over")
    func slowest() {
        let quick: [(RequestOutcome, Int64)] = Array(repeating: (.ok, 1), count: 6)
        #expect(self.remembered([(.ok, 900), (.ok, 800)] + quick) == [1, 2, 5, 6, 7, 8])
        #expect(self.remembered([(.ok, 900), (.ok, 800), (.ok, 850)] + quick) == [1, 3, 6, 7, 8, 9])
        let waiting = FlightRecorder.slowestAge
        #expect(self.remembered([(.ok, 900), (.ok, 800)] + quick, waiting: waiting) == [5, 6, 7, 8])
    }

    @Test("an old slow request makes room for a quicker one")
    func ageing() {
        var recorder = FlightRecorder(capacity: Self.capacity)
        func add(_ start: Nanoseconds, _ milliseconds: Int64) {
            recorder.record { record in
                record.start = start
                record.duration = .milliseconds(milliseconds)
            }
        }
        add(.zero, 900)
        add(.zero, 800)
        let later = FlightRecorder.slowestAge + .seconds(10)
        for _ in 0..<2 { add(later, 20) }
        for _ in 0..<6 { add(later, 10) }
        #expect(recorder.copy(at: later + .seconds(1)).map(\.sequence) == [3, 4, 7, 8, 9, 10])
    }

    @Test("a place is used again without traces of the request before")
    func reuse() {
        var capacity = Self.capacity
        capacity.recent = 1
        capacity.slowest = 0
        var recorder = FlightRecorder(capacity: capacity)
        recorder.record { record in
            let bytes = Array("first".utf8)
            record.id.set(bytes.span.bytes)
            record.error = .reset
        }
        recorder.record { _ in }
        let kept = recorder.copy(at: .zero)
        #expect(kept.map(\.sequence) == [2])
        #expect(kept.map { $0.id.text } == [""])
        #expect(kept.allSatisfy { $0.error == nil })
    }

    @Test("the stages of the timeline and of the attempts are added up")
    func stages() {
        var timeline = Timeline(startedAt: MonotonicTime(rawValue: 100))
        timeline.enter(.inspect, at: MonotonicTime(rawValue: 130))
        timeline.enter(.wait, at: MonotonicTime(rawValue: 150))
        timeline.close(at: MonotonicTime(rawValue: 180))
        var record = FlightRecord()
        record.take(
            timeline,
            upstream: UpstreamTimes(
                acquire: Nanoseconds(rawValue: 1), send: Nanoseconds(rawValue: 2), wait: Nanoseconds(rawValue: 3),
                stream: Nanoseconds(rawValue: 4)))
        #expect(record[.readHead].rawValue == 30)
        #expect(record[.inspect].rawValue == 20)
        #expect(record[.wait].rawValue == 33)
        #expect(record[.stream].rawValue == 4)
        #expect(record.duration.rawValue == 80)
    }
}

@Suite("ShortText")
struct ShortTextTests {
    private func short(_ text: String) -> String {
        var short = ShortText<5>()
        let bytes = Array(text.utf8)
        short.set(bytes.span.bytes)
        return short.text
    }

    @Test(
        "what fits is kept, what does not is cut at a character and marked",
        arguments: [
            ("", ""), ("abc", "abc"), ("abcde", "abcde"), ("abcdef", "abcde…"), ("abcdé", "abcd…"), ("éé1", "éé1"),
            ("ééé", "éé…"), ("😀😀", "😀…"),
        ])
    func cutting(text: String, expected: String) { #expect(self.short(text) == expected) }
}
