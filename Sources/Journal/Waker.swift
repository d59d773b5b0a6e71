#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Wakes a thread that waits for it; a pipe, so that it works on every system.
///
/// - Isolation: ``wake()`` from any thread without blocking, ``wait(milliseconds:)`` on one.
/// - Bounds: two file descriptors. Rings that nobody has heard yet are one ring.
final class Waker: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    /// - Throws: ``LogbookError/systemCall(_:code:)`` when no descriptor is to be had.
    init() throws(LogbookError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .systemCall("pipe", code: errno) }
        for end in ends {
            _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (self.readEnd, self.writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(self.readEnd)
        close(self.writeEnd)
    }

    /// Ends the current or the next wait.
    func wake() {
        var byte: UInt8 = 1
        // A full pipe refuses the byte, and then the other side has been rung enough.
        _ = write(self.writeEnd, &byte, 1)
    }

    /// Waits for a ring, at most so long; hears all rings at once.
    ///
    /// - Returns: whether there was a ring.
    @discardableResult
    func wait(milliseconds: Int) -> Bool {
        var entry = pollfd(fd: self.readEnd, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(clamping: milliseconds)) > 0 else { return false }
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { bytes in
            while read(self.readEnd, bytes.baseAddress, bytes.count) == bytes.count {}
        }
        return true
    }
}
