import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A ring of bytes between one producer (an event loop) and one consumer (the writer thread).
///
/// It holds whole lines back to back and nothing else: no frame, no node, no lock. The producer copies a line
/// in and publishes the new position; the consumer copies whole lines out and hands the room back. A full
/// ring refuses, and keeps an eighth of itself for errors, so that a flood of info never drops an error.
///
/// - Isolation: ``append(_:level:)`` by one thread at a time, ``take(into:)`` by one thread at a time.
/// - Bounds: `capacity` bytes for life; no allocation after `init`.
final class LineQueue: Sendable {
    /// How full the queue was found; tells the producer whether to wake the consumer.
    enum Appended: Equatable {
        case accepted(crossedHalf: Bool)
        case refused
    }

    /// A position in the stream of bytes and the number of lines up to it, in one word.
    ///
    /// Both wrap at 32 bits; differences are what counts and those are bounded by the capacity. One word
    /// makes the pair exact for whoever reads it.
    private struct Mark {
        var bytes: UInt32
        var lines: UInt32

        init(bytes: UInt32, lines: UInt32) {
            self.bytes = bytes
            self.lines = lines
        }

        init(_ word: UInt64) {
            self.bytes = UInt32(truncatingIfNeeded: word)
            self.lines = UInt32(truncatingIfNeeded: word >> 32)
        }

        var word: UInt64 { UInt64(self.lines) << 32 | UInt64(self.bytes) }
    }

    /// A place between two lines.
    struct End: Sendable {
        fileprivate let word: UInt64
    }

    /// A word on cache lines of its own (two, because processors fetch them in pairs): the two sides must
    /// not slow each other down.
    private struct PaddedWord: ~Copyable, Sendable {
        let value = Atomic<UInt64>(0)
        let padding = InlineArray<15, UInt64>(repeating: 0)
    }

    /// Bytes of the ring; a power of two.
    let capacity: Int
    private let headroom: Int
    private let published = PaddedWord()
    private let consumed = PaddedWord()
    // Written by the producer below `published` and read by the consumer below that, never both at once.
    private nonisolated(unsafe) let memory: UnsafeMutableRawBufferPointer

    /// Makes an empty ring of `capacity` bytes, rounded up to a power of two from 4 KiB to 1 GiB.
    init(capacity: Int) {
        var size = 4_096
        while size < capacity, size < 1 << 30 { size <<= 1 }
        self.capacity = size
        self.headroom = size >> 3
        // Page by page the kernel gives memory at first touch, so an idle loop's queue costs nothing.
        self.memory = .allocate(byteCount: size, alignment: 4_096)
    }

    deinit { self.memory.deallocate() }

    /// Lines waiting.
    var count: Int {
        let consumed = Mark(self.consumed.value.load(ordering: .acquiring))
        let published = Mark(self.published.value.load(ordering: .acquiring))
        return Int(published.lines &- consumed.lines)
    }

    /// Puts one line in, whole or not at all.
    ///
    /// Producer only.
    func append(_ line: UnsafeRawBufferPointer, level: LogLevel) -> Appended {
        var mark = Mark(self.published.value.load(ordering: .relaxed))
        let used = Int(mark.bytes &- Mark(self.consumed.value.load(ordering: .acquiring)).bytes)
        let room = self.capacity - used - (level == .error ? 0 : self.headroom)
        guard line.count <= room else { return .refused }

        let start = Int(mark.bytes) & (self.capacity - 1)
        let first = min(line.count, self.capacity - start)
        self.copy(line, 0..<first, to: start)
        self.copy(line, first..<line.count, to: 0)
        mark.bytes &+= UInt32(truncatingIfNeeded: line.count)
        mark.lines &+= 1
        self.published.value.store(mark.word, ordering: .releasing)
        let half = self.capacity >> 1
        return .accepted(crossedHalf: used < half && used + line.count >= half)
    }

    private func copy(_ source: UnsafeRawBufferPointer, _ range: Range<Int>, to offset: Int) {
        guard !range.isEmpty else { return }
        UnsafeMutableRawBufferPointer(rebasing: self.memory[offset..<offset + range.count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
    }

    /// Where the queue ends now; thread-safe.
    var end: End { End(word: self.published.value.load(ordering: .acquiring)) }

    /// Moves as many whole lines as fit out of the queue and makes their room free.
    ///
    /// Consumer only.
    ///
    /// - Parameters:
    ///   - target: where the lines go.
    ///   - end: lines behind it stay; not before what was taken already.
    /// - Returns: the bytes and lines moved; none when the queue is empty or not one line fits.
    func take(into target: UnsafeMutableRawBufferPointer, upTo end: End) -> (bytes: Int, lines: Int) {
        let published = Mark(end.word)
        var consumed = Mark(self.consumed.value.load(ordering: .relaxed))
        let available = Int(published.bytes &- consumed.bytes)
        var byteCount = min(available, target.count)
        guard byteCount > 0 else { return (0, 0) }

        let start = Int(consumed.bytes) & (self.capacity - 1)
        let first = min(byteCount, self.capacity - start)
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: self.memory[start..<start + first]))
        if first < byteCount {
            UnsafeMutableRawBufferPointer(rebasing: target[first..<byteCount])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: self.memory[0..<byteCount - first]))
        }
        var lineCount = Int(published.lines &- consumed.lines)
        if byteCount < available {
            let whole = Lines.wholeLines(in: UnsafeRawBufferPointer(rebasing: target[0..<byteCount]))
            (byteCount, lineCount) = (whole.bytes, whole.lines)
        }
        consumed.bytes &+= UInt32(truncatingIfNeeded: byteCount)
        consumed.lines &+= UInt32(truncatingIfNeeded: lineCount)
        self.consumed.value.store(consumed.word, ordering: .releasing)
        return (byteCount, lineCount)
    }
}

/// Where lines end.
enum Lines {
    /// The bytes up to the last line feed, and the number of line feeds.
    static func wholeLines(in bytes: UnsafeRawBufferPointer) -> (bytes: Int, lines: Int) {
        guard let start = bytes.baseAddress else { return (0, 0) }
        var (end, lines) = (0, 0)
        while let found = memchr(start + end, 0x0A, bytes.count - end) {
            end = UnsafeRawPointer(found) - start + 1
            lines += 1
        }
        return (end, lines)
    }
}
