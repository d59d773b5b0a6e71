import SeededRandomness
import Synchronization

/// A seeded generator that tasks share.
final class SeededNumbers: Sendable {
    private let state: Mutex<SeededGenerator>

    init(seed: UInt64) { self.state = Mutex(SeededGenerator(seed: seed)) }

    func next() -> UInt64 { self.state.withLock { $0.next() } }
}
