/// Where a JSON text stops being JSON.
struct JSONParseError: Error, Equatable {
    /// Bytes before the fault.
    let offset: Int
}

/// Reads one JSON document (RFC 8259) into a tree.
///
/// - Bounds: ``depthMax`` levels of nesting; the caller bounds the length.
struct JSONParser {
    /// The deepest nesting read; a deeper document is refused.
    static let depthMax = 64

    private let bytes: [UInt8]
    private var position = 0

    /// Parses a whole document; anything but white space after it is an error.
    static func parse(_ bytes: [UInt8]) throws(JSONParseError) -> JSONValue {
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.failure }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var failure: JSONParseError { JSONParseError(offset: self.position) }
    private var next: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func skipSpace() {
        while let byte = self.next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { self.position += 1 }
    }

    private mutating func take(_ byte: UInt8) throws(JSONParseError) {
        guard self.next == byte else { throw self.failure }
        self.position += 1
    }

    private mutating func takeWord(
        _ word: StaticString, _ value: JSONValue
    ) throws(JSONParseError) -> JSONValue {
        for byte in word.description.utf8 { try self.take(byte) }
        return value
    }

    private mutating func value(depth: Int) throws(JSONParseError) -> JSONValue {
        guard depth < Self.depthMax else { throw self.failure }
        self.skipSpace()
        switch self.next {
        case UInt8(ascii: "{"): return try self.object(depth: depth)
        case UInt8(ascii: "["): return try self.array(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.takeWord("true", .bool(true))
        case UInt8(ascii: "f"): return try self.takeWord("false", .bool(false))
        case UInt8(ascii: "n"): return try self.takeWord("null", .null)
        default: return try self.number()
        }
    }

    private mutating func object(depth: Int) throws(JSONParseError) -> JSONValue {
        try self.take(UInt8(ascii: "{"))
        var members: [JSONMember] = []
        self.skipSpace()
        if self.next == UInt8(ascii: "}") {
            self.position += 1
            return .object(members)
        }
        while true {
            self.skipSpace()
            let key = try self.string()
            self.skipSpace()
            try self.take(UInt8(ascii: ":"))
            members.append(JSONMember(key: key, value: try self.value(depth: depth + 1)))
            self.skipSpace()
            if self.next == UInt8(ascii: ",") {
                self.position += 1
                continue
            }
            try self.take(UInt8(ascii: "}"))
            return .object(members)
        }
    }

    private mutating func array(depth: Int) throws(JSONParseError) -> JSONValue {
        try self.take(UInt8(ascii: "["))
        var elements: [JSONValue] = []
        self.skipSpace()
        if self.next == UInt8(ascii: "]") {
            self.position += 1
            return .array(elements)
        }
        while true {
            elements.append(try self.value(depth: depth + 1))
            self.skipSpace()
            if self.next == UInt8(ascii: ",") {
                self.position += 1
                continue
            }
            try self.take(UInt8(ascii: "]"))
            return .array(elements)
        }
    }

    private mutating func string() throws(JSONParseError) -> String {
        try self.take(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while let byte = self.next {
            switch byte {
            case UInt8(ascii: "\""):
                self.position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                self.position += 1
                try self.escape(into: &text)
            case 0..<0x20: throw self.failure
            default:
                text.append(byte)
                self.position += 1
            }
        }
        throw self.failure
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONParseError) {
        guard let byte = self.next else { throw self.failure }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try self.codePoint()).utf8)
        default:
            self.position -= 1
            throw self.failure
        }
    }

    /// The scalar of a `\u` escape, joining a surrogate pair; a lone surrogate becomes U+FFFD.
    private mutating func codePoint() throws(JSONParseError) -> Character {
        let first = try self.fourHexDigits()
        if (0xD800..<0xDC00).contains(first), self.next == UInt8(ascii: "\\"),
            self.position + 1 < self.bytes.count, self.bytes[self.position + 1] == UInt8(ascii: "u")
        {
            let afterFirst = self.position
            self.position += 2
            let second = try self.fourHexDigits()
            if (0xDC00..<0xE000).contains(second) {
                let joined = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
                return Character(Unicode.Scalar(joined) ?? "\u{FFFD}")
            }
            self.position = afterFirst
        }
        return Character(Unicode.Scalar(first) ?? "\u{FFFD}")
    }

    private mutating func fourHexDigits() throws(JSONParseError) -> UInt32 {
        var result: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.next,
                let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            else { throw self.failure }
            result = result << 4 | UInt32(digit)
            self.position += 1
        }
        return result
    }

    private mutating func number() throws(JSONParseError) -> JSONValue {
        let start = self.position
        var isWhole = true
        if self.next == UInt8(ascii: "-") { self.position += 1 }
        let integerStart = self.position
        try self.digits()
        if self.bytes[integerStart] == UInt8(ascii: "0"), self.position > integerStart + 1 {
            throw self.failure
        }
        if self.next == UInt8(ascii: ".") {
            isWhole = false
            self.position += 1
            try self.digits()
        }
        if self.next == UInt8(ascii: "e") || self.next == UInt8(ascii: "E") {
            isWhole = false
            self.position += 1
            if self.next == UInt8(ascii: "+") || self.next == UInt8(ascii: "-") {
                self.position += 1
            }
            try self.digits()
        }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text) else { throw self.failure }
        return .number(value)
    }

    private mutating func digits() throws(JSONParseError) {
        let start = self.position
        while let byte = self.next, (0x30...0x39).contains(byte) { self.position += 1 }
        guard self.position > start else { throw self.failure }
    }
}
