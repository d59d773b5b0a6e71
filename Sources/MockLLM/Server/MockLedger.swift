import SeededRandomness
import Synchronization

/// What every connection of a mock shares: its behaviour, its counts, and who waits for them.
///
/// - Isolation: any thread; one mutex, never held across a call out.
/// - Bounds: ``requestsKept`` requests.
final class MockLedger: Sendable {
    /// How many of the last requests are kept.
    static let requestsKept = 256

    private struct State {
        var behaviour: MockBehaviour
        var random: SeededGenerator
        var counts = MockCounts()
        var requests: [SeenRequest] = []
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private struct Waiter {
        let condition: @Sendable (MockCounts) -> Bool
        let continuation: CheckedContinuation<Bool, Never>
    }

    private let state: Mutex<State>

    init(behaviour: MockBehaviour) {
        self.state = Mutex(
            State(behaviour: behaviour, random: SeededGenerator(seed: behaviour.faults.seed)))
    }

    var behaviour: MockBehaviour { self.state.withLock { $0.behaviour } }
    var counts: MockCounts { self.state.withLock { $0.counts } }
    var requests: [SeenRequest] { self.state.withLock { $0.requests } }

    func update(_ change: (inout MockBehaviour) -> Void) {
        self.state.withLock { state in
            let seedBefore = state.behaviour.faults.seed
            change(&state.behaviour)
            if state.behaviour.faults.seed != seedBefore {
                state.random = SeededGenerator(seed: state.behaviour.faults.seed)
            }
        }
    }

    /// Takes the next fault of the plan, the behaviour it belongs to, and a seed for the waits.
    func admit(
        header: String?, isInference: Bool
    ) -> (behaviour: MockBehaviour, fault: Fault?, seed: UInt64) {
        self.state.withLock { state in
            let fault = state.behaviour.faults.next(
                header: header, isInference: isInference, random: &state.random)
            return (state.behaviour, fault, state.random.next())
        }
    }

    func remember(_ request: SeenRequest) {
        self.state.withLock { state in
            if state.requests.count >= Self.requestsKept { state.requests.removeFirst() }
            state.requests.append(request)
        }
    }

    /// Changes the counts and wakes whoever waited for the change.
    func count(_ change: (inout MockCounts) -> Void) {
        let ready = self.state.withLock { state -> [CheckedContinuation<Bool, Never>] in
            change(&state.counts)
            guard !state.waiters.isEmpty else { return [] }
            let counts = state.counts
            let due = state.waiters.filter { $0.value.condition(counts) }
            for key in due.keys { state.waiters[key] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in ready { continuation.resume(returning: true) }
    }

    /// Forgets the counts and the requests; connections open and requests running now stay counted.
    func reset() {
        self.state.withLock { $0.requests = [] }
        self.count { counts in
            let now = counts
            counts = MockCounts()
            counts.connectionsOpen = now.connectionsOpen
            counts.inferencesRunning = now.inferencesRunning
            counts.tokensHeld = now.tokensHeld
        }
    }

    /// Waits until the counts satisfy `condition`; false when the waiting task was cancelled.
    func wait(until condition: @escaping @Sendable (MockCounts) -> Bool) async -> Bool {
        let number = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = self.state.withLock { state -> Bool? in
                    if condition(state.counts) { return true }
                    if Task.isCancelled { return false }
                    state.waiters[number] = Waiter(
                        condition: condition, continuation: continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = self.state.withLock { $0.waiters.removeValue(forKey: number) }
            waiter?.continuation.resume(returning: false)
        }
    }
}
