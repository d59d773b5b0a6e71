public import Domain
import Synchronization
public import Telemetry

/// Where one event loop writes its records.
///
/// - Isolation: the owning thread only, one line at a time. `Sendable` without a check, so that the
///   composition can make the writers and hand each to its loop; nothing here is safe for a second thread
///   but ``counters``.
/// - Bounds: ``lineBytesMax`` bytes of scratch memory and one queue; no allocation per record.
public final class LineWriter: @unchecked Sendable {
    /// The most bytes of one line, line feed included.
    public static let lineBytesMax = 65_536

    let scratch: UnsafeMutableRawBufferPointer
    private let queue: LineQueue
    private let shared: SharedState
    private let tally: LineTally
    private var timestamp = Timestamp()

    init(queue: LineQueue, shared: SharedState) {
        self.scratch = .allocate(byteCount: Self.lineBytesMax, alignment: 16)
        self.queue = queue
        self.shared = shared
        self.tally = LineTally()
    }

    deinit { self.scratch.deallocate() }

    /// Whether records of a level are written now; ask before collecting costly fields.
    public func isEnabled(_ level: LogLevel) -> Bool { self.shared.isEnabled(level) }

    /// Begins a record.
    ///
    /// `moment` is the wall time since the Unix epoch: for an access record the start of the request. A level
    /// that is off gives a line whose every call is a no-op.
    public func begin(_ level: LogLevel, _ message: StaticString, at moment: Nanoseconds) -> LogLine {
        guard self.isEnabled(level) else { return LogLine(disabled: self, level: level) }
        var line = LogLine(writer: self, level: level)
        line.begin(message, timestamp: self.timestamp.render(moment))
        return line
    }

    func begin(_ level: LogLevel, text message: String, at moment: Nanoseconds) -> LogLine {
        guard self.isEnabled(level) else { return LogLine(disabled: self, level: level) }
        var line = LogLine(writer: self, level: level)
        line.begin(message, timestamp: self.timestamp.render(moment))
        return line
    }

    func enqueue(_ line: UnsafeRawBufferPointer?, level: LogLevel) -> LineOutcome {
        guard let line else { return self.drop(.tooLarge) }
        guard !self.shared.isClosed else { return self.drop(.sinkError) }
        switch self.queue.append(line, level: level) {
        case .refused: return self.drop(.queueFull)
        case .accepted(let crossedHalf):
            self.tally.countRecord(level)
            if crossedHalf { self.shared.waker.wake() }
            return .queued
        }
    }

    /// Counts a record that the caller left out.
    public func drop(_ reason: LogDropReason) -> LineOutcome {
        self.tally.countDrop(reason)
        return .dropped(reason)
    }

    /// What this writer has accepted and dropped, and what waits; readable from any thread.
    public var counters: LogCounters {
        var counters = self.tally.counters
        counters.queueLength = self.queue.count
        return counters
    }
}

/// What became of records so far: running totals, except the queue length.
public struct LogCounters: Equatable, Sendable {
    private var records = InlineCounts()
    private var drops = InlineCounts()
    /// Bytes that the outputs accepted.
    public var bytesWritten: UInt64 = 0
    /// Records accepted and not yet handed to the outputs.
    public var queueLength = 0

    /// Nothing counted.
    public init() {}

    /// Records accepted, by level.
    public subscript(level: LogLevel) -> UInt64 {
        get { self.records[Int(level.rawValue)] }
        set { self.records[Int(level.rawValue)] = newValue }
    }

    /// Records dropped, by reason.
    public subscript(reason: LogDropReason) -> UInt64 {
        get { self.drops[Int(reason.rawValue)] }
        set { self.drops[Int(reason.rawValue)] = newValue }
    }

    /// Adds the totals of another part of the logbook.
    public mutating func add(_ other: LogCounters) {
        for level in LogLevel.allCases { self[level] += other[level] }
        for reason in LogDropReason.allCases { self[reason] += other[reason] }
        self.bytesWritten += other.bytesWritten
        self.queueLength += other.queueLength
    }

    private struct InlineCounts: Equatable, Sendable {
        private var counts: InlineArray<4, UInt64> = .init(repeating: 0)

        subscript(index: Int) -> UInt64 {
            get { self.counts[index] }
            set { self.counts[index] = newValue }
        }

        static func == (left: InlineCounts, right: InlineCounts) -> Bool {
            (0..<4).allSatisfy { left.counts[$0] == right.counts[$0] }
        }
    }
}

/// Totals with one writing thread: a count is a load and a store, never a read-modify-write.
final class LineTally: Sendable {
    private let debug = Atomic<UInt64>(0)
    private let info = Atomic<UInt64>(0)
    private let warn = Atomic<UInt64>(0)
    private let error = Atomic<UInt64>(0)
    private let queueFull = Atomic<UInt64>(0)
    private let sampled = Atomic<UInt64>(0)
    private let sinkError = Atomic<UInt64>(0)
    private let tooLarge = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)

    func countRecord(_ level: LogLevel) {
        switch level {
        case .debug: Self.add(1, to: self.debug)
        case .info: Self.add(1, to: self.info)
        case .warn: Self.add(1, to: self.warn)
        case .error: Self.add(1, to: self.error)
        }
    }

    func countDrop(_ reason: LogDropReason, _ count: Int = 1) {
        switch reason {
        case .queueFull: Self.add(count, to: self.queueFull)
        case .sampled: Self.add(count, to: self.sampled)
        case .sinkError: Self.add(count, to: self.sinkError)
        case .tooLarge: Self.add(count, to: self.tooLarge)
        }
    }

    func countBytes(_ count: Int) { Self.add(count, to: self.bytes) }

    var counters: LogCounters {
        var counters = LogCounters()
        counters[LogLevel.debug] = self.debug.load(ordering: .relaxed)
        counters[LogLevel.info] = self.info.load(ordering: .relaxed)
        counters[LogLevel.warn] = self.warn.load(ordering: .relaxed)
        counters[LogLevel.error] = self.error.load(ordering: .relaxed)
        counters[LogDropReason.queueFull] = self.queueFull.load(ordering: .relaxed)
        counters[LogDropReason.sampled] = self.sampled.load(ordering: .relaxed)
        counters[LogDropReason.sinkError] = self.sinkError.load(ordering: .relaxed)
        counters[LogDropReason.tooLarge] = self.tooLarge.load(ordering: .relaxed)
        counters.bytesWritten = self.bytes.load(ordering: .relaxed)
        return counters
    }

    private static func add(_ count: Int, to cell: borrowing Atomic<UInt64>) {
        cell.store(cell.load(ordering: .relaxed) &+ UInt64(count), ordering: .relaxed)
    }
}

/// What all writers of a logbook look at: the level in force, whether it still takes records, and the
/// writer thread's bell.
final class SharedState: Sendable {
    private let level: Atomic<UInt8>
    private let closed = Atomic<Bool>(false)
    let waker: Waker

    init(level: LogLevel, waker: Waker) {
        self.level = Atomic(level.rawValue)
        self.waker = waker
    }

    func isEnabled(_ level: LogLevel) -> Bool { level.rawValue >= self.level.load(ordering: .relaxed) }

    func setLevel(_ level: LogLevel) { self.level.store(level.rawValue, ordering: .relaxed) }

    var isClosed: Bool { self.closed.load(ordering: .acquiring) }

    func close() { self.closed.store(true, ordering: .releasing) }
}
