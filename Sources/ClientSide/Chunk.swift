import HTTPWire
package import NIOCore

/// Chunk framing towards either side.
package enum Chunk {
    package static let lineEnd = ByteBuffer(staticString: "\r\n")
    package static let end = ByteBuffer(staticString: "0\r\n\r\n")

    /// The size line of a chunk.
    package static func prefix(_ count: Int, from loop: EngineLoop) -> ByteBuffer {
        var bytes = loop.takeBuffer()
        Self.writePrefix(count, into: &bytes)
        return bytes
    }

    static func writePrefix(_ count: Int, into buffer: inout ByteBuffer) {
        let prefix = ChunkedEncoder.prefix(for: UInt64(count))
        prefix.bytes.withUnsafeBytes { _ = buffer.writeBytes($0) }
    }
}
