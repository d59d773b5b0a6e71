import Domain
import Foundation
import SeededRandomness
import Telemetry
import Testing

@testable import Journal

@Suite("A log line")
struct LogLineTests {
    private let moment = Nanoseconds(rawValue: 1_769_903_999_999_000_000)

    @Test("begins with time, level and message and holds every kind of field")
    func fields() throws {
        let harness = try LineHarness()
        var line = harness.writer.begin(.warn, "Something", at: self.moment)
        line.string(LogKey("text"), "a \"b\" \\ \n")
        line.string(LogKey("literal"), StaticString("plain"))
        line.integer(LogKey("number"), -42)
        line.double(LogKey("ratio"), 0.25)
        line.double(LogKey("infinite"), .infinity)
        line.boolean(LogKey("yes"), true)
        line.boolean(LogKey("no"), false)
        line.milliseconds(LogKey("time_ms"), Nanoseconds(rawValue: 1_234_567_890))
        line.identifier(.traceID, TraceID(high: 0x0123_4567_89ab_cdef, low: 0xf))
        line.identifier(.spanID, SpanID(rawValue: 0xfedc_ba98_7654_3210))
        #expect(line.commit() == .queued)
        #expect(
            harness.drain() == """
                {"timestamp":"2026-01-31T23:59:59.999Z","level":"WARN","msg":"Something","text":"a \\"b\\" \\\\ \\n",\
                "literal":"plain","number":-42,"ratio":0.25,"infinite":null,"yes":true,"no":false,\
                "time_ms":1234.567,"trace_id":"0123456789abcdef000000000000000f","span_id":"fedcba9876543210"}

                """)
    }

    @Test("leaves no trace without a commit or below the level in force")
    func silence() throws {
        let harness = try LineHarness(level: .info)
        do {
            var line = harness.writer.begin(.error, "given up", at: self.moment)
            line.integer(.status, 500)
        }
        var line = harness.writer.begin(.debug, "quiet", at: self.moment)
        line.string(.path, "/")
        line.access(AccessRecord(route: .other, outcome: .ok, status: 200, timeline: Timeline(startedAt: .zero)))
        #expect(line.commit() == .disabled)
        #expect(harness.drain().isEmpty)
        #expect(harness.writer.counters == LogCounters())
    }

    @Test("keeps each byte below 128 readable", arguments: [0, 1, 7, 8, 9, 15])
    func ascii(prefix: Int) throws {
        for byte in UInt8(0)..<128 {
            let bytes = [UInt8](repeating: 97, count: prefix) + [byte] + [UInt8](repeating: 98, count: 11)
            let harness = try LineHarness()
            var line = harness.writer.begin(.info, "m", at: self.moment)
            withSpan(bytes) { line.string(LogKey("text"), $0) }
            line.commit()
            #expect(try harness.record()["text"] as? String == String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test("repairs ill-formed UTF-8 as the standard library does", arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func repair(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let interesting: [UInt8] = [
            0x22, 0x5C, 0x0A, 0x00, 0x1F, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
            0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 0x61,
        ]
        let harness = try LineHarness()
        for _ in 0..<400 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                interesting.randomElement(using: &generator) ?? 0
            }
            var line = harness.writer.begin(.info, "m", at: self.moment)
            withSpan(bytes) { line.string(LogKey("text"), $0) }
            line.commit()
            let text = try harness.record()["text"] as? String
            // Scalars, since string equality would let canonically equivalent texts pass.
            #expect(
                text.map { Array($0.unicodeScalars) } == Array(String(decoding: bytes, as: UTF8.self).unicodeScalars),
                "seed \(seed): \(bytes)")
        }
    }

    @Test("copies every character whole, whatever its neighbours", arguments: 0..<20)
    func wideCharacters(prefix: Int) throws {
        let text = String(repeating: "x", count: prefix) + "é漢😀\u{10FFFF}\u{7FF}\u{FFFF}" + "tail"
        let harness = try LineHarness()
        var line = harness.writer.begin(.info, "m", at: self.moment)
        line.string(LogKey("text"), text)
        line.commit()
        #expect(try harness.record()["text"] as? String == text)
    }

    @Test("writes whole numbers as the standard library does")
    func integers() throws {
        var numbers: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        var power: Int64 = 1
        while power < .max / 10 {
            power *= 10
            numbers += [power - 1, power, power + 1, -power]
        }
        for number in numbers {
            let harness = try LineHarness()
            var line = harness.writer.begin(.info, "m", at: self.moment)
            line.integer(LogKey("n"), number)
            line.commit()
            #expect(harness.drain().hasSuffix("\"n\":\(number)}\n"))
        }
    }

    @Test(
        "writes milliseconds with three decimals",
        arguments: [
            (0, "0.000"), (999, "0.000"), (1_000, "0.001"), (999_999, "0.999"), (1_000_000, "1.000"),
            (60_000_000_000, "60000.000"), (-1_500_000, "-1.500"), (.max, "9223372036854.775"),
        ] as [(Int64, String)])
    func milliseconds(time: Int64, text: String) throws {
        let harness = try LineHarness()
        var line = harness.writer.begin(.info, "m", at: self.moment)
        line.milliseconds(LogKey("t"), Nanoseconds(rawValue: time))
        line.commit()
        #expect(harness.drain().hasSuffix("\"t\":\(text)}\n"))
    }

    @Test("cuts a long text at a character and says so", arguments: 0..<5)
    func longText(shift: Int) throws {
        let text = String(repeating: "a", count: LogLine.fieldBytesMax - 4 + shift) + "😀😀"
        let harness = try LineHarness()
        var line = harness.writer.begin(.info, "m", at: self.moment)
        line.string(LogKey("text"), text)
        line.commit()
        let value = try #require(try harness.record()["text"] as? String)
        #expect(value.hasSuffix("…"))
        #expect(text.hasPrefix(value.dropLast()))
        #expect(!value.contains("\u{FFFD}"))
        #expect(value.dropLast().utf8.count > LogLine.fieldBytesMax - 4)
    }

    @Test("is dropped and counted when it outgrows a line")
    func longLine() throws {
        let harness = try LineHarness()
        var line = harness.writer.begin(.error, "m", at: self.moment)
        let text = String(repeating: "\u{1}", count: LogLine.fieldBytesMax)
        line.string(LogKey("one"), text)
        line.string(LogKey("two"), text)
        line.string(LogKey("three"), text)
        #expect(line.commit() == .dropped(.tooLarge))
        #expect(harness.drain().isEmpty)
        #expect(harness.writer.counters[LogDropReason.tooLarge] == 1)
        #expect(harness.writer.counters[LogLevel.error] == 0)
    }

    @Test("has stages that add up to its duration, in the words of the stages")
    func stages() throws {
        var timeline = Timeline(startedAt: MonotonicTime(rawValue: 1_000))
        var now: Int64 = 1_000
        for (index, stage) in Stage.allCases.enumerated() where stage != .queue {
            timeline.enter(stage, at: MonotonicTime(rawValue: now))
            now += Int64(index + 1) * 1_001
        }
        timeline.close(at: MonotonicTime(rawValue: now))
        let duration = timeline.total
        let upstream = timeline.takeUpstream()

        let harness = try LineHarness()
        var line = harness.writer.begin(.info, "m", at: self.moment)
        line.stages(timeline, upstream: upstream)
        line.commit()
        let stages = try #require(try harness.record()["stages_us"] as? [String: Double])
        #expect(Set(stages.keys) == Set(Stage.allCases.map(\.label.description)).subtracting(["queue"]))
        #expect((stages.values.reduce(0, +) * 1_000).rounded() == Double(duration.rawValue))
        #expect(stages["stream"] == 11.011)
    }
}
