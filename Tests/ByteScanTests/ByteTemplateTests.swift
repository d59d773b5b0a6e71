import ByteScan
import SeededRandomness
import Testing

@Suite struct ByteTemplateTests {
    /// Learns a text in which `‹…›` marks a gap for text and `«…»` one for digits.
    private func template(_ marked: String) -> ByteTemplate {
        var template = ByteTemplate()
        var bytes: [UInt8] = []
        var start = 0
        for character in marked {
            switch character {
            case "‹", "«": start = bytes.count
            case "›": template.note(.text, at: start..<bytes.count)
            case "»": template.note(.digits, at: start..<bytes.count)
            default: bytes += Array(character.utf8)
            }
        }
        template.learn(bytes.span.bytes, 0..<bytes.count)
        return template
    }

    private func end(_ template: inout ByteTemplate, _ text: String, from start: Int = 0) -> Int? {
        self.end(&template, Array(text.utf8), from: start)
    }

    private func end(_ template: inout ByteTemplate, _ bytes: [UInt8], from start: Int = 0) -> Int? {
        template.end(in: bytes.span.bytes, from: start)
    }

    private static let marked =
        #"data: {"n":«17»,"created":"then","delta":"‹Hel›","more":null}"# + "\n\n"

    private func event(_ number: String, _ text: String) -> String {
        #"data: {"n":\#(number),"created":"then","delta":"\#(text)","more":null}"# + "\n\n"
    }

    @Test func `fits what differs in its gaps alone`() {
        var template = self.template(Self.marked)
        for text in ["x", "Hel", #"\"\\\n"#, String(repeating: "long ", count: 50), "é", ":", " "] {
            for number in ["0", "17", "123456789012345678901234567890"] {
                let event = self.event(number, text)
                #expect(self.end(&template, event) == event.utf8.count)
                #expect(self.end(&template, "--" + event + event, from: 2) == 2 + event.utf8.count)
            }
        }
    }

    @Test func `does not fit gaps that hold nothing or something else`() {
        var template = self.template(Self.marked)
        for (number, text) in [
            ("", "x"), ("1.5", "x"), ("-1", "x"), ("1e3", "x"), ("1", ""), ("1", "a\nb"), ("1", "a\rb"),
            ("1", "a\\\nb"), ("1", "\u{0}"), ("1", "a\"b"), ("1", "\\"),
        ] {
            #expect(self.end(&template, self.event(number, text)) == nil, "\(number) \(text)")
        }
    }

    @Test func `does not fit when any other byte differs or the end is missing`() {
        var template = self.template(Self.marked)
        let bytes = Array(self.event("17", "Hel").utf8)
        let gaps = [11, 12, 40, 41, 42]
        for index in bytes.indices {
            #expect(self.end(&template, Array(bytes[..<index])) == nil)
            var other = bytes
            other[index] ^= 1
            let fits = self.end(&template, other) != nil
            #expect(fits == gaps.contains(index), "byte \(index)")
        }
    }

    @Test func `fits nothing before it has learned, and after it has forgotten`() {
        var template = self.template(Self.marked)
        let bytes = Array(self.event("17", "Hel").utf8)
        #expect(self.end(&template, bytes) == bytes.count)
        template.forget()
        #expect(self.end(&template, bytes) == nil)
        var empty = ByteTemplate()
        #expect(self.end(&empty, "") == nil)
    }

    @Test func `learns again with the same gaps`() {
        let bytes = Array("a1\"b2\"c".utf8)
        var template = ByteTemplate()
        template.note(.text, at: 1..<2)
        template.note(.digits, at: 4..<5)
        template.learn(bytes.span.bytes, 0..<6)
        #expect(self.end(&template, "ax\"b45\"c") == 7)
        template.learn(bytes.span.bytes, 0..<7)
        #expect(self.end(&template, "ax\"b45\"c") == 8)
        #expect(self.end(&template, "ax\"bx\"c") == nil)
    }

    @Test func `learns no more than it has room for`() {
        let room = ByteTemplate.bytesMax
        for (count, isLearned) in [(room - 1, true), (room, true), (room + 1, false)] {
            let bytes = [UInt8](repeating: 0x61, count: count + 3)
            var template = ByteTemplate()
            template.note(.text, at: 5..<8)
            template.learn(bytes.span.bytes, 0..<bytes.count)
            // The gap takes the rest of the letters, so an end that differs is needed.
            #expect(self.end(&template, bytes) == nil)
            var ended = bytes
            ended[8] = 0x22
            template.forget()
            template.note(.text, at: 5..<8)
            template.learn(ended.span.bytes, 0..<ended.count)
            #expect((self.end(&template, ended) == ended.count) == isLearned)
        }
    }

    @Test func `learns nothing from gaps out of order or out of range`() {
        let bytes = Array("0123456789".utf8)
        for (one, two) in [(4..<6, 2..<3), (4..<6, 5..<7), (2..<3, 4..<11), (2..<3, 11..<12)] {
            var template = ByteTemplate()
            template.note(.digits, at: one)
            template.note(.digits, at: two)
            template.learn(bytes.span.bytes, 0..<bytes.count)
            #expect(self.end(&template, bytes) == nil)
        }
        var template = ByteTemplate()
        template.learn(bytes.span.bytes, 0..<11)
        #expect(self.end(&template, bytes) == nil)
    }

    @Test func `holds to what stands in a gap too many`() {
        var template = self.template("a‹1›\"b‹2›\"c‹3›\"d‹4›\"e")
        #expect(self.end(&template, "ax\"bx\"cx\"d4\"e") == 13)
        #expect(self.end(&template, "ax\"bx\"cx\"dx\"e") == nil)
    }

    @Test(arguments: 0..<8)
    func `fits what a slow reading says`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let letters = Array(#"ab"\0"#.utf8) + [0x0a]
        for _ in 0..<500 {
            let parts = (0..<3).map { _ in (0..<random.below(40)).map { _ in letters[random.below(2)] } }
            let learned = parts[0] + [0x78, 0x22] + parts[1] + [0x78, 0x22] + parts[2]
            var template = ByteTemplate()
            let first = parts[0].count
            let second = first + 2 + parts[1].count
            template.note(.text, at: first..<(first + 1))
            template.note(.text, at: second..<(second + 1))
            template.learn(learned.span.bytes, 0..<learned.count)
            let fills = (0..<2).map { _ in
                (0..<random.below(25)).map { _ in letters[random.below(letters.count)] }
            }
            let given = parts[0] + fills[0] + [0x22] + parts[1] + fills[1] + [0x22] + parts[2]
            let expected = Self.slowEnd(given, parts)
            #expect(self.end(&template, given) == expected, "seed \(seed)")
        }
    }

    private static func slowEnd(_ given: [UInt8], _ parts: [[UInt8]]) -> Int? {
        var index = 0
        for (number, part) in parts.enumerated() {
            let literal = (number == 0 ? [] : [0x22]) + part
            guard given[index...].starts(with: literal) else { return nil }
            index += literal.count
            guard number < 2 else { return index }
            let start = index
            while index < given.count, given[index] != 0x22, given[index] >= 0x20 {
                index += given[index] == 0x5c && index + 1 < given.count && given[index + 1] >= 0x20 ? 2 : 1
            }
            guard index > start else { return nil }
        }
        return index
    }
}
