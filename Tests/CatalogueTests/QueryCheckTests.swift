import Foundation
import Testing

@testable import catalogue

@Suite struct QueryCheckTests {
    private func findings(_ files: [(name: String, text: String)]) -> [String] {
        var check = QueryCheck()
        for file in files { check.add(Data(file.text.utf8), named: file.name) }
        check.finish()
        return check.findings
    }

    private static let rules = """
        groups:
          - name: slo
            rules:
              - {record: "late:rate5m", expr: "sum by (model) (early:rate5m)", labels: {slo: ttft}}
              - record: early:rate5m
                expr: sum by (model, endpoint) (rate(glasspot_tokens_total[5m]))
              - alert: Slow
                expr: late:rate5m{slo="ttft"} > 1
                labels: {severity: page}
                annotations: {summary: "{{ $labels.model }} {{ $labels.severity }} is slow"}
        """

    /// The boards and rules of this repository are checked together, as `catalogue check` does it.
    @Test func whatIsShippedAgreesWithTheCatalogue() throws {
        var check = QueryCheck()
        for (folder, suffix) in [("dashboards", ".json"), ("prometheus/rules", ".yml")] {
            let url = CatalogPageTests.root.appendingPathComponent(folder)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
            for name in names.sorted() where name.hasSuffix(suffix) {
                check.add(try Data(contentsOf: url.appendingPathComponent(name)), named: "\(folder)/\(name)")
            }
        }
        check.finish()
        #expect(check.findings.joined(separator: "\n") == "")
        #expect(check.count > 50)
    }

    @Test func rulesAreReadInAnyOrder() {
        #expect(self.findings([("rules.yml", Self.rules)]) == [])
    }

    @Test func everyFindingNamesFilePlaceAndExpression() {
        let broken = Self.rules.replacing("late:rate5m{slo=", with: "late:rate5m{endpoint=\"a\", slo=")
            .replacing("$labels.severity", with: "$labels.endpoint")
        let findings = self.findings([("rules.yml", broken)])
        #expect(
            findings == [
                "rules.yml: group slo, alert Slow: late:rate5m has no label endpoint (it has: model, slo)\n"
                    + "    in: late:rate5m{endpoint=\"a\", slo=\"ttft\"} > 1",
                "rules.yml: group slo, alert Slow: shows the label endpoint, which its result has not "
                    + "(it has: model, slo)\n    in: late:rate5m{endpoint=\"a\", slo=\"ttft\"} > 1",
            ])
    }

    @Test func aRuleOfNobodyAndAValueOfNobodyAreFound() {
        let wrong = Self.rules.replacing("slo=\"ttft\"", with: "slo=\"availability\"")
        #expect(self.findings([("r.yml", wrong)]).count == 1)
        let gone = Self.rules.replacing("record: early:rate5m", with: "record: earlier:rate5m")
        #expect(self.findings([("r.yml", gone)]).contains { $0.contains("no metric is called early:rate5m; did you") })
    }

    @Test func rulesThatReadEachOtherEnd() {
        let circle = """
            groups:
              - {name: a, rules: [{record: "x:y", expr: "z:w"}, {record: "z:w", expr: "x:y"}]}
            """
        #expect(self.findings([("r.yml", circle)]).isEmpty)
    }

    @Test func resourcesAndTestsOfRulesAreRead() {
        let resource =
            "apiVersion: v1\n---\nspec:\n  groups:\n    - {name: g, rules: [{record: 'a:b', expr: glasspot_nope}]}"
        #expect(
            self.findings([("r.yaml", resource)]).first?.hasPrefix("r.yaml: group g, record a:b: no metric") == true)
        let tests = """
            tests:
              - input_series: [{series: 'glasspot_requests_total{route="nowhere"}', values: "0"}]
                promql_expr_test: [{expr: glasspot_queue_depth, eval_time: 1m}]
            """
        #expect(self.findings([("t.yml", tests)]).count == 1)
    }

    private static let board = """
        {"templating": {"list": [
            {"type": "query", "name": "job", "query": {"query": "label_values(glasspot_build_info, job)"}},
            {"type": "query", "name": "model", "query": "label_values(MODEL)"},
            {"type": "query", "name": "r", "query": "query_result(count(glasspot_endpoint_up))"},
            {"type": "custom", "name": "c", "query": "not a query"},
            {"type": "query", "name": "l", "datasource": {"type": "loki"}, "query": "label_values({a=1}, b)"}]},
         "annotations": {"list": [{"name": "Grafana", "datasource": "-- Grafana --", "expr": "?"},
            {"name": "Reloads", "expr": "changes(glasspot_config_reloads_total[1m])"}]},
         "panels": [{"type": "row", "title": "Row", "panels": [
            {"id": 7, "title": "Rate", "datasource": {"type": "prometheus", "uid": "${datasource}"},
             "targets": [{"expr": "sum by (route) (rate(glasspot_requests_total[$__rate_interval]))",
                          "legendFormat": "{{route}}"}]},
            {"id": 8, "title": "Lines", "datasource": {"type": "loki"}, "targets": [{"expr": "{app=`x`} | json"}]}]}]}
        """

    @Test func dashboardsAreReadWithTheirVariablesAndAnnotations() throws {
        #expect(self.findings([("d.json", Self.board)]) == [])
        let queries = try QueryFiles.queries(in: Data(Self.board.utf8), named: "d.json")
        #expect(
            queries.map { $0.place } == ["panel \"Rate\" (id 7)", "variable job", "variable r", "annotation Reloads"])
        let legend = self.findings([("d.json", Self.board.replacing("{{route}}", with: "{{code}}"))])
        #expect(legend.first?.hasPrefix("d.json: panel \"Rate\" (id 7): shows the label code, which") == true)
        let label = self.findings([("d.json", Self.board.replacing("_info, job", with: "_info, jbo"))])
        #expect(label.first?.hasPrefix("d.json: variable job: shows the label jbo, which") == true)
    }

    @Test(arguments: [
        ("a.json", "[]", "a.json: not a dashboard"), ("a.json", "{", "a.json: not a dashboard"),
        ("a.json", "{}", "a.json: not a dashboard"), ("a.yml", "a: b", "a.yml: no rule found"),
        ("a.yml", "a: [", "a.yml: "),
        ("a.txt", "", "a.txt: neither a dashboard (.json) nor rules (.yml, .yaml)"),
        (
            "a.yml", "groups: [{name: g, rules: [{alert: A, expr: 'a +'}]}]",
            "a.yml: group g, alert A: cannot be read at character 4: expected an operand\n    in: a +"
        ),
    ])
    func unreadableFilesAreFindings(name: String, text: String, finding: String) {
        let findings = self.findings([(name, text)])
        #expect(findings.count == 1)
        #expect(findings.first?.hasPrefix(finding) == true, "\(findings)")
    }
}
