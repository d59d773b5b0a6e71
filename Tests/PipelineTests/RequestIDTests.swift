import Testing

@testable import Pipeline

@Suite("RequestID")
struct RequestIDTests {
    @Test(
        "a client's id of 1 to 128 printable characters is kept",
        arguments: ["a", "0af7651916cd43dd8448eb211c80319c", String(repeating: "~", count: 128), "x!y\"z"])
    func adopts(text: String) {
        var id = RequestID()
        let bytes = Array(text.utf8)
        let isTaken = id.adopt(bytes.span)
        #expect(isTaken)
        #expect(id.text == text)
    }

    @Test(
        "anything else is refused and changes nothing visible",
        arguments: ["", "a b", "tab\t", "ü", "nul\0", String(repeating: "x", count: 129)])
    func refuses(text: String) {
        var id = RequestID()
        let bytes = Array(text.utf8)
        let isTaken = id.adopt(bytes.span)
        #expect(!isTaken)
        #expect(id.count == 0)
    }

    @Test("a made id is two words and sixteen hexadecimal digits, for every choice")
    func generates() {
        for choice in stride(from: UInt64(0), to: UInt64.max - 0x1234_5678_9ABC_DEF0, by: 0x1234_5678_9ABC_DEF) {
            var id = RequestID()
            id.generate(bits: 0x0123_4567_89AB_CDEF, choice: choice)
            let parts = id.text.split(separator: "-")
            #expect(parts.count == 3)
            #expect(parts.last == "0123456789abcdef")
        }
    }
}
