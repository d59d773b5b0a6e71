import Foundation
import Yams

/// A query found in a file, and where it stood.
struct FoundQuery: Equatable {
    /// What the text is.
    enum Form: Equatable {
        /// An expression.
        case expression
        /// The right side of a recording rule, with its name and the labels it adds.
        case record(String, [String: String])
    }

    /// The panel, the rule or the variable, as a reader would look for it.
    var place: String
    var text: String
    var form = Form.expression
    /// Labels that a legend or an annotation shows.
    var shownLabels: Set<String> = []
}

/// Why a file could not be read.
struct UnreadableFile: Error, CustomStringConvertible {
    let description: String
}

/// Finds the queries in dashboards, rule files and tests of rules.
enum QueryFiles {
    /// All queries of a file; the kind of file is told by its name and what it holds.
    static func queries(in data: Data, named name: String) throws -> [FoundQuery] {
        if name.hasSuffix(".json") {
            guard let board = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
                board["panels"] is [Any]
            else { throw UnreadableFile(description: "\(name): not a dashboard") }
            return Dashboard.queries(in: board)
        }
        guard name.hasSuffix(".yml") || name.hasSuffix(".yaml") else {
            throw UnreadableFile(description: "\(name): neither a dashboard (.json) nor rules (.yml, .yaml)")
        }
        var queries: [FoundQuery] = []
        do {
            for document in try Yams.load_all(yaml: String(decoding: data, as: UTF8.self)) {
                if let root = document as? [String: Any] { queries += Self.rules(root) + Self.tests(root) }
            }
        } catch {
            throw UnreadableFile(description: "\(name): \(error)")
        }
        if queries.isEmpty { throw UnreadableFile(description: "\(name): no rule found") }
        return queries
    }

    // MARK: Rules

    /// Rules as Prometheus reads them, or in a `PrometheusRule` resource.
    private static func rules(_ root: [String: Any]) -> [FoundQuery] {
        let spec = root["spec"] as? [String: Any]
        let groups = root["groups"] as? [[String: Any]] ?? spec?["groups"] as? [[String: Any]] ?? []
        return groups.flatMap { group in
            (group["rules"] as? [[String: Any]] ?? []).compactMap { Self.rule($0, of: group["name"] as? String ?? "") }
        }
    }

    private static func rule(_ rule: [String: Any], of group: String) -> FoundQuery? {
        guard let text = rule["expr"].map({ "\($0)" }) else { return nil }
        let labels = (rule["labels"] as? [String: Any] ?? [:]).mapValues { "\($0)" }
        if let name = rule["record"] as? String {
            return FoundQuery(place: "group \(group), record \(name)", text: text, form: .record(name, labels))
        }
        let annotations = (rule["annotations"] as? [String: Any] ?? [:]).mapValues { "\($0)" }
        var shown: Set<String> = []
        for template in Array(labels.values) + Array(annotations.values) {
            for match in template.matches(of: /\$labels\.(\w+)/) { shown.insert(String(match.1)) }
        }
        let alert = rule["alert"] as? String ?? "?"
        return FoundQuery(
            place: "group \(group), alert \(alert)", text: text, shownLabels: shown.subtracting(labels.keys))
    }

    /// Unit tests of rules, as promtool reads them.
    private static func tests(_ root: [String: Any]) -> [FoundQuery] {
        (root["tests"] as? [[String: Any]] ?? []).enumerated().flatMap { place, test in
            let name = "test " + (test["name"] as? String ?? "\(place + 1)")
            let series = (test["input_series"] as? [[String: Any]] ?? []).compactMap { $0["series"] as? String }
            let queries = (test["promql_expr_test"] as? [[String: Any]] ?? []).compactMap { $0["expr"] as? String }
            return (series + queries).map { FoundQuery(place: name, text: $0) }
        }
    }
}

/// Finds the queries in a dashboard of Grafana.
enum Dashboard {
    static func queries(in board: [String: Any]) -> [FoundQuery] {
        var queries = Self.panels(board["panels"], source: nil)
        let variables = (board["templating"] as? [String: Any])?["list"] as? [[String: Any]] ?? []
        for variable in variables where variable["type"] as? String == "query" {
            if Self.isForeign(variable["datasource"]) { continue }
            let text =
                variable["query"] as? String ?? (variable["query"] as? [String: Any])?["query"] as? String ?? ""
            let name = "variable \(variable["name"] as? String ?? "?")"
            if let query = Self.variable(text, name) { queries.append(query) }
        }
        let annotations = (board["annotations"] as? [String: Any])?["list"] as? [[String: Any]] ?? []
        for annotation in annotations where !Self.isForeign(annotation["datasource"]) {
            guard let text = annotation["expr"] as? String else { continue }
            queries.append(FoundQuery(place: "annotation \(annotation["name"] as? String ?? "?")", text: text))
        }
        return queries
    }

    /// Whether a data source speaks something other than PromQL.
    private static func isForeign(_ source: Any?) -> Bool {
        guard let source else { return false }
        if let name = source as? String { return name.contains("loki") || name.hasPrefix("--") }
        guard let source = source as? [String: Any] else { return false }
        if let type = source["type"] as? String { return type != "prometheus" }
        return (source["uid"] as? String)?.contains("loki") ?? false
    }

    private static func panels(_ list: Any?, source: Any?) -> [FoundQuery] {
        (list as? [[String: Any]] ?? []).flatMap { panel -> [FoundQuery] in
            let own = panel["datasource"] ?? source
            let title = panel["title"] as? String ?? "?"
            let id = (panel["id"] as? Int).map { " (id \($0))" } ?? ""
            var queries = Self.panels(panel["panels"], source: own)
            for target in panel["targets"] as? [[String: Any]] ?? [] where !Self.isForeign(target["datasource"] ?? own)
            {
                guard let text = target["expr"] as? String else { continue }
                var query = FoundQuery(place: "panel \"\(title)\"\(id)", text: text)
                let legend = target["legendFormat"] as? String ?? ""
                for match in legend.matches(of: /\{\{\s*(\w+)\s*\}\}/) { query.shownLabels.insert(String(match.1)) }
                query.shownLabels.remove("__name__")
                queries.append(query)
            }
            return queries
        }
    }

    /// The expression in the words that Grafana adds to PromQL for variables.
    private static func variable(_ text: String, _ name: String) -> FoundQuery? {
        if let match = text.wholeMatch(of: /\s*label_values\((?:(.+),)?\s*(\w+)\s*\)\s*/.dotMatchesNewlines()) {
            guard let selector = match.1 else { return nil }
            return FoundQuery(place: name, text: String(selector), shownLabels: [String(match.2)])
        }
        if let match = text.wholeMatch(of: /\s*query_result\((.+)\)\s*/.dotMatchesNewlines()) {
            return FoundQuery(place: name, text: String(match.1))
        }
        if let match = text.wholeMatch(of: /\s*metrics\((.+)\)\s*/) {
            return FoundQuery(place: name, text: "{__name__=~\".*(\(match.1)).*\"}")
        }
        if text.contains(/^\s*label_names\(/) { return nil }
        return text.isEmpty ? nil : FoundQuery(place: name, text: text)
    }
}
