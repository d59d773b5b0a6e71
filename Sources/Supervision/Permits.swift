import Synchronization

/// A bounded number of permits, given in the order they are asked for.
///
/// - Bounds: one continuation per waiting task.
final class Permits: Sendable {
    private struct State {
        var free: Int
        var waiting: [(number: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        var cancelled: Set<UInt64> = []
        var nextNumber: UInt64 = 0
    }

    private let state: Mutex<State>

    /// At least one permit.
    init(count: Int) { self.state = Mutex(State(free: max(1, count))) }

    /// Runs `body` with a permit.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before a permit is free, and what `body` throws.
    func withPermit<Result>(_ body: () async throws -> Result) async throws -> Result {
        guard await self.take() else { throw CancellationError() }
        defer { self.giveBack() }
        return try await body()
    }

    private func take() async -> Bool {
        let number = self.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        // A cancellation may come before, while or after the task waits; only the first two find it unserved.
        defer { self.state.withLock { _ = $0.cancelled.remove(number) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = self.state.withLock { state in
                    if state.cancelled.contains(number) { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((number, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiting: CheckedContinuation<Bool, Never>? = self.state.withLock { state in
                guard let position = state.waiting.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiting.remove(at: position).continuation
            }
            waiting?.resume(returning: false)
        }
    }

    private func giveBack() {
        let next: CheckedContinuation<Bool, Never>? = self.state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
