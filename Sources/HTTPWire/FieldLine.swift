/// The rules of one field line: `field-name ":" OWS field-value OWS CRLF` (RFC 9112 section 5).
enum FieldLine {
    /// What stands at the beginning of a line.
    enum Reading {
        /// The line does not end within the bytes.
        case starved
        /// The empty line that ends a section; it is two bytes long.
        case empty
        /// A field, and the offset behind its CRLF.
        case field(HeaderField, end: Int)
        /// The line breaks a rule.
        case refused(HeadRefusal)
    }

    /// Reads a whole line from `start`, looking at no byte from `end` on.
    static func read(_ bytes: RawSpan, from start: Int, to end: Int) -> Reading {
        guard start < end else { return .starved }
        let first = bytes.byte(start)
        if first == ASCII.carriageReturn {
            guard start + 1 < end else { return .starved }
            return bytes.byte(start + 1) == ASCII.lineFeed ? .empty : .refused(.bareCarriageReturn)
        }
        guard CharacterClass.token.contains(first) else {
            return .refused(Self.refusalAtStart(first))
        }
        let nameEnd = bytes.skipToken(from: start, to: end)
        guard nameEnd < end else { return .starved }
        if nameEnd - start > HeadLimits.nameBytesMax { return .refused(.fieldNameTooLong) }
        guard bytes.byte(nameEnd) == ASCII.colon else {
            return .refused(Self.refusalAfterName(bytes.byte(nameEnd)))
        }
        let valueStart = bytes.skipWhitespace(from: nameEnd + 1, to: end)
        let valueEnd = bytes.skipFieldContent(from: valueStart, to: end)
        guard valueEnd < end else { return .starved }
        guard bytes.byte(valueEnd) == ASCII.carriageReturn else {
            return .refused(Self.refusalInValue(bytes.byte(valueEnd)))
        }
        guard valueEnd + 1 < end else { return .starved }
        guard bytes.byte(valueEnd + 1) == ASCII.lineFeed else { return .refused(.bareCarriageReturn) }
        let field = HeaderField(
            nameStart: start,
            nameEnd: nameEnd,
            valueStart: valueStart,
            valueEnd: bytes.trimWhitespace(from: valueStart, to: valueEnd),
            known: KnownHeader.recognised(bytes, start: start, count: nameEnd - start))
        return .field(field, end: valueEnd + 2)
    }

    /// Why a line cannot begin with `byte`.
    static func refusalAtStart(_ byte: UInt8) -> HeadRefusal {
        switch byte {
        case ASCII.space, ASCII.tab: .foldedLine
        case ASCII.colon: .emptyFieldName
        case ASCII.lineFeed: .bareLineFeed
        default: .invalidFieldName
        }
    }

    /// Why `byte` cannot follow a field name.
    static func refusalAfterName(_ byte: UInt8) -> HeadRefusal {
        switch byte {
        case ASCII.space, ASCII.tab: .whitespaceBeforeColon
        case ASCII.carriageReturn: .missingColon
        case ASCII.lineFeed: .bareLineFeed
        default: .invalidFieldName
        }
    }

    /// Why `byte` cannot stand in a value.
    static func refusalInValue(_ byte: UInt8) -> HeadRefusal {
        byte == ASCII.lineFeed ? .bareLineFeed : .controlCharacterInValue
    }
}
