import PromQL

/// Follows labels through an expression and notes every name, label and closed value that does not exist.
struct ExpressionCheck {
    let vocabulary: Vocabulary
    /// What was found, in the order of reading.
    private(set) var problems: [String] = []

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    private static let picking: Set<String> = ["topk", "bottomk", "limitk", "limit_ratio"]
    private static let withoutLabels: Set<String> = ["vector", "time", "scalar", "pi"]

    /// The labels that the series of an expression can have; nil when anything is possible.
    mutating func labels(of expression: Query) -> Set<String>? {
        switch expression {
        case .number, .string: return []
        case .variable: return nil
        case .selector(let selector): return self.labels(of: selector)
        case .range(let inner): return self.labels(of: inner)
        case .call(let name, let arguments): return self.labels(of: name, arguments)
        case .aggregation(let name, let parameter, let grouping, let inner):
            return self.labels(of: name, parameter, grouping, inner)
        case .binary(let sign, let matching, let left, let right):
            return self.labels(of: sign, matching, left, right)
        }
    }

    private mutating func require(_ label: String, in labels: Set<String>?, of what: String) {
        guard let labels, !labels.contains(label) else { return }
        let hint = Vocabulary.nearest(to: label, in: labels).map { "; did you mean \($0)?" } ?? ""
        let known = labels.sorted().joined(separator: ", ")
        self.problems.append("\(what) has no label \(label)\(hint) (it has: \(known))")
    }

    // MARK: Selectors

    private mutating func labels(of selector: Selector) -> Set<String>? {
        guard let shape = self.shape(of: selector) else { return nil }
        let name = selector.name ?? "the selection"
        for matcher in selector.matchers where matcher.label != "__name__" {
            // A condition that a missing label fulfils may name any label.
            if matcher.value.isEmpty { continue }
            self.require(matcher.label, in: shape.labels, of: name)
            if let values = shape.values[matcher.label] { self.check(matcher, values, of: name) }
        }
        return shape.labels
    }

    private mutating func shape(of selector: Selector) -> SeriesShape? {
        let matchers = selector.matchers.filter { $0.label == "__name__" }
        if let name = selector.name ?? matchers.first(where: { $0.comparison == .equal })?.value {
            if Self.hasVariable(name) { return nil }
            if let shape = self.vocabulary.shape(named: name) { return shape }
            let hint = self.vocabulary.suggestion(for: name).map { "; did you mean \($0)?" } ?? ""
            self.problems.append("no metric is called \(name)\(hint)")
            return nil
        }
        guard let matcher = matchers.first(where: { $0.comparison == .matches }), !Self.hasVariable(matcher.value)
        else { return nil }
        guard let pattern = Pattern(matcher.value) else {
            self.problems.append("\(matcher.value) is no regular expression")
            return nil
        }
        let names = self.vocabulary.names(matching: pattern)
        if names.isEmpty { self.problems.append("no metric has a name like \(matcher.value)") }
        let shapes = names.compactMap { self.vocabulary.shape(named: $0) }
        return shapes.dropFirst().reduce(shapes.first) { $0?.merged(with: $1) }
    }

    /// A dashboard's variable, or a reference of a template.
    private static func hasVariable(_ text: String) -> Bool {
        text.contains(/\$\{?\w|\[\[|\{\{/)
    }

    private mutating func check(_ matcher: Matcher, _ values: Set<String>, of name: String) {
        if Self.hasVariable(matcher.value) { return }
        let described = "\(name) has no \(matcher.label)"
        switch matcher.comparison {
        case .equal, .notEqual:
            guard !values.contains(matcher.value) else { return }
            let hint = Vocabulary.nearest(to: matcher.value, in: values).map { "; did you mean \($0)?" } ?? ""
            self.problems.append("\(described)=\"\(matcher.value)\"\(hint)")
        case .matches, .doesNotMatch:
            for part in Pattern.alternatives(of: matcher.value) where !part.isEmpty {
                guard let pattern = Pattern(part) else {
                    self.problems.append("\(part) is no regular expression")
                    continue
                }
                if !values.contains(where: pattern.matches) { self.problems.append("\(described) like \"\(part)\"") }
            }
        }
    }

    // MARK: Functions

    private mutating func labels(of function: String, _ arguments: [Query]) -> Set<String>? {
        let results = arguments.map { self.labels(of: $0) }
        func string(_ place: Int) -> String? {
            guard place < arguments.count, case .string(let text) = arguments[place] else { return nil }
            return text
        }
        switch function {
        case "absent", "absent_over_time", "info": return nil
        case "label_replace", "label_join":
            guard var labels = results.first ?? nil else { return nil }
            let sources = function == "label_replace" ? 3..<4 : 3..<arguments.count
            for place in sources {
                if let source = string(place), !source.isEmpty { self.require(source, in: labels, of: function) }
            }
            if let made = string(1) { labels.insert(made) }
            return labels
        case "sort_by_label", "sort_by_label_desc":
            for place in 1..<arguments.count {
                if let label = string(place) { self.require(label, in: results[0], of: function) }
            }
            return results[0]
        case "histogram_quantile", "histogram_fraction":
            guard let last = arguments.last, var labels = results.last ?? nil else { return nil }
            if Self.readsBuckets(last), !labels.contains("le") {
                self.problems.append("\(function) needs the label le, which was aggregated away")
            }
            labels.remove("le")
            return labels
        default:
            if Self.withoutLabels.contains(function) { return [] }
            let vector = arguments.firstIndex { $0.kind == .vector || $0.kind == .matrix || $0.kind == .any }
            return vector.map { results[$0] } ?? []
        }
    }

    private static func readsBuckets(_ expression: Query) -> Bool {
        switch expression {
        case .number, .string, .variable: false
        case .selector(let selector): selector.name?.hasSuffix("_bucket") ?? false
        case .range(let inner), .aggregation(_, _, _, let inner): Self.readsBuckets(inner)
        case .call(_, let arguments): arguments.contains(where: Self.readsBuckets)
        case .binary(_, _, let left, let right): Self.readsBuckets(left) || Self.readsBuckets(right)
        }
    }

    // MARK: Aggregations

    private mutating func labels(
        of name: String, _ parameter: Query?, _ grouping: Grouping?, _ inner: Query
    ) -> Set<String>? {
        if let parameter { _ = self.labels(of: parameter) }
        let labels = self.labels(of: inner)
        for label in grouping?.labels ?? [] { self.require(label, in: labels, of: "what \(name) reads") }
        if Self.picking.contains(name) { return labels }
        var result: Set<String>?
        if let grouping {
            if grouping.isOpen { return nil }
            result = grouping.keeps ? Set(grouping.labels) : labels?.subtracting(grouping.labels)
        } else {
            result = []
        }
        if name == "count_values", case .string(let label) = parameter { result?.insert(label) }
        return result
    }

    // MARK: Operators

    private mutating func labels(
        of sign: String, _ matching: Matching?, _ left: Query, _ right: Query
    ) -> Set<String>? {
        let one = self.labels(of: left)
        let other = self.labels(of: right)
        self.check(matching, one, other, sign)
        switch sign {
        case "and", "unless": return one
        case "or": return one.flatMap { labels in other.map { labels.union($0) } }
        default: break
        }
        if left.kind == .scalar { return other }
        if right.kind == .scalar { return one }
        guard let matching else { return one ?? other }
        if let many = matching.many { return (many == .left ? one : other)?.union(matching.included) }
        guard let grouping = matching.grouping, !grouping.isOpen else { return nil }
        return grouping.keeps ? Set(grouping.labels) : one?.subtracting(grouping.labels)
    }

    private mutating func check(
        _ matching: Matching?, _ one: Set<String>?, _ other: Set<String>?, _ sign: String
    ) {
        guard let matching else { return }
        for label in matching.grouping?.labels ?? [] {
            if matching.grouping?.keeps ?? true {
                self.require(label, in: one, of: "the left side of \(sign)")
                self.require(label, in: other, of: "the right side of \(sign)")
            } else if let one, let other {
                self.require(label, in: one.union(other), of: "neither side of \(sign)")
            }
        }
        let source = matching.many == .left ? other : one
        for label in matching.included { self.require(label, in: source, of: "the one side of \(sign)") }
    }
}
