import Foundation
import Testing

/// The committed number of allocations of each piece of work.
enum Limits {
    /// How far a measurement may lie off: a growing table shows as a fraction of an allocation per round.
    private static let tolerance = 0.05
    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "limits.json")

    private static func read() throws -> [String: Double] {
        try JSONDecoder().decode([String: Double].self, from: Data(contentsOf: self.file))
    }

    /// What stands in the file.
    static var names: Set<String> { get throws { Set(try self.read().keys) } }

    /// Compares a measurement with its limit; fewer than committed fails too, so that what was won is kept.
    static func check(
        _ name: String, _ measured: Double, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let limit = try #require(
            try self.read()[name], "limits.json has no \"\(name)\"", sourceLocation: sourceLocation)
        let rounded = (measured * 100).rounded() / 100
        let advice =
            measured > limit
            ? "ALLOCATION_SITES=1 lists where they come from; if they are meant, raise the limit"
            : "lower the limit to keep what was won"
        #expect(
            abs(measured - limit) <= self.tolerance,
            "\(name): \(rounded) allocations, Tests/AllocationTests/limits.json says \(limit): \(advice)",
            sourceLocation: sourceLocation)
    }
}
