import CMallocProbe
import Testing

/// One after the other: the probe keeps the call sites of one thread at a time.
@Suite("Allocations", .serialized, .enabled(if: Probe.isMeaningful))
struct AllocationTests {}

/// Counts allocations of the calling thread.
enum Probe {
    /// Whether counting means anything: the probe is linked in, and the code is optimised.
    static var isMeaningful: Bool {
        #if DEBUG
        false
        #else
        malloc_probe_is_active()
        #endif
    }

    /// How often a measurement is repeated; the least is taken, which no timer of the process disturbed.
    static let repetitions = 25

    /// The least allocations that `body` makes on the calling thread, divided by `rounds`, after it ran warm.
    static func perRound(rounds: Int, _ name: String, _ body: (_ rounds: Int) -> Void) -> Double {
        body(rounds)
        body(rounds)
        let counts = (0..<self.repetitions).map { _ in
            malloc_probe_begin()
            body(rounds)
            return malloc_probe_end().allocations
        }
        if CallSites.areWanted {
            malloc_probe_begin_tracing()
            body(rounds)
            _ = malloc_probe_end()
            CallSites.report(name, rounds: rounds)
        }
        return Double(counts.min() ?? 0) / Double(rounds)
    }
}
