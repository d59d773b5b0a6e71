import ByteScan
import Foundation
import SeededRandomness
import Testing

@Suite struct JSONTextTests {
    private func unescaped(_ text: String, capacity: Int = 400) -> [UInt8]? {
        let source = Array(text.utf8)
        var buffer = [UInt8](repeating: 0, count: capacity)
        var span = buffer.mutableSpan
        guard let count = JSONText.unescape(source.span.bytes, into: &span) else { return nil }
        return Array(buffer.prefix(count))
    }

    private func equals(_ text: String, _ constant: StaticString) -> Bool {
        let bytes = Array(text.utf8)
        return JSONText.equals(bytes.span.bytes, constant)
    }

    @Test(arguments: [
        "", "plain", #"a\/b"#, #"\"\\\/\b\f\n\r\t"#, #"\u0041\u00e9\u20ac\ud83d\ude00"#, "é€😀",
        #"\u0000"#, #"\uFFFF\ud7ff\ue000"#, #"org\/model:7b"#,
    ])
    func `decodes like a reference`(text: String) throws {
        let reference = try JSONSerialization.jsonObject(
            with: Data("\"\(text)\"".utf8), options: .fragmentsAllowed)
        let expected = try #require(reference as? String)
        #expect(self.unescaped(text) == Array(expected.utf8))
    }

    @Test(arguments: [
        #"\"#, #"\x"#, #"\u"#, #"\u12"#, #"\u12g4"#, #"\ud800"#, #"\ud800x"#, #"\ud800\n"#,
        #"\udc00"#, #"\ud800\ud800"#,
    ])
    func `refuses broken escapes`(text: String) {
        #expect(self.unescaped(text) == nil)
        #expect(!self.equals(text, ""))
    }

    @Test func `refuses a buffer that is too small`() {
        #expect(self.unescaped("abcd", capacity: 4) == Array("abcd".utf8))
        #expect(self.unescaped("abcde", capacity: 4) == nil)
    }

    @Test func `compares decoded text with a constant`() {
        #expect(self.equals("stop", "stop"))
        #expect(self.equals(#"st\u006fp"#, "stop"))
        #expect(!self.equals("stops", "stop"))
        #expect(!self.equals("sto", "stop"))
        #expect(!self.equals(#"stop\u0000"#, "stop"))
        #expect(self.equals("", ""))
    }

    @Test func `writes strings a reference reads back`() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<random.below(30)).compactMap { _ in
                        Unicode.Scalar(
                            random.below(4) == 0 ? random.below(0x1_0000) : random.below(0x80))
                    }))
            var buffer: [UInt8] = []
            JSONText.appendQuoted(text, to: &buffer)
            let back = try JSONSerialization.jsonObject(
                with: Data(buffer), options: .fragmentsAllowed)
            #expect(back as? String == text)
        }
    }

    @Test(arguments: [
        ("0", 0), ("-1", -1), ("42", 42), ("", nil), ("-", nil), ("1.0", nil), ("1 ", nil),
        ("+1", nil),
        ("true", nil), ("9223372036854775808", nil),
    ])
    func `reads a whole text as an integer or not at all`(text: String, expected: Int64?) {
        let bytes = Array(text.utf8)
        let integer = JSONText.integer(bytes.span.bytes)
        #expect(integer == expected)
    }
}
