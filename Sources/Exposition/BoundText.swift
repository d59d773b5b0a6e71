public import MetricKernel

extension BucketSet {
    /// The bounds as they stand in the `le` label of every page.
    ///
    /// - Parameter unit: the unit of the family the buckets belong to.
    /// - Returns: one text for each finite bound, ascending.
    public func boundTexts(in unit: MetricUnit) -> [String] {
        self.bounds.map {
            String(decoding: NumberText.canonicalBound($0, decimals: unit.decimals), as: UTF8.self)
        }
    }
}
