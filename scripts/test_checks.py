#!/usr/bin/env python3
"""Tests of the checks themselves: each rule finds what was planted for it, and nothing in the real board."""
import copy
import json
import unittest

import check_dashboards
import exposition
import promql


class PromQL(unittest.TestCase):
    def selectors(self, expression: str) -> list[tuple]:
        return [(one.metric, one.matchers, one.range) for one in promql.selectors(expression)]

    def test_finds_metrics_and_nothing_else(self):
        self.assertEqual(
            self.selectors('histogram_quantile(0.5, sum by (le, m) (rate(a_bucket{j=~"x"}[5m]))) > bool 3'),
            [("a_bucket", {"j": "x"}, "5m")])
        self.assertEqual(
            self.selectors('sum(rate(x{a="}",c!="d"}[$w])) / on (a, b) group_left (z) y and w or vector(0)'),
            [("x", {"a": "}", "c": "d"}, "$w"), ("y", {}, ""), ("w", {}, "")])
        self.assertEqual(self.selectors("max without (a) (up offset 5m)"), [("up", {}, "")])


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.board = json.loads((check_dashboards.ROOT / "dashboards/overview.json").read_text())
        self.known = check_dashboards.catalogue()
        self.panel = next(panel for panel in self.board["panels"] if panel["type"] != "row")

    def rules(self) -> list[str]:
        return [problem.split(":")[0] for problem in check_dashboards.check(self.board, self.known)]

    def test_the_board_is_clean(self):
        self.assertEqual(self.rules(), [])

    def test_each_rule_finds_its_mistake(self):
        def expression(text):
            return lambda: self.panel["targets"][0].update(expr=text)

        both = 'job=~"$job", instance=~"$instance"'
        variables = self.board["templating"]["list"]
        for rule, plant in {
            "uneditable-dashboard": lambda: self.board.update(editable=True),
            "panel-title-description": lambda: self.panel.pop("description"),
            "panel-no-targets": lambda: self.panel.update(targets=[]),
            "panel-units": lambda: self.panel["fieldConfig"]["defaults"].pop("unit"),
            "panel-datasource": lambda: self.panel.update(datasource="prometheus"),
            "template-instance": lambda: variables.pop(),
            "template-on-time-change-reload": lambda: variables[1].update(refresh=1),
            "target-job": expression('glasspot_queue_depth{instance=~"$instance"}'),
            "target-instance": expression('glasspot_queue_depth{job=~"$job"}'),
            "target-rate-interval": expression(f"rate(glasspot_requests_total{{{both}}}[5m])"),
            "target-counter-agg": expression(f"sum(glasspot_requests_total{{{both}}})"),
            "target-promql": expression("1 +"),
            "catalogue": expression(f"glasspot_nonsense{{{both}}}"),
        }.items():
            with self.subTest(rule):
                kept = copy.deepcopy(self.board)
                plant()
                self.assertEqual(self.rules(), [rule])
                self.board = kept
                self.panel = next(panel for panel in kept["panels"] if panel["type"] != "row")
                variables = kept["templating"]["list"]


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
