import Foundation
import PromQL

/// Checks the queries of many files against the catalogue, recording rules of all of them included.
struct QueryCheck {
    private var vocabulary: Vocabulary
    private var queries: [(file: String, query: FoundQuery, expression: Query)] = []
    /// What was found: file, place, expression and problem.
    private(set) var findings: [String] = []
    /// How many expressions were read.
    private(set) var count = 0

    init(targetLabels: [String] = []) { self.vocabulary = Vocabulary(targetLabels: targetLabels) }

    /// Reads a file; its queries are checked by ``finish()``, when every recording rule is known.
    mutating func add(_ data: Data, named file: String) {
        let found: [FoundQuery]
        do {
            found = try QueryFiles.queries(in: data, named: file)
        } catch {
            self.findings.append("\(error)")
            return
        }
        for query in found {
            self.count += 1
            do {
                self.queries.append((file, query, try Query(query.text)))
            } catch {
                self.note("cannot be read at character \(error.offset + 1): \(error.description)", file, query)
            }
        }
    }

    private mutating func note(_ problem: String, _ file: String, _ query: FoundQuery) {
        let text = query.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        self.findings.append("\(file): \(query.place): \(problem)\n    in: \(text)")
    }

    /// Checks everything that was read.
    mutating func finish() {
        self.learnRules()
        for (file, query, expression) in self.queries {
            var check = ExpressionCheck(self.vocabulary)
            let labels = check.labels(of: expression)
            for problem in check.problems { self.note(problem, file, query) }
            guard let labels else { continue }
            for label in query.shownLabels.sorted() where !labels.contains(label) {
                let known = labels.sorted().joined(separator: ", ")
                self.note("shows the label \(label), which its result has not (it has: \(known))", file, query)
            }
        }
        self.queries = []
    }

    /// Rules may read what others make, in any order: goes round until nothing new is learnt.
    private mutating func learnRules() {
        var open = self.queries.indices.filter { if case .record = self.queries[$0].query.form { true } else { false } }
        while !open.isEmpty {
            let made = Set(open.compactMap { self.recordName($0) })
            // A rule is read when none of the rules still open makes what it reads.
            let ready = open.filter { Self.names(in: self.queries[$0].expression).isDisjoint(with: made) }
            // Rules that read each other in a circle are taken as they come.
            for index in ready.isEmpty ? open : ready { self.learn(index) }
            let done = Set(ready.isEmpty ? open : ready)
            open.removeAll { done.contains($0) }
        }
    }

    private func recordName(_ index: Int) -> String? {
        if case .record(let name, _) = self.queries[index].query.form { name } else { nil }
    }

    private mutating func learn(_ index: Int) {
        guard case .record(let name, let added) = self.queries[index].query.form else { return }
        var check = ExpressionCheck(self.vocabulary)
        var shape = SeriesShape(labels: check.labels(of: self.queries[index].expression))
        for (label, value) in added {
            shape.labels?.insert(label)
            shape.values[label] = [value]
        }
        self.vocabulary.add(name, shape)
    }

    private static func names(in expression: Query) -> Set<String> {
        switch expression {
        case .number, .string, .variable: []
        case .selector(let selector): selector.name.map { [$0] } ?? []
        case .range(let inner): Self.names(in: inner)
        case .call(_, let arguments): arguments.reduce(into: []) { $0.formUnion(Self.names(in: $1)) }
        case .aggregation(_, let parameter, _, let inner):
            Self.names(in: inner).union(parameter.map { Self.names(in: $0) } ?? [])
        case .binary(_, _, let left, let right): Self.names(in: left).union(Self.names(in: right))
        }
    }
}
