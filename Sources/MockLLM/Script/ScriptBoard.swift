import NIOCore
import NIOPosix
import Synchronization

/// What scripted connections and their test tell each other.
///
/// - Isolation: any thread; one mutex, never held across a call out.
final class ScriptBoard: Sendable {
    struct Content: Sendable {
        var signals: Set<String> = []
        var announced: Set<String> = []
        var accepted = 0
        var closed = 0
        var received: [Int: [UInt8]] = [:]
    }

    private struct Waiter {
        let condition: @Sendable (Content) -> Bool
        let resume: @Sendable (Bool) -> Void
    }

    private struct State {
        var content = Content()
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private let state = Mutex(State())

    var current: Content { self.state.withLock { $0.content } }

    func signal(_ name: String) { self.change { _ = $0.signals.insert(name) } }

    func change(_ change: (inout Content) -> Void) {
        let due = self.state.withLock { state -> [Waiter] in
            change(&state.content)
            guard !state.waiters.isEmpty else { return [] }
            let content = state.content
            let due = state.waiters.filter { $0.value.condition(content) }
            for key in due.keys { state.waiters[key] = nil }
            return Array(due.values)
        }
        for waiter in due { waiter.resume(true) }
    }

    /// Calls `resume` with true at once or as soon as the condition holds.
    func whenever(
        _ condition: @escaping @Sendable (Content) -> Bool,
        resume: @escaping @Sendable (Bool) -> Void
    ) {
        _ = self.register(condition, resume: resume)
    }

    /// Waits until the condition holds; false when it does not within ``ScriptedBackend/limit``, or when the
    /// task was cancelled.
    func wait(_ condition: @escaping @Sendable (Content) -> Bool) async -> Bool {
        let (results, feed) = AsyncStream.makeStream(of: Bool.self)
        let number = self.register(condition) { result in
            feed.yield(result)
            feed.finish()
        }
        let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: ScriptedBackend.limit) {
            feed.finish()
        }
        defer { timer.cancel() }
        for await result in results { return result }
        // The stream ended without an element: too late, or cancelled.
        if let number { self.state.withLock { _ = $0.waiters.removeValue(forKey: number) } }
        return false
    }

    private func register(
        _ condition: @escaping @Sendable (Content) -> Bool,
        resume: @escaping @Sendable (Bool) -> Void
    ) -> Int? {
        let number = self.state.withLock { state -> Int? in
            if condition(state.content) { return nil }
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = Waiter(condition: condition, resume: resume)
            return state.nextWaiter
        }
        if number == nil { resume(true) }
        return number
    }
}
