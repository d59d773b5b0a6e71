/// Collects every problem and remembers where each key's value came from.
///
/// Values are set by the file first and by environment variables afterwards; a later place replaces an
/// earlier one, so a problem always points at the text that must be changed.
struct Findings {
    private(set) var problems: [Problem] = []
    private var places: [String: Problem.Place] = [:]
    /// What stands in for the place of a key that nothing has set.
    var fallback = Problem.Place.nowhere

    /// Remembers where a key's value came from.
    mutating func note(_ path: String, at place: Problem.Place) {
        self.places[path] = place
    }

    /// Whether the file or a variable has set a key, or any key below it.
    func isSet(_ path: String) -> Bool {
        self.places[path] != nil
            || self.places.keys.contains { key in key.hasPrefix(path + ".") || key.hasPrefix(path + "[") }
    }

    /// The place of a key, or of the nearest mapping or list around it.
    func place(of path: String) -> Problem.Place {
        var current = Substring(path)
        while !current.isEmpty {
            if let place = self.places[String(current)] { return place }
            guard let cut = current.lastIndex(where: { character in character == "." || character == "[" })
            else { break }
            current = current[..<cut]
        }
        return self.fallback
    }

    /// The problems as a reader of the file meets them: by line, then the variables, else as found.
    var sorted: [Problem] {
        let ranked = self.problems.enumerated().map { position, problem in
            (rank: Self.rank(of: problem.place), position: position, problem: problem)
        }
        return ranked.sorted { left, right in
            (left.rank, left.position) < (right.rank, right.position)
        }.map { entry in entry.problem }
    }

    private static func rank(of place: Problem.Place) -> Int {
        switch place {
        case .file: 0
        case .line(_, let number): number
        case .variable, .nowhere: .max
        }
    }

    /// Reports that the configuration cannot be used.
    mutating func error(_ path: String, _ message: String, at place: Problem.Place? = nil) {
        self.add(.error, path, message, place)
    }

    /// Reports a value that is probably not what was meant.
    mutating func warning(_ path: String, _ message: String, at place: Problem.Place? = nil) {
        self.add(.warning, path, message, place)
    }

    /// Reports something worth knowing.
    mutating func information(_ path: String, _ message: String, at place: Problem.Place? = nil) {
        self.add(.information, path, message, place)
    }

    private mutating func add(
        _ severity: Problem.Severity, _ path: String, _ message: String, _ place: Problem.Place?
    ) {
        self.problems.append(
            Problem(
                severity: severity, place: place ?? self.place(of: path), path: path, message: message))
    }
}
