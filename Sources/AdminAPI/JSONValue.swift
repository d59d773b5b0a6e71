/// A JSON document under construction.
///
/// Written by hand because the contract fixes names, types and presence of every member, and because the entity tag of
/// a status page must ignore the members that change with every look at the clock.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])
    /// A value that is written as it is but left out of ``stableHash``.
    indirect case volatile(JSONValue)

    /// One member of an object.
    typealias Member = (name: String, value: JSONValue)

    /// A list of strings.
    static func strings(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }

    /// The document as UTF-8 bytes with a final newline.
    var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        writer.bytes.append(UInt8(ascii: "\n"))
        return writer.bytes
    }

    /// FNV-1a, 64 bits, over the document without its volatile parts.
    var stableHash: UInt64 {
        var writer = JSONWriter()
        writer.skipsVolatile = true
        writer.write(self)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in writer.bytes {
            hash ^= UInt64(byte)
            hash = hash &* 0x0000_0100_0000_01B3
        }
        return hash
    }
}

extension JSONValue: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = .string(value) }
}

/// Writes JSON (RFC 8259) without blanks.
private struct JSONWriter {
    var bytes: [UInt8] = []
    var skipsVolatile = false

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: self.bytes.append(contentsOf: "null".utf8)
        case .bool(let flag): self.bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let number): self.bytes.append(contentsOf: String(number).utf8)
        case .number(let number): self.write(number)
        case .string(let text): self.write(text)
        case .array(let values): self.write(values)
        case .object(let members): self.write(members)
        case .volatile(let inner):
            // The empty string keeps the skeleton apart from a document without the member.
            if self.skipsVolatile { self.write("") } else { self.write(inner) }
        }
    }

    private mutating func write(_ number: Double) {
        // JSON has no infinities; whole numbers are written without a fraction, as the compatible system does.
        guard number.isFinite else { return self.bytes.append(UInt8(ascii: "0")) }
        if let whole = Int(exactly: number) {
            self.bytes.append(contentsOf: String(whole).utf8)
        } else {
            self.bytes.append(contentsOf: number.description.utf8)
        }
    }

    private mutating func write(_ values: [JSONValue]) {
        self.bytes.append(UInt8(ascii: "["))
        for (position, value) in values.enumerated() {
            if position > 0 { self.bytes.append(UInt8(ascii: ",")) }
            self.write(value)
        }
        self.bytes.append(UInt8(ascii: "]"))
    }

    private mutating func write(_ members: [JSONValue.Member]) {
        self.bytes.append(UInt8(ascii: "{"))
        for (position, member) in members.enumerated() {
            if position > 0 { self.bytes.append(UInt8(ascii: ",")) }
            self.write(member.name)
            self.bytes.append(UInt8(ascii: ":"))
            self.write(member.value)
        }
        self.bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(_ text: String) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.bytes.append(UInt8(ascii: "\\"))
                self.bytes.append(byte)
            case 0x0A: self.bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: self.bytes.append(contentsOf: "\\r".utf8)
            case 0x09: self.bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                self.bytes.append(contentsOf: (byte < 0x10 ? "\\u000" : "\\u00").utf8)
                self.bytes.append(contentsOf: digits.utf8)
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }
}
