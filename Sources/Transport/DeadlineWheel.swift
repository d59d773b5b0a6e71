public import Domain

/// Something with a deadline on one event loop.
///
/// Moving the deadline is one store: the wheel finds out when the slot it filed the node in comes up, and files it
/// anew. So a connection that is read from a thousand times a second costs the wheel one visit per time limit.
///
/// - Isolation: the loop that owns the wheel.
open class DeadlineNode {
    /// When ``deadlinePassed(at:)`` is due; ``MonotonicTime/distantFuture`` for never.
    ///
    /// Call ``DeadlineWheel/arm(_:at:)`` to move it earlier; a later one may be stored directly.
    public final var deadline = MonotonicTime.distantFuture
    fileprivate final var slot = -1
    fileprivate final var filedFor = MonotonicTime.distantFuture
    fileprivate final var next: DeadlineNode?
    fileprivate final unowned(unsafe) var previous: DeadlineNode?

    /// A node without a deadline.
    public init() {}

    /// The deadline has passed; it is already reset to ``MonotonicTime/distantFuture``.
    open func deadlinePassed(at now: MonotonicTime) {}
}

/// Deadlines of all connections of one event loop: a hashed timing wheel (Varghese and Lauck, 1987).
///
/// - Isolation: one event loop, which calls ``advance(to:)`` about every ``tick``.
/// - Bounds: arming and disarming are O(1) without allocation; a deadline fires at most two ticks late.
public final class DeadlineWheel {
    /// The resolution.
    public static let tick = Nanoseconds.milliseconds(20)
    private static let slotCount = 512

    private var slots: [DeadlineNode?]
    private var lastTick: Int64
    /// How many nodes are filed.
    public private(set) var count = 0

    /// An empty wheel that starts at `now`.
    public init(now: MonotonicTime) {
        self.slots = .init(repeating: nil, count: Self.slotCount)
        self.lastTick = now.rawValue / Self.tick.rawValue
    }

    deinit {
        // Unlinks iteratively: releasing a long list through its first node would recurse once per node.
        for index in self.slots.indices {
            var node = self.slots[index]
            self.slots[index] = nil
            while let current = node {
                node = current.next
                current.next = nil
                current.slot = -1
            }
        }
    }

    /// Sets a node's deadline, earlier or later than before.
    public func arm(_ node: DeadlineNode, at deadline: MonotonicTime) {
        node.deadline = deadline
        guard deadline != .distantFuture else { return }
        if node.slot >= 0 {
            if node.filedFor <= deadline { return }
            self.unlink(node)
        }
        self.file(node, for: deadline)
    }

    /// Takes a node out: its connection is gone.
    public func remove(_ node: DeadlineNode) {
        node.deadline = .distantFuture
        if node.slot >= 0 { self.unlink(node) }
    }

    /// Fires what is due at `now`.
    public func advance(to now: MonotonicTime) {
        let current = now.rawValue / Self.tick.rawValue
        guard current > self.lastTick else { return }
        let span = min(current - self.lastTick, Int64(Self.slotCount))
        for step in 0..<span {
            self.visit(slot: Int((current - step) & Int64(Self.slotCount - 1)), at: now)
        }
        self.lastTick = current
    }

    private func visit(slot: Int, at now: MonotonicTime) {
        var node = self.slots[slot]
        while let current = node {
            node = current.next
            guard current.filedFor <= now else { continue }
            self.unlink(current)
            if current.deadline <= now {
                current.deadline = .distantFuture
                current.deadlinePassed(at: now)
                // The callback may have unlinked or fired what follows; start over from the slot's head.
                node = self.slots[slot]
            } else if current.deadline != .distantFuture {
                self.file(current, for: current.deadline)
            }
        }
    }

    private func file(_ node: DeadlineNode, for deadline: MonotonicTime) {
        // One tick later than the deadline's own, so that a visited slot holds only what is due or a turn away.
        let tick = max(deadline.rawValue / Self.tick.rawValue, self.lastTick) + 1
        let slot = Int(tick & Int64(Self.slotCount - 1))
        node.filedFor = deadline
        node.slot = slot
        node.previous = nil
        node.next = self.slots[slot]
        self.slots[slot]?.previous = node
        self.slots[slot] = node
        self.count += 1
    }

    private func unlink(_ node: DeadlineNode) {
        if let previous = node.previous {
            previous.next = node.next
        } else {
            self.slots[node.slot] = node.next
        }
        node.next?.previous = node.previous
        node.next = nil
        node.previous = nil
        node.slot = -1
        self.count -= 1
    }
}
