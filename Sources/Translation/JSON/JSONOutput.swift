import ByteScan

/// The escapes of JSON strings (RFC 8259, section 7).
enum JSONEscapes {
    /// The value of a hexadecimal digit.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// What a one-letter escape stands for.
    static func letter(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: byte
        }
    }

    /// Yields the decoded bytes of a text whose escapes are known to be sound; half a surrogate pair becomes U+FFFD.
    static func decode(_ text: RawSpan, _ body: (UInt8) -> Void) {
        var index = 0
        while index < text.byteCount {
            let byte = text[index]
            guard byte == UInt8(ascii: "\\"), index + 1 < text.byteCount else {
                body(byte)
                index += 1
                continue
            }
            guard text[index + 1] == UInt8(ascii: "u") else {
                body(self.letter(text[index + 1]))
                index += 2
                continue
            }
            for unit in self.scalar(text, at: &index).utf8 { body(unit) }
        }
    }

    /// Decodes one `\u` escape, or the two of a surrogate pair.
    private static func scalar(_ text: RawSpan, at index: inout Int) -> Unicode.Scalar {
        let high = self.codeUnit(text, at: index)
        index += 6
        guard 0xD800..<0xE000 ~= high else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
        guard high < 0xDC00, index + 6 <= text.byteCount, text[index] == UInt8(ascii: "\\"),
            text[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let low = self.codeUnit(text, at: index)
        guard 0xDC00..<0xE000 ~= low else { return "\u{FFFD}" }
        index += 6
        return Unicode.Scalar(0x1_0000 + (UInt32(high - 0xD800) << 10) + UInt32(low - 0xDC00)) ?? "\u{FFFD}"
    }

    private static func codeUnit(_ text: RawSpan, at start: Int) -> UInt16 {
        var code: UInt16 = 0
        for offset in start + 2..<min(start + 6, text.byteCount) {
            code = code << 4 | UInt16(self.digit(text[offset]) ?? 0)
        }
        return code
    }
}

extension [UInt8] {
    /// Appends a constant.
    mutating func append(_ text: StaticString) {
        unsafe self.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends bytes as they are.
    mutating func append(bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { buffer in unsafe self.append(contentsOf: buffer) }
    }

    /// Appends a decimal number.
    mutating func append(decimal value: Int) {
        if value < 0 { self.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let start = self.count
        repeat {
            self.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    /// Appends bytes as they stand between the quotes of a JSON string: quotes, backslashes and controls escaped.
    mutating func append(escaping bytes: RawSpan) {
        for offset in 0..<bytes.byteCount {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""): self.append(#"\""# as StaticString)
            case UInt8(ascii: "\\"): self.append(#"\\"# as StaticString)
            case 0x0A: self.append(#"\n"# as StaticString)
            case 0x0D: self.append(#"\r"# as StaticString)
            case 0x09: self.append(#"\t"# as StaticString)
            case 0..<0x20:
                self.append(#"\u00"# as StaticString)
                self.append(contentsOf: [Self.hexLetter(byte >> 4), Self.hexLetter(byte & 15)])
            default: self.append(byte)
            }
        }
    }

    private static func hexLetter(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    /// Appends a JSON string with its quotes.
    mutating func append(quoting text: String) {
        let bytes = Array(text.utf8)
        self.append(UInt8(ascii: "\""))
        self.append(escaping: bytes.rawSpan)
        self.append(UInt8(ascii: "\""))
    }
}

extension JSONTree {
    /// Appends bytes of the document as they stand.
    func append(_ range: Range<Int>, to output: inout [UInt8]) { output.append(contentsOf: self.source[range]) }

    /// Appends a value as it stands.
    func append(_ node: JSONNode, to output: inout [UInt8]) { self.append(self.range(node), to: &output) }

    /// Appends what a stretch between quotes says, its escapes decoded.
    func appendDecoded(_ range: Range<Int>, to output: inout [UInt8]) {
        let source = self.source
        JSONEscapes.decode(source.rawSpan.extracting(range)) { output.append($0) }
    }

    /// Appends a value without white space between its parts.
    func appendCompact(_ node: JSONNode, to output: inout [UInt8]) {
        switch self.kind(node) {
        case .object:
            output.append(UInt8(ascii: "{"))
            var isFirst = true
            for member in self.members(of: node) {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                self.append(member.name, to: &output)
                output.append(UInt8(ascii: ":"))
                self.appendCompact(member.value, to: &output)
            }
            output.append(UInt8(ascii: "}"))
        case .array:
            output.append(UInt8(ascii: "["))
            var isFirst = true
            for element in self.elements(of: node) {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                self.appendCompact(element, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .string, .number, .true, .false, .null: self.append(node, to: &output)
        }
    }

    /// The bytes that ``appendCompact(_:to:)`` would append.
    func compactLength(_ node: JSONNode) -> Int {
        switch self.kind(node) {
        case .object:
            var count = 0
            var length = 2
            for member in self.members(of: node) {
                length += self.range(member.name).count + 1 + self.compactLength(member.value)
                count += 1
            }
            return length + max(0, count - 1)
        case .array:
            var count = 0
            var length = 2
            for element in self.elements(of: node) {
                length += self.compactLength(element)
                count += 1
            }
            return length + max(0, count - 1)
        case .string, .number, .true, .false, .null: return self.range(node).count
        }
    }

    /// The bytes of a string once its escapes are decoded; 0 for anything else.
    func decodedLength(_ node: JSONNode?) -> Int {
        guard let node, let range = self.textRange(node) else { return 0 }
        if self.isPlain(node) { return range.count }
        let source = self.source
        var length = 0
        JSONEscapes.decode(source.rawSpan.extracting(range)) { _ in length += 1 }
        return length
    }
}
