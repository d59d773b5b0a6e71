import GlasspotApp
import Testing

@Suite("What only the start needed")
struct StartupPagesTests {
    #if os(Linux)
    @Test("is dropped from memory, and there again when it is needed")
    func dropped() {
        // Code and constants of any build; what is writable must not be in it, or this test would not come back.
        #expect(StartupPages.release() > 1_000_000)
        #expect([3, 1, 2].sorted().map(String.init).joined(separator: ",") == "1,2,3")
    }
    #endif
}
