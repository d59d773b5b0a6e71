import Domain
import Testing

@testable import AdminAPI

@Suite("DisplayText")
struct DisplayTextTests {
    @Test(
        "Bytes are 1024-based with two decimals",
        arguments: [
            (0, "0 B"), (1, "1 B"), (1_023, "1023 B"), (1_024, "1.00 KB"), (1_546, "1.51 KB"),
            (5_242_880, "5.00 MB"), (1_649_267_441_664, "1.50 TB"), (-5, "0 B"),
            (2_251_799_813_685_248, "2.00 PB"),
        ])
    func bytes(count: Int, text: String) { #expect(DisplayText.bytes(count) == text) }

    @Test(
        "Percent has no decimals at the ends",
        arguments: [(0.0, "0%"), (100, "100%"), (78.94, "78.9%"), (99.5, "99.5%")])
    func percent(value: Double, text: String) { #expect(DisplayText.percent(value) == text) }

    @Test(
        "Latency turns to seconds at one second",
        arguments: [(0, "0ms"), (125, "125ms"), (999, "999ms"), (1_000, "1.0s"), (1_549, "1.5s"), (62_000, "62.0s")])
    func latency(milliseconds: Int64, text: String) {
        #expect(DisplayText.latency(.milliseconds(milliseconds)) == text)
    }

    @Test(
        "Uptime has two units from an hour on",
        arguments: [
            (0, "0s"), (45, "45s"), (60, "1m"), (700, "12m"), (7_500, "2h 5m"), (86_399, "23h 59m"),
            (273_600, "3d 4h"),
        ])
    func uptime(seconds: Int64, text: String) { #expect(DisplayText.uptime(.seconds(seconds)) == text) }

    @Test(
        "Relative times are coarse",
        arguments: [(0, "0s"), (5, "5s"), (59, "59s"), (60, "1m"), (150, "3m"), (10_800, "3h"), (345_600, "4d")])
    func relative(seconds: Int64, text: String) {
        let now = Nanoseconds.seconds(1_700_000_000)
        #expect(DisplayText.ago(now - .seconds(seconds), now: now) == text + " ago")
        #expect(DisplayText.until(now + .seconds(seconds), now: now) == (seconds == 0 ? "now" : "in " + text))
    }

    @Test("Times that have not been have their own words")
    func never() {
        let now = Nanoseconds.seconds(10)
        #expect(DisplayText.ago(nil, now: now) == "never")
        #expect(DisplayText.until(nil, now: now) == "unknown")
        #expect(DisplayText.until(.seconds(9), now: now) == "now")
        #expect(DisplayText.time(nil) == "0001-01-01T00:00:00Z")
    }

    @Test(
        "Moments are RFC 3339 in UTC with the fraction they need",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_767_225_600_250_000_000, "2026-01-01T00:00:00.25Z"),
            (4_107_542_399_000_000_001, "2100-02-28T23:59:59.000000001Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
        ])
    func moments(nanoseconds: Int64, text: String) {
        #expect(DisplayText.time(Nanoseconds(rawValue: nanoseconds)) == text)
    }
}
