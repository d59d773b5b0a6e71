import NIOCore

/// What a benchmark request wants, found by looking for a few words in its bytes.
struct BenchRequest: Equatable {
    enum Wish: Equatable {
        case models
        case reply
        case stream(events: Int?)
    }

    enum Scan: Equatable {
        case incomplete
        case broken
        case complete(BenchRequest)
    }

    let wish: Wish
    /// Head and body together.
    let bytes: Int

    /// Looks for one whole request at the front of `buffer`.
    static func scan(_ buffer: ByteBuffer) -> Scan {
        buffer.withUnsafeReadableBytes { bytes in
            guard let headEnd = Self.find("\r\n\r\n", in: bytes, from: 0) else { return .incomplete }
            let bodyStart = headEnd + 4
            let head = UnsafeRawBufferPointer(rebasing: bytes[..<headEnd])
            // Nothing that measures sends another coding to a backend; it would not be understood.
            if Self.find("\r\ntransfer-encoding:", in: head, from: 0) != nil { return .broken }
            var length = 0
            if let field = Self.find("\r\ncontent-length:", in: head, from: 0) {
                guard let value = Self.number(in: head, from: field + 17) else { return .broken }
                length = value
            }
            guard length <= BenchBackend.requestBytesMax else { return .broken }
            guard bytes.count >= bodyStart + length else { return .incomplete }
            let body = UnsafeRawBufferPointer(rebasing: bytes[bodyStart..<(bodyStart + length)])
            return .complete(
                BenchRequest(wish: Self.wish(head: head, body: body), bytes: bodyStart + length))
        }
    }

    private static func wish(
        head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer
    ) -> Wish {
        guard head.count > 4, head[0] == UInt8(ascii: "P"), head[1] == UInt8(ascii: "O") else {
            return .models
        }
        let isStream =
            Self.find("\"stream\":true", in: body, from: 0) != nil
            || Self.find("\"stream\": true", in: body, from: 0) != nil
        guard isStream else { return .reply }
        let limit = Self.find("\"max_tokens\":", in: body, from: 0)
        return .stream(events: limit.flatMap { Self.number(in: body, from: $0 + 13) })
    }

    /// The place of a word in lower case, the letters of `bytes` taken in any case.
    private static func find(
        _ word: StaticString, in bytes: UnsafeRawBufferPointer, from start: Int
    ) -> Int? {
        let count = word.utf8CodeUnitCount
        let pattern = word.utf8Start
        var position = start
        while position + count <= bytes.count {
            var matched = 0
            while matched < count {
                let byte = bytes[position + matched]
                let folded = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
                guard folded == pattern[matched] else { break }
                matched += 1
            }
            if matched == count { return position }
            position += 1
        }
        return nil
    }

    private static func number(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var position = start
        while position < bytes.count, bytes[position] == 0x20 { position += 1 }
        var value = 0
        var digits = 0
        while position < bytes.count, (0x30...0x39).contains(bytes[position]), digits < 9 {
            value = value * 10 + Int(bytes[position] - 0x30)
            digits += 1
            position += 1
        }
        return digits > 0 ? value : nil
    }
}
