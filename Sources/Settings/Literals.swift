import Domain

/// Reads and writes the spellings of values that YAML and environment variables have in common.
///
/// The grammars are those of the compatible system: durations as in Go's `time.ParseDuration`, numbers and
/// booleans as its YAML library resolves plain scalars.
enum Literals {
    /// Reads a duration: an optional sign and one or more `number unit`, or a lone `0`.
    ///
    /// - Returns: nil for any other text, and for a span beyond ±292 years.
    static func duration(_ text: String) -> Nanoseconds? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        if rest == "0" { return .zero }
        guard !rest.isEmpty else { return nil }
        var total: Int128 = 0
        while !rest.isEmpty {
            guard let part = Self.durationPart(&rest) else { return nil }
            total += part
            guard total <= Int128(Int64.max) else { return nil }
        }
        let signed = Int64(total)
        return Nanoseconds(rawValue: isNegative ? -signed : signed)
    }

    /// Reads one `number unit` from the front of a text, in nanoseconds.
    private static func durationPart(_ rest: inout Substring) -> Int128? {
        let whole = Self.digits(&rest)
        var fraction = Substring()
        if rest.first == "." {
            rest.removeFirst()
            fraction = Self.digits(&rest)
        }
        // Nineteen digits hold every span that fits; eighteen of a fraction are below a nanosecond.
        guard !(whole.isEmpty && fraction.isEmpty), whole.count <= 19 else { return nil }
        let unitText = rest.prefix { character in character != "." && !character.isASCIIDigit }
        guard let unit = Self.unitNanoseconds[String(unitText)] else { return nil }
        rest.removeFirst(unitText.count)
        let kept = fraction.prefix(18)
        var scale: Int128 = 1
        for _ in 0..<kept.count { scale *= 10 }
        let wholeCount = Int128(whole) ?? 0
        let fractionCount = Int128(kept) ?? 0
        return wholeCount * unit + fractionCount * unit / scale
    }

    private static func digits(_ rest: inout Substring) -> Substring {
        let digits = rest.prefix { character in character.isASCIIDigit }
        rest.removeFirst(digits.count)
        return digits
    }

    private static let unitNanoseconds: [String: Int128] = [
        "ns": 1, "us": 1_000, "\u{b5}s": 1_000, "\u{3bc}s": 1_000, "ms": 1_000_000, "s": 1_000_000_000,
        "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    /// Writes a duration in the largest unit that divides it: `30s`, `15m`, `500ms`.
    static func text(of duration: Nanoseconds) -> String {
        let units: [(Int64, String)] = [
            (3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"),
            (1_000, "us"),
        ]
        guard duration.rawValue != 0 else { return "0s" }
        for (size, name) in units where duration.rawValue % size == 0 {
            return "\(duration.rawValue / size)\(name)"
        }
        return "\(duration.rawValue)ns"
    }

    /// Reads a size of an environment variable: a decimal number, at most one space, an optional suffix.
    ///
    /// Multipliers are powers of 1024 whatever the suffix's spelling, as in the compatible system.
    static func size(_ text: String) -> Int? {
        let number = text.prefix { character in character.isASCIIDigit || character == "." }
        guard let value = Double(number), number.first != ".", number.last != "." else { return nil }
        var suffix = text.dropFirst(number.count)
        if suffix.first == " " { suffix.removeFirst() }
        let powers: [String: Int] = [
            "": 0, "b": 0, "k": 1, "kb": 1, "kib": 1, "m": 2, "mb": 2, "mib": 2, "g": 3, "gb": 3, "gib": 3,
            "t": 4, "tb": 4, "tib": 4, "p": 5, "pb": 5, "pib": 5,
        ]
        guard let power = powers[suffix.lowercased()] else { return nil }
        let multiplier = Double(1 << (10 * power))
        return Int(exactly: (value * multiplier).rounded(.down))
    }

    /// Reads a boolean of an environment variable.
    static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "True", "TRUE": true
        case "0", "f", "F", "false", "False", "FALSE": false
        default: nil
        }
    }

    /// Reads a boolean of YAML 1.2 or, as typed booleans accept them, of YAML 1.1.
    static func yamlBoolean(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON": true
        case "false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// Whether a plain YAML scalar means nothing at all.
    static func isNull(_ text: String) -> Bool {
        text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    /// Reads an integer of an environment variable: decimal with an optional sign.
    static func integer(_ text: String) -> Int? {
        Int(text)
    }

    /// Reads a plain YAML scalar as an integer: decimal, `0x`, `0o`, `0b`, a leading zero for octal, with `_`
    /// between digits, or a float without a fraction.
    static func yamlInteger(_ text: String) -> Int? {
        let plain = text.filter { character in character != "_" }
        var digits = Substring(plain)
        let isNegative = digits.first == "-"
        if digits.first == "-" || digits.first == "+" { digits.removeFirst() }
        guard let first = digits.first, first.isASCIIDigit || first == "." else { return nil }
        let lowered = digits.lowercased()
        let radixes: [(String, Int)] = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)]
        for (prefix, radix) in radixes where lowered.hasPrefix(prefix) && lowered.count > prefix.count {
            let body = lowered.dropFirst(prefix.count)
            guard let value = Int(body, radix: radix), body.first != "-", body.first != "+" else { break }
            return isNegative ? -value : value
        }
        if let value = Int(plain) { return value }
        guard let value = Self.yamlFloat(plain) else { return nil }
        return Int(exactly: value)
    }

    /// Reads a plain YAML scalar as a finite float.
    static func yamlFloat(_ text: String) -> Double? {
        let body = text.first == "-" || text.first == "+" ? text.dropFirst() : Substring(text)
        guard let first = body.first, first.isASCIIDigit || first == ".",
            body.allSatisfy({ character in
                character.isASCIIDigit || ".eE+-".contains(character)
            }), let value = Double(text.hasPrefix(".") ? "0" + text : text), value.isFinite
        else { return nil }
        return value
    }
}

extension Character {
    /// Whether the character is one of `0`…`9`.
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
