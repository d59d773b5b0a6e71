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
        var sinks: SinkHandover?
        var isStopping = false
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
        self.control = Mutex(Control(sinks: sinks))
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

    /// Uses other outputs from the next batch on.
    func replace(sinks: SinkHandover) {
        self.control.withLock { $0.sinks = sinks }
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
        var isStopping = false
        while true {
            let newSinks: SinkHandover?
            (newSinks, isStopping) = self.takeOrders()
            // What was said before the change goes where it went before.
            if !sinks.isEmpty { self.drain(through: batch, into: sinks) }
            if let newSinks {
                sinks = newSinks.sinks
                self.drain(through: batch, into: sinks)
            }
            if isStopping { break }
            self.waker.wait(milliseconds: self.pollMilliseconds)
        }
        self.hasEnded.store(true, ordering: .releasing)
        self.done.wake()
    }

    private func takeOrders() -> (sinks: SinkHandover?, isStopping: Bool) {
        self.control.withLock { control in
            let sinks = control.sinks
            control.sinks = nil
            return (sinks, control.isStopping)
        }
    }

    /// Empties every queue, as many batches as it takes.
    private func drain(through batch: UnsafeMutableRawBufferPointer, into sinks: [any LogSink]) {
        while true {
            var (byteCount, lineCount) = (0, 0)
            for queue in self.queues {
                let room = UnsafeMutableRawBufferPointer(rebasing: batch[byteCount...])
                let taken = queue.take(into: room)
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
