/// The syntax of `Host` and of the authority in a request target.
enum HostSyntax {
    /// Whether a range is `uri-host [":" port]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
    ///
    /// There is no user information; the port is at most 65535; the host is empty only if
    /// `allowsEmpty`. A `reg-name` may hold percent-encoded bytes, an address in brackets digits,
    /// letters, `:` and `.`.
    static func isValid(_ bytes: RawSpan, _ range: Range<Int>, allowsEmpty: Bool) -> Bool {
        var cursor = range.lowerBound
        let end = range.upperBound
        if cursor == end { return allowsEmpty }
        if bytes.byte(cursor) == ASCII.openBracket {
            guard let afterBracket = Self.skipAddress(bytes, from: cursor, to: end) else { return false }
            cursor = afterBracket
        } else {
            guard let afterName = Self.skipRegisteredName(bytes, from: cursor, to: end) else {
                return false
            }
            if afterName == cursor { return false }
            cursor = afterName
        }
        return cursor == end || Self.isPort(bytes, from: cursor, to: end)
    }

    private static func skipAddress(_ bytes: RawSpan, from start: Int, to end: Int) -> Int? {
        var cursor = start + 1
        while cursor < end, bytes.byte(cursor) != ASCII.closeBracket {
            let byte = bytes.byte(cursor)
            // `registeredName` covers the letters and marks of IPvFuture, which differ only by the
            // colon.
            guard byte == ASCII.colon || CharacterClass.registeredName.contains(byte) else {
                return nil
            }
            cursor += 1
        }
        return cursor < end && cursor > start + 1 ? cursor + 1 : nil
    }

    private static func skipRegisteredName(_ bytes: RawSpan, from start: Int, to end: Int) -> Int? {
        var cursor = start
        while cursor < end {
            let byte = bytes.byte(cursor)
            if CharacterClass.registeredName.contains(byte) {
                cursor += 1
            } else if byte == ASCII.percent {
                guard cursor + 2 < end,
                    CharacterClass.hexDigit.contains(bytes.byte(cursor + 1)),
                    CharacterClass.hexDigit.contains(bytes.byte(cursor + 2))
                else { return nil }
                cursor += 3
            } else {
                break
            }
        }
        return cursor
    }

    private static func isPort(_ bytes: RawSpan, from start: Int, to end: Int) -> Bool {
        guard bytes.byte(start) == ASCII.colon else { return false }
        var port = 0
        for offset in (start + 1)..<end {
            guard ASCII.isDigit(bytes.byte(offset)) else { return false }
            port = port * 10 + Int(bytes.byte(offset) - ASCII.zero)
            if port > 65_535 { return false }
        }
        return true
    }

    /// Whether a range holds a port that is not empty, as the target of CONNECT must.
    static func hasPort(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        range.upperBound > range.lowerBound && ASCII.isDigit(bytes.byte(range.upperBound - 1))
            && Self.lastColon(bytes, range) != nil
    }

    private static func lastColon(_ bytes: RawSpan, _ range: Range<Int>) -> Int? {
        var cursor = range.upperBound - 1
        while cursor >= range.lowerBound, ASCII.isDigit(bytes.byte(cursor)) {
            cursor -= 1
        }
        return cursor >= range.lowerBound && bytes.byte(cursor) == ASCII.colon ? cursor : nil
    }
}
