import Domain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The wall clock, for time stamps only; durations come from the monotonic clock.
enum WallClock {
    /// The time since the Unix epoch.
    static func now() -> Nanoseconds {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Nanoseconds(rawValue: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// The RFC 3339 text of a moment in UTC with milliseconds, `2026-01-31T23:59:59.999Z`.
///
/// Keeps the text of the last second, so a run of records costs three digits each.
///
/// - Isolation: single owner.
/// - Bounds: 24 bytes; every value of `Nanoseconds` (the years 1677 to 2262) has a text.
struct Timestamp: ~Copyable {
    static let byteCount = 24
    private let text = UnsafeMutableRawBufferPointer.allocate(byteCount: Timestamp.byteCount, alignment: 1)
    private var second = Int64.min

    init() {
        self.text.copyBytes(from: "0000-00-00T00:00:00.000Z".utf8)
    }

    deinit { self.text.deallocate() }

    /// The text of a moment given as time since the Unix epoch; valid until the next call.
    mutating func render(_ moment: Nanoseconds) -> UnsafeRawBufferPointer {
        let (second, rest) = Self.floorDivide(moment.rawValue, 1_000_000_000)
        if second != self.second {
            self.second = second
            self.renderSecond(second)
        }
        self.write(rest / 1_000_000, digits: 3, at: 20)
        return UnsafeRawBufferPointer(self.text)
    }

    private func renderSecond(_ second: Int64) {
        let (day, time) = Self.floorDivide(second, 86_400)
        let date = Self.civilDate(daysSinceEpoch: day)
        self.write(date.year, digits: 4, at: 0)
        self.write(date.month, digits: 2, at: 5)
        self.write(date.day, digits: 2, at: 8)
        self.write(time / 3_600, digits: 2, at: 11)
        self.write(time / 60 % 60, digits: 2, at: 14)
        self.write(time % 60, digits: 2, at: 17)
    }

    private func write(_ value: Int64, digits: Int, at position: Int) {
        var rest = value
        for offset in stride(from: position + digits - 1, through: position, by: -1) {
            self.text[offset] = 48 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// The proleptic Gregorian date of a day, by Howard Hinnant's `civil_from_days`: the year is taken to
    /// begin in March, which puts the leap day last.
    private static func civilDate(daysSinceEpoch day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = Self.floorDivide(day + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
