/// A PromQL expression, as far as it matters which series it reads and what labels come out.
///
/// Numbers, durations and modifiers of time are checked by the parser and then forgotten.
public indirect enum Query: Equatable, Sendable {
    /// A number.
    case number
    /// A string.
    case string(String)
    /// What a dashboard puts in before it asks: `$name`, `${name}` or `[[name]]`.
    case variable(String)
    /// Series of one instant.
    case selector(Selector)
    /// Series over a range of time: a selector with `[5m]`, or a subquery.
    case range(Query)
    /// A function's result.
    case call(String, [Query])
    /// An aggregation: the operator, its parameter, its grouping and what is aggregated.
    case aggregation(String, parameter: Query?, Grouping?, Query)
    /// Two operands and the operator between them.
    case binary(String, Matching?, Query, Query)

    /// What an expression yields.
    public enum Kind: String, Sendable {
        case scalar
        case string
        case vector = "instant vector"
        case matrix = "range vector"
        /// It depends on what the dashboard puts in.
        case any

        /// The kind with its article.
        var described: String { self == .vector ? "an \(self.rawValue)" : "a \(self.rawValue)" }
    }
}

/// The part of a query that names series.
public struct Selector: Equatable, Sendable {
    /// The metric's name; nil when only labels are given.
    public let name: String?
    /// The conditions on labels.
    public let matchers: [Matcher]

    /// Names series.
    public init(name: String?, matchers: [Matcher]) {
        self.name = name
        self.matchers = matchers
    }
}

/// A condition on one label.
public struct Matcher: Equatable, Sendable {
    /// How the label's value is compared.
    public enum Comparison: String, Sendable {
        case equal = "="
        case notEqual = "!="
        case matches = "=~"
        case doesNotMatch = "!~"
    }

    /// The label's name.
    public let label: String
    /// How the value is compared.
    public let comparison: Comparison
    /// What it is compared with.
    public let value: String

    /// A condition.
    public init(label: String, comparison: Comparison, value: String) {
        self.label = label
        self.comparison = comparison
        self.value = value
    }
}

/// A list of labels behind `by`, `without`, `on` or `ignoring`.
public struct Grouping: Equatable, Sendable {
    /// Whether the labels are those that stay (`by`, `on`) rather than those that go.
    public let keeps: Bool
    /// The labels; variables of a dashboard are left out.
    public let labels: [String]
    /// Whether a variable of a dashboard may add labels.
    public let isOpen: Bool

    /// A list of labels.
    public init(keeps: Bool, labels: [String], isOpen: Bool = false) {
        self.keeps = keeps
        self.labels = labels
        self.isOpen = isOpen
    }
}

/// How the sides of a binary operator are matched.
public struct Matching: Equatable, Sendable {
    /// The labels that have to agree; nil means all of them.
    public let grouping: Grouping?
    /// Which side may have many series, if one may.
    public let many: Side?
    /// The labels copied from the other side.
    public let included: [String]

    /// A side of an operator.
    public enum Side: Sendable {
        case left
        case right
    }

    /// A way of matching.
    public init(grouping: Grouping?, many: Side?, included: [String]) {
        self.grouping = grouping
        self.many = many
        self.included = included
    }
}

/// Why a text is no expression.
public struct SyntaxProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// How many bytes of the text are fine.
    public let offset: Int
    /// What is wrong there.
    public let description: String
}

extension Query {
    /// What the expression yields.
    public var kind: Kind {
        switch self {
        case .number: .scalar
        case .string: .string
        case .variable: .any
        case .selector, .aggregation: .vector
        case .range: .matrix
        case .call(let name, _): Function.named(name)?.result ?? .any
        case .binary(_, _, let left, let right):
            switch (left.kind, right.kind) {
            case (.scalar, .scalar): .scalar
            case (.any, .any), (.any, .scalar), (.scalar, .any): .any
            default: .vector
            }
        }
    }
}
