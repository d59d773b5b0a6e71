import Synchronization

/// A number that tasks share.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    func add(_ amount: Int) { self.number.add(amount, ordering: .relaxed) }

    var value: Int { self.number.load(ordering: .relaxed) }
}
