import Domain

/// Dates of header fields: IMF-fixdate (RFC 9110 section 5.6.7).
enum HTTPDateText {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// A moment, in nanoseconds since the Unix epoch, to the second.
    static func text(_ moment: Nanoseconds) -> String {
        let (seconds, _) = DisplayText.split(moment.rawValue, by: 1_000_000_000)
        let (day, second) = DisplayText.split(seconds, by: 86_400)
        let date = CivilDate(daysSinceEpoch: day)
        // 1970-01-01 was a Thursday.
        let weekday = Self.days[Int(DisplayText.split(day, by: 7).remainder)]
        let two = { (number: Int64) in DisplayText.padded(number, to: 2) }
        return "\(weekday), \(two(date.day)) \(Self.months[Int(date.month) - 1]) "
            + "\(DisplayText.padded(date.year, to: 4)) \(two(second / 3_600)):\(two(second / 60 % 60)):"
            + "\(two(second % 60)) GMT"
    }
}
