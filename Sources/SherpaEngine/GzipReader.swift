import CZlib
import NIOCore

/// Undoes the gzip coding (RFC 1952) of a body as it arrives.
///
/// - Isolation: one owner at a time.
/// - Bounds: 32 KiB of window and 7 KiB of state in zlib, and one piece of output: however much a few bytes stand for,
///   it is made piece by piece.
final class GzipReader {
    /// Why a body could not be read.
    enum Failure: Error {
        /// The bytes are no gzip, or their check sum is wrong; with zlib's code.
        case broken(Int)
        /// The body ended before its coding did.
        case truncated
    }

    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether the bytes so far make whole members (RFC 1952 section 2.2), so that the body may end here.
    private var isWhole = false

    /// A reader at the beginning of a body; nil when zlib has no memory.
    init?() {
        self.stream = .allocate(capacity: 1)
        self.stream.initialize(to: z_stream())
        // A window of 2^15 bytes; 16 more asks for the gzip wrapping.
        let opened = inflateInit2_(self.stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Takes bytes of the body, and gives at most `limit` bytes of what they stand for.
    ///
    /// Returns nil when more of the body is needed; call it until then.
    ///
    /// - Throws: ``Failure``.
    func read(from bytes: inout ByteBuffer, atMost limit: Int) throws(Failure) -> ByteBuffer? {
        while true {
            if self.isWhole {
                guard bytes.readableBytes > 0 else { return nil }
                // Another member follows.
                inflateReset(self.stream)
                self.isWhole = false
            }
            var output = ByteBufferAllocator().buffer(capacity: limit)
            let result = self.inflate(&bytes, into: &output, limit)
            switch result {
            case Z_STREAM_END: self.isWhole = true
            case Z_OK, Z_BUF_ERROR: break
            default: throw .broken(Int(result))
            }
            if output.readableBytes > 0 { return output }
            if !self.isWhole, bytes.readableBytes == 0 { return nil }
        }
    }

    private func inflate(_ bytes: inout ByteBuffer, into output: inout ByteBuffer, _ limit: Int) -> Int32 {
        var result = Z_OK
        bytes.readWithUnsafeMutableReadableBytes { input in
            self.stream.pointee.next_in = input.bindMemory(to: UInt8.self).baseAddress
            self.stream.pointee.avail_in = uInt(input.count)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { room in
                self.stream.pointee.next_out = room.bindMemory(to: UInt8.self).baseAddress
                self.stream.pointee.avail_out = uInt(min(room.count, limit))
                result = CZlib.inflate(self.stream, Z_NO_FLUSH)
                return min(room.count, limit) - Int(self.stream.pointee.avail_out)
            }
            return input.count - Int(self.stream.pointee.avail_in)
        }
        return result
    }

    /// The body has ended.
    ///
    /// - Throws: ``Failure/truncated`` when its coding has not.
    func finish() throws(Failure) {
        guard self.isWhole else { throw .truncated }
    }
}

@available(*, unavailable)
extension GzipReader: Sendable {}
