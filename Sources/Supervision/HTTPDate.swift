import Domain

/// Reads the two forms of `Retry-After` (RFC 9110 section 10.2.3).
enum RetryAfter {
    /// The wait a value asks for; nil when it is neither seconds nor a date.
    ///
    /// - Parameters:
    ///   - value: the field's value.
    ///   - now: nanoseconds since the Unix epoch.
    /// - Returns: never negative; at most 24 hours, so that a mistaken date cannot park an endpoint for ever.
    static func parse(_ value: String, now: Nanoseconds) -> Nanoseconds? {
        let text = value.trimmingBlanks
        if let seconds = Int64(text), !text.utf8.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return .seconds(min(seconds, Self.longest))
        }
        guard let moment = HTTPDate.parse(text) else { return nil }
        return max(.zero, min(moment - now, .seconds(Self.longest)))
    }

    private static let longest: Int64 = 86_400
}

/// Reads moments in the forms that model servers and HTTP use.
enum HTTPDate {
    /// An HTTP date in any of the three forms of RFC 9110 section 5.6.7; nanoseconds since the Unix epoch.
    static func parse(_ text: String) -> Nanoseconds? {
        let words = text.split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
        // "Sun 06 Nov 1994 08:49:37 GMT", "Sunday 06 Nov 94 08:49:37 GMT" and "Sun Nov 6 08:49:37 1994".
        if words.count == 6, words[5] == "GMT", let month = Self.month(words[2]) {
            guard var year = Int64(words[3]) else { return nil }
            // A two-digit year is at most 50 years in the future; this code will not meet one after 2075.
            if words[3].utf8.count == 2 { year += year < 76 ? 2_000 : 1_900 }
            return Self.moment(year: year, month: month, day: Int64(words[1]), clock: words[4])
        }
        if words.count == 5, let month = Self.month(words[1]), let year = Int64(words[4]) {
            return Self.moment(year: year, month: month, day: Int64(words[2]), clock: words[3])
        }
        return nil
    }

    /// An RFC 3339 timestamp; nanoseconds since the Unix epoch.
    static func parseRFC3339(_ text: String) -> Nanoseconds? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] | 0x20 == UInt8(ascii: "t"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10])
        else { return nil }
        let clock = String(decoding: bytes[11..<19], as: UTF8.self)
        guard let base = Self.moment(year: year, month: month, day: day, clock: clock) else { return nil }
        var rest = bytes[19...]
        var fraction: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(1 + digits.count)
            guard let value = Self.number(digits.prefix(9)) else { return nil }
            fraction = value
            for _ in digits.prefix(9).count..<9 { fraction *= 10 }
        }
        guard let offset = Self.offset(rest) else { return nil }
        return base + Nanoseconds(rawValue: fraction) - .seconds(offset)
    }

    private static func offset(_ zone: ArraySlice<UInt8>) -> Int64? {
        let zone = Array(zone)
        if zone.count == 1, zone[0] | 0x20 == UInt8(ascii: "z") { return 0 }
        guard zone.count == 6, zone[3] == UInt8(ascii: ":"), let hours = Self.number(zone[1..<3]),
            let minutes = Self.number(zone[4..<6]), hours < 24, minutes < 60
        else { return nil }
        switch zone[0] {
        case UInt8(ascii: "+"): return hours * 3_600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3_600 + minutes * 60)
        default: return nil
        }
    }

    private static func moment(year: Int64, month: Int64, day: Int64?, clock: String) -> Nanoseconds? {
        let parts = Array(clock.utf8).split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard let day, (1...12).contains(month), (1...31).contains(day), (1_700...2_200).contains(year),
            parts.count == 3, let hour = Self.number(parts[0]), let minute = Self.number(parts[1]),
            let second = Self.number(parts[2]), hour < 24, minute < 60, second <= 60
        else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        return .seconds(days * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
    /// algorithms"); the year begins on 1 March, so that the leap day is its last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func number(_ digits: some Collection<UInt8>) -> Int64? {
        guard !digits.isEmpty, digits.count <= 9 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int64(digit - 0x30)
        }
        return value
    }

    private static func month(_ name: String) -> Int64? {
        let names = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        return names.firstIndex(of: name).map { Int64($0) + 1 }
    }
}

extension String {
    /// The text without blanks and tabs at its ends.
    var trimmingBlanks: String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let bytes = Array(self.utf8)
        let front = bytes.drop(while: isBlank)
        let end = front.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? front.startIndex
        return String(decoding: front[front.startIndex..<end], as: UTF8.self)
    }
}
