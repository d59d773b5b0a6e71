import Domain
import Testing

@testable import Settings

@Suite("Literals")
struct LiteralsTests {
    @Test(
        "A duration is one or more numbers with units",
        arguments: [
            ("0", 0), ("+0", 0), ("0s", 0), ("30s", 30_000_000_000), ("1h30m", 5_400_000_000_000),
            ("500ms", 500_000_000), ("1.5s", 1_500_000_000), (".5s", 500_000_000), ("5.s", 5_000_000_000),
            ("2us", 2_000), ("2\u{b5}s", 2_000), ("2\u{3bc}s", 2_000), ("7ns", 7), ("-2m", -120_000_000_000),
            ("1m0.25s", 60_250_000_000), ("0.000000001s", 1), ("0.1ns", 0),
            ("0.3333333333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", Int64.max),
        ] as [(String, Int64)])
    func durations(text: String, nanoseconds: Int64) {
        #expect(Literals.duration(text)?.rawValue == nanoseconds)
    }

    @Test(
        "What is not a duration is refused",
        arguments: [
            "", "30", "s", "1d", "1 s", " 1s", "1s ", "-", "+", ".", ".s", "1..5s", "1s2", "--1s", "1S",
            "9223372036854775808ns", "2562048h", "99999999999999999999999s", "1e3s", "\u{661}s",
        ])
    func badDurations(text: String) {
        #expect(Literals.duration(text) == nil)
    }

    @Test(
        "A written duration reads back as the same span",
        arguments: [0, 1, 999, 1_000, 1_500_000_000, 60_000_000_000, 900_000_000_000, 86_400_000_000_000])
    func durationTexts(nanoseconds: Int64) {
        let text = Literals.text(of: Nanoseconds(rawValue: nanoseconds))
        #expect(Literals.duration(text)?.rawValue == nanoseconds)
    }

    @Test(
        "A size may have a suffix and one blank, and always counts in 1024",
        arguments: [
            ("0", 0), ("1024", 1_024), ("100MB", 104_857_600), ("100 mb", 104_857_600),
            ("1KiB", 1_024), ("1k", 1_024), ("1.5g", 1_610_612_736), ("2T", 2_199_023_255_552),
            ("1p", 1_125_899_906_842_624), ("7b", 7), ("0.5k", 512),
        ])
    func sizes(text: String, bytes: Int) {
        #expect(Literals.size(text) == bytes)
    }

    @Test(
        "What is not a size is refused",
        arguments: ["", "-1", "+1", "1  kb", "kb", "1x", "1 kb ", "1e3", ".5k", "5.", "9999999p", "1.2.3"])
    func badSizes(text: String) {
        #expect(Literals.size(text) == nil)
    }

    @Test(
        "A YAML integer may be hexadecimal, octal, binary, grouped, or a float without a fraction",
        arguments: [
            ("0", 0), ("40114", 40_114), ("-3", -3), ("+3", 3), ("0x1F", 31), ("0o17", 15), ("017", 15),
            ("0b101", 5), ("1_000_000", 1_000_000), ("1e6", 1_000_000), ("1.0", 1), ("-0x10", -16), ("08", 8),
        ])
    func integers(text: String, value: Int) {
        #expect(Literals.yamlInteger(text) == value)
    }

    @Test(
        "What is not a YAML integer is refused",
        arguments: ["", "1.5", "ten", "1s", "0x", "--1", "1e400", ".inf", "-", "0x-1", "9223372036854775808"])
    func badIntegers(text: String) {
        #expect(Literals.yamlInteger(text) == nil)
    }

    @Test("The nearest known name is found when it is close enough")
    func spelling() {
        #expect(Spelling.nearest(to: "prot", among: ["host", "port"]) == nil)
        #expect(Spelling.nearest(to: "prt", among: ["host", "port"]) == "port")
        #expect(Spelling.nearest(to: "read_timout", among: ["read_timeout", "write_timeout"]) == "read_timeout")
        #expect(Spelling.nearest(to: "colour", among: ["read_timeout"]) == nil)
        #expect(Spelling.nearest(to: String(repeating: "a", count: 1_000), among: ["port"]) == nil)
    }
}
