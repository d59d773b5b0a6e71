import Domain
import Synchronization
import Testing

@testable import TraceExport

@Suite("A queue of spans")
struct SpanQueueTests {
    private func drained(_ queue: SpanQueue, _ limit: Int = .max) -> [UInt64] {
        var numbers: [UInt64] = []
        let count = queue.drain(limit) { numbers.append($0.spanID.rawValue) }
        #expect(count == numbers.count)
        return numbers
    }

    @Test("gives back what was put in, in order, and refuses what does not fit", arguments: [1, 2, 3, 7])
    func order(capacity: Int) {
        let queue = SpanQueue(capacity: capacity)
        var next: UInt64 = 1
        for round in 0..<20 {
            let first = next
            for place in 0..<capacity + 2 {
                let isTaken = queue.put(.request(next))
                #expect(isTaken == (place < capacity))
                if isTaken { next += 1 }
            }
            #expect(queue.count == capacity)
            let limit = round % 2 == 0 ? Int.max : 1
            var found = self.drained(queue, limit)
            if limit == 1 { found += self.drained(queue) }
            #expect(found == Array(first..<next))
        }
        #expect(queue.count == 0)
        #expect(self.drained(queue) == [])
        #expect(SpanQueue(capacity: 0).capacity == 1)
    }

    @Test("gives every record afresh")
    func fresh() {
        let queue = SpanQueue(capacity: 1)
        for _ in 0..<3 {
            let isTaken = queue.append { span in
                #expect(span.text[.method] == nil && span.status == 0 && span.failure == nil)
                span.status = 500
                span.failure = .reset
                span.text.set(.method, Array("GET".utf8).span)
            }
            #expect(isTaken)
            var statuses: [Int] = []
            let count = queue.drain(.max) { statuses.append($0.status) }
            #expect(count == 1 && statuses == [500])
        }
    }

    @Test("loses nothing between two threads")
    func threads() async {
        let queue = SpanQueue(capacity: 16)
        let count: UInt64 = 20_000
        let producer = Task.detached {
            var refused = 0
            for number in 1...count {
                while !queue.put(.request(number)) {
                    refused += 1
                    await Task.yield()
                }
            }
            return refused
        }
        var expected: UInt64 = 1
        var isInOrder = true
        while expected <= count {
            let taken = queue.drain(5) { span in
                isInOrder = isInOrder && span.spanID.rawValue == expected && span.traceID.low == expected
                expected += 1
            }
            if taken == 0 { await Task.yield() }
        }
        #expect(isInOrder)
        _ = await producer.value
    }
}
