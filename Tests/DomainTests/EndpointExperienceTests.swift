import Domain
import Testing

@Suite("What attempts find out about an endpoint")
struct EndpointExperienceTests {
    private static let start = MonotonicTime.zero + .seconds(1_000)

    private static func tick(_ time: Nanoseconds) -> MillisecondTick { MillisecondTick(Self.start + time) }

    @Test("is nothing at first")
    func nothing() {
        let experience = EndpointExperience()
        let time = experience.answerMicroseconds(at: Self.tick(.zero))
        let (failures, requests) = (
            experience.recentFailures(at: Self.tick(.zero)), experience.recentRequests(at: Self.tick(.zero))
        )
        #expect(time == nil)
        #expect(failures == 0)
        #expect(requests == 0)
    }

    @Test("rises to a slow answer at once and falls to fast ones by and by")
    func peak() {
        let experience = EndpointExperience()
        experience.answered(after: .milliseconds(100), at: Self.start)
        experience.answered(after: .milliseconds(900), at: Self.start)
        var figures: [UInt32] = []
        for step in 0...10 as ClosedRange<Int64> {
            let now = Self.start + .milliseconds(4_096 * step)
            experience.answered(after: .milliseconds(100), at: now)
            figures.append(experience.answerMicroseconds(at: MillisecondTick(now)) ?? 0)
        }
        #expect(figures[0] == 900_000)
        // Half of the distance goes with each half-life.
        #expect(figures[1] == 500_000)
        #expect(figures[2] == 300_000)
        #expect(figures == figures.sorted(by: >))
        #expect((100_000..<102_000).contains(figures[10]))
    }

    @Test("follows a dense run of answers as it follows a sparse one")
    func density() {
        let experience = EndpointExperience()
        experience.answered(after: .milliseconds(900), at: Self.start)
        for step in 0...4_096 as ClosedRange<Int64> {
            experience.answered(after: .milliseconds(100), at: Self.start + .milliseconds(step))
        }
        let figure = experience.answerMicroseconds(at: Self.tick(.milliseconds(4_096))) ?? 0
        // Of the distance, many small steps along the first straight line leave 1/sqrt(e) instead of a half.
        #expect((580_000..<590_000).contains(figure))
    }

    @Test("halves when nothing is heard, so that an endpoint is tried again")
    func silence() {
        let experience = EndpointExperience()
        experience.failed(after: .zero, at: Self.start)
        let figures = [0, 4_096, 8_192, 40_960, 4_096 * 40].map {
            experience.answerMicroseconds(at: Self.tick(.milliseconds($0)))
        }
        #expect(figures == [10_000_000, 5_000_000, 2_500_000, 9_765, 0])
        let failures = [0, 8_192, 81_920].map { experience.recentFailures(at: Self.tick(.milliseconds($0))) }
        #expect(failures == [1_024, 512, 1])
    }

    @Test("counts a failure as a slow answer, and a slower one as what it took")
    func failures() {
        let experience = EndpointExperience()
        experience.failed(after: .seconds(30), at: Self.start)
        let time = experience.answerMicroseconds(at: Self.tick(.zero))
        #expect(time == 30_000_000)
    }

    @Test("learns from clients that left, but only the worse")
    func impatience() {
        let experience = EndpointExperience()
        experience.answered(after: .seconds(2), at: Self.start)
        experience.keptWaiting(for: .seconds(1), at: Self.start)
        let unchanged = experience.answerMicroseconds(at: Self.tick(.zero))
        experience.keptWaiting(for: .seconds(5), at: Self.start)
        let lifted = experience.answerMicroseconds(at: Self.tick(.zero))
        #expect(unchanged == 2_000_000)
        #expect(lifted == 5_000_000)
    }

    @Test("copes with clocks a little out of order and with any duration")
    func extremes() {
        let experience = EndpointExperience()
        experience.answered(after: .seconds(1), at: Self.start + .milliseconds(5))
        let earlier = experience.answerMicroseconds(at: Self.tick(.zero))
        experience.answered(after: Nanoseconds(rawValue: .max), at: Self.start + .milliseconds(6))
        let longest = experience.answerMicroseconds(at: Self.tick(.milliseconds(6)))
        experience.answered(after: Nanoseconds(rawValue: -5), at: Self.start + .seconds(3_600))
        let negative = experience.answerMicroseconds(at: Self.tick(.seconds(3_600)))
        #expect(earlier == 1_000_000)
        #expect(longest == .max)
        #expect(negative == 1 || negative == 0)
    }
}
