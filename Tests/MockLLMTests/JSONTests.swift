import Testing

@testable import MockLLM

@Suite struct JSONTests {
    @Test(
        "a document survives being read and written",
        arguments: [
            "null", "true", "false", "0", "-12", "1.5", "\"\"", "[]", "{}", "[1,[2,[3]]]",
            #"{"a":1,"b":[true,null],"c":{"d":"e"}}"#, #""quote \" back \\ line \n tab \t""#,
            #""日本 👩‍🍳 é""#,
        ])
    func roundTrip(text: String) throws {
        #expect(try JSONParser.parse(Array(text.utf8)).text == text)
    }

    @Test(
        "escapes become the characters they stand for",
        arguments: [
            (#""\u0041\/\b\f""#, "A/\u{8}\u{c}"), (#""\ud83e\uded6""#, "🫖"),
            (#""\ud83ex""#, "\u{FFFD}x"), (#""\ude00""#, "\u{FFFD}"),
            (#""\ud83e\u0041""#, "\u{FFFD}A"),
        ])
    func escapes(text: String, value: String) throws {
        #expect(try JSONParser.parse(Array(text.utf8)).string == value)
    }

    @Test(
        "what is not JSON is refused where it stops being JSON",
        arguments: [
            ("", 0), ("tru", 3), ("[1,]", 3), ("{\"a\"}", 4), ("{a:1}", 1), ("01", 2), ("1.", 2),
            ("1e", 2), ("\"a", 2), ("\"\n\"", 1), ("\"\\x\"", 2), ("\"\\u12g4\"", 5), ("1 2", 2),
            ("-", 1), ("[", 1), ("nul", 3), ("]", 0),
        ])
    func refused(text: String, offset: Int) {
        #expect(throws: JSONParseError(offset: offset)) {
            try JSONParser.parse(Array(text.utf8))
        }
    }

    @Test("every proper prefix of a document is refused")
    func prefixes() {
        let whole = Array(#"{"model":"m","messages":[{"role":"user","content":"a\nb"}],"n":-1.5e3}"#.utf8)
        for count in 0..<whole.count {
            #expect(throws: JSONParseError.self) { try JSONParser.parse(Array(whole[..<count])) }
        }
    }

    @Test("nesting is bounded")
    func depth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(try JSONParser.parse(nested(JSONParser.depthMax)).array?.count == 1)
        #expect(throws: JSONParseError.self) {
            try JSONParser.parse(nested(JSONParser.depthMax + 1))
        }
    }

    @Test("control characters are escaped")
    func control() {
        #expect(JSONValue.string("\u{1}\u{1f}").text == "\"\\u0001\\u001f\"")
    }

    @Test(
        "base64 agrees with the vectors of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, coded: String) {
        #expect(Base64.encode(Array(text.utf8)) == coded)
    }
}
