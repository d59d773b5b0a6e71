/// Judges texts that must have a certain form: tokens, header values, address blocks.
enum TextRules {
    /// Whether a text is a token of HTTP (RFC 9110 section 5.6.2).
    static func isToken(_ text: String) -> Bool {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        return !text.isEmpty
            && text.utf8.allSatisfy { byte in
                Self.isAlphanumeric(byte) || marks.contains(byte)
            }
    }

    /// Whether a text may be a header's value: no control characters but the tab (RFC 9110 section 5.5).
    static func isFieldValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in byte >= 0x20 && byte != 0x7f || byte == 0x09 }
    }

    /// Whether a text is an address block such as `10.0.0.0/8` or `::1/128`.
    static func isAddressBlock(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Self.number(parts[1], max: 128) else { return false }
        return Self.isIPv4(parts[0]) && length <= 32 || Self.isIPv6(parts[0])
    }

    /// Whether a text is an IPv4 address in dotted decimal without leading zeros.
    static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { part in Self.number(part, max: 255) != nil }
    }

    /// Whether a text is an IPv6 address (RFC 4291 section 2.2) without a zone.
    static func isIPv6(_ text: Substring) -> Bool {
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        var count = 0
        for (position, half) in halves.enumerated() where !half.isEmpty {
            let groups = half.split(separator: ":", omittingEmptySubsequences: false)
            for (index, group) in groups.enumerated() {
                let isLast = index == groups.count - 1 && position == halves.count - 1
                if isLast, group.contains(".") {
                    guard Self.isIPv4(group) else { return false }
                    count += 2
                } else {
                    guard (1...4).contains(group.utf8.count),
                        group.utf8.allSatisfy(Self.isHexadecimal)
                    else { return false }
                    count += 1
                }
            }
        }
        // `::` stands for at least one group.
        return halves.count == 2 ? count <= 7 : count == 8
    }

    /// A decimal number without sign or leading zeros.
    private static func number(_ text: Substring, max: Int) -> Int? {
        guard (1...5).contains(text.utf8.count), text.allSatisfy({ character in character.isASCIIDigit }),
            text == "0" || !text.hasPrefix("0"), let value = Int(text), value <= max
        else { return nil }
        return value
    }

    /// Whether a byte is a hexadecimal digit.
    static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
