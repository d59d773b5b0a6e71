import Catalog
import Testing

@testable import AdminAPI

@Suite("ModelFacts")
struct ModelFactsTests {
    @Test(
        "Parameter sizes are normalised",
        arguments: [
            ("8.0B", "8b", 8_000_000_000), ("1500M", "1.5b", 1_500_000_000), ("137M", "137m", 137_000_000),
            ("7.6", "7.6b", 7_600_000_000), ("", "", 0), ("huge", "huge", 0), ("-1B", "-1B", 0),
        ])
    func parameters(text: String, label: String, count: Int) {
        #expect(ModelFacts.parameters(text) == (label, count))
    }
}

@Suite("JSONValue")
struct JSONValueTests {
    @Test("Texts are escaped, numbers have their shortest form")
    func escaping() {
        let document = JSONValue.object([
            ("a\"b", .string("\\ \" \n\r\t\u{01}\u{1F} é \u{2028}")), ("n", .number(91.6)), ("w", .number(3)),
            ("i", .number(.infinity)), ("x", .null), ("b", .bool(true)), ("l", .array([.integer(-1), .volatile("v")])),
        ])
        #expect(
            String(decoding: document.bytes, as: UTF8.self)
                == "{\"a\\\"b\":\"\\\\ \\\" \\n\\r\\t\\u0001\\u001f é \u{2028}\",\"n\":91.6,\"w\":3,\"i\":0,\"x\":null,"
                + "\"b\":true,\"l\":[-1,\"v\"]}\n")
    }

    @Test("The hash ignores volatile values and nothing else")
    func hash() {
        let one = JSONValue.object([("a", .integer(1)), ("t", .volatile("x"))])
        #expect(one.stableHash == JSONValue.object([("a", .integer(1)), ("t", .volatile("y"))]).stableHash)
        #expect(one.stableHash != JSONValue.object([("a", .integer(2)), ("t", .volatile("x"))]).stableHash)
        #expect(one.stableHash != JSONValue.object([("a", .integer(1))]).stableHash)
    }
}

@Suite("Query")
struct QueryTests {
    @Test("Parameters are decoded; the first of equal ones counts")
    func parameters() {
        let query = Query("a=1+2&b=%2Fx%zz&a=3&flag&=y&c=d=e&name%5B%5D=q")
        #expect(query["a"] == "1 2")
        #expect(query["b"] == "/x%zz")
        #expect(query["flag"] == "")
        #expect(query["c"] == "d=e")
        #expect(query["absent"] == nil)
        #expect(query.values("name[]") == ["q"])
        #expect(query.values("a") == ["1 2", "3"])
    }
}
