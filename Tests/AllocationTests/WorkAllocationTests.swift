import CMallocProbe
import Foundation
import Synchronization
import Testing
import Workloads

extension AllocationTests {
    @Suite("of the parts of the data path are as committed")
    struct Parts {
        @Test("each piece of work, once warm")
        func parts() throws {
            for workload in try Workloads.all() where workload.isOnDataPath {
                let count = Probe.perRound(rounds: 100, workload.name) { workload.run(rounds: $0) }
                try Limits.check(workload.name, count)
                #expect(workload.complaint() == nil)
            }
        }

        @Test("and the limits name nothing else")
        func limits() throws {
            var names = Set(try Workloads.all().filter(\.isOnDataPath).map(\.name))
            names.formUnion(Relay.names)
            #expect(try Limits.names == names)
        }

        @Test("and the probe sees every kind of allocation")
        func control() {
            let count = Probe.perRound(rounds: 10, "control") { rounds in
                for _ in 0..<rounds { Self.allocateFourTimes() }
            }
            #expect(count == 4)
        }

        // Not optimised: the compiler knows what `malloc` and `free` are and would leave both out.
        @_optimize(none)
        private static func allocateFourTimes() {
            var block: UnsafeMutableRawPointer? = malloc(100)
            block = realloc(block, 200)
            free(block)
            free(calloc(10, 10))
            free(aligned_alloc(64, 128))
        }

        @Test("and none of another thread")
        func others() {
            let other = AllocatingThread()
            malloc_probe_begin()
            let start = other.count
            while other.count < start + 1_000 {}
            let counts = malloc_probe_end()
            other.stop()
            #expect(counts.allocations == 0)
        }
    }
}

/// A thread that does nothing but allocate.
private final class AllocatingThread: Sendable {
    private let made = Atomic<Int>(0)
    private let isDone = Atomic<Bool>(false)

    init() {
        Thread.detachNewThread {
            while !self.isDone.load(ordering: .relaxed) {
                free(malloc(100))
                self.made.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }

    /// How many blocks it has asked for.
    var count: Int { self.made.load(ordering: .relaxed) }

    func stop() { self.isDone.store(true, ordering: .relaxed) }
}
