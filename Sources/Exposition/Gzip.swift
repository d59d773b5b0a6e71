import CZlib

/// Compresses whole bodies in the gzip format (RFC 1952) by zlib.
public enum Gzip {
    /// Why nothing was compressed.
    public enum Failure: Error, Equatable, Sendable {
        /// The level is outside 1 ... 9.
        case badLevel(Int)
        /// The input is larger than ``Gzip/inputLimit``.
        case tooLarge(Int)
        /// zlib gave up; in practice, out of memory.
        case zlib(Int)
    }

    /// The most bytes of an input: zlib counts in 32 bits, and no page comes near.
    public static let inputLimit = 1 << 30

    /// Compresses `input` at once.
    ///
    /// Level 1 costs a third of the time of level 6 for a fifth more bytes on a metrics page. The
    /// result depends on the input only: no time stamp and no name are written.
    public static func compress(_ input: [UInt8], level: Int = 1) throws(Failure) -> [UInt8] {
        guard (1...9).contains(level) else { throw .badLevel(level) }
        guard input.count <= Self.inputLimit else { throw .tooLarge(input.count) }
        var stream = unsafe z_stream()
        // A window of 2^15 bytes; 16 more asks for the gzip wrapping.
        let opened = unsafe deflateInit2_(
            &stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else { throw .zlib(Int(opened)) }
        defer { unsafe deflateEnd(&stream) }
        let bound = Int(unsafe deflateBound(&stream, uLong(input.count)))
        var result: Int32 = Z_STREAM_ERROR
        let output = unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            unsafe input.withUnsafeBufferPointer { bytes in
                // zlib never writes through `next_in`.
                unsafe stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
                unsafe stream.avail_in = uInt(bytes.count)
                unsafe stream.next_out = buffer.baseAddress
                unsafe stream.avail_out = uInt(buffer.count)
                result = unsafe deflate(&stream, Z_FINISH)
            }
            count = unsafe buffer.count - Int(stream.avail_out)
        }
        guard result == Z_STREAM_END else { throw .zlib(Int(result)) }
        return output
    }
}
