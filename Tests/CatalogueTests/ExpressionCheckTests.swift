import PromQL
import Testing

@testable import catalogue

@Suite struct ExpressionCheckTests {
    private func problems(_ text: String) throws -> [String] {
        var check = ExpressionCheck(Vocabulary(targetLabels: ["cluster"]))
        _ = check.labels(of: try Query(text))
        return check.problems
    }

    private func labels(_ text: String) throws -> Set<String>? {
        var check = ExpressionCheck(Vocabulary())
        return check.labels(of: try Query(text))
    }

    @Test(arguments: [
        "glasspot_requests_total{route=\"proxy\", outcome=~\"upstream_.+|no_endpoint\", code!~\"4..\"}",
        "sum by (le, model, cluster) (rate(glasspot_time_to_first_token_seconds_bucket{job=~\"$job\"}[5m]))",
        "glasspot_request_duration_seconds_bucket{le=\"1.28\"}",
        "glasspot_request_duration_seconds_bucket{le=\"+Inf\"}",
        "glasspot_requests_total{outcome=~\"$outcome\", endpoint=\"\"}", "glasspot_requests_total{route=~\"proxy|\"}",
        "histogram_quantile(0.9, sum(rate(glasspot_overhead_seconds[5m])))", "up{anything=\"x\"}",
        "prometheus_tsdb_head_series", "{__name__=~\"glasspot_.*\"}", "glasspot_endpoint_up{endpoint=\"any name\"}",
        "glasspot_request_party_seconds_total{party=\"client\"}", "ALERTS{alertname=\"X\"}",
    ])
    func sound(text: String) throws { #expect(try self.problems(text) == []) }

    @Test(arguments: [
        ("glasspot_request_total", "no metric is called glasspot_request_total; did you mean glasspot_requests_total?"),
        (
            "glasspot_overhead_secs",
            "no metric is called glasspot_overhead_secs; did you mean "
                + "glasspot_overhead_seconds?"
        ),
        ("{__name__=~\"glasspot_nothing.*\"}", "no metric has a name like glasspot_nothing.*"),
        (
            "glasspot_queue_depth{route=\"proxy\"}",
            "glasspot_queue_depth has no label route (it has: cluster, instance, job)"
        ),
        (
            "glasspot_retries_total{reason=\"resett\"}",
            "glasspot_retries_total has no reason=\"resett\"; did you mean reset?"
        ),
        (
            "glasspot_retries_total{reason=~\"reset|timeouts\"}",
            "glasspot_retries_total has no reason like \"timeouts\""
        ),
        ("glasspot_retries_total{reason=~\"(\"}", "( is no regular expression"),
        (
            "glasspot_request_duration_seconds_bucket{le=\"1\"}",
            "glasspot_request_duration_seconds_bucket has no le=\"1\""
        ),
        (
            "glasspot_time_to_first_token_seconds_sum{le=\"1.0\"}",
            "glasspot_time_to_first_token_seconds_sum has no label le "
                + "(it has: cluster, endpoint, instance, job, model)"
        ),
        (
            "sum by (routes) (glasspot_requests_total)",
            "what sum reads has no label routes; did you mean route? "
                + "(it has: cluster, code, instance, job, method, outcome, route)"
        ),
        (
            "histogram_quantile(0.9, sum by (model) (rate(glasspot_time_to_first_token_seconds_bucket[5m])))",
            "histogram_quantile needs the label le, which was aggregated away"
        ),
        (
            "sum by (endpoint) (glasspot_endpoint_up) * on (model) sum by (endpoint) (glasspot_endpoint_models)",
            "the left side of * has no label model (it has: endpoint)"
        ),
        (
            "glasspot_endpoint_up * on (endpoint) group_left (version) glasspot_endpoint_models",
            "the one side of * has no label version (it has: cluster, endpoint, instance, job)"
        ),
        (
            "label_replace(glasspot_queue_depth, \"a\", \"$1\", \"b\", \".*\")",
            "label_replace has no label b (it has: cluster, instance, job)"
        ),
    ])
    func unsound(text: String, problem: String) throws {
        let problems = try self.problems(text)
        #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
    }

    @Test func labelsFollowTheOperators() throws {
        #expect(try self.labels("sum by (route) (glasspot_requests_total)") == ["route"])
        #expect(try self.labels("sum(glasspot_requests_total)") == [])
        #expect(
            try self.labels("sum without (instance, job) (glasspot_requests_total)")
                == ["route", "method", "code", "outcome"])
        #expect(try self.labels("topk(3, sum by (model) (glasspot_tokens_total))") == ["model"])
        #expect(try self.labels("sum by (route) (glasspot_requests_total) / 2") == ["route"])
        #expect(try self.labels("count_values(\"value\", glasspot_queue_depth)") == ["value"])
        #expect(
            try self.labels("glasspot_endpoint_up and on (endpoint) glasspot_endpoint_models")
                == ["job", "instance", "endpoint"])
        #expect(
            try self.labels(
                "sum by (endpoint) (glasspot_endpoint_up) * on () group_left (version) "
                    + "sum by (version) (glasspot_build_info)") == ["endpoint", "version"])
        #expect(
            try self.labels("label_replace(glasspot_queue_depth, \"a\", \"$1\", \"job\", \".*\")")
                == ["job", "instance", "a"])
        #expect(try self.labels("absent(glasspot_queue_depth)") == nil)
        #expect(try self.labels("vector(1)") == [])
    }
}
