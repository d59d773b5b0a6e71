import Domain
import SeededRandomness
import Testing

@testable import Transport

private final class Node: DeadlineNode {
    var firings: [MonotonicTime] = []
    var onFire: (() -> Void)?
    override func deadlinePassed(at now: MonotonicTime) {
        self.firings.append(now)
        self.onFire?()
    }
}

private func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(rawValue: 1_000_000_000_000 + milliseconds * 1_000_000)
}

@Suite("DeadlineWheel")
struct DeadlineWheelTests {
    @Test("a deadline fires once, not early, and at most two ticks late")
    func fires() {
        var generator = SeededGenerator(seed: 7)
        let wheel = DeadlineWheel(now: at(0))
        let nodes = (0..<500).map { _ in Node() }
        let due = nodes.map { _ in Int64(generator.next() % 40_000) }
        for (node, time) in zip(nodes, due) { wheel.arm(node, at: at(time)) }
        var clock: Int64 = 0
        while clock < 41_000 {
            clock += 20
            wheel.advance(to: at(clock))
        }
        for (node, time) in zip(nodes, due) {
            #expect(node.firings.count == 1)
            let late = (node.firings[0] - at(time)).rawValue
            #expect((0...40_000_000).contains(late), "\(time) fired \(late) ns late")
        }
        #expect(wheel.count == 0)
    }

    @Test("a deadline that is moved later by a store alone fires at the later time")
    func movesLater() {
        let wheel = DeadlineWheel(now: at(0))
        let node = Node()
        wheel.arm(node, at: at(100))
        node.deadline = at(5_000)
        for clock in stride(from: Int64(20), through: 4_980, by: 20) { wheel.advance(to: at(clock)) }
        #expect(node.firings.isEmpty)
        for clock in stride(from: Int64(5_000), through: 5_060, by: 20) { wheel.advance(to: at(clock)) }
        #expect(node.firings.count == 1)
    }

    @Test("arming earlier takes effect, removing forgets")
    func movesEarlier() {
        let wheel = DeadlineWheel(now: at(0))
        let (early, gone) = (Node(), Node())
        wheel.arm(early, at: at(60_000))
        wheel.arm(early, at: at(100))
        wheel.arm(gone, at: at(100))
        wheel.remove(gone)
        for clock in stride(from: Int64(20), through: 200, by: 20) { wheel.advance(to: at(clock)) }
        #expect(early.firings.count == 1)
        #expect(gone.firings.isEmpty)
        #expect(wheel.count == 0)
    }

    @Test("a loop that was stalled for minutes fires everything that is due")
    func catchesUp() {
        let wheel = DeadlineWheel(now: at(0))
        let nodes = (0..<50).map { _ in Node() }
        for (index, node) in nodes.enumerated() { wheel.arm(node, at: at(Int64(index) * 1_000)) }
        wheel.advance(to: at(300_000))
        #expect(nodes.allSatisfy { $0.firings.count == 1 })
    }

    @Test("a callback may remove and arm other nodes of the same slot")
    func reentrant() {
        let wheel = DeadlineWheel(now: at(0))
        let nodes = (0..<10).map { _ in Node() }
        for node in nodes { wheel.arm(node, at: at(100)) }
        for node in nodes {
            node.onFire = {
                for other in nodes where other !== node { wheel.remove(other) }
                wheel.arm(node, at: at(200))
                node.onFire = nil
            }
        }
        for clock in stride(from: Int64(20), through: 400, by: 20) { wheel.advance(to: at(clock)) }
        #expect(nodes.map(\.firings.count).reduce(0, +) == 2)
        for node in nodes { node.onFire = nil }
    }
}
