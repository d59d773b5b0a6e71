import Domain

/// The text formats used inside JSON (http-surface 1.6).
enum DisplayText {
    /// 1024-based, two decimals, a blank and the unit; below 1024 an integer.
    static func bytes(_ count: Int) -> String {
        guard count >= 1_024 else { return "\(max(0, count)) B" }
        var value = Double(count)
        var unit = "B"
        for next in ["KB", "MB", "GB", "TB", "PB"] where value >= 1_024 {
            value /= 1_024
            unit = next
        }
        return "\(Self.fixed(value, decimals: 2)) \(unit)"
    }

    /// `0%`, `100%`, else one decimal.
    static func percent(_ value: Double) -> String {
        if value == 0 { return "0%" }
        if value == 100 { return "100%" }
        return Self.fixed(value, decimals: 1) + "%"
    }

    /// Whole milliseconds; from one second on, seconds with one decimal.
    static func latency(_ span: Nanoseconds) -> String {
        let milliseconds = Self.milliseconds(span)
        if milliseconds < 1_000 { return "\(milliseconds)ms" }
        return Self.fixed(Double(milliseconds) / 1_000, decimals: 1) + "s"
    }

    /// Whole milliseconds of a span, rounded towards zero and never negative.
    static func milliseconds(_ span: Nanoseconds) -> Int { max(0, Int(span.rawValue / 1_000_000)) }

    /// `45s`, `12m`, `2h 5m`, `3d 4h`.
    static func uptime(_ span: Nanoseconds) -> String {
        let seconds = max(0, span.seconds)
        if seconds < 60 { return "\(Int(seconds.rounded()))s" }
        if seconds < 3_600 { return "\(Int((seconds / 60).rounded()))m" }
        let minutes = Int(seconds / 60)
        if seconds < 86_400 { return "\(minutes / 60)h \(minutes % 60)m" }
        return "\(minutes / 1_440)d \(minutes / 60 % 24)h"
    }

    /// `4.42ms` below one second, else `21s`, `2m37s`, `1h2m3s`.
    static func duration(_ span: Nanoseconds) -> String {
        let nanoseconds = max(0, span.rawValue)
        if nanoseconds < 1_000_000_000 {
            var digits = Self.fixed(Double(nanoseconds) / 1_000_000, decimals: 2)
            while digits.hasSuffix("0") { digits.removeLast() }
            if digits.hasSuffix(".") { digits.removeLast() }
            return digits + "ms"
        }
        let seconds = nanoseconds / 1_000_000_000
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60)
        if hours > 0 { return "\(hours)h\(minutes)m\(seconds % 60)s" }
        return minutes > 0 ? "\(minutes)m\(seconds % 60)s" : "\(seconds)s"
    }

    /// How long ago a moment was; `never` for one that has not been.
    ///
    /// Both moments are nanoseconds since the Unix epoch.
    static func ago(_ moment: Nanoseconds?, now: Nanoseconds) -> String {
        guard let moment else { return "never" }
        return Self.coarse(now - moment) + " ago"
    }

    /// How far ahead a moment is: `unknown` when there is none, `now` when it has passed.
    static func until(_ moment: Nanoseconds?, now: Nanoseconds) -> String {
        guard let moment else { return "unknown" }
        return moment <= now ? "now" : "in " + Self.coarse(moment - now)
    }

    private static func coarse(_ span: Nanoseconds) -> String {
        let seconds = max(0, span.seconds)
        if seconds < 60 { return "\(Int(seconds))s" }
        if seconds < 3_600 { return "\(Int((seconds / 60).rounded()))m" }
        if seconds < 86_400 { return "\(Int((seconds / 3_600).rounded()))h" }
        return "\(Int((seconds / 86_400).rounded()))d"
    }

    /// RFC 3339 in UTC with up to nine fractional digits; year 1 for a moment that has not been.
    ///
    /// The moment is nanoseconds since the Unix epoch.
    static func time(_ moment: Nanoseconds?) -> String {
        guard let moment else { return "0001-01-01T00:00:00Z" }
        let (seconds, fraction) = Self.split(moment.rawValue, by: 1_000_000_000)
        let (days, second) = Self.split(seconds, by: 86_400)
        let date = CivilDate(daysSinceEpoch: days)
        var text = Self.padded(date.year, to: 4) + "-" + Self.padded(date.month, to: 2) + "-"
        text += Self.padded(date.day, to: 2) + "T" + Self.padded(second / 3_600, to: 2) + ":"
        text += Self.padded(second / 60 % 60, to: 2) + ":" + Self.padded(second % 60, to: 2)
        if fraction > 0 {
            var digits = Self.padded(fraction, to: 9)
            while digits.hasSuffix("0") { digits.removeLast() }
            text += "." + digits
        }
        return text + "Z"
    }

    /// A number with a fixed count of decimals, rounded half away from zero.
    static func fixed(_ value: Double, decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        guard let digits = Int64(exactly: scaled) else { return "0" }
        let unit = Int64(scale)
        let sign = value < 0 && digits > 0 ? "-" : ""
        return sign + "\(digits / unit)." + Self.padded(digits % unit, to: decimals)
    }

    static func padded(_ number: Int64, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    static func split(_ value: Int64, by unit: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: unit)
        return remainder < 0 ? (quotient - 1, remainder + unit) : (quotient, remainder)
    }
}

/// A date of the proleptic Gregorian calendar.
struct CivilDate {
    let year: Int64
    let month: Int64
    let day: Int64

    /// The date a number of days after 1970-01-01.
    ///
    /// Counts in eras of 400 years that begin on 1 March, so that the leap day is the last day of a year
    /// (Howard Hinnant, "chrono-compatible low-level date algorithms").
    init(daysSinceEpoch days: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        self.day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        self.month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        self.year = yearOfEra + era * 400 + (self.month <= 2 ? 1 : 0)
    }
}
