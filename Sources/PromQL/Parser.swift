extension Query {
    /// Reads a whole text as one expression.
    ///
    /// - Parameter text: PromQL, in which a dashboard's variables may stand for numbers, lengths of time, labels in
    ///   a list and parts of strings.
    /// - Throws: where and why the text is no expression.
    public init(_ text: String) throws(SyntaxProblem) {
        var parser = Parser(try Lexer.tokens(of: text))
        self = try parser.expression()
        try parser.expectEnd()
    }
}

extension Selector {
    /// Reads a whole text as one selector, such as `up{job="x"}`.
    ///
    /// - Parameter text: the selector.
    /// - Throws: where and why the text is none.
    public init(_ text: String) throws(SyntaxProblem) {
        guard case .selector(let selector) = try Query(text) else {
            throw SyntaxProblem(offset: 0, description: "expected a selector")
        }
        self = selector
    }
}

/// Reads words by precedence (Prometheus documentation, "Operators": binary operator precedence).
struct Parser {
    /// Binary operators from loose to tight; `^` is read separately because it binds to the right.
    private static let levels: [Set<String>] = [
        ["or"], ["and", "unless"], ["==", "!=", "<=", "<", ">=", ">"], ["+", "-"], ["*", "/", "%", "atan2"],
    ]
    private static let setOperators: Set<String> = ["and", "or", "unless"]
    /// Expressions nested deeper are refused: the reader is recursive.
    private static let depthMax = 200

    private let tokens: [(token: Token, offset: Int)]
    private var place = 0
    private var depth = 0

    init(_ tokens: [(token: Token, offset: Int)]) { self.tokens = tokens }

    private var token: Token { self.tokens[self.place].token }

    private func problem(_ description: String) -> SyntaxProblem {
        SyntaxProblem(offset: self.tokens[self.place].offset, description: description)
    }

    private mutating func advance() { if self.place < self.tokens.count - 1 { self.place += 1 } }

    private mutating func take(_ sign: String) -> Bool {
        guard self.token == .sign(sign) else { return false }
        self.advance()
        return true
    }

    private mutating func takeWord(_ words: String...) -> String? {
        guard case .identifier(let word) = self.token, words.contains(word.lowercased()) else { return nil }
        self.advance()
        return word.lowercased()
    }

    private mutating func expect(_ sign: String) throws(SyntaxProblem) {
        guard self.take(sign) else { throw self.problem("expected \"\(sign)\"") }
    }

    func expectEnd() throws(SyntaxProblem) {
        if self.token != .end { throw self.problem("expected an operator or the end") }
    }

    mutating func expression() throws(SyntaxProblem) -> Query {
        self.depth += 1
        defer { self.depth -= 1 }
        guard self.depth <= Self.depthMax else { throw self.problem("nested too deep") }
        return try self.binary(level: 0)
    }
}

// MARK: - Operators

extension Parser {
    private mutating func takeOperator(of level: Int) -> String? {
        let sign: String
        switch self.token {
        case .sign(let text): sign = text
        case .identifier(let text): sign = text.lowercased()
        default: return nil
        }
        guard Self.levels[level].contains(sign) else { return nil }
        self.advance()
        return sign
    }

    private mutating func binary(level: Int) throws(SyntaxProblem) -> Query {
        guard level < Self.levels.count else { return try self.unary() }
        var left = try self.binary(level: level + 1)
        while true {
            let start = self.place
            guard let sign = self.takeOperator(of: level) else { return left }
            let matching = try self.matching(of: sign)
            let right = try self.binary(level: level + 1)
            left = try self.combined(sign, matching, left, right, at: start)
        }
    }

    private func combined(
        _ sign: String, _ matching: Matching?, _ left: Query, _ right: Query, at start: Int
    ) throws(SyntaxProblem) -> Query {
        for side in [left, right] {
            let isFit =
                switch side.kind {
                case .vector, .any: true
                case .scalar: !Self.setOperators.contains(sign) && matching == nil
                case .string, .matrix: false
                }
            guard isFit else {
                throw SyntaxProblem(
                    offset: self.tokens[start].offset, description: "\"\(sign)\" does not take \(side.kind.described)")
            }
        }
        return .binary(sign, matching, left, right)
    }

    private mutating func unary() throws(SyntaxProblem) -> Query {
        if self.take("-") || self.take("+") {
            self.depth += 1
            defer { self.depth -= 1 }
            guard self.depth <= Self.depthMax else { throw self.problem("nested too deep") }
            return try self.unary()
        }
        return try self.power()
    }

    private mutating func power() throws(SyntaxProblem) -> Query {
        let base = try self.postfix()
        let start = self.place
        guard self.take("^") else { return base }
        let matching = try self.matching(of: "^")
        return try self.combined("^", matching, base, try self.unary(), at: start)
    }

    private mutating func matching(of sign: String) throws(SyntaxProblem) -> Matching? {
        if self.takeWord("bool") != nil, !Self.levels[2].contains(sign) {
            throw self.problem("\"bool\" belongs to comparisons")
        }
        guard let word = self.takeWord("on", "ignoring") else { return nil }
        let grouping = try self.labels(keeps: word == "on")
        guard let side = self.takeWord("group_left", "group_right") else {
            return Matching(grouping: grouping, many: nil, included: [])
        }
        if Self.setOperators.contains(sign) { throw self.problem("\"\(sign)\" takes no \(side)") }
        let included = self.token == .sign("(") ? try self.labels(keeps: true).labels : []
        return Matching(grouping: grouping, many: side == "group_left" ? .left : .right, included: included)
    }

    private mutating func labels(keeps: Bool) throws(SyntaxProblem) -> Grouping {
        try self.expect("(")
        var labels: [String] = []
        var isOpen = false
        while !self.take(")") {
            switch self.token {
            case .identifier(let name): labels.append(name)
            case .string(let name): labels.append(name)
            case .variable: isOpen = true
            default: throw self.problem("expected a label")
            }
            self.advance()
            if !self.take(","), self.token != .sign(")") { throw self.problem("expected \",\" or \")\"") }
        }
        return Grouping(keeps: keeps, labels: labels, isOpen: isOpen)
    }
}

// MARK: - Operands

extension Parser {
    private mutating func postfix() throws(SyntaxProblem) -> Query {
        var operand = try self.primary()
        while true {
            if self.token == .sign("[") {
                operand = try self.range(of: operand)
            } else if self.takeWord("offset") != nil {
                _ = self.take("-")
                try self.duration()
            } else if self.take("@") {
                try self.moment()
            } else {
                return operand
            }
        }
    }

    private mutating func range(of operand: Query) throws(SyntaxProblem) -> Query {
        let isSelector = if case .selector = operand { true } else { false }
        guard operand.kind == .vector || operand.kind == .any else {
            throw self.problem("a range needs an instant vector, not \(operand.kind.described)")
        }
        self.advance()
        try self.duration()
        if self.take(":") {
            if self.token != .sign("]") { try self.duration() }
        } else if !isSelector, operand.kind != .any {
            throw self.problem("a range of an expression needs a step: [5m:1m]")
        }
        try self.expect("]")
        return .range(operand)
    }

    private mutating func duration() throws(SyntaxProblem) {
        switch self.token {
        case .duration, .variable, .number: self.advance()
        default: throw self.problem("expected a length of time")
        }
    }

    private mutating func moment() throws(SyntaxProblem) {
        _ = self.take("-")
        if self.takeWord("start", "end") != nil {
            try self.expect("(")
            return try self.expect(")")
        }
        switch self.token {
        case .number, .variable: self.advance()
        default: throw self.problem("expected a time")
        }
    }

    private mutating func primary() throws(SyntaxProblem) -> Query {
        switch self.token {
        case .number, .duration:
            self.advance()
            return .number
        case .string(let text):
            self.advance()
            return .string(text)
        case .variable(let name):
            self.advance()
            return .variable(name)
        case .sign("("):
            self.advance()
            let inner = try self.expression()
            try self.expect(")")
            return inner
        case .sign("{"): return .selector(Selector(name: nil, matchers: try self.matchers()))
        case .identifier(let name):
            self.advance()
            return try self.named(name)
        case .sign, .end: throw self.problem("expected an operand")
        }
    }

    private mutating func named(_ name: String) throws(SyntaxProblem) -> Query {
        if let takesParameter = Function.aggregations[name.lowercased()], self.opensAggregation {
            return try self.aggregation(name.lowercased(), takesParameter: takesParameter)
        }
        if self.token == .sign("(") { return try self.call(name) }
        let matchers = self.token == .sign("{") ? try self.matchers() : []
        return .selector(Selector(name: name, matchers: matchers))
    }

    private var opensAggregation: Bool {
        switch self.token {
        case .sign("("): true
        case .identifier(let word): ["by", "without"].contains(word.lowercased())
        default: false
        }
    }

    private mutating func grouping() throws(SyntaxProblem) -> Grouping? {
        guard let word = self.takeWord("by", "without") else { return nil }
        return try self.labels(keeps: word == "by")
    }

    private mutating func aggregation(_ name: String, takesParameter: Bool) throws(SyntaxProblem) -> Query {
        var grouping = try self.grouping()
        try self.expect("(")
        var parameter: Query?
        if takesParameter {
            let first = try self.expression()
            let wanted: Query.Kind = name == "count_values" ? .string : .scalar
            guard first.kind == wanted || first.kind == .any else {
                throw self.problem("\(name) wants \(wanted.described) first")
            }
            parameter = first
            try self.expect(",")
        }
        let operand = try self.expression()
        guard operand.kind == .vector || operand.kind == .any else {
            throw self.problem("\(name) wants an instant vector, not \(operand.kind.described)")
        }
        try self.expect(")")
        if grouping == nil { grouping = try self.grouping() }
        return .aggregation(name, parameter: parameter, grouping, operand)
    }

    private mutating func call(_ name: String) throws(SyntaxProblem) -> Query {
        guard let function = Function.named(name) else {
            self.place -= 1
            throw self.problem("no function is called \(name)")
        }
        try self.expect("(")
        var arguments: [Query] = []
        while !self.take(")") {
            arguments.append(try self.argument(arguments.count, of: function, name))
            if !self.take(","), self.token != .sign(")") { throw self.problem("expected \",\" or \")\"") }
        }
        guard arguments.count >= function.arguments.count - function.optional else {
            throw self.problem("\(name) takes more arguments")
        }
        return .call(name, arguments)
    }

    private mutating func argument(
        _ place: Int, of function: Function, _ name: String
    ) throws(SyntaxProblem) -> Query {
        let wanted: Query.Kind
        if place < function.arguments.count {
            wanted = function.arguments[place]
        } else if function.isVariadic, let last = function.arguments.last {
            wanted = last
        } else {
            throw self.problem("\(name) takes fewer arguments")
        }
        let argument = try self.expression()
        guard argument.kind == wanted || argument.kind == .any else {
            throw self.problem("\(name) wants \(wanted.described), not \(argument.kind.described)")
        }
        return argument
    }

    private mutating func matchers() throws(SyntaxProblem) -> [Matcher] {
        try self.expect("{")
        var matchers: [Matcher] = []
        while !self.take("}") {
            let label: String
            switch self.token {
            case .identifier(let name): label = name
            case .string(let name): label = name
            default: throw self.problem("expected a label")
            }
            let isQuoted = if case .string = self.token { true } else { false }
            self.advance()
            if case .sign(let sign) = self.token, let comparison = Matcher.Comparison(rawValue: sign) {
                self.advance()
                guard case .string(let value) = self.token else { throw self.problem("expected a string") }
                self.advance()
                matchers.append(Matcher(label: label, comparison: comparison, value: value))
            } else if isQuoted {
                matchers.append(Matcher(label: "__name__", comparison: .equal, value: label))
            } else {
                throw self.problem("expected =, !=, =~ or !~")
            }
            if !self.take(","), self.token != .sign("}") { throw self.problem("expected \",\" or \"}\"") }
        }
        return matchers
    }
}
