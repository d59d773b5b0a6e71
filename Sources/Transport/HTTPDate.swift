/// The `Date` line of an answer, rendered once a second (RFC 9110 section 5.6.7, IMF-fixdate).
///
/// - Isolation: single owner.
/// - Bounds: 37 bytes; no allocation after `init`.
public struct HTTPDate: Sendable {
    private var second: Int64 = -1
    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` with its line end.
    public private(set) var line: [UInt8] = Array("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n".utf8)

    /// A date that has not been rendered yet.
    public init() {}

    /// Renders the line for a moment, if the second has changed.
    ///
    /// - Parameter wall: nanoseconds since 1970-01-01T00:00:00Z.
    public mutating func update(wall: Int64) {
        let second = wall / 1_000_000_000
        guard second != self.second, second >= 0 else { return }
        self.second = second
        let days = Int(second / 86_400)
        let time = Int(second % 86_400)
        let date = Self.civil(days)
        self.put("SunMonTueWedThuFriSat", (days + 4) % 7, at: 6)
        self.put(date.day, at: 11)
        self.put("JanFebMarAprMayJunJulAugSepOctNovDec", date.month - 1, at: 14)
        self.put(date.year / 100, at: 18)
        self.put(date.year % 100, at: 20)
        self.put(time / 3600, at: 23)
        self.put(time / 60 % 60, at: 26)
        self.put(time % 60, at: 29)
    }

    private mutating func put(_ names: StaticString, _ index: Int, at offset: Int) {
        for letter in 0..<3 { self.line[offset + letter] = names.utf8Start[3 * index + letter] }
    }

    private mutating func put(_ number: Int, at offset: Int) {
        self.line[offset] = 0x30 + UInt8(number / 10 % 10)
        self.line[offset + 1] = 0x30 + UInt8(number % 10)
    }

    /// The calendar date of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
    static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
