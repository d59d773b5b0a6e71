import HTTPWire
import SeededRandomness
import Testing

/// Whether a path needs a redirect; macros cannot take spans.
private func isUnclean(_ path: String) -> Bool { RequestTarget.isUnclean(latin1(path).span.bytes) }

/// Whether a path needs resolving.
private func hasDotSegment(_ path: String) -> Bool {
    RequestTarget.hasDotSegment(latin1(path).span.bytes)
}

@Suite("The path of a target")
struct RequestTargetTests {
    @Test(
        "is redirected to its clean form",
        arguments: [
            ("/", "/"), ("/a", "/a"), ("/a/b/", "/a/b/"), ("/a//b", "/a/b"), ("//", "/"), ("//a", "/a"),
            ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/../a", "/a"), ("/a/b/../../c", "/c"), ("/..", "/"),
            ("/a/..", "/"), ("/a/b/..", "/a"), ("/a/.", "/a"), ("/a/./", "/a/"), ("/a/b/../", "/a/"),
            ("/.", "/"), ("/./", "/"), ("/a/...", "/a/..."), ("/.a/..b/c.", "/.a/..b/c."),
            ("/%2e%2e/a", "/%2e%2e/a"), ("/a%2F..%2Fb", "/a%2F..%2Fb"), ("///..//a///", "/a/"),
        ])
    func cleaning(_ path: String, _ clean: String) {
        let bytes = latin1(path)
        #expect(isUnclean(path) == (path != clean))
        var fits = false
        let result = written { writer in
            writer.write("Location: " as StaticString)
            fits = RequestTarget.writeClean(bytes.span.bytes, into: &writer)
        }
        #expect(fits && result == "Location: " + clean)
        // What is clean stays as it is.
        #expect(!isUnclean(clean))
    }

    @Test(
        "is resolved so that it cannot escape",
        arguments: [
            ("/", "/"), ("", "/"), ("a", "/a"), ("/a/b", "/a/b"), ("/a//b", "/a//b"), ("/a/", "/a/"),
            ("/a/../b", "/b"), ("/a/..", "/"), ("/a/b/..", "/a/"), ("/a/.", "/a/"), ("/..", "/"),
            ("/../../x", "/x"), ("/a/%2e%2e/b", "/b"), ("/a/%2E./b", "/b"), ("/a/.%2e/b", "/b"),
            ("/a/%2e/b", "/a/b"), ("/%2e%2e/%2E%2e", "/"), ("/a/%2e%2e%2e/b", "/a/%2e%2e%2e/b"),
            ("/a/%2F../b", "/a/%2F../b"), ("/a%2fb", "/a%2fb"), ("//..", "/"), ("/a//../b", "/a/b"),
            ("/%2", "/%2"), ("/%", "/%"), ("/.%2", "/.%2"), ("/a/%2e%2", "/a/%2e%2"), ("/%2f", "/%2f"),
            ("/a/...", "/a/..."), ("/a/.../..", "/a/"), ("..", "/"), ("../a", "/a"), ("/%2e%2E", "/"),
        ])
    func resolving(_ path: String, _ resolved: String) {
        let bytes = latin1(path)
        var fits = false
        let result = written { writer in
            writer.write("/base/" as StaticString)
            fits = RequestTarget.writeResolved(bytes.span.bytes, into: &writer)
        }
        #expect(fits && result == "/base/" + resolved)
        #expect(!hasDotSegment(resolved))
        if path != resolved, path.hasPrefix("/") {
            #expect(hasDotSegment(path))
        }
    }

    @Test("is resolved as a naive reader does", arguments: 0..<300)
    func property(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let parts = ["a", "", ".", "..", "%2e", "%2E%2e", ".%2e", "%2f", "b.c", "...", "%2e%2e%2e"]
        let segments = (0..<Int.random(in: 1...9, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
        }
        let path = "/" + segments.joined(separator: "/")
        var stack: [String] = []
        for (index, segment) in segments.enumerated() {
            let plain = segment.lowercased().replacing("%2e", with: ".")
            let isLast = index == segments.count - 1
            switch plain {
            case ".": if isLast { stack.append("") }
            case "..":
                _ = stack.popLast()
                if isLast { stack.append("") }
            default: stack.append(segment)
            }
        }
        var fits = false
        let bytes = latin1(path)
        let result = written { fits = RequestTarget.writeResolved(bytes.span.bytes, into: &$0) }
        #expect(fits && result == "/" + stack.joined(separator: "/"), "\(path)")
    }

    @Test("reports a buffer that is too small")
    func overflow() {
        let bytes = latin1("/a/../b/c/../../d/..")
        for capacity in 0..<4 {
            var fits = true
            let result = written(capacity: capacity) {
                fits = RequestTarget.writeResolved(bytes.span.bytes, into: &$0)
            }
            #expect(!fits && result == nil)
        }
        var fits = true
        let result = written(capacity: 2) { fits = RequestTarget.writeClean(latin1("//ab/").span.bytes, into: &$0) }
        #expect(!fits && result == nil)
    }
}
