public import Domain
import Synchronization
public import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Everything the gateway says: one JSON line a record, from all loops and the control plane, to the outputs.
///
/// Each loop writes into a queue of its own and never waits. One thread empties all queues: it looks every
/// ``Configuration/pollInterval``, or at once when a queue is half full, so a record costs no system call of
/// its own. What can't be kept is dropped and counted, errors last.
///
/// - Isolation: thread-safe; each ``LineWriter`` belongs to its loop.
/// - Bounds: ``Configuration/queueBytes`` a loop and as much for the control plane, one batch, one thread.
public final class Logbook: Sendable {
    private let shared: SharedState
    private let writers: [LineWriter]
    private let control: Mutex<LineWriter>
    private let controlWriter: LineWriter
    private let pump: LogPump
    private let now: @Sendable () -> Nanoseconds

    /// Opens the outputs and starts the writer thread.
    ///
    /// `descriptor` is the standard output, which is not closed; `now` stamps the records of the control plane.
    ///
    /// - Throws: ``LogbookError`` when an output can't be opened or no thread is to be had.
    public init(
        loops: Int, configuration: Configuration = Configuration(), descriptor: Int32 = 1,
        now: (@Sendable () -> Nanoseconds)? = nil
    ) throws(LogbookError) {
        let waker = try Waker()
        let shared = SharedState(level: configuration.level, waker: waker)
        let queues = (0...max(loops, 0)).map { _ in LineQueue(capacity: configuration.queueBytes) }
        let writers = queues.map { LineWriter(queue: $0, shared: shared) }
        self.shared = shared
        self.controlWriter = writers[0]
        self.control = Mutex(writers[0])
        self.writers = Array(writers.dropFirst())
        self.now = now ?? { WallClock.now() }
        self.pump = LogPump(
            queues: queues, waker: waker, done: try Waker(), pollInterval: configuration.pollInterval,
            sinks: try Self.sinks(configuration, descriptor: descriptor), descriptor: descriptor)
        try self.pump.start()
    }

    deinit { self.shutdown(within: .seconds(1)) }

    /// The number of loops that have a writer.
    public var loopCount: Int { self.writers.count }

    /// The writer of an event loop, which alone may use it.
    public func writer(forLoop index: Int) -> LineWriter { self.writers[index] }

    /// The level below which records are not written.
    public func setLevel(_ level: LogLevel) { self.shared.setLevel(level) }

    /// Whether records of a level are written now.
    public func isEnabled(_ level: LogLevel) -> Bool { self.shared.isEnabled(level) }

    /// Takes over the level and the outputs of a configuration; the sizes stay those of the start.
    ///
    /// - Throws: ``LogbookError`` when an output can't be opened; everything then stays as it was.
    public func reconfigure(_ configuration: Configuration) throws(LogbookError) {
        let sinks = try Self.sinks(configuration, descriptor: self.pump.descriptor)
        self.shared.setLevel(configuration.level)
        self.pump.replace(sinks: sinks)
    }

    /// Writes a record of the control plane, from any thread.
    ///
    /// A field whose name stands before in the line is left out, so that each key appears once.
    @discardableResult
    public func log(
        _ level: LogLevel, _ message: String, _ fields: [(key: String, value: LogValue)] = []
    ) -> LineOutcome {
        guard self.isEnabled(level) else { return .disabled }
        let moment = self.now()
        return self.control.withLock { writer in
            var line = writer.begin(level, text: message, at: moment)
            for (position, field) in fields.enumerated() {
                let isTaken =
                    ["timestamp", "level", "msg"].contains(field.key)
                    || fields[..<position].contains { $0.key == field.key }
                if !isTaken { line.field(field.key, field.value) }
            }
            return line.commit()
        }
    }

    /// What became of all records so far; the loops' own counters are part of it.
    public var counters: LogCounters {
        var total = self.pump.counters
        total.add(self.controlWriter.counters)
        for writer in self.writers { total.add(writer.counters) }
        return total
    }

    /// The same numbers for a scrape.
    ///
    /// They cover loops and control plane, so no recorder counts log records too.
    public var facts: ScrapeFacts.Log {
        let counters = self.counters
        var facts = ScrapeFacts.Log()
        for level in LogLevel.allCases { facts.records[level.label] = Int(counters[level]) }
        for reason in LogDropReason.allCases { facts.dropped[reason] = Int(counters[reason]) }
        facts.queuedRecords = counters.queueLength
        facts.writtenBytes = Int(counters.bytesWritten)
        return facts
    }

    /// Takes no more records, writes what is queued, and stops the thread.
    ///
    /// Later calls only wait.
    ///
    /// - Returns: whether all was written in time; an output that blocks (a pipe nobody reads) makes it false.
    @discardableResult
    public func shutdown(within limit: Nanoseconds) -> Bool {
        self.shared.close()
        return self.pump.stop(within: limit)
    }

    private static func sinks(
        _ configuration: Configuration, descriptor: Int32
    ) throws(LogbookError) -> SinkHandover {
        var sinks: [any LogSink] = []
        switch configuration.format {
        case .json: sinks.append(DescriptorSink(descriptor: descriptor))
        case .text:
            let projection = TextProjection(
                isColoured: configuration.isColoured, showsAccessLog: configuration.showsAccessLog)
            sinks.append(TextSink(descriptor: descriptor, projection: projection))
        }
        if let file = configuration.file { sinks.append(try RotatingFileSink(file)) }
        return SinkHandover(sinks: sinks)
    }
}

/// Why a logbook can't be opened.
public enum LogbookError: Error, Equatable, CustomStringConvertible {
    /// A call of the system failed with this error number.
    case systemCall(String, code: Int32)
    /// A file or folder of the log can't be used, with the error number.
    case file(String, code: Int32)

    /// What failed and why, in the system's words.
    public var description: String {
        switch self {
        case .systemCall(let name, let code): "\(name): \(Self.text(code))"
        case .file(let path, let code): "log file \(path): \(Self.text(code))"
        }
    }

    private static func text(_ code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else {
                return "error \(code)"
            }
            return String(cString: start)
        }
    }
}
