import ClientSide
import HTTPWire
import NIOCore

/// Finds the end of an answer's body and hands what comes before it to the client's side.
///
/// Chunked bodies towards a chunked client go through as they came when a read holds whole plain chunks: no byte is
/// copied or framed anew. Otherwise the content of the read becomes one chunk of its own, so that the client always
/// stands between two chunks and a typed error can follow.
///
/// - Isolation: one event loop.
/// - Bounds: constant size; allocates only for trailers and for reads that hold several broken-up chunks.
struct BodyRelay {
    /// What came of a read.
    enum Progress {
        /// The body goes on; bytes left in the buffer must be shown again in front of the next ones.
        case more
        /// The body is complete; what is left in the buffer belongs to no answer.
        case ended
        /// The coding is broken.
        case refused
    }

    private enum State {
        case ended
        case length(UInt64)
        case chunked(ChunkedDecoder)
        case untilClose
    }

    private var state = State.ended
    private var trailers = ByteBuffer()

    /// Starts a body.
    mutating func begin(_ framing: BodyFraming) {
        self.trailers.clear()
        switch framing {
        case .none: self.state = .ended
        case .length(let count): self.state = count == 0 ? .ended : .length(count)
        case .chunked: self.state = .chunked(ChunkedDecoder())
        case .untilClose: self.state = .untilClose
        }
    }

    /// Whether the backend ends the body by closing the connection.
    var endsWithConnection: Bool { if case .untilClose = self.state { true } else { false } }

    /// Takes a read's bytes.
    mutating func consume(_ bytes: inout ByteBuffer, into client: ClientConnection) -> Progress {
        switch self.state {
        case .ended: return .ended
        case .untilClose:
            if let data = bytes.readSlice(length: bytes.readableBytes), data.readableBytes > 0 {
                client.observeContent(data.readableBytesSpan, 0..<data.readableBytes)
                client.relayContent(data)
            }
            return .more
        case .length(let remaining):
            let count = Int(min(remaining, UInt64(bytes.readableBytes)))
            let left = remaining - UInt64(count)
            self.state = left == 0 ? .ended : .length(left)
            if count > 0, let data = bytes.readSlice(length: count) {
                client.observeContent(data.readableBytesSpan, 0..<count)
                client.relayContent(data)
            }
            return left == 0 ? .ended : .more
        case .chunked(var decoder):
            // Taken out and put back: the decoder is a few words, and moving it is cheaper than unwrapping twice.
            let progress = self.consumeChunks(&bytes, &decoder, into: client)
            self.state = progress == .ended ? .ended : .chunked(decoder)
            return progress
        }
    }

    private mutating func consumeChunks(
        _ bytes: inout ByteBuffer, _ decoder: inout ChunkedDecoder, into client: ClientConnection
    ) -> Progress {
        let before = decoder
        var from = 0
        var content = 0
        var ranges = 0
        var progress: Progress?
        repeat {
            switch decoder.next(bytes.readableBytesSpan, from: &from) {
            case .data(let range):
                content += range.count
                ranges += 1
                client.observeContent(bytes.readableBytesSpan, range)
            case .skipped: continue
            case .trailer(let trailer):
                if client.forwardsTrailers, !trailer.field.isHopByHop, !trailer.field.known.isCredential {
                    self.trailers.writeBytes(bytes.readableBytesView[trailer.line, from: bytes])
                }
            case .needMore: progress = .more
            case .end: progress = .ended
            case .refused: progress = .refused
            }
        } while progress == nil
        guard let progress, progress != .refused else { return .refused }
        let isWhole = before.isAtChunkBoundary && (progress == .ended || decoder.isAtChunkBoundary)
        if isWhole, decoder.isPlain, client.takesChunks {
            if from > 0, let chunks = bytes.readSlice(length: from) { client.relayChunks(chunks, content: content) }
            return progress
        }
        if content > 0 { self.reframe(bytes, before, content: content, isSingle: ranges == 1, into: client) }
        bytes.moveReaderIndex(forwardBy: from)
        if progress == .ended { client.relayLastChunk(trailers: self.trailers) }
        return progress
    }

    /// Gives the content of a read that is not made of whole plain chunks to the client as one piece.
    private func reframe(
        _ bytes: ByteBuffer, _ before: ChunkedDecoder, content: Int, isSingle: Bool, into client: ClientConnection
    ) {
        var decoder = before
        var from = 0
        var gathered = ByteBuffer()
        while true {
            switch decoder.next(bytes.readableBytesSpan, from: &from) {
            case .data(let range):
                guard let part = bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count)
                else { return }
                if isSingle { return client.relayContent(part) }
                gathered.writeImmutableBuffer(part)
                if gathered.readableBytes == content { return client.relayContent(gathered) }
            case .skipped, .trailer: continue
            case .needMore, .end, .refused: return
            }
        }
    }
}

extension ByteBufferView {
    /// The bytes at offsets counted from the buffer's first readable byte.
    fileprivate subscript(range: Range<Int>, from buffer: ByteBuffer) -> ByteBufferView {
        self[buffer.readerIndex + range.lowerBound..<buffer.readerIndex + range.upperBound]
    }
}
