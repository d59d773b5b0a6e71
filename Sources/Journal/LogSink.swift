#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What an output did with a batch.
struct SinkReport: Equatable {
    /// Bytes the output took.
    var bytes = 0
    /// Lines that it did not take whole.
    var linesLost = 0
}

/// An output of whole lines.
///
/// - Isolation: the writer thread.
protocol LogSink: AnyObject {
    /// Writes a batch of whole JSON lines; may block, never fails without saying how many lines were lost.
    func write(_ batch: UnsafeRawBufferPointer, lines: Int) -> SinkReport
}

/// Outputs on their way to the writer thread: whoever makes a handover keeps none of the outputs, which is
/// what makes passing them safe.
struct SinkHandover: @unchecked Sendable {
    let sinks: [any LogSink]
}

/// Lines as they are, to a file descriptor that it does not own.
final class DescriptorSink: LogSink {
    private let descriptor: Int32
    /// The last byte the descriptor took was not the end of a line.
    private var isMidLine = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    func write(_ batch: UnsafeRawBufferPointer, lines: Int) -> SinkReport {
        if self.isMidLine {
            // Closes a line that an earlier error cut, so that one failure never spoils two lines.
            let feed: [UInt8] = [UInt8(ascii: "\n")]
            guard feed.withUnsafeBytes({ DescriptorOutput.write($0, to: self.descriptor) }) == 1 else {
                return SinkReport(bytes: 0, linesLost: lines)
            }
            self.isMidLine = false
        }
        let count = DescriptorOutput.write(batch, to: self.descriptor)
        guard count < batch.count else { return SinkReport(bytes: count, linesLost: 0) }
        let whole = Lines.wholeLines(in: UnsafeRawBufferPointer(rebasing: batch[0..<count]))
        self.isMidLine = whole.bytes < count
        return SinkReport(bytes: count, linesLost: lines - whole.lines)
    }
}

/// Lines turned into text for people, to a file descriptor that it does not own.
final class TextSink: LogSink {
    private let output: DescriptorSink
    private let projection: TextProjection
    private var text: [UInt8] = []

    init(descriptor: Int32, projection: TextProjection) {
        self.output = DescriptorSink(descriptor: descriptor)
        self.projection = projection
    }

    func write(_ batch: UnsafeRawBufferPointer, lines: Int) -> SinkReport {
        self.text.removeAll(keepingCapacity: true)
        var start = 0
        var textLines = 0
        while start < batch.count {
            let stop = batch[start...].firstIndex(of: UInt8(ascii: "\n")) ?? batch.count
            let line = UnsafeRawBufferPointer(rebasing: batch[start..<stop])
            if self.projection.append(line, to: &self.text) { textLines += 1 }
            start = stop + 1
        }
        return self.text.withUnsafeBytes { self.output.write($0, lines: textLines) }
    }
}

/// Writing to file descriptors.
enum DescriptorOutput {
    /// Writes all of `bytes` and waits where it must; returns how many were taken before an error.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
        guard let start = bytes.baseAddress else { return 0 }
        var position = 0
        while position < bytes.count {
            #if canImport(Darwin)
            let count = Darwin.write(descriptor, start + position, bytes.count - position)
            #elseif canImport(Musl)
            let count = Musl.write(descriptor, start + position, bytes.count - position)
            #else
            let count = Glibc.write(descriptor, start + position, bytes.count - position)
            #endif
            if count > 0 {
                position += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, 100)
            default: return position
            }
        }
        return position
    }
}
