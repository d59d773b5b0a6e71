/// Writes chunked coding around content (RFC 9112 section 7.1).
///
/// A chunk is ``prefix(for:)``, that many bytes of content, and ``lineEnd``; a body ends with
/// ``end``, or with ``lastChunk``, its trailer lines and ``lineEnd``.
public enum ChunkedEncoder {
    /// The CRLF behind the content of a chunk and behind the trailers.
    public static var lineEnd: StaticString { "\r\n" }

    /// The chunk that ends a body, without the empty line that ends its trailers.
    public static var lastChunk: StaticString { "0\r\n" }

    /// The end of a body without trailers.
    public static var end: StaticString { "0\r\n\r\n" }

    /// The most bytes that a prefix can have: 16 digits and CRLF.
    public static var prefixBytesMax: Int { 18 }

    /// Returns the size line of a chunk.
    ///
    /// - Parameter count: The content's length; must not be 0, which would end the body.
    /// - Returns: The size in hexadecimal digits and CRLF.
    @inlinable
    public static func prefix(for count: UInt64) -> ChunkPrefix {
        precondition(count > 0, "a chunk of 0 bytes ends the body")
        return ChunkPrefix(count)
    }
}

/// The size line of one chunk in a buffer of its own.
///
/// - Bounds: 24 bytes, no allocation.
public struct ChunkPrefix: Sendable {
    @usableFromInline var storage: InlineArray<24, UInt8>

    /// The number of bytes used, at most ``ChunkedEncoder/prefixBytesMax``.
    public let count: Int

    @inlinable
    init(_ size: UInt64) {
        var storage = InlineArray<24, UInt8>(repeating: 0)
        let digits = max(1, (67 - size.leadingZeroBitCount) / 4)
        var rest = size
        var index = digits
        while index > 0 {
            index -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 0xF)
            storage[index] = digit < 10 ? 0x30 + digit : 0x57 + digit
            rest &>>= 4
        }
        storage[digits] = 0x0D
        storage[digits + 1] = 0x0A
        self.storage = storage
        self.count = digits + 2
    }

    /// The bytes of the size line.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { unsafe self.storage.span.extracting(first: self.count).bytes }
    }
}
