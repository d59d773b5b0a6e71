import Domain
import Testing

@testable import Supervision

@Suite("RedirectTarget")
struct RedirectTargetTests {
    @Test(
        "References are resolved against the page they stand on",
        arguments: [
            ("http://b/x", "http://a:1/p/q", "http://b/x"), ("/x?y#z", "http://a:1/p/q?r", "http://a:1/x?y"),
            ("//b:2/x", "https://a/p", "https://b:2/x"), ("x", "http://a/p/q", "http://a/p/x"),
            ("x", "http://a", "http://a/x"), ("?x", "http://a/p/q?r", "http://a/p/q?x"),
            ("", "http://a/p?r", "http://a/p"), (" /x ", "http://a/p", "http://a/x"),
            ("/x?u=http://c/", "http://a/p", "http://a/x?u=http://c/"), ("x", "http://a/p?u=/q/", "http://a/x"),
        ])
    func resolve(location: String, base: String, expected: String) {
        #expect(RedirectTarget.resolve(location, against: base) == expected)
    }

    @Test("There is nothing to resolve against without a scheme")
    func noScheme() { #expect(RedirectTarget.resolve("x", against: "a/b") == nil) }
}

@Suite("RetryAfter")
struct RetryAfterTests {
    // 1994-11-06T08:49:37Z, the date of RFC 9110 section 5.6.7.
    private let example = Nanoseconds.seconds(784_111_777)

    @Test(
        "Seconds and all three forms of HTTP dates are read",
        arguments: [
            ("120", 120), (" 0 ", 0), ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60), ("Sun Nov  6 08:50:37 1994", 60),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0), ("99999999", 86_400),
        ])
    func usable(value: String, seconds: Int64) {
        #expect(RetryAfter.parse(value, now: self.example) == .seconds(seconds))
    }

    @Test(
        "Anything else is no wait",
        arguments: [
            "", "soon", "-5", "1.5", "+7", "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "12s",
        ])
    func unusable(value: String) { #expect(RetryAfter.parse(value, now: self.example) == nil) }

    @Test(
        "Timestamps of RFC 3339 are read with fraction and zone",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T19:00:00-05:00", 0),
            ("2000-02-29T12:00:00.000000001Z", 951_825_600_000_000_001),
            ("2024-12-31T23:59:59.1234567891Z", 1_735_689_599_123_456_789),
        ])
    func timestamps(text: String, nanoseconds: Int64) {
        #expect(HTTPDate.parseRFC3339(text) == Nanoseconds(rawValue: nanoseconds))
    }

    @Test(
        "Other texts are no timestamps",
        arguments: [
            "", "2024-12-31", "2024-13-31T23:59:59Z", "2024-12-31T23:59:59", "2024-12-31T23:59:59.Z",
            "2024-12-31T24:00:00Z", "2024-12-31T23:59:59+0100", "yyyy-mm-ddThh:mm:ssZ",
        ])
    func noTimestamps(text: String) { #expect(HTTPDate.parseRFC3339(text) == nil) }
}

@Suite("Permits")
struct PermitsTests {
    @Test("No more than the given number run at once, and all get their turn")
    func bound() async throws {
        let permits = Permits(count: 3)
        let clock = ManualClock()
        let (running, done) = (Counter(), Counter())
        let tasks = (0..<20).map { _ in
            Task(executorPreference: clock.executor) {
                try await permits.withPermit {
                    running.add(1)
                    try await clock.sleep(until: clock.now() + .seconds(1))
                    running.add(-1)
                    done.add(1)
                }
            }
        }
        for wave in 0..<7 {
            let left = 20 - wave * 3
            await clock.settle()
            #expect(running.value == min(3, left))
            await clock.advance(by: .seconds(1))
        }
        for task in tasks { try await task.value }
        #expect(done.value == 20)
    }

    @Test("A task that is cancelled while it waits gives up its place")
    func cancellation() async throws {
        let permits = Permits(count: 1)
        let clock = ManualClock()
        let first = Task(executorPreference: clock.executor) {
            try await permits.withPermit { try await clock.sleep(until: clock.now() + .seconds(1)) }
        }
        await clock.settle()
        let second = Task { try await permits.withPermit {} }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        let third = Task { try await permits.withPermit { true } }
        await clock.advance(by: .seconds(1))
        try await first.value
        #expect(try await third.value)
    }
}

@Suite("Jitter")
struct JitterTests {
    @Test("Spreading stays within its share")
    func spread() {
        let random = SeededNumbers(seed: 9)
        let jitter = Jitter { random.next() }
        for _ in 0..<1_000 {
            let span = jitter.spread(.seconds(100), by: 0.125)
            #expect(span >= .milliseconds(87_500) && span <= .milliseconds(112_500))
            let part = jitter.part(of: .seconds(100))
            #expect(part >= .zero && part <= .seconds(100))
        }
        #expect(Jitter.none.spread(.seconds(3), by: 0.5) == .seconds(3))
        #expect(Jitter.none.part(of: .seconds(3)) == .zero)
    }
}
