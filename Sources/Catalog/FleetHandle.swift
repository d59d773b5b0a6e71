public import Synchronization

/// Where the newest snapshot is found: the control plane publishes, every loop keeps a ``FleetCache``.
///
/// - Isolation: shared.
public final class FleetHandle: Sendable {
    @usableFromInline let publishedGeneration: Atomic<UInt64>
    private let newest: Mutex<FleetSnapshot>

    /// A handle to a first snapshot.
    public init(_ snapshot: FleetSnapshot) {
        self.publishedGeneration = Atomic(snapshot.generation)
        self.newest = Mutex(snapshot)
    }

    /// The newest snapshot; takes a lock, so it is for the control plane and for refreshing a cache.
    public var snapshot: FleetSnapshot { self.newest.withLock { $0 } }

    /// The generation of the newest snapshot.
    @inlinable
    public var generation: UInt64 { self.publishedGeneration.load(ordering: .acquiring) }

    /// Replaces the snapshot.
    ///
    /// - Returns: false, with nothing done, unless the generation is greater than the published one.
    @discardableResult
    public func publish(_ snapshot: FleetSnapshot) -> Bool {
        self.newest.withLock { newest in
            guard snapshot.generation > newest.generation else { return false }
            newest = snapshot
            self.publishedGeneration.store(snapshot.generation, ordering: .releasing)
            return true
        }
    }
}

/// A loop's own reference to the fleet: looking whether it is still the newest costs one load.
///
/// - Isolation: owned by one event loop.
public struct FleetCache {
    @usableFromInline let handle: FleetHandle
    @usableFromInline var held: FleetSnapshot

    /// A cache that holds the newest snapshot.
    public init(_ handle: FleetHandle) {
        self.handle = handle
        self.held = handle.snapshot
    }

    /// The snapshot as of the last ``refresh()``.
    @inlinable
    public var snapshot: FleetSnapshot { self.held }

    /// Takes the newest snapshot if there is one; true when the snapshot was replaced.
    @inlinable
    @discardableResult
    public mutating func refresh() -> Bool {
        guard self.handle.generation != self.held.generation else { return false }
        self.held = self.handle.snapshot
        return true
    }

    /// The newest snapshot.
    @inlinable
    public mutating func current() -> FleetSnapshot {
        self.refresh()
        return self.held
    }
}
