extension ChunkedDecoder {
    /// Takes the next event from the buffer.
    ///
    /// - Parameters:
    ///   - bytes: The buffer; may be another one in each call as long as it holds the bytes that
    ///     follow.
    ///   - from: Where to go on; moved over what the event used. After ``ChunkEvent/needMore`` it
    ///     is the end of the buffer, except inside the trailer section, where it is the beginning
    ///     of an unfinished line: show those bytes again, they are bounded by
    ///     ``ChunkLimits/trailerBytesMax``.
    /// - Returns: The event. After ``ChunkEvent/end`` or a refusal every call returns the same
    ///   again.
    public mutating func next(_ bytes: RawSpan, from: inout Int) -> ChunkEvent {
        switch self.phase {
        case .trailers: return self.takeTrailer(bytes, &from)
        case .ended: return .end
        case .refused(let refusal): return .refused(refusal)
        default: break
        }
        while from < bytes.byteCount {
            let byte = bytes.byte(from)
            switch self.phase {
            case .sizeStart:
                guard let digit = ASCII.hexValue(byte) else { return self.refuse(.missingSize) }
                self.remaining = UInt64(digit)
                self.sizeDigits = 1
                self.phase = .size
            case .size:
                if let digit = ASCII.hexValue(byte) {
                    if self.sizeDigits == 16 { return self.refuse(.sizeTooLarge) }
                    self.sizeDigits += 1
                    self.remaining = self.remaining &<< 4 | UInt64(digit)
                } else if let refusal = self.endSize(byte) {
                    return self.refuse(refusal)
                } else if byte == ASCII.semicolon {
                    // The extension's bytes are reported, so this one is not moved over here.
                    continue
                }
            case .extensionPart(let part):
                return self.takeExtension(bytes, &from, part)
            case .sizeReturn:
                guard byte == ASCII.carriageReturn else { return self.refuse(.invalidLineEnd) }
                self.phase = .sizeLineFeed
            case .sizeLineFeed:
                guard byte == ASCII.lineFeed else { return self.refuse(.invalidLineEnd) }
                if self.remaining == 0 {
                    from += 1
                    self.phase = .trailers
                    return self.takeTrailer(bytes, &from)
                }
                self.phase = .content
            case .content:
                return self.takeContent(bytes, &from)
            case .contentReturn:
                guard byte == ASCII.carriageReturn else { return self.refuse(.missingLineEnd) }
                self.phase = .contentLineFeed
            case .contentLineFeed:
                guard byte == ASCII.lineFeed else { return self.refuse(.missingLineEnd) }
                self.phase = .sizeStart
            case .trailers: return self.takeTrailer(bytes, &from)
            case .ended: return .end
            case .refused(let refusal): return .refused(refusal)
            }
            from += 1
        }
        return .needMore
    }

    private mutating func refuse(_ refusal: ChunkRefusal) -> ChunkEvent {
        self.phase = .refused(refusal)
        return .refused(refusal)
    }

    @inline(__always)
    private mutating func takeContent(_ bytes: RawSpan, _ from: inout Int) -> ChunkEvent {
        let count = Int(min(UInt64(bytes.byteCount - from), self.remaining))
        let range = from..<from + count
        from += count
        self.remaining -= UInt64(count)
        self.contentBytes &+= UInt64(count)
        if self.remaining == 0 { self.phase = .contentReturn }
        return .data(range)
    }

    /// Ends the size at the first byte that is no digit.
    private mutating func endSize(_ byte: UInt8) -> ChunkRefusal? {
        // A size beyond `Int.max` could not be counted down by anyone.
        if self.remaining > UInt64(Int.max) { return .sizeTooLarge }
        switch byte {
        case ASCII.carriageReturn:
            self.phase = .sizeLineFeed
        case ASCII.semicolon:
            self.phase = .extensionPart(.semicolon)
            self.lineExtensionBytes = 0
            self.isPlain = false
        case ASCII.lineFeed:
            return .invalidLineEnd
        default:
            return .invalidSize
        }
        return nil
    }
}

// Extensions and trailers: rare, and never forwarded as they came.
extension ChunkedDecoder {
    /// Reports the extension bytes at hand, up to the CR that ends the size line.
    private mutating func takeExtension(
        _ bytes: RawSpan, _ from: inout Int, _ first: ExtensionPart
    ) -> ChunkEvent {
        var part = first
        var offset = from
        while offset < bytes.byteCount {
            let byte = bytes.byte(offset)
            if byte == ASCII.carriageReturn, Self.mayEnd(part) { break }
            guard let following = Self.part(after: part, byte) else {
                return self.refuse(byte == ASCII.lineFeed ? .invalidLineEnd : .invalidExtension)
            }
            part = following
            offset += 1
            self.lineExtensionBytes += 1
            if self.lineExtensionBytes > self.limits.extensionBytesMax {
                return self.refuse(.extensionTooLong)
            }
        }
        self.phase = .extensionPart(part)
        if offset < bytes.byteCount {
            if !self.payForExtension() { return self.refuse(.extensionTooLong) }
            self.phase = .sizeReturn
        }
        let range = from..<offset
        from = offset
        return range.isEmpty ? self.next(bytes, from: &from) : .skipped(range)
    }

    /// Sets the extension of this chunk against its content.
    ///
    /// Otherwise a peer could send a megabyte of extensions for each kilobyte of content and never
    /// meet a limit.
    private mutating func payForExtension() -> Bool {
        let credit = self.remaining.multipliedReportingOverflow(by: 2)
        let allowance = credit.overflow ? UInt64.max : credit.partialValue
        let cost = self.excess + UInt64(self.lineExtensionBytes)
        self.excess = cost > allowance ? cost - allowance : 0
        self.excess = self.excess > 16 ? self.excess - 16 : 0
        return self.excess <= ChunkLimits.excessMax
    }

    private static func mayEnd(_ part: ExtensionPart) -> Bool {
        switch part {
        case .name, .value, .afterQuoted: true
        case .semicolon, .nameStart, .valueStart, .quoted, .quotedPair: false
        }
    }

    /// The part that follows when `byte` is read, or `nil` if it must not stand there.
    ///
    /// `chunk-ext = *( ";" chunk-ext-name [ "=" chunk-ext-val ] )`, RFC 9112 section 7.1.1.
    private static func part(after part: ExtensionPart, _ byte: UInt8) -> ExtensionPart? {
        let isToken = CharacterClass.token.contains(byte)
        switch part {
        case .semicolon, .afterQuoted:
            return byte == ASCII.semicolon ? .nameStart : nil
        case .nameStart:
            return isToken ? .name : nil
        case .name:
            if byte == ASCII.equals { return .valueStart }
            return isToken ? .name : byte == ASCII.semicolon ? .nameStart : nil
        case .valueStart:
            return byte == ASCII.quote ? .quoted : isToken ? .value : nil
        case .value:
            return isToken ? .value : byte == ASCII.semicolon ? .nameStart : nil
        case .quoted:
            if byte == ASCII.quote { return .afterQuoted }
            if byte == ASCII.backslash { return .quotedPair }
            return Self.isText(byte) ? .quoted : nil
        case .quotedPair:
            return Self.isText(byte) ? .quoted : nil
        }
    }

    /// Whether `byte` may stand in a quoted string; bytes from 0x80 on are left to no one's guess.
    private static func isText(_ byte: UInt8) -> Bool {
        byte == ASCII.tab || (byte >= ASCII.space && byte < ASCII.delete)
    }

    /// Fields that a reader might merge into the head and then see another message.
    private static var forbiddenTrailers: HeaderSet {
        HeaderSet(.host, .contentLength, .transferEncoding)
    }

    /// Takes a trailer line, or the empty line that ends the body.
    private mutating func takeTrailer(_ bytes: RawSpan, _ from: inout Int) -> ChunkEvent {
        // No byte beyond the limit is looked at, so the verdict does not depend on how many are
        // there.
        let limit = from + self.limits.trailerBytesMax - self.trailerBytes
        switch FieldLine.read(bytes, from: from, to: min(bytes.byteCount, limit)) {
        case .starved:
            return bytes.byteCount >= limit ? self.refuse(.trailersTooLarge) : .needMore
        case .empty:
            from += 2
            self.phase = .ended
            return .end
        case .field(let field, let end):
            self.trailersSeen += 1
            if self.trailersSeen > self.limits.trailersMax { return self.refuse(.trailersTooLarge) }
            if Self.forbiddenTrailers.contains(field.known) { return self.refuse(.forbiddenTrailer) }
            self.isPlain = false
            self.trailerBytes += end - from
            let line = from..<end
            from = end
            return .trailer(TrailerField(line: line, field: field))
        case .refused(let refusal):
            return self.refuse(.trailer(refusal))
        }
    }
}
