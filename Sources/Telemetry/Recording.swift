import Domain
import MetricKernel

/// Recording by the names of the catalogue.
extension MetricShard {
    /// Runs a group of writes that a reader must see together.
    @inline(__always)
    func update(_ body: (MetricShard) -> Void) {
        self.beginUpdate()
        body(self)
        self.endUpdate()
    }

    @inline(__always)
    func count(_ metric: Metric, _ labels: LabelIndexes = LabelIndexes(), by amount: UInt64 = 1) {
        self.add(amount, to: self.counter(metric.family, labels))
    }

    /// Moves a gauge.
    ///
    /// A level of this kind is the difference of what began and what ended; both are written by
    /// the same owner in the same group as the counters beside them, so they agree at every
    /// instant.
    @inline(__always)
    func move(_ metric: Metric, _ labels: LabelIndexes = LabelIndexes(), by amount: Int64) {
        self.add(amount, to: self.gauge(metric.family, labels))
    }

    @inline(__always)
    func set(_ metric: Metric, _ labels: LabelIndexes = LabelIndexes(), to value: Int64) {
        self.set(value, in: self.gauge(metric.family, labels))
    }

    /// Counts a value and, if told whose it is, offers it as an exemplar; kept ones are counted.
    @inline(__always)
    func observe(
        _ metric: Metric, _ labels: LabelIndexes, _ value: Nanoseconds,
        _ exemplar: ExemplarContext? = nil
    ) {
        self.observe(metric, labels, stored: value.rawValue, exemplar)
    }

    @inline(__always)
    func observe(_ metric: Metric, _ value: Nanoseconds) {
        self.observe(metric, LabelIndexes(), value)
    }

    @inline(__always)
    func observe(
        _ metric: Metric, _ labels: LabelIndexes, _ value: Int, _ exemplar: ExemplarContext? = nil
    ) {
        self.observe(metric, labels, stored: Int64(value), exemplar)
    }

    @inline(__always)
    private func observe(
        _ metric: Metric, _ labels: LabelIndexes, stored value: Int64, _ exemplar: ExemplarContext?
    ) {
        let cell = self.histogram(metric.family, labels)
        guard let exemplar else { return self.observe(value, in: cell) }
        if self.observe(value, in: cell, exemplar: exemplar) { self.count(.metricsExemplarsTotal) }
    }
}

extension Metric {
    /// The family's place in the schema.
    @inline(__always)
    var family: FamilyID { FamilyID(rawValue: self.rawValue) }
}

extension MetricShard {
    /// Creates a series at zero.
    func create(_ row: CatalogRow, _ labels: LabelIndexes) {
        switch row.kind {
        case .counter: _ = self.counter(row.metric.family, labels)
        case .gauge, .info: _ = self.gauge(row.metric.family, labels)
        case .histogram: _ = self.histogram(row.metric.family, labels)
        }
    }
}
