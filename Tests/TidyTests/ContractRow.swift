import Testing

/// A rule of the contract and the test that holds it; proves that the test exists, not what it asserts.
struct ContractRow: Sendable {
    let rule: String
    /// Below `Tests/`.
    let file: String
    /// The name of its function.
    let test: String

    init(_ rule: String, _ file: String, _ test: String) {
        self.rule = rule
        self.file = file
        self.test = test
    }

    /// Records an issue for every row without its test.
    static func check(_ rows: [ContractRow]) throws {
        let files = try SourceFile.tests.get()
        for row in rows {
            let file = files.first { $0.path == "Tests/\(row.file)" }
            let found = file?.code.contains { $0.contains("func \(row.test)(") } ?? false
            #expect(found, "\(row.rule): \(row.file) has no test \(row.test)")
        }
    }
}
