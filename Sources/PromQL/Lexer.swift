/// A word of a PromQL text.
enum Token: Equatable {
    case identifier(String)
    case number
    /// A length of time, or a variable that stands for one.
    case duration
    case string(String)
    case variable(String)
    /// An operator or a bracket.
    case sign(String)
    case end
}

/// Cuts a PromQL text into words (Prometheus documentation, "Querying basics": literals, comments).
struct Lexer {
    private static let signs = [
        "==", "!=", "<=", ">=", "=~", "!~", "(", ")", "{", "}", "[", "]", ",", ":", "+", "-", "*", "/",
        "%", "^", "=", "<", ">", "@",
    ]

    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) { self.bytes = Array(text.utf8) }

    /// All words with the offsets they begin at; the last one is ``Token/end``.
    static func tokens(of text: String) throws(SyntaxProblem) -> [(token: Token, offset: Int)] {
        var lexer = Lexer(text)
        var tokens: [(Token, Int)] = []
        while true {
            lexer.skipBlanks()
            let start = lexer.place
            let token = try lexer.next()
            tokens.append((token, start))
            if token == .end { return tokens }
        }
    }

    private var byte: UInt8? { self.place < self.bytes.count ? self.bytes[self.place] : nil }

    private mutating func skipBlanks() {
        while let byte {
            if byte == UInt8(ascii: "#") {
                while let byte = self.byte, byte != UInt8(ascii: "\n") { self.place += 1 }
            } else if byte == 0x20 || (0x09...0x0D).contains(byte) {
                self.place += 1
            } else {
                return
            }
        }
    }

    private mutating func next() throws(SyntaxProblem) -> Token {
        guard let byte else { return .end }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): return .string(try self.string(byte))
        case UInt8(ascii: "$"): return .variable(try self.variable())
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): return try self.numeral()
        default: break
        }
        if Self.startsName(byte) { return self.word() }
        if byte == UInt8(ascii: "["), self.follows("[[") { return .variable(try self.bracketedVariable()) }
        for sign in Self.signs where self.follows(sign) {
            self.place += sign.utf8.count
            return .sign(sign)
        }
        throw SyntaxProblem(offset: self.place, description: "unexpected character")
    }

    private static func startsName(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":") || Self.isLetter(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private func follows(_ text: String) -> Bool { self.bytes[self.place...].starts(with: text.utf8) }

    private func text(from start: Int) -> String { String(decoding: self.bytes[start..<self.place], as: UTF8.self) }

    /// A name; a colon in front is a sign, as in `[1h:5m]`.
    private mutating func word() -> Token {
        let start = self.place
        if self.follows(":") {
            self.place += 1
            return .sign(":")
        }
        while let byte, Self.startsName(byte) || Self.isDigit(byte) { self.place += 1 }
        let text = self.text(from: start)
        switch text.lowercased() {
        case "inf", "nan": return .number
        default: return .identifier(text)
        }
    }

    private mutating func numeral() throws(SyntaxProblem) -> Token {
        let start = self.place
        if self.follows("0x") || self.follows("0X") {
            self.place += 2
            while let byte, Self.isDigit(byte) || Self.isLetter(byte) { self.place += 1 }
            guard UInt64(self.text(from: start).dropFirst(2), radix: 16) != nil else {
                throw SyntaxProblem(offset: start, description: "not a number")
            }
            return .number
        }
        while let byte, Self.isDigit(byte) || byte == UInt8(ascii: ".") { self.place += 1 }
        if let byte, byte | 0x20 == UInt8(ascii: "e") {
            self.place += 1
            if let sign = self.byte, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { self.place += 1 }
            while let byte = self.byte, Self.isDigit(byte) { self.place += 1 }
        } else if let byte, Self.isLetter(byte) {
            return try self.duration(from: start)
        }
        guard Double(self.text(from: start)) != nil else {
            throw SyntaxProblem(offset: start, description: "not a number")
        }
        return .number
    }

    /// `1h30m`: units from large to small, each at most once.
    private mutating func duration(from start: Int) throws(SyntaxProblem) -> Token {
        let units = ["y", "w", "d", "h", "m", "s", "ms"]
        self.place = start
        var last = -1
        while let byte, Self.isDigit(byte) {
            while let byte = self.byte, Self.isDigit(byte) { self.place += 1 }
            let unit = self.place
            while let byte = self.byte, Self.isLetter(byte) { self.place += 1 }
            guard let rank = units.firstIndex(of: self.text(from: unit)), rank > last else {
                throw SyntaxProblem(offset: unit, description: "not a unit of time")
            }
            last = rank
        }
        if let byte, Self.isLetter(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") {
            throw SyntaxProblem(offset: self.place, description: "not a length of time")
        }
        return .duration
    }

    private mutating func string(_ quote: UInt8) throws(SyntaxProblem) -> String {
        let start = self.place
        self.place += 1
        var value: [UInt8] = []
        while let byte {
            self.place += 1
            if byte == quote { return String(decoding: value, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "`") else {
                value.append(byte)
                continue
            }
            guard let escaped = self.byte else { break }
            self.place += 1
            switch escaped {
            case UInt8(ascii: "n"): value.append(0x0A)
            case UInt8(ascii: "t"): value.append(0x09)
            case UInt8(ascii: "r"): value.append(0x0D)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): value.append(escaped)
            default: throw SyntaxProblem(offset: self.place - 2, description: "unknown escape in a string")
            }
        }
        throw SyntaxProblem(offset: start, description: "string without an end")
    }

    /// `$name` or `${name:format}`.
    private mutating func variable() throws(SyntaxProblem) -> String {
        let start = self.place
        self.place += 1
        let isBraced = self.byte == UInt8(ascii: "{")
        if isBraced { self.place += 1 }
        let name = self.place
        while let byte, Self.isLetter(byte) || Self.isDigit(byte) || byte == UInt8(ascii: "_") { self.place += 1 }
        let text = self.text(from: name)
        if isBraced {
            while let byte, byte != UInt8(ascii: "}") { self.place += 1 }
            guard self.byte != nil else { throw SyntaxProblem(offset: start, description: "variable without an end") }
            self.place += 1
        }
        guard !text.isEmpty else { throw SyntaxProblem(offset: start, description: "variable without a name") }
        return text
    }

    private mutating func bracketedVariable() throws(SyntaxProblem) -> String {
        let start = self.place
        self.place += 2
        while self.byte != nil, !self.follows("]]") { self.place += 1 }
        guard self.byte != nil else { throw SyntaxProblem(offset: start, description: "variable without an end") }
        self.place += 2
        return String(self.text(from: start).dropFirst(2).dropLast(2))
    }
}
