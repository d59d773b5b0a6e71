internal import ByteScan

/// Replaces the name of the model in a request body; every other byte stays.
///
/// Works on a body that passes in pieces: for each stretch it says which bytes go as they are and
/// where the new name stands. Built once per attempt, since the name differs per endpoint.
public struct AliasSplice: Sendable {
    /// What to send for a stretch of the body, in this order.
    public struct Parts: Equatable, Sendable {
        /// Bytes before the name, as offsets of the body; may be empty.
        public let prefix: Range<Int>
        /// Whether ``AliasSplice/replacement`` stands between prefix and suffix.
        public let hasReplacement: Bool
        /// Bytes behind the name, as offsets of the body; may be empty.
        public let suffix: Range<Int>
    }

    /// The bytes of the body that are left out.
    public let replaced: Range<Int>
    /// What is sent in their stead: for JSON with quotes and escapes.
    public let replacement: [UInt8]

    /// Prepares to put another name in the place of the model.
    public init(model: ModelField, name: String) {
        self.replaced = model.range
        var bytes: [UInt8] = []
        switch model.encoding {
        case .json:
            JSONText.appendQuoted(name, to: &bytes)
        case .multipart:
            // A line end could open another part; no model has one.
            bytes.append(contentsOf: name.utf8.lazy.filter { $0 >= 0x20 })
        }
        self.replacement = bytes
    }

    /// The length of a body after the change.
    ///
    /// - Parameter length: its length before, which covers ``replaced``.
    /// - Returns: what `Content-Length` must say.
    public func lengthAfter(bodyLength length: Int) -> Int {
        length - self.replaced.count + self.replacement.count
    }

    /// Says what to send for a stretch of the body.
    ///
    /// - Parameter stretch: offsets of the body; successive stretches, without gap or overlap,
    ///   yield the changed body.
    /// - Returns: the parts; their ranges lie inside the stretch.
    public func parts(of stretch: Range<Int>) -> Parts {
        let start = min(max(self.replaced.lowerBound, stretch.lowerBound), stretch.upperBound)
        let end = min(max(self.replaced.upperBound, stretch.lowerBound), stretch.upperBound)
        return Parts(
            prefix: stretch.lowerBound..<start,
            hasReplacement: stretch.contains(self.replaced.lowerBound),
            suffix: end..<stretch.upperBound)
    }
}
