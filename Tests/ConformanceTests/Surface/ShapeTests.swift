import Testing

@Suite("The shapes of the documentation")
struct ShapeTests {
    private static let shape = """
        GET /a
        POST /b

        id: id
        list[]:
          at?: time | null
        sums*: int
        """

    private func faults(_ json: String) throws -> [String] {
        var check = ShapeCheck()
        check.compare(try JSONTree(Array(json.utf8)), with: try Shape(Self.shape))
        return check.faults
    }

    @Test("are read with their requests and names")
    func reading() throws {
        let shape = try Shape(Self.shape)
        #expect(shape.targets == ["GET /a", "POST /b"])
        #expect(shape.paths == [".id", ".list", ".list.at", ".sums"])
        for text in ["GET /a", "GET /a\n\n", "GET /a\n\na:\nb: int", "GET /a\n\na: int\n    b: int", "GET /a\n\na"] {
            #expect(throws: Shape.Malformed.self) { try Shape(text) }
        }
    }

    @Test("tell a document that fits from one that does not")
    func comparing() throws {
        let good = #"{"id":"a1","list":[{"at":null},{},{"at":"2026-01-01T00:00:00Z"}],"sums":{"x":1}}"#
        #expect(try self.faults(good) == [])
        #expect(try self.faults(#"{"id":"a1","list":[],"sums":{},"more":1}"#) == [".more is new"])
        #expect(try self.faults(#"{"id":"a1","sums":{}}"#) == [".list is missing"])
        #expect(try self.faults(#"{"id":"a1","list":[{"on":1}],"sums":{}}"#) == [".list.on is new"])
        #expect(try self.faults(#"{"id":"a1","list":{},"sums":{}}"#) == [".list is no array"])
        #expect(try self.faults(#"{"id":"a1","list":[1],"sums":[]}"#) == [".list is no object", ".sums is no map"])
        #expect(try self.faults(#"{"id":1,"list":[{"at":"soon"}],"sums":{"x":1.5}}"#).count == 3)
    }

    @Test(
        "have words for texts",
        arguments: [
            ("bytes", ["0 B", "1.51 KB"], ["1024 KB", "1.5 KB"]), ("percent", ["0%", "78.9%", "100%"], ["78%", "7"]),
            ("latency", ["125ms", "1.5s"], ["1s", "1.5ms"]), ("ago", ["never", "5s ago"], ["5 s ago", "now"]),
            ("until", ["unknown", "now", "in 8s"], ["8s"]), ("ratio", ["4/5"], ["4"]),
            ("uptime", ["45s", "12m", "2h 5m", "3d 4h"], ["2h5m"]), ("duration", ["4.42ms", "2m37s"], ["2m 37s"]),
            ("nonsense", [], ["nonsense"]),
        ])
    func words(word: String, good: [String], bad: [String]) {
        for text in good { #expect(JSONTree.string(text).matches(word), "\(text)") }
        for text in bad { #expect(!JSONTree.string(text).matches(word), "\(text)") }
    }
}
