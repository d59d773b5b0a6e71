/// The field lines of a head: scans them, keeps their offsets, remembers which names occurred.
///
/// The scan stops wherever the bytes end and goes on from there, so each byte is looked at once
/// however the head was cut.
///
/// - Bounds: 16 bytes a field; the storage grows to the largest head seen
///   (``HeadLimits/fieldsMax``) and is kept.
struct FieldSection: ~Copyable, Sendable {
    /// What the next byte belongs to.
    private enum Phase {
        case lineStart
        case name
        case colon
        case beforeValue
        case value
        case lineFeed
        case lastLineFeed
    }

    private(set) var storage: [HeaderField]
    /// Names that occurred.
    private(set) var present = HeaderSet()
    /// Names that occurred more than once.
    private(set) var repeated = HeaderSet()

    private var phase = Phase.lineStart
    private var nameStart = 0
    private var nameEnd = 0
    private var valueStart = 0
    private var known = KnownHeader.other

    init(capacity: Int) {
        self.storage = []
        self.storage.reserveCapacity(capacity)
    }

    /// Forgets the fields and keeps their storage.
    @inline(__always)
    mutating func reset() {
        self.storage.removeAll(keepingCapacity: true)
        self.present = HeaderSet()
        self.repeated = HeaderSet()
        self.phase = .lineStart
    }

    /// Marks the field at `index` as listed by `Connection`.
    mutating func markNamedByConnection(at index: Int) {
        self.storage[index].isNamedByConnection = true
    }

    /// Returns the value of the first field with a known name.
    @inline(__always)
    func first(_ known: KnownHeader) -> HeaderField? {
        guard self.present.contains(known) else { return nil }
        for field in self.storage where field.known == known {
            return field
        }
        return nil
    }

    /// Scans field lines up to the empty line that ends them.
    ///
    /// - Parameters:
    ///   - bytes: The whole buffer, whose bytes before `cursor` are those of the last call.
    ///   - end: The offset to stop at.
    ///   - cursor: The next byte to look at; moved over what was scanned.
    ///   - side: Which rules apply.
    ///   - fieldsMax: The largest number of fields.
    /// - Returns: Whether the section ended, broke a rule, or goes on behind `end`.
    mutating func scan(
        _ bytes: RawSpan, to end: Int, cursor: inout Int, side: MessageSide, fieldsMax: Int
    ) -> ScanStep {
        var offset = cursor
        var phase = self.phase
        defer {
            cursor = offset
            self.phase = phase
        }
        while offset < end {
            switch phase {
            case .lineStart:
                let byte = bytes.byte(offset)
                if byte == ASCII.carriageReturn {
                    offset += 1
                    phase = .lastLineFeed
                    continue
                }
                guard CharacterClass.token.contains(byte) else {
                    return .refused(FieldLine.refusalAtStart(byte))
                }
                if self.storage.count >= fieldsMax { return .refused(.tooManyFields) }
                self.nameStart = offset
                phase = .name
            case .name:
                offset = bytes.skipToken(from: offset, to: end)
                guard offset < end else { return .starved }
                if let refusal = self.endName(bytes, at: offset, side: side) {
                    return .refused(refusal)
                }
                phase = .colon
            case .colon:
                // White space can stand here in a response only.
                offset = bytes.skipWhitespace(from: offset, to: end)
                guard offset < end else { return .starved }
                let byte = bytes.byte(offset)
                guard byte == ASCII.colon else { return .refused(FieldLine.refusalAfterName(byte)) }
                offset += 1
                phase = .beforeValue
            case .beforeValue:
                offset = bytes.skipWhitespace(from: offset, to: end)
                self.valueStart = offset
                guard offset < end else { return .starved }
                phase = .value
            case .value:
                offset = bytes.skipFieldContent(from: offset, to: end)
                guard offset < end else { return .starved }
                let byte = bytes.byte(offset)
                guard byte == ASCII.carriageReturn else {
                    return .refused(FieldLine.refusalInValue(byte))
                }
                self.finishField(bytes, valueEnd: offset)
                offset += 1
                phase = .lineFeed
            case .lineFeed, .lastLineFeed:
                guard bytes.byte(offset) == ASCII.lineFeed else { return .refused(.bareCarriageReturn) }
                offset += 1
                let wasLast = phase == .lastLineFeed
                phase = .lineStart
                if wasLast { return .done }
            }
        }
        return .starved
    }

    /// Ends the name at the first byte that is no `tchar`.
    @inline(__always)
    private mutating func endName(_ bytes: RawSpan, at end: Int, side: MessageSide) -> HeadRefusal? {
        let count = end - self.nameStart
        if count > HeadLimits.nameBytesMax { return .fieldNameTooLong }
        let byte = bytes.byte(end)
        // RFC 9112 section 5.1: a server refuses white space before the colon, a proxy removes it from a
        // response. The name's range ends before it, so the field is written without.
        guard byte == ASCII.colon || (side == .response && ASCII.isWhitespace(byte)) else {
            return FieldLine.refusalAfterName(byte)
        }
        self.nameEnd = end
        self.known = KnownHeader.recognised(bytes, start: self.nameStart, count: count)
        return nil
    }

    @inline(__always)
    private mutating func finishField(_ bytes: RawSpan, valueEnd: Int) {
        self.storage.append(
            HeaderField(
                nameStart: self.nameStart,
                nameEnd: self.nameEnd,
                valueStart: self.valueStart,
                valueEnd: bytes.trimWhitespace(from: self.valueStart, to: valueEnd),
                known: self.known))
        if self.present.contains(self.known) { self.repeated.insert(self.known) }
        self.present.insert(self.known)
    }
}

/// Which kind of message is parsed.
enum MessageSide {
    case request
    case response
}

/// How far a scan came.
enum ScanStep: Equatable {
    /// Every byte was consumed before the end was found.
    case starved
    /// The end was found.
    case done
    /// A rule was broken.
    case refused(HeadRefusal)
}
