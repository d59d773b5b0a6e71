/// A function of PromQL: what it takes and gives (Prometheus documentation, "Query functions").
struct Function {
    let result: Query.Kind
    /// What it takes, in order.
    let arguments: [Query.Kind]
    /// How many of the last arguments may be left out.
    let optional: Int
    /// Whether the last argument may be repeated.
    let isVariadic: Bool

    private init(
        _ result: Query.Kind, _ arguments: [Query.Kind], optional: Int = 0, isVariadic: Bool = false
    ) {
        self.result = result
        self.arguments = arguments
        self.optional = optional
        self.isVariadic = isVariadic
    }

    static func named(_ name: String) -> Function? { Self.table[name] }

    /// The aggregation operators, and whether they take a parameter.
    static let aggregations: [String: Bool] = [
        "sum": false, "min": false, "max": false, "avg": false, "group": false, "stddev": false, "stdvar": false,
        "count": false, "count_values": true, "bottomk": true, "topk": true, "quantile": true, "limitk": true,
        "limit_ratio": true,
    ]

    private static let table: [String: Function] = {
        var table: [String: Function] = [
            "absent_over_time": .init(.vector, [.matrix]), "clamp": .init(.vector, [.vector, .scalar, .scalar]),
            "clamp_max": .init(.vector, [.vector, .scalar]), "clamp_min": .init(.vector, [.vector, .scalar]),
            "histogram_fraction": .init(.vector, [.scalar, .scalar, .vector]),
            "histogram_quantile": .init(.vector, [.scalar, .vector]),
            "holt_winters": .init(.vector, [.matrix, .scalar, .scalar]),
            "double_exponential_smoothing": .init(.vector, [.matrix, .scalar, .scalar]),
            "label_join": .init(.vector, [.vector, .string, .string, .string], isVariadic: true),
            "label_replace": .init(.vector, [.vector, .string, .string, .string, .string]),
            "pi": .init(.scalar, []), "predict_linear": .init(.vector, [.matrix, .scalar]),
            "quantile_over_time": .init(.vector, [.scalar, .matrix]),
            "round": .init(.vector, [.vector, .scalar], optional: 1), "scalar": .init(.scalar, [.vector]),
            "sort_by_label": .init(.vector, [.vector, .string], isVariadic: true),
            "sort_by_label_desc": .init(.vector, [.vector, .string], isVariadic: true),
            "time": .init(.scalar, []), "vector": .init(.vector, [.scalar]),
            "info": .init(.vector, [.vector, .vector], optional: 1),
        ]
        for name in [
            "abs", "absent", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp",
            "floor", "histogram_avg", "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_sum", "ln",
            "log10", "log2", "rad", "sgn", "sin", "sinh", "sort", "sort_desc", "sqrt", "tan", "tanh", "timestamp",
        ] {
            table[name] = .init(.vector, [.vector])
        }
        for name in [
            "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year",
        ] {
            table[name] = .init(.vector, [.vector], optional: 1)
        }
        for name in [
            "avg_over_time", "changes", "count_over_time", "delta", "deriv", "idelta", "increase", "irate",
            "last_over_time", "mad_over_time", "max_over_time", "min_over_time", "present_over_time", "rate", "resets",
            "stddev_over_time", "stdvar_over_time", "sum_over_time", "first_over_time", "ts_of_first_over_time",
            "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time",
        ] {
            table[name] = .init(.vector, [.matrix])
        }
        return table
    }()
}
