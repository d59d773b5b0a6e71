public import Synchronization

/// The resolved place of a counter in its shard.
public struct CounterCell: Sendable {
    @usableFromInline let offset: Int

    @inlinable
    init(offset: Int) { self.offset = offset }
}

/// The resolved place of a gauge in its shard.
public struct GaugeCell: Sendable {
    @usableFromInline let offset: Int

    @inlinable
    init(offset: Int) { self.offset = offset }
}

/// The resolved place of a histogram in its shard, and where its bounds lie.
public struct HistogramCell: Sendable {
    @usableFromInline let offset: Int
    @usableFromInline let boundsStart: UInt16
    @usableFromInline let boundsCount: UInt16
    /// What turns a stored value into an exposed one, or 0 when the family is not native.
    @usableFromInline let nativeDivisor: Float
    @usableFromInline let nativeShift: UInt8

    @inlinable
    init(offset: Int, layout: MetricSchema.Layout) {
        self.offset = offset
        self.boundsStart = layout.boundsStart
        self.boundsCount = layout.boundsCount
        self.nativeDivisor = layout.nativeDivisor
        self.nativeShift = layout.nativeShift
    }
}

/// All measurements of one event loop, written by that loop alone.
///
/// The storage is one run of 64-bit words that never moves: for each series its key and then its
/// cells, in the order the series were first seen, so a snapshot is one memory copy that explains
/// itself. Exemplars and native buckets are records of the same form, made when first needed. The owner writes a cell with a relaxed load and a relaxed store (plain moves on x86-64
/// and arm64): no lock, no read-modify-write, no allocation. Because every word is atomic, a reader
/// from outside is no data race; the sequence counter tells it whether what it read belongs
/// together.
///
/// Storage is reserved at the start and touched only as series appear, so an unused shard costs
/// address space and no memory.
///
/// - Isolation: one owner at a time (an event loop, or a lock); only
///   ``copyFromOutside(attempts:into:)`` may be called by others.
/// - Bounds: `wordLimit` words. A series that finds no room is folded into a cell that is never
///   exposed, and counted in ``ShardSnapshot/refusedSeries``.
@safe
public final class MetricShard: @unchecked Sendable {
    /// The catalogue the shard's series belong to.
    public let schema: MetricSchema
    @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt64>>
    @usableFromInline let bounds: UnsafeMutablePointer<Int64>
    @usableFromInline let wordLimit: Int
    /// Odd while the owner is inside an update.
    @usableFromInline let sequence = Atomic<UInt64>(0)
    /// How many words are in use; they are initialised before it grows.
    private let used = Atomic<Int>(0)
    /// How many records found no room.
    private let refused = Atomic<UInt64>(0)
    @usableFromInline var index = SeriesIndex()

    /// The words kept for observations of series that found no room: a key of zero, then the widest
    /// series' cells.
    private static let spareWords = 1 + BucketSet.boundLimit + 2 + NativeScale.cellCount

    /// Reserves a shard of `wordLimit` words (8 bytes each, 16 MB by default).
    public init(schema: MetricSchema, wordLimit: Int = 1 << 21) {
        self.schema = schema
        self.wordLimit = max(wordLimit, 0) + Self.spareWords
        unsafe self.words = .allocate(capacity: self.wordLimit)
        for word in self.wordLimit - Self.spareWords..<self.wordLimit {
            unsafe (self.words + word).initialize(to: Atomic(0))
        }
        unsafe self.bounds = .allocate(capacity: max(schema.bounds.count, 1))
        for (place, bound) in schema.bounds.enumerated() {
            unsafe (self.bounds + place).initialize(to: bound)
        }
    }

    deinit {
        // Atomic words and integers are trivial: there is nothing to deinitialise.
        unsafe self.words.deallocate()
        unsafe self.bounds.deallocate()
    }
}

// MARK: - Updates, by the owner

extension MetricShard {
    /// Begins a group of writes that a reader must see together.
    ///
    /// Groups do not nest; every `beginUpdate()` is followed by ``endUpdate()`` on the same thread.
    @inlinable
    public func beginUpdate() {
        self.sequence.store(self.sequence.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        // The odd number must be seen before any word that changes under it.
        atomicMemoryFence(ordering: .acquiringAndReleasing)
    }

    /// Ends the group begun by ``beginUpdate()``.
    @inlinable
    public func endUpdate() {
        self.sequence.store(self.sequence.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }

    /// Adds to a counter.
    @inlinable
    public func add(_ amount: UInt64, to cell: CounterCell) { self.bump(cell.offset, by: amount) }

    /// Moves a gauge by a signed amount.
    @inlinable
    public func add(_ amount: Int64, to cell: GaugeCell) {
        self.bump(cell.offset, by: UInt64(bitPattern: amount))
    }

    /// Sets a gauge.
    @inlinable
    public func set(_ value: Int64, in cell: GaugeCell) {
        precondition(cell.offset >= 0 && cell.offset < self.wordLimit)
        unsafe self.words[cell.offset].store(UInt64(bitPattern: value), ordering: .relaxed)
    }

    /// Counts a value in a histogram, in stored units.
    ///
    /// A negative value counts as 0: the sum of a histogram may not fall.
    @inlinable
    public func observe(_ value: Int64, in cell: HistogramCell) {
        self.observe(value, count: 1, in: cell)
    }

    /// Counts the same value several times.
    @inlinable
    public func observe(_ value: Int64, count: UInt64, in cell: HistogramCell) {
        _ = self.record(max(value, 0), count: count, in: cell)
    }

    /// Counts a value that is not negative; returns its classic bucket.
    @inlinable
    func record(_ value: Int64, count: UInt64, in cell: HistogramCell) -> Int {
        let start = Int(cell.boundsStart)
        let boundsCount = Int(cell.boundsCount)
        precondition(start &+ boundsCount <= self.schema.bounds.count)
        // Linear: most values fall in the lower half of at most 24 bounds, and a straight scan
        // of one or two cache lines beats a search whose every branch is a guess.
        var bucket = 0
        while bucket < boundsCount, unsafe value > self.bounds[start &+ bucket] { bucket &+= 1 }
        self.bump(cell.offset &+ bucket, by: count)
        self.bump(cell.offset &+ boundsCount &+ 1, by: UInt64(value) &* count)
        if cell.nativeDivisor != 0 { self.bumpNative(value, count: count, in: cell) }
        return bucket
    }

    @inlinable
    func bump(_ offset: Int, by amount: UInt64) {
        // A handle of another shard could skew numbers, but never reach outside the storage.
        precondition(offset >= 0 && offset < self.wordLimit)
        unsafe self.words[offset].store(
            self.words[offset].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}

// MARK: - Series, by the owner

extension MetricShard {
    /// The counter of a series, created at first sight.
    @inlinable
    public func counter(
        _ family: FamilyID, _ labels: LabelIndexes = LabelIndexes()
    ) -> CounterCell {
        assert(self.schema.layouts[Int(family.rawValue)].kind == .counter, "not a counter")
        return CounterCell(offset: self.resolve(family, labels))
    }

    /// The gauge of a series, created at first sight.
    @inlinable
    public func gauge(_ family: FamilyID, _ labels: LabelIndexes = LabelIndexes()) -> GaugeCell {
        assert(
            self.schema.layouts[Int(family.rawValue)].kind == .gauge
                || self.schema.layouts[Int(family.rawValue)].kind == .info, "not a gauge")
        return GaugeCell(offset: self.resolve(family, labels))
    }

    /// The histogram of a series, created at first sight.
    @inlinable
    public func histogram(
        _ family: FamilyID, _ labels: LabelIndexes = LabelIndexes()
    ) -> HistogramCell {
        let layout = self.schema.layouts[Int(family.rawValue)]
        assert(layout.kind == .histogram, "not a histogram")
        return HistogramCell(offset: self.resolve(family, labels), layout: layout)
    }

    /// Whether a series was never asked for.
    public func isNew(_ family: FamilyID, _ labels: LabelIndexes) -> Bool {
        self.index.offset(of: SeriesKey(family, labels)) == nil
    }

    @inlinable
    func resolve(_ family: FamilyID, _ labels: LabelIndexes) -> Int {
        let key = SeriesKey(family, labels)
        return self.index.offset(of: key) ?? self.create(key)
    }

    /// Creates the cells of a series, at zero, and publishes them to outside readers.
    @usableFromInline
    func create(_ key: SeriesKey) -> Int {
        let cells = self.schema.wordCount(of: key.family) - 1
        guard let start = self.append(key, cells: cells) else {
            return self.wordLimit - Self.spareWords + 1
        }
        self.index.insert(key, offset: start)
        return start
    }

    /// Appends a record of zeros and returns where its cells begin; nil, and counted, without room.
    func append(_ key: SeriesKey, cells: Int) -> Int? {
        let start = self.used.load(ordering: .relaxed)
        let end = start + 1 + cells
        guard end <= self.wordLimit - Self.spareWords else {
            self.refused.store(self.refused.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
            return nil
        }
        unsafe (self.words + start).initialize(to: Atomic(key.rawValue))
        for word in start + 1..<end { unsafe (self.words + word).initialize(to: Atomic(0)) }
        self.used.store(end, ordering: .releasing)
        return start + 1
    }
}

// MARK: - Copies

extension MetricShard {
    /// Copies the shard, by its owner: one memory copy, exact across all metrics of the shard.
    ///
    /// Not inside an update. Reuses the room that `snapshot` already has.
    public func copy(into snapshot: inout ShardSnapshot) {
        snapshot.words.removeAll(keepingCapacity: true)
        let count = self.used.load(ordering: .relaxed)
        // The owner is the only writer, so its own plain reads race with nothing.
        let plain = unsafe UnsafeRawPointer(self.words).assumingMemoryBound(to: UInt64.self)
        unsafe snapshot.words.append(contentsOf: UnsafeBufferPointer(start: plain, count: count))
        snapshot.refusedSeries = self.refused.load(ordering: .relaxed)
    }

    /// Copies the shard from any thread while its owner may be writing.
    ///
    /// Returns false, with `snapshot` unspecified, when `attempts` copies in a row were all
    /// disturbed by a write; a saturating writer would otherwise keep a reader for ever.
    public func copyFromOutside(attempts: Int, into snapshot: inout ShardSnapshot) -> Bool {
        for _ in 0..<attempts {
            let before = self.sequence.load(ordering: .acquiring)
            if before & 1 == 1 { continue }
            let count = self.used.load(ordering: .acquiring)
            snapshot.words.removeAll(keepingCapacity: true)
            snapshot.words.reserveCapacity(count)
            for word in 0..<count {
                snapshot.words.append(unsafe self.words[word].load(ordering: .relaxed))
            }
            snapshot.refusedSeries = self.refused.load(ordering: .relaxed)
            // No word above may be read after the second look at the sequence.
            atomicMemoryFence(ordering: .acquiring)
            if self.sequence.load(ordering: .relaxed) == before { return true }
        }
        return false
    }
}

/// A copy of one shard at one instant.
public struct ShardSnapshot: Equatable, Sendable {
    var words: [UInt64] = []
    /// How often a series, an exemplar or a run of native buckets found no room in the shard.
    public internal(set) var refusedSeries: UInt64 = 0

    /// An empty copy, to be filled by a shard.
    public init() {}

    /// The memory the copy takes, in bytes.
    public var byteCount: Int { self.words.count * 8 }
}
