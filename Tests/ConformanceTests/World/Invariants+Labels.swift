import Exposition
import MetricKernel
import Telemetry

extension Invariants {
    /// The most models a page of these tests may tell apart: the default of `metrics.max_models`, `other` and `none`.
    private static let modelsMax = 202
    /// The most endpoints: as many as a fleet may have, and `other`.
    private static let endpointsMax = 257

    /// What the catalogue says about the samples of a name.
    private struct Shape {
        let labels: [String]
        var closed: [String: Set<String>] = [:]
    }

    private static let shapes: [String: Shape] = {
        var shapes: [String: Shape] = [:]
        for row in MetricCatalog.rows {
            var shape = Shape(labels: row.labels.map { $0.name })
            for label in row.labels {
                if case .closed(let values) = label.values { shape.closed[label.name] = Set(values) }
            }
            guard let bounds = row.buckets?.boundTexts(in: row.unit) else {
                shapes[row.name] = shape
                continue
            }
            shapes[row.name + "_sum"] = shape
            shapes[row.name + "_count"] = shape
            shape.closed["le"] = Set(bounds + ["+Inf"])
            shapes[row.name + "_bucket"] = Shape(labels: shape.labels + ["le"], closed: shape.closed)
        }
        for row in MetricView.allCases.flatMap({ $0.rows }) {
            shapes[row.name] = Shape(labels: row.labels)
            guard row.kind == .histogram else { continue }
            for (suffix, more) in [("_sum", []), ("_count", []), ("_bucket", ["le"])] {
                shapes[row.name + suffix] = Shape(labels: row.labels + more)
            }
        }
        return shapes
    }()

    /// 7: every sample is one of the catalogue's, with all its labels and no other; no label is empty or outside of its
    /// list, and the open ones have few values.
    static func labels(_ page: MetricsPage) -> [String] {
        var breaches: [String] = []
        var open: [String: Set<String>] = [:]
        for sample in page.samples {
            let described = "\(sample.name){\(sample.labels)}"
            guard let shape = self.shapes[sample.name] else {
                breaches.append("7: \(described) is not in the catalogue")
                continue
            }
            let pairs = sample.labels.isEmpty ? [] : MetricsPage.pairs(of: sample.labels)
            if pairs.map({ $0.name }) != shape.labels { breaches.append("7: \(described) has other labels") }
            for pair in pairs {
                if pair.value.isEmpty { breaches.append("7: empty label in \(described)") }
                if let values = shape.closed[pair.name] {
                    if !values.contains(pair.value) {
                        breaches.append("7: \(pair.value) of \(described) is not listed")
                    }
                } else {
                    open[pair.name, default: []].insert(pair.value)
                }
            }
        }
        if open["model", default: []].count > self.modelsMax { breaches.append("7: too many models") }
        if open["endpoint", default: []].count > self.endpointsMax { breaches.append("7: too many endpoints") }
        return breaches
    }
}
