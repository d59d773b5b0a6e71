import SeededRandomness
import Testing

@testable import Journal

@Suite("A line queue")
struct LineQueueTests {
    private func append(_ text: String, to queue: LineQueue, level: LogLevel = .info) -> LineQueue.Appended {
        var text = text
        return text.withUTF8 { queue.append(UnsafeRawBufferPointer($0), level: level) }
    }

    private func take(_ limit: Int, from queue: LineQueue) -> (text: String, lines: Int) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 1)
        defer { buffer.deallocate() }
        let taken = queue.take(into: buffer, upTo: queue.end)
        return (String(decoding: buffer[0..<taken.bytes], as: UTF8.self), taken.lines)
    }

    @Test(
        "gives back what went in, in order and in whole lines, however it wraps",
        arguments: [21, 22, 23] as [UInt64])
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let queue = LineQueue(capacity: 4_096)
        var expected: [String] = []
        var (sent, received) = (0, 0)
        for _ in 0..<3_000 {
            if Bool.random(using: &generator) {
                let line = "\(sent)" + String(repeating: "x", count: .random(in: 0...400, using: &generator)) + "\n"
                if self.append(line, to: queue, level: .error) != .refused {
                    expected.append(line)
                    sent += 1
                }
            } else {
                let taken = self.take(.random(in: 500...5_000, using: &generator), from: queue)
                let lines = expected.prefix(taken.lines)
                #expect(taken.text == lines.joined(), "seed \(seed)")
                expected.removeFirst(taken.lines)
                received += taken.lines
            }
            #expect(queue.count == expected.count, "seed \(seed)")
        }
        #expect(received > 500)
    }

    @Test("keeps the last eighth for errors and never splits a line")
    func headroom() {
        let queue = LineQueue(capacity: 4_096)
        let line = String(repeating: "i", count: 511) + "\n"
        for _ in 0..<7 { #expect(self.append(line, to: queue) != .refused) }
        #expect(self.append("\n", to: queue, level: .info) == .refused)
        #expect(self.append("\n", to: queue, level: .warn) == .refused)
        #expect(self.append(line, to: queue, level: .error) != .refused)
        #expect(self.append("\n", to: queue, level: .error) == .refused)
        #expect(queue.count == 8)
        #expect(self.take(511, from: queue) == ("", 0))
        #expect(self.take(512, from: queue) == (line, 1))
        #expect(self.append("\n", to: queue, level: .error) != .refused)
    }

    @Test("says once that it is half full")
    func halfFull() {
        let queue = LineQueue(capacity: 4_096)
        let line = String(repeating: "x", count: 1_023) + "\n"
        #expect(self.append(line, to: queue) == .accepted(crossedHalf: false))
        #expect(self.append(line, to: queue) == .accepted(crossedHalf: true))
        #expect(self.append(line, to: queue) == .accepted(crossedHalf: false))
    }

    @Test("rounds its capacity up to a power of two", arguments: [(0, 4_096), (4_097, 8_192), (1 << 20, 1 << 20)])
    func capacity(asked: Int, given: Int) { #expect(LineQueue(capacity: asked).capacity == given) }

    @Test("passes every accepted line between two threads")
    func twoThreads() async {
        let queue = LineQueue(capacity: 4_096)
        let lineCount = 20_000
        async let refusals = self.send(lineCount, into: queue)
        let numbers = await self.receiveAll(from: queue)
        let refused = await refusals
        #expect(numbers.count == lineCount - refused)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
        #expect(queue.count == 0)
    }

    /// Sends numbered lines and an end mark; returns how many were refused.
    @concurrent
    private func send(_ count: Int, into queue: LineQueue) async -> Int {
        var refusals = 0
        for number in 0..<count where self.append("\(number)\n", to: queue) == .refused {
            refusals += 1
            await Task.yield()
        }
        while self.append("end\n", to: queue, level: .error) == .refused { await Task.yield() }
        return refusals
    }

    @concurrent
    private func receiveAll(from queue: LineQueue) async -> [Int] {
        var text = ""
        while !text.hasSuffix("end\n") {
            let taken = self.take(1_024, from: queue)
            text += taken.text
            if taken.lines == 0 { await Task.yield() }
        }
        return text.split(separator: "\n").compactMap { Int($0) }
    }
}
