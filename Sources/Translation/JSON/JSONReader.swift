import ByteScan

/// Reads a document by the grammar of RFC 8259, strictly and without recursion.
struct JSONReader: ~Escapable {
    private let bytes: RawSpan
    private let acceptsHalfPairs: Bool

    /// What may come next.
    private enum Expectation {
        /// A value. Exits: all.
        case value
        /// A value, or the end of an array that has just begun. Exits: all.
        case valueOrEnd
        /// A member's name. Exits: `value`.
        case name
        /// A member's name, or the end of an object that has just begun. Exits: `value`, `separator`.
        case nameOrEnd
        /// A comma or a closing bracket; outside of all brackets the end. Exits: `value`, `name`, `separator`.
        case separator
    }

    @_lifetime(copy bytes)
    init(bytes: RawSpan, acceptsHalfPairs: Bool) {
        self.bytes = bytes
        self.acceptsHalfPairs = acceptsHalfPairs
    }

    /// Appends every value in the order of the document.
    func read(into entries: inout [JSONTree.Entry], open: inout [UInt32]) throws(JSONFault) {
        var index = 0
        var expectation = Expectation.value
        while true {
            self.skipBlanks(&index)
            guard index < self.bytes.byteCount else { break }
            let byte = self.bytes[index]
            switch expectation {
            case .value, .valueOrEnd:
                if expectation == .valueOrEnd, byte == UInt8(ascii: "]") {
                    self.close(&entries, &open, at: &index)
                    expectation = .separator
                } else {
                    expectation = try self.value(byte, at: &index, into: &entries, open: &open)
                }
            case .name, .nameOrEnd:
                if expectation == .nameOrEnd, byte == UInt8(ascii: "}") {
                    self.close(&entries, &open, at: &index)
                    expectation = .separator
                } else {
                    guard byte == UInt8(ascii: "\"") else { throw JSONFault(.name, at: index) }
                    try self.string(at: &index, into: &entries)
                    self.skipBlanks(&index)
                    guard index < self.bytes.byteCount else { throw JSONFault(.truncated, at: index) }
                    guard self.bytes[index] == UInt8(ascii: ":") else { throw JSONFault(.colon, at: index) }
                    index += 1
                    expectation = .value
                }
            case .separator:
                expectation = try self.separator(byte, at: &index, entries: &entries, open: &open)
            }
        }
        guard !entries.isEmpty else { throw JSONFault(.empty, at: index) }
        guard expectation == .separator, open.isEmpty else { throw JSONFault(.truncated, at: index) }
    }

    private func skipBlanks(_ index: inout Int) {
        while index < self.bytes.byteCount {
            switch self.bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    private func value(
        _ byte: UInt8, at index: inout Int, into entries: inout [JSONTree.Entry], open: inout [UInt32]
    ) throws(JSONFault) -> Expectation {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard open.count < JSONTree.depthMax else { throw JSONFault(.depth, at: index) }
            open.append(UInt32(entries.count))
            let isObject = byte == UInt8(ascii: "{")
            try self.append(isObject ? .object : .array, index, index + 1, to: &entries)
            index += 1
            return isObject ? .nameOrEnd : .valueOrEnd
        case UInt8(ascii: "\""): try self.string(at: &index, into: &entries)
        case UInt8(ascii: "t"): try self.literal("true", .true, at: &index, into: &entries)
        case UInt8(ascii: "f"): try self.literal("false", .false, at: &index, into: &entries)
        case UInt8(ascii: "n"): try self.literal("null", .null, at: &index, into: &entries)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try self.number(at: &index, into: &entries)
        default: throw JSONFault(.value, at: index)
        }
        return .separator
    }

    private func separator(
        _ byte: UInt8, at index: inout Int, entries: inout [JSONTree.Entry], open: inout [UInt32]
    ) throws(JSONFault) -> Expectation {
        guard let container = open.last else { throw JSONFault(.trailing, at: index) }
        let isObject = entries[Int(container)].kind == .object
        if byte == UInt8(ascii: ",") {
            index += 1
            return isObject ? .name : .value
        }
        guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw JSONFault(.separator, at: index)
        }
        self.close(&entries, &open, at: &index)
        return .separator
    }

    private func close(_ entries: inout [JSONTree.Entry], _ open: inout [UInt32], at index: inout Int) {
        index += 1
        guard let container = open.popLast() else { return }
        entries[Int(container)].end = UInt32(index)
        entries[Int(container)].next = UInt32(entries.count)
    }

    private func append(
        _ kind: JSONValueKind, _ start: Int, _ end: Int, isPlain: Bool = false, to entries: inout [JSONTree.Entry]
    ) throws(JSONFault) {
        guard entries.count < JSONTree.valuesMax else { throw JSONFault(.values, at: start) }
        entries.append(
            .init(
                start: UInt32(start), end: UInt32(end), next: UInt32(entries.count + 1), kind: kind,
                isPlain: isPlain))
    }

    private func literal(
        _ word: StaticString, _ kind: JSONValueKind, at index: inout Int, into entries: inout [JSONTree.Entry]
    ) throws(JSONFault) {
        let start = index
        for offset in 0..<word.utf8CodeUnitCount {
            guard start + offset < self.bytes.byteCount else { throw JSONFault(.truncated, at: start + offset) }
            guard unsafe self.bytes[start + offset] == word.utf8Start[offset] else {
                throw JSONFault(.value, at: start)
            }
        }
        index += word.utf8CodeUnitCount
        try self.append(kind, start, index, to: &entries)
    }

    // MARK: Numbers

    private func number(at index: inout Int, into entries: inout [JSONTree.Entry]) throws(JSONFault) {
        let start = index
        if self.bytes[index] == UInt8(ascii: "-") { index += 1 }
        if self.byte(index) == UInt8(ascii: "0") {
            index += 1
        } else {
            try self.digits(&index, start)
        }
        if self.byte(index) == UInt8(ascii: ".") {
            index += 1
            try self.digits(&index, start)
        }
        if let byte = self.byte(index), byte | 0x20 == UInt8(ascii: "e") {
            index += 1
            if let sign = self.byte(index), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { index += 1 }
            try self.digits(&index, start)
        }
        if let byte = self.byte(index), 0x30...0x39 ~= byte { throw JSONFault(.number, at: start) }
        try self.append(.number, start, index, to: &entries)
    }

    private func byte(_ index: Int) -> UInt8? { index < self.bytes.byteCount ? self.bytes[index] : nil }

    private func digits(_ index: inout Int, _ start: Int) throws(JSONFault) {
        let first = index
        while let byte = self.byte(index), 0x30...0x39 ~= byte { index += 1 }
        if index == first { throw JSONFault(index < self.bytes.byteCount ? .number : .truncated, at: start) }
    }

    // MARK: Strings

    private func string(at index: inout Int, into entries: inout [JSONTree.Entry]) throws(JSONFault) {
        let start = index
        var isPlain = true
        index += 1
        while true {
            self.skipPlain(&index)
            guard index < self.bytes.byteCount else { throw JSONFault(.truncated, at: index) }
            let byte = self.bytes[index]
            if byte == UInt8(ascii: "\"") {
                index += 1
                return try self.append(.string, start, index, isPlain: isPlain, to: &entries)
            } else if byte == UInt8(ascii: "\\") {
                isPlain = false
                try self.escape(at: &index)
            } else if byte < 0x20 {
                throw JSONFault(.control, at: index)
            } else {
                try self.sequence(at: &index)
            }
        }
    }

    /// Steps over ASCII that means nothing but itself, eight bytes at a time.
    private func skipPlain(_ index: inout Int) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        while index + 8 <= self.bytes.byteCount {
            let word = unsafe self.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let slashes = word ^ (ones &* 0x5C)
            // The classic tests for a zero byte and for a byte below 0x20; a wrong hit only costs the slow loop.
            let hits = (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes | (word &- ones &* 0x20) & ~word
            if (hits | word) & tops != 0 { break }
            index += 8
        }
        while index < self.bytes.byteCount {
            let byte = self.bytes[index]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            index += 1
        }
    }

    private func escape(at index: inout Int) throws(JSONFault) {
        let start = index
        guard let letter = self.byte(index + 1) else { throw JSONFault(.truncated, at: index) }
        index += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"): break
        default: throw JSONFault(.escape, at: start)
        }
        guard let code = self.codeUnit(&index) else { throw JSONFault(.escape, at: start) }
        guard 0xD800..<0xE000 ~= code, !self.acceptsHalfPairs else { return }
        guard code < 0xDC00, self.byte(index) == UInt8(ascii: "\\"), self.byte(index + 1) == UInt8(ascii: "u") else {
            throw JSONFault(.escape, at: start)
        }
        index += 2
        guard let low = self.codeUnit(&index), 0xDC00..<0xE000 ~= low else { throw JSONFault(.escape, at: start) }
    }

    private func codeUnit(_ index: inout Int) -> UInt16? {
        var code: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = self.byte(index), let digit = JSONEscapes.digit(byte) else { return nil }
            code = code << 4 | UInt16(digit)
            index += 1
        }
        return code
    }

    /// Steps over one character of two to four bytes (RFC 3629, section 4).
    private func sequence(at index: inout Int) throws(JSONFault) {
        let start = index
        let lead = self.bytes[index]
        let count: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: count = 2
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: count = 3
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: count = 4
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw JSONFault(.encoding, at: start)
        }
        guard start + count <= self.bytes.byteCount else { throw JSONFault(.encoding, at: start) }
        guard second ~= self.bytes[start + 1] else { throw JSONFault(.encoding, at: start) }
        for offset in 2..<max(count, 2) where self.bytes[start + offset] & 0xC0 != 0x80 {
            throw JSONFault(.encoding, at: start)
        }
        index += count
    }
}

extension RawSpan {
    /// The byte at an offset; out of bounds traps.
    @inline(__always)
    subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < self.byteCount, "read past the bytes")
        return unsafe self.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }
}

extension [UInt8] {
    /// The bytes, lent out.
    var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get { unsafe self.span.bytes }
    }
}
