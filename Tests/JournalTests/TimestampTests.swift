import Domain
import Foundation
import SeededRandomness
import Testing

@testable import Journal

@Suite("A time stamp")
struct TimestampTests {
    private func text(_ moment: Int64) -> String {
        var timestamp = Timestamp()
        return String(decoding: timestamp.render(Nanoseconds(rawValue: moment)), as: UTF8.self)
    }

    @Test(
        "is RFC 3339 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999Z"),
            (.max, "2262-04-11T23:47:16.854Z"),
            (.min, "1677-09-21T00:12:43.145Z"),
        ] as [(Int64, String)])
    func known(moment: Int64, expected: String) { #expect(self.text(moment) == expected) }

    @Test("agrees with Foundation at any moment", arguments: [11, 12] as [UInt64])
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let style = Date.ISO8601FormatStyle(timeZone: .gmt)
        for _ in 0..<300 {
            let second = Int64.random(in: -9_000_000_000...9_000_000_000, using: &generator)
            let expected = Date(timeIntervalSince1970: TimeInterval(second)).formatted(style)
            #expect(self.text(second * 1_000_000_000 + 7_000_000) == expected.dropLast() + ".007Z", "seed \(seed)")
        }
    }

    @Test("moves on when the second does, in both directions")
    func cache() {
        var timestamp = Timestamp()
        for moment in [5_999_000_000, 6_000_000_000, 6_001_000_000, 5_000_000_000] as [Int64] {
            let text = String(decoding: timestamp.render(Nanoseconds(rawValue: moment)), as: UTF8.self)
            #expect(text == self.text(moment))
        }
    }
}
