/// Finds what a mistyped name was probably meant to be.
enum Spelling {
    /// The known name that is at most two edits away, or nil.
    ///
    /// Short names must be closer, because two edits turn any three letters into any others.
    static func nearest(to name: String, among known: [String]) -> String? {
        let allowed = name.count <= 4 ? 1 : 2
        let ranked = known.map { candidate in (candidate, Self.distance(name, candidate)) }
        guard let best = ranked.min(by: { left, right in left.1 < right.1 }), best.1 <= allowed else {
            return nil
        }
        return best.0
    }

    /// The number of single-character edits between two texts (Levenshtein).
    private static func distance(_ left: String, _ right: String) -> Int {
        // Long keys are never a typo of a known one; the bound keeps the table small.
        guard left.count <= 64, right.count <= 64 else { return .max }
        let target = Array(right)
        var row = Array(0...target.count)
        for (position, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = position + 1
            for column in target.indices {
                let substitution = diagonal + (character == target[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substitution, row[column] + 1, diagonal + 1)
            }
        }
        return row[target.count]
    }
}
