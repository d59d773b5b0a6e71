import SeededRandomness
import Testing

@testable import Translation

@Suite("A JSON document")
struct JSONTreeTests {
    private static func read(_ bytes: [UInt8], acceptsHalfPairs: Bool = false) throws(JSONFault) -> JSONTree {
        var tree = JSONTree()
        try bytes.lent { bytes throws(JSONFault) in _ = try tree.read(bytes, acceptsHalfPairs: acceptsHalfPairs) }
        return tree
    }

    private static func compact(_ text: String) throws -> String {
        let tree = try Self.read(Array(text.utf8))
        let root = try #require(tree.root)
        var output: [UInt8] = []
        tree.appendCompact(root, to: &output)
        #expect(tree.compactLength(root) == output.count)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(
        "is written as it was read, less its white space",
        arguments: [
            ("null", "null"), (" true ", "true"), ("[ ]", "[]"), ("{ }", "{}"), ("-0", "-0"),
            ("12345678901234567890123.450e-70", "12345678901234567890123.450e-70"),
            ("\"a\\u0041\\n \\ud83d\\ude00\"", "\"a\\u0041\\n \\ud83d\\ude00\""),
            (" { \"a\" : [ 1 , { } , [ ] , \"x y\" ] ,\n\t\"b\":false}\r\n", "{\"a\":[1,{},[],\"x y\"],\"b\":false}"),
            ("{\"\":{\"a\":1,\"a\":2}}", "{\"\":{\"a\":1,\"a\":2}}"),
            ("\"Zürich 日本 👩‍🍳\u{7f}\"", "\"Zürich 日本 👩‍🍳\u{7f}\""),
        ])
    func roundTrip(text: String, expected: String) throws { #expect(try Self.compact(text) == expected) }

    @Test(
        "that is broken is refused with the place",
        arguments: [
            ("", JSONFault.Kind.empty, 0), ("  ", .empty, 2), ("tru", .truncated, 3), ("nul!", .value, 0),
            ("01", .number, 0), ("1.", .truncated, 0), ("1.x", .number, 0), ("-", .truncated, 0),
            ("1e+", .truncated, 0),
            ("+1", .value, 0), ("[1,]", .value, 3), ("[1 2]", .separator, 3), ("[1", .truncated, 2),
            ("{\"a\"}", .colon, 4), ("{\"a\":}", .value, 5), ("{a:1}", .name, 1), ("{\"a\":1,}", .name, 7),
            ("{\"a\":1]", .separator, 6), ("{} x", .trailing, 3), ("\"a\nb\"", .control, 2), ("\"\\x\"", .escape, 1),
            ("\"\\u12g4\"", .escape, 1), ("\"\\ud800\"", .escape, 1), ("\"\\udc00\"", .escape, 1),
            ("\"\\ud800\\u0041\"", .escape, 1), ("\"abc", .truncated, 4), ("'a'", .value, 0), ("NaN", .value, 0),
            ("}", .value, 0),
        ])
    func broken(text: String, kind: JSONFault.Kind, offset: Int) {
        let fault = #expect(throws: JSONFault.self) { try Self.read(Array(text.utf8)) }
        #expect(fault?.kind == kind)
        #expect(fault?.offset == offset)
        #expect(fault?.message.contains("at byte \(offset)") == true)
    }

    @Test(
        "takes UTF-8 and nothing else",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func encoding(bytes: [UInt8]) {
        let quote = [UInt8(ascii: "\"")]
        for padding in [0, 7, 8, 9] {
            let pad = [UInt8](repeating: UInt8(ascii: "a"), count: padding)
            let fault = #expect(throws: JSONFault.self) { try Self.read(quote + pad + bytes + quote) }
            #expect(fault?.kind == .encoding)
            #expect(fault?.offset == padding + 1)
        }
    }

    @Test("may hold half a surrogate pair where the caller says so")
    func halfPairs() throws {
        let tree = try Self.read(Array("\"a\\ud83d\"".utf8), acceptsHalfPairs: true)
        #expect(tree.string(tree.root) == "a\u{FFFD}")
        let both = try Self.read(Array("\"\\ud83d\\u0041\\ude00\"".utf8), acceptsHalfPairs: true)
        #expect(both.string(both.root) == "\u{FFFD}A\u{FFFD}")
    }

    @Test("has limits for depth and number of values")
    func limits() throws {
        let depth = JSONTree.depthMax
        #expect(
            try Self.read(
                Array(repeating: UInt8(ascii: "["), count: depth)
                    + Array(repeating: UInt8(ascii: "]"), count: depth)
            ).root != nil)
        let deep = #expect(throws: JSONFault.self) {
            try Self.read(Array(repeating: UInt8(ascii: "["), count: depth + 1))
        }
        #expect(deep?.kind == .depth)
        var many = Array("[0".utf8)
        for _ in 1..<JSONTree.valuesMax { many.append(contentsOf: ",0".utf8) }
        let wide = #expect(throws: JSONFault.self) { try Self.read(many + [UInt8(ascii: "]")]) }
        #expect(wide?.kind == .values)
    }

    @Test("gives members by name, the last of equal ones, with escapes in names decoded")
    func members() throws {
        let tree = try Self.read(Array("{\"a\":1,\"\\u0061\":2,\"b\":{\"a\":3}}".utf8))
        #expect(tree.integer(tree.member("a", of: tree.root)) == 2)
        #expect(tree.integer(tree.member("a", of: tree.member("b", of: tree.root))) == 3)
        #expect(tree.member("c", of: tree.root) == nil)
        #expect(tree.member("a", of: tree.member("a", of: tree.root)) == nil)
    }

    @Test("tells whole numbers from others")
    func numbers() throws {
        let tree = try Self.read(Array("[1, 1e3, 2.0, 2.5, 1e400, 99999999999999999999, -7]".utf8))
        #expect(tree.elements(of: tree.root).map { tree.integer($0) } == [1, 1000, 2, nil, nil, nil, -7])
    }

    /// The same bytes are taken or refused as by a reader written by others.
    @Test("is judged as others judge it", arguments: 0..<40)
    func agreement(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]\",:\\u0123abtrue null-.eE+ \u{00E9}".utf8)
        for _ in 0..<250 {
            let bytes = (0..<random.below(14)).map { _ in alphabet[random.below(alphabet.count)] }
            let mine = (try? Self.read(bytes)) != nil
            // Foundation guesses UTF-16 and UTF-32 from zero bytes, of which there are none here.
            #expect(mine == (Plain(bytes) != nil), "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}
