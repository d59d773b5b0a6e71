import Domain
import Synchronization
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The writer thread: empties all queues into the outputs.
///
/// - Isolation: ``run()`` is the thread; everything else is safe from any thread.
/// - Bounds: one batch of ``batchBytes``.
final class LogPump: Sendable {
    /// At least one line of the greatest length fits, with room to make a write worth its call.
    static let batchBytes = 4 * LineWriter.lineBytesMax

    private struct Control {
        var replacements: [Replacement]
        var isStopping = false
    }

    /// Outputs to use from a place on.
    private struct Replacement {
        let sinks: SinkHandover
        /// Where the queues ended when the outputs were replaced: the old ones are owed what stands before.
        let ends: [LineQueue.End]
    }

    /// What the thread does next.
    private struct Orders {
        /// Oldest first.
        let replacements: [Replacement]
        /// Where the queues end: what comes behind is left for the next orders, which may name other outputs.
        let ends: [LineQueue.End]
        let isStopping: Bool
    }

    let descriptor: Int32
    private let queues: [LineQueue]
    private let waker: Waker
    private let done: Waker
    private let pollMilliseconds: Int
    private let control: Mutex<Control>
    private let hasStarted = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let tally = LineTally()

    init(
        queues: [LineQueue], waker: Waker, done: Waker, pollInterval: Nanoseconds,
        sinks: SinkHandover, descriptor: Int32
    ) {
        self.queues = queues
        self.waker = waker
        self.done = done
        self.pollMilliseconds = max(1, Int(clamping: pollInterval.rawValue / 1_000_000))
        self.control = Mutex(
            Control(replacements: [Replacement(sinks: sinks, ends: queues.map(\.end))]))
        self.descriptor = descriptor
    }

    /// Bytes written and lines lost at the outputs.
    var counters: LogCounters { self.tally.counters }

    /// Starts the thread.
    func start() throws(LogbookError) {
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(&thread, nil, { LogPump.enter($0) }, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw .systemCall("pthread_create", code: code)
        }
        self.hasStarted.store(true, ordering: .releasing)
        #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
        #else
        pthread_detach(thread)
        #endif
    }

    #if canImport(Darwin)
    private static func enter(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        pthread_setname_np("journal")
        Unmanaged<LogPump>.fromOpaque(context).takeRetainedValue().run()
        return nil
    }
    #else
    private static func enter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        Unmanaged<LogPump>.fromOpaque(context).takeRetainedValue().run()
        return nil
    }
    #endif

    /// Uses other outputs for every line queued from now on.
    func replace(sinks: SinkHandover) {
        self.control.withLock { control in
            control.replacements.append(Replacement(sinks: sinks, ends: self.queues.map(\.end)))
        }
        self.waker.wake()
    }

    /// Asks the thread to write what is queued and to end; waits for it so long.
    func stop(within limit: Nanoseconds) -> Bool {
        guard self.hasStarted.load(ordering: .acquiring) else { return true }
        self.control.withLock { $0.isStopping = true }
        self.waker.wake()
        if !self.hasEnded.load(ordering: .acquiring) {
            self.done.wait(milliseconds: Int(clamping: limit.rawValue / 1_000_000))
        }
        return self.hasEnded.load(ordering: .acquiring)
    }

    private func run() {
        // A reader that went away then gives an error to count instead of a signal that ends the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        let batch = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.batchBytes, alignment: 4_096)
        defer { batch.deallocate() }
        var sinks: [any LogSink] = []
        while true {
            let orders = self.takeOrders()
            for replacement in orders.replacements {
                if !sinks.isEmpty { self.drain(upTo: replacement.ends, through: batch, into: sinks) }
                sinks = replacement.sinks.sinks
            }
            self.drain(upTo: orders.ends, through: batch, into: sinks)
            if orders.isStopping { break }
            self.waker.wait(milliseconds: self.pollMilliseconds)
        }
        self.hasEnded.store(true, ordering: .releasing)
        self.done.wake()
    }

    private func takeOrders() -> Orders {
        self.control.withLock { control in
            let replacements = control.replacements
            control.replacements = []
            return Orders(
                replacements: replacements, ends: self.queues.map(\.end), isStopping: control.isStopping)
        }
    }

    /// Empties every queue up to a place, in as many batches as it takes.
    private func drain(
        upTo ends: [LineQueue.End], through batch: UnsafeMutableRawBufferPointer, into sinks: [any LogSink]
    ) {
        while true {
            var (byteCount, lineCount) = (0, 0)
            for (queue, end) in zip(self.queues, ends) {
                let room = UnsafeMutableRawBufferPointer(rebasing: batch[byteCount...])
                let taken = queue.take(into: room, upTo: end)
                byteCount += taken.bytes
                lineCount += taken.lines
            }
            guard byteCount > 0 else { return }
            for sink in sinks {
                let report = sink.write(
                    UnsafeRawBufferPointer(rebasing: batch[0..<byteCount]), lines: lineCount)
                self.tally.countBytes(report.bytes)
                self.tally.countDrop(.sinkError, report.linesLost)
            }
        }
    }
}
