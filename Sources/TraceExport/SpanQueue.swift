import Synchronization

/// Spans between one event loop and the exporter: a ring of records, without a lock.
///
/// The loop fills a record in place and publishes it; the exporter reads it in place and hands the room back. A
/// full ring refuses.
///
/// - Isolation: ``append(_:)`` by one thread at a time, ``drain(_:_:)`` by one task at a time, the rest by any.
/// - Bounds: ``capacity`` records; their memory is touched when they are first used.
public final class SpanQueue: Sendable {
    /// A word on cache lines of its own (two, because processors fetch them in pairs).
    private struct PaddedWord: ~Copyable, Sendable {
        let value = Atomic<Int>(0)
        let padding = InlineArray<15, UInt64>(repeating: 0)
    }

    /// The most records that wait.
    public let capacity: Int
    private let published = PaddedWord()
    private let consumed = PaddedWord()
    // A record belongs to the producer from `consumed + capacity` down to `published`, to the consumer below that.
    private nonisolated(unsafe) let records: UnsafeMutablePointer<SpanRecord>

    /// Makes an empty queue for at least one record.
    public init(capacity: Int) {
        self.capacity = max(capacity, 1)
        self.records = .allocate(capacity: self.capacity)
    }

    // Records are plain values: nothing of them has to be let go.
    deinit { self.records.deallocate() }

    /// How many records wait.
    public var count: Int {
        let consumed = self.consumed.value.load(ordering: .acquiring)
        return self.published.value.load(ordering: .acquiring) - consumed
    }

    /// Puts one record in, filled by `fill`, which gets one that says nothing yet.
    ///
    /// Returns false, without calling it, when the queue is full.
    public func append(_ fill: (inout SpanRecord) -> Void) -> Bool {
        let position = self.published.value.load(ordering: .relaxed)
        guard position - self.consumed.value.load(ordering: .acquiring) < self.capacity else { return false }
        let place = self.records + position % self.capacity
        place.initialize(to: SpanRecord())
        fill(&place.pointee)
        self.published.value.store(position + 1, ordering: .releasing)
        return true
    }

    /// Takes up to `limit` records out, oldest first; returns how many.
    public func drain(_ limit: Int, _ body: (borrowing SpanRecord) -> Void) -> Int {
        let start = self.consumed.value.load(ordering: .relaxed)
        let waiting = self.published.value.load(ordering: .acquiring) - start
        let end = start + min(waiting, max(limit, 0))
        for position in start..<end {
            body((self.records + position % self.capacity).pointee)
            self.consumed.value.store(position + 1, ordering: .releasing)
        }
        return end - start
    }
}
