#!/usr/bin/env python3
"""Tests of the checks themselves: each rule finds what was planted for it, and nothing in what we ship."""
import copy
import json
import shutil
import unittest

import yaml

import check_dashboards
import check_deploy
import check_rules
import exposition
import logql
import promql


class PromQL(unittest.TestCase):
    def selectors(self, expression: str) -> list[tuple]:
        return [(one.metric, one.matchers, one.range) for one in promql.selectors(expression)]

    def test_finds_metrics_and_nothing_else(self):
        self.assertEqual(
            self.selectors('histogram_quantile(0.5, sum by (le, m) (rate(a_bucket{j=~"x"}[5m]))) > bool 3'),
            [("a_bucket", {"j": ("=~", "x")}, "5m")])
        self.assertEqual(
            self.selectors('sum(rate(x{a="}",c!="d"}[$w])) / on (a, b) group_left (z) y and w or vector(0)'),
            [("x", {"a": ("=", "}"), "c": ("!=", "d")}, "$w"), ("y", {}, ""), ("w", {}, "")])
        self.assertEqual(self.selectors("max without (a) (up offset 5m)"), [("up", {}, "")])
        self.assertEqual(self.selectors("a and (b unless (c))"), [("a", {}, ""), ("b", {}, ""), ("c", {}, "")])
        self.assertEqual(promql.selectors("sum(rate(x[5m])) by (y)")[0].functions, ["sum", "rate"])

    def test_prometheus_names_what_it_can_not_parse(self):
        problems = promql.syntax_problems(["rate(a[5m])", "rate(a)", "sum(", "a + b"])
        self.assertEqual(sorted(problems), ["rate(a)", "sum("])


class LogQL(unittest.TestCase):
    def test_reads_queries(self):
        for text in (
                '{a="b"}', '{a=~".+", c!=""} |= `x` !~ "y" | json | level=~`a|b` or d>10 | line_format `{{.x}}`',
                'sum by (a) (rate({a="b"} | json [5m]))', "topk(3, sum(count_over_time({a=`b`}[1m])) by (c))",
                'quantile_over_time(0.95, {a="b"} | json | unwrap duration(x) | __error__=`` [5m]) by (r)'):
            self.assertTrue(logql.parse(text).selectors)

    def test_refuses_what_is_none(self):
        for text in (
                "", "{}", '{a=~".*"}', '{a="b"', '{a="b"} | jsn', "{a=b}", 'rate({a="b"})', 'rte({a="b"}[5m])',
                '{a="b"} |= ', '{a="b"} x', 'sum(rate({a="b"}[5m])', '{a="b"} | unwrap', "rate(x[5m])"):
            with self.subTest(text), self.assertRaises(logql.Malformed):
                logql.parse(text)


class Dashboards(unittest.TestCase):
    BOTH = 'job=~"$job", instance=~"$instance"'

    @classmethod
    def setUpClass(cls):
        cls.boards = [json.loads(path.read_text()) for path in sorted((check_dashboards.ROOT / "dashboards").glob("*.json"))]
        cls.known = check_dashboards.catalogue()

    def board(self, uid: str) -> dict:
        return copy.deepcopy(next(board for board in self.boards if board["uid"] == uid))

    def rules(self, board: dict) -> list[str]:
        return sorted({problem.split(":")[0] for problem in check_dashboards.check(board, self.known)})

    def test_the_boards_are_clean_and_together_show_every_family(self):
        self.assertEqual(len(self.boards), 5)
        for board in self.boards:
            self.assertEqual(check_dashboards.check(board, self.known), [], board["uid"])
        self.assertEqual(check_dashboards.check_links(self.boards), [])
        self.assertEqual(check_dashboards.unshown(self.boards, self.known), set())

    def test_each_rule_finds_its_mistake(self):
        """All 17 rules, none excluded."""
        def expression(text):
            return lambda board: self.first(board)["targets"][0].update(expr=text)

        def log(old, new):
            def plant(board):
                target = next(panel for panel in board["panels"] if panel["type"] == "timeseries")["targets"][0]
                target["expr"] = target["expr"].replace(old, new)
            return plant

        def variable(position, **changes):
            return lambda board: board["templating"]["list"][position].update(changes)

        both = self.BOTH
        planted = {
            "uneditable-dashboard": lambda board: board.update(editable=True),
            "panel-title-description": lambda board: self.first(board).pop("description"),
            "panel-no-targets": lambda board: self.first(board).update(targets=[]),
            "panel-units": lambda board: self.first(board)["fieldConfig"]["defaults"].pop("unit"),
            "panel-datasource": lambda board: self.first(board).update(datasource="prometheus"),
            "template-datasource": variable(0, label="Source"),
            "template-job": variable(1, allValue=".*"),
            "template-instance": lambda board: board["templating"]["list"].pop(2),
            "template-on-time-change-reload": variable(1, refresh=1),
            "template-label-promql": variable(1, query={"query": "values(up, job)"}),
            "target-job": expression('glasspot_queue_depth{instance=~"$instance"}'),
            "target-instance": expression('glasspot_queue_depth{job=~"$job", instance="$instance"}'),
            "target-rate-interval": expression(f"rate(glasspot_requests_total{{{both}}}[5m])"),
            "target-counter-agg": expression(f"sum(glasspot_requests_total{{{both}}})"),
            "target-promql": expression(f"sum(glasspot_queue_depth{{{both}}}"),
        }
        planted_in_logs = {
            "target-logql": log("| json", "| jason"),
            "target-logql-auto": log("[$__auto]", "[5m]"),
        }
        self.assertEqual(sorted([*planted, *planted_in_logs]), sorted(check_dashboards.RULES))
        self.assertEqual(len(check_dashboards.RULES), 17)
        cases = [(rule, plant, "glasspot-overview") for rule, plant in planted.items()]
        cases += [(rule, plant, "glasspot-requests") for rule, plant in planted_in_logs.items()]
        cases.append(("catalogue", expression(f"glasspot_nonsense{{{both}}}"), "glasspot-overview"))
        for rule, plant, uid in cases:
            with self.subTest(rule):
                board = self.board(uid)
                plant(board)
                self.assertEqual(self.rules(board), [rule])

    def test_two_data_sources_need_their_long_names(self):
        board = self.board("glasspot-overview")
        board["templating"]["list"].append({"type": "datasource", "name": "loki_datasource", "query": "loki",
                                            "label": "Loki data source"})
        self.assertEqual(self.rules(board), ["template-datasource"])

    def test_a_link_to_nowhere_is_found(self):
        board = self.board("glasspot-overview")
        board["links"][0]["url"] = "/d/nowhere"
        others = [other for other in self.boards if other["uid"] != board["uid"]]
        self.assertEqual(len(check_dashboards.check_links([board, *others])), 1)

    @staticmethod
    def first(board: dict) -> dict:
        return next(panel for panel in board["panels"] if panel["type"] != "row")


class Rules(unittest.TestCase):
    def setUp(self):
        folder = check_dashboards.ROOT / "prometheus"
        self.rules, self.tests = check_rules.load([str(path) for path in sorted(folder.glob("*/*.yml"))])
        self.known = check_dashboards.catalogue()

    def alert(self, name: str) -> dict:
        return next(rule for rule in self.rules if rule.get("alert") == name)

    def problems(self) -> list[str]:
        return check_rules.check(self.rules, self.tests, self.known)

    def test_the_rules_are_clean(self):
        self.assertEqual(self.problems(), [])

    def test_each_mistake_is_found(self):
        def tests_of(name):
            return [check for document in self.tests for case in document["tests"]
                    for check in case["alert_rule_test"] if check["alertname"] == name]

        def never_fires():
            for check in tests_of("GlasspotErrorBudgetBurn"):
                check["exp_alerts"] = [one for one in check["exp_alerts"] if one["exp_labels"]["long"] != "1h"]

        def never_silent():
            for check in tests_of("GlasspotBug"):
                check["exp_alerts"] = check["exp_alerts"] or [{"exp_labels": {}}]

        for text, plant in {
            "severity": lambda: self.alert("GlasspotDown")["labels"].update(severity="urgent"),
            "no summary": lambda: self.alert("GlasspotDown")["annotations"].pop("summary"),
            "runbook_url": lambda: self.alert("GlasspotDown")["annotations"].update(runbook_url="docs/other.md"),
            "no family": lambda: self.alert("GlasspotDown").update(expr="glasspot_nonsense > 1"),
            "of its 4 rules fire": never_fires,
            "silent": never_silent,
            "no such alert": lambda: tests_of("GlasspotBug")[0].update(alertname="GlasspotGone"),
        }.items():
            with self.subTest(text):
                self.setUp()
                plant()
                self.assertEqual([text in problem for problem in self.problems()], [True])


class Deploy(unittest.TestCase):
    @staticmethod
    def compose() -> dict:
        return yaml.safe_load((check_deploy.ROOT / "docker-compose.yml").read_text())

    def test_what_we_ship_is_clean(self):
        compose = self.compose()
        self.assertEqual(check_deploy.check_compose(compose), [])
        self.assertEqual(check_deploy.check_addresses(compose["services"]), [])
        self.assertEqual(check_deploy.check_grafana(), [])

    def test_each_mistake_in_compose_is_found(self):
        for text, service, changes in (
                ("not pinned", "loki", {"image": "grafana/loki:3.7.2"}),
                ("not pinned", "loki", {"image": "${LOKI_IMAGE:-grafana/loki:latest}"}),
                ("runs as", "loki", {"user": "0:0"}), ("read_only", "gateway", {"read_only": False}),
                ("cap_drop", "gateway", {"cap_drop": []}), ("no mem_limit", "load", {"mem_limit": None}),
                ("no health check", "alloy", {"healthcheck": {"disable": True}}),
                ("beyond this machine", "grafana", {"ports": ["3000:3000"]}),
                ("does not exist", "alertmanager", {"volumes": ["./none.yml:/x:ro", "alertmanager-data:/alertmanager"]}),
                ("not mounted read-only", "alertmanager", {"volumes": ["./Makefile:/x", "alertmanager-data:/alertmanager"]}),
                ("not declared", "alertmanager", {"volumes": ["x:/x", "alertmanager-data:/alertmanager"]}),
                ("is not used", "alertmanager", {"volumes": []}),
                ("health of gateway", "load", {"depends_on": {"gateway": {"condition": "service_started"}}})):
            with self.subTest(text):
                compose = self.compose()
                compose["services"][service].update(changes)
                self.assertEqual([text in problem for problem in check_deploy.check_compose(compose)], [True])

    def test_targets_outside_the_image_are_found(self):
        manifest = (check_deploy.ROOT / "Package.swift").read_text()
        ignore = (check_deploy.ROOT / ".dockerignore").read_text()
        self.assertEqual(check_deploy.check_context(manifest, ignore), [])
        without = ignore.replace("!Benchmarks/Simulation\n", "")
        self.assertEqual(len(check_deploy.check_context(manifest, without)), 1)

    def test_dangling_names_are_found(self):
        services = self.compose()["services"]
        services.pop("loki")
        self.assertTrue(check_deploy.check_addresses(services))
        text = (check_deploy.ROOT / "deploy/alloy/config.alloy").read_text()
        self.assertEqual(check_deploy.check_alloy(text), [])
        self.assertEqual(len(check_deploy.check_alloy(text.replace('loki.write "loki"', 'loki.write "other"'))), 1)
        self.assertEqual(len(check_deploy.check_alloy(text + "\n}")), 1)
        self.assertEqual(len(check_deploy.check_loki({"compactor": {"retention_enabled": True}})), 6)

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is not installed")
    def test_each_mistake_in_kubernetes_is_found(self):
        self.assertEqual(check_deploy.check_kubernetes(check_deploy.rendered()), [])

        def one(documents, kind):
            return next(document for document in documents if document["kind"] == kind)

        def container(documents):
            return one(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]

        for text, plant in {
            "no ServiceMonitor": lambda all: all.remove(one(all, "ServiceMonitor")),
            "apiVersion": lambda all: one(all, "Deployment").update(apiVersion="v1"),
            "no spec.maxReplicas": lambda all: one(all, "HorizontalPodAutoscaler")["spec"].pop("maxReplicas"),
            "no readinessProbe": lambda all: container(all).pop("readinessProbe"),
            "readOnlyRootFilesystem": lambda all: container(all)["securityContext"].pop("readOnlyRootFilesystem"),
            "does not select the pods": lambda all: one(all, "Service")["spec"].update(selector={"a": "b"}),
            "does not select the Service": lambda all: one(all, "ServiceMonitor")["spec"]["selector"].update(
                matchLabels={"a": "b"}),
            "is none of the Service": lambda all: one(all, "ServiceMonitor")["spec"]["endpoints"][0].update(port="x"),
            "scales something else": lambda all: one(all, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(
                name="x"),
            "no ConfigMap": lambda all: one(all, "Deployment")["spec"]["template"]["spec"]["volumes"][0]["configMap"]
            .update(name="x"),
        }.items():
            with self.subTest(text):
                documents = check_deploy.rendered()
                plant(documents)
                problems = check_deploy.check_kubernetes(documents)
                self.assertTrue(any(text in problem for problem in problems), problems)


class Exposition(unittest.TestCase):
    PAGE = (
        'glasspot_requests_started_total{route="proxy"} 5\nglasspot_requests_total{route="proxy",code="200"} 3\n'
        'glasspot_requests_in_flight{route="proxy"} 2\nh_seconds_bucket{le="1.0"} 1\nh_seconds_bucket{le="+Inf"} 2\n'
        "h_seconds_sum 3.5\nh_seconds_count 2\n")

    def problems(self, old: str, new: str) -> list[str]:
        return exposition.problems(exposition.parse("# TYPE h_seconds histogram\n" + self.PAGE.replace(old, new)))

    def test_a_sound_page_has_no_problem(self):
        self.assertEqual(self.problems("", ""), [])

    def test_each_broken_invariant_is_found(self):
        self.assertEqual(len(self.problems('in_flight{route="proxy"} 2', 'in_flight{route="proxy"} 1')), 1)
        self.assertEqual(len(self.problems("h_seconds_count 2", "h_seconds_count 3")), 1)
        self.assertEqual(len(self.problems('{le="1.0"} 1', '{le="1.0"} 3')), 1)
        self.assertEqual(len(self.problems('route="proxy",code', 'route="",code')), 3)

    def test_a_falling_counter_is_found(self):
        old, new = exposition.parse("# TYPE a counter\na 2\n"), exposition.parse("# TYPE a counter\na 1\n")
        self.assertEqual(len(exposition.fallen(old, new)), 1)
        self.assertEqual(exposition.fallen(new, old), [])

    def test_labels_are_unescaped(self):
        page = exposition.parse('a{b="x\\"y\\\\z\\n,}"} 1\n')
        self.assertEqual(list(page.series["a"]), [(("b", 'x"y\\z\n,}'),)])


if __name__ == "__main__":
    unittest.main()
