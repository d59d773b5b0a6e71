import Testing

@testable import PromQL

@Suite struct ParserTests {
    private static func selector(_ name: String?, _ matchers: [(String, Matcher.Comparison, String)] = []) -> Query {
        .selector(
            Selector(
                name: name, matchers: matchers.map { Matcher(label: $0.0, comparison: $0.1, value: $0.2) }))
    }

    @Test func selectorsKeepNameAndMatchers() throws {
        #expect(
            try Query(#"a:b_c{x="1", y!="t\"w\\o",z=~'.+',w!~`\d`,}"#)
                == Self.selector(
                    "a:b_c",
                    [
                        ("x", .equal, "1"), ("y", .notEqual, #"t"w\o"#), ("z", .matches, ".+"),
                        ("w", .doesNotMatch, #"\d"#),
                    ]))
        #expect(try Query(#"{__name__=~"x.*"}"#) == Self.selector(nil, [("__name__", .matches, "x.*")]))
        #expect(
            try Query(#"{"up", job="a"}"#)
                == Self.selector(nil, [("__name__", .equal, "up"), ("job", .equal, "a")]))
        #expect(try Query("  sum # a comment\n") == Self.selector("sum"))
    }

    @Test func precedenceIsThatOfPrometheus() throws {
        func shape(_ text: String) throws -> String { Self.shape(try Query(text)) }
        #expect(try shape("a + b * c") == "(a + (b * c))")
        #expect(try shape("a - b - c") == "((a - b) - c)")
        #expect(try shape("a ^ b ^ c") == "(a ^ (b ^ c))")
        #expect(try shape("-a ^ b") == "(a ^ b)")
        #expect(try shape("a or b and c unless d") == "(a or ((b and c) unless d))")
        #expect(try shape("a > b + c == d") == "((a > (b + c)) == d)")
        #expect(try shape("a * b atan2 c % d") == "(((a * b) atan2 c) % d)")
        #expect(try shape("(a + b) * c") == "((a + b) * c)")
        #expect(try shape("2 ^ -a") == "(1 ^ a)")
        #expect(try shape("a OR b") == "(a or b)")
    }

    private static func shape(_ expression: Query) -> String {
        switch expression {
        case .selector(let selector): selector.name ?? "{}"
        case .number: "1"
        case .binary(let sign, _, let left, let right): "(\(Self.shape(left)) \(sign) \(Self.shape(right)))"
        default: "?"
        }
    }

    @Test func groupingAndMatchingKeepTheirLabels() throws {
        let sum = Query.aggregation(
            "sum", parameter: nil, Grouping(keeps: true, labels: ["a", "b"]), Self.selector("x"))
        #expect(try Query("sum by (a, b) (x)") == sum)
        #expect(try Query("SUM(x) BY (a,b,)") == sum)
        #expect(
            try Query("topk(3, x) without ()")
                == .aggregation("topk", parameter: .number, Grouping(keeps: false, labels: []), Self.selector("x")))
        #expect(
            try Query("avg by ($group) (x)")
                == .aggregation(
                    "avg", parameter: nil, Grouping(keeps: true, labels: [], isOpen: true), Self.selector("x")))
        #expect(
            try Query("x / on (a) group_left (b, c) y")
                == .binary(
                    "/",
                    Matching(grouping: Grouping(keeps: true, labels: ["a"]), many: .left, included: ["b", "c"]),
                    Self.selector("x"), Self.selector("y")))
        #expect(
            try Query("x == bool ignoring (a) group_right y")
                == .binary(
                    "==", Matching(grouping: Grouping(keeps: false, labels: ["a"]), many: .right, included: []),
                    Self.selector("x"), Self.selector("y")))
    }

    @Test(arguments: [
        "rate(x[5m])", "rate(x[$__rate_interval])", "rate(x[${window:raw}] offset 1h30m)", "x offset -5m @ 1e9",
        "x @ start()", "max_over_time(rate(x[5m])[1h:1m])", "max_over_time((a + b)[1h:])", "histogram_quantile(0.9, x)",
        "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")", "label_join(x, \"a\", \"-\", \"b\", \"c\")", "time() - x",
        "count_values(\"v\", x)", "round(x)", "round(x, 0.1)", "1 + 2", "0x1F * 1e-3", ".5 + x", "Inf", "-NaN",
        "x > bool 1", "vector(1)", "absent(x{a=\"b\"})", "topk($k, x)", "x / [[scale]]", "month()", "5m", "\"text\"",
        "quantile(0.5, x) by (a)", "a and on () b", "x{a=\"$b\"}[1w2d3h4m5s6ms:]",
    ])
    func accepted(text: String) { #expect(throws: Never.self) { try Query(text) } }

    @Test(arguments: [
        "", "x y", "rate(x)", "rate(x[5m]", "x[5m", "x[5q]", "x[1m1h]", "sum(x[5m])", "x + \"a\"", "a and 1",
        "nosuch(x)",
        "rate(x[5m], 1)", "clamp(x, 1)", "x{a}", "x{a=b}", "x{a==\"b\"}", "x{a=\"b\"", "sum by a (x)", "topk(x)",
        "(a", "a)", "\"open", "'a\\q'", "rate(1[5m])", "rate(sum(x)[5m])", "a + bool b", "a and on (b) group_left c",
        "x offset", "x @ y", "${}", "$", "${x", "[[x", "1.2.3", "0xZZ", "5m3", "x ? y", "a ==", "* a",
        "histogram_quantile(x, y)",
    ])
    func refused(text: String) { #expect(throws: SyntaxProblem.self) { try Query(text) } }

    @Test(arguments: [
        ("a + nosuch(b)", 4, "no function is called nosuch"), ("a + ", 4, "expected an operand"),
        ("rate(a)", 6, "rate wants a range vector, not an instant vector"), ("a{b=c}", 4, "expected a string"),
    ])
    func aProblemSaysWhere(text: String, offset: Int, description: String) {
        #expect(throws: SyntaxProblem(offset: offset, description: description)) { try Query(text) }
    }

    @Test func nestingHasALimit() {
        for deep in [
            String(repeating: "(", count: 100_000), String(repeating: "-", count: 100_000) + "x",
            String(repeating: "abs(", count: 100_000),
        ] {
            #expect(throws: SyntaxProblem.self) { try Query(deep) }
        }
    }

    @Test(arguments: 0..<20)
    func noTextCrashes(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let alphabet = Array("ab1.:${}[]()\"'`\\=~!<>+-*/%^@, #\nxmsrate by on offset bool sum".utf8)
        for _ in 0..<500 {
            var bytes: [UInt8] = []
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(alphabet[Int((state >> 33) % UInt64(alphabet.count))])
            }
            _ = try? Query(String(decoding: bytes, as: UTF8.self))
        }
    }
}
