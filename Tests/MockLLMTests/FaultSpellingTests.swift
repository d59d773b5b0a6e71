import Testing

@testable import MockLLM

@Suite struct FaultSpellingTests {
    @Test(
        "a fault reads its own spelling",
        arguments: [
            Fault.refuse, .hang, .slowHead(.milliseconds(5)), .slowFirstToken(.milliseconds(7)),
            .stall(afterChunks: 3, duration: nil),
            .stall(afterChunks: 3, duration: .milliseconds(250)),
            .cut(afterChunks: 2, ending: .reset, place: .midChunk),
            .cut(afterChunks: 0, ending: .fin, place: .betweenChunks),
            .tooManyRequests(retryAfter: 9), .status(503), .garbage, .contentLength(10),
            .contentLength(-4), .closeOnReuse, .hugeHeader(65_536), .interim(103),
            .badChunk(afterChunks: 1),
        ])
    func roundTrip(fault: Fault) {
        #expect(Fault(spelling: fault.spelling) == fault)
    }

    @Test(
        "short spellings take their defaults",
        arguments: [
            ("cut:4", Fault.cut(afterChunks: 4, ending: .fin, place: .betweenChunks)),
            ("cut:4:reset", .cut(afterChunks: 4, ending: .reset, place: .betweenChunks)),
            ("429", .tooManyRequests(retryAfter: 1)), ("interim", .interim(103)),
        ])
    func defaults(spelling: String, fault: Fault) {
        #expect(Fault(spelling: spelling) == fault)
    }

    @Test(
        "what is no fault is refused",
        arguments: [
            "", "nothing", "200", "399", "600", "cut", "cut:-1", "cut:1:gently", "stall:x",
            "slow-head", "slow-head:-5", "content-length:0", "interim:200", "interim:101",
            "hang:1", "huge-header:99999999999", "cut:1:fin:here",
        ])
    func refused(spelling: String) {
        #expect(Fault(spelling: spelling) == nil)
    }
}
