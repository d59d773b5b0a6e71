/// JSON text (RFC 8259) being written: objects and lists with the commas in their places.
///
/// - Bounds: grows with what is written.
struct JSONBytes {
    /// What was written.
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Writes an object, or a field that is one.
    mutating func object(_ name: StaticString? = nil, _ body: (inout Self) -> Void) {
        self.open(name, "{")
        body(&self)
        self.close("}")
    }

    /// Writes a field that is a list.
    mutating func list(_ name: StaticString, _ body: (inout Self) -> Void) {
        self.open(name, "[")
        body(&self)
        self.close("]")
    }

    /// Writes a field of text.
    mutating func field(_ name: StaticString, _ value: String) {
        self.name(name)
        self.text(value)
    }

    /// Writes a field that is a number of at most 53 bits.
    mutating func field(_ name: StaticString, number value: Int) {
        self.name(name)
        self.bytes += Array(String(value).utf8)
    }

    /// Writes a field that is a number with a fraction; JSON has no infinities, so it must be finite.
    mutating func field(_ name: StaticString, fraction value: Double) {
        self.name(name)
        self.bytes += Array("\(value)".utf8)
    }

    /// Writes a field that is a truth value.
    mutating func field(_ name: StaticString, _ value: Bool) {
        self.name(name)
        self.bytes += Array((value ? "true" : "false").utf8)
    }

    /// Writes finished elements of a list, which bring their own commas between them.
    mutating func elements(_ text: [UInt8]) {
        guard !text.isEmpty else { return }
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.bytes += text
        self.needsComma = true
    }

    private mutating func open(_ name: StaticString?, _ mark: Unicode.Scalar) {
        if let name {
            self.name(name)
        } else if self.needsComma {
            self.bytes.append(UInt8(ascii: ","))
        }
        self.bytes.append(UInt8(ascii: mark))
        self.needsComma = false
    }

    private mutating func close(_ mark: Unicode.Scalar) {
        self.bytes.append(UInt8(ascii: mark))
        self.needsComma = true
    }

    private mutating func name(_ name: StaticString) {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { self.bytes += $0 }
        self.bytes += [UInt8(ascii: "\""), UInt8(ascii: ":")]
        self.needsComma = true
    }

    private mutating func text(_ value: String) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                self.bytes += Array("\\u00".utf8)
                self.bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
                let low = byte & 0xF
                self.bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }
}
