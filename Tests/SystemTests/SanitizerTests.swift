import Synchronization
import Testing

@Suite struct SanitizerTests {
    private final class Counter: Sendable {
        let count = Mutex(0)
    }

    /// Says nothing without the thread sanitizer, which would take each contended step for a race.
    @Test func `a contended mutex is no race`() async {
        let counter = Counter()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<5_000 { counter.count.withLock { $0 += 1 } } }
            }
        }
        #expect(counter.count.withLock { $0 } == 40_000)
    }
}
