import SeededRandomness

/// Builds messages that are mostly right and then breaks some of them, from a seed.
struct MessageGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { self.random = SeededGenerator(seed: seed) }

    private mutating func pick(_ choices: [String]) -> String {
        choices.randomElement(using: &self.random) ?? ""
    }

    /// Returns a request with its body and sometimes a second request behind it.
    mutating func request() -> [UInt8] {
        var wire = self.random.happens(percent: 5) ? latin1("\r\n") : []
        let method = self.pick(Self.methods)
        let target = method == "CONNECT" ? "a.example:443" : self.pick(Self.targets)
        let version = self.random.happens(percent: 90) ? "1.1" : self.pick(["1.0", "1.0", "0.9", "2.0"])
        wire += latin1("\(method) \(target) HTTP/\(version)\r\n")
        wire += latin1("Host: \(self.pick(Self.hosts))\r\n")
        wire += self.fields(Self.requestFields) + self.framedBody(untilClose: false)
        if self.random.happens(percent: 10) { wire += latin1("GET /next HTTP/1.1\r\nHost: b\r\n\r\n") }
        return self.broken(wire)
    }

    /// Returns a response with its body.
    mutating func response() -> [UInt8] {
        let version = self.random.happens(percent: 90) ? "1.1" : self.pick(["1.0", "1.0", "2.0"])
        let line = "HTTP/\(version) \(self.pick(Self.statuses))\r\n"
        let body = self.framedBody(untilClose: true)
        return self.broken(latin1(line) + self.fields(Self.responseFields) + body)
    }

    private mutating func fields(_ choices: [String]) -> [UInt8] {
        (0..<Int.random(in: 0...5, using: &self.random)).flatMap { _ in latin1(self.pick(choices) + "\r\n") }
    }

    /// Returns the framing fields, the end of the head, and a body.
    private mutating func framedBody(untilClose: Bool) -> [UInt8] {
        let content = self.pick(["", "x", "hello", "{\"model\":\"m\"}", "0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"])
        let count = content.utf8.count
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0...3:
            let space = self.pick(["", " ", "\t", "  "])
            return latin1("Content-Length:\(space)\(count)\(self.pick(["", " ", "\t"]))\r\n\r\n" + content)
        case 4...7:
            let name = self.pick(["Transfer-Encoding", "transfer-encoding", "TRANSFER-ENCODING"])
            return latin1("\(name): \(self.pick(["chunked", "chunked", "Chunked", "chunked "]))\r\n\r\n")
                + self.chunks()
        default:
            return latin1("\r\n" + (untilClose ? content : ""))
        }
    }

    private mutating func chunks() -> [UInt8] {
        var wire: [UInt8] = []
        for _ in 0..<Int.random(in: 0...3, using: &self.random) {
            let content = self.pick(["a", "hello", "\r\n", "0\r\n\r\n", "data: {}\n\n"])
            let size = String(content.utf8.count, radix: 16, uppercase: self.random.happens(percent: 50))
            let zeros = self.pick(["", "", "0", "000"])
            wire += latin1(zeros + size + self.pick(Self.extensions) + "\r\n" + content + "\r\n")
        }
        wire += latin1("0" + self.pick(Self.extensions) + "\r\n")
        for _ in 0..<max(0, Int.random(in: -2...2, using: &self.random)) {
            wire += latin1(self.pick(["T: 1", "Trailer-Two:\t2 ", "E:"]) + "\r\n")
        }
        return wire + latin1("\r\n")
    }

    private mutating func broken(_ wire: [UInt8]) -> [UInt8] {
        var wire = wire
        guard self.random.happens(percent: 60) else { return wire }
        for _ in 0..<Int.random(in: 1...3, using: &self.random) where !wire.isEmpty {
            let index = Int.random(in: wire.indices, using: &self.random)
            switch Int.random(in: 0..<6, using: &self.random) {
            case 0: wire.remove(at: index)
            case 1: wire[index] = UInt8.random(in: 0...255, using: &self.random)
            case 2: wire[index] ^= 0x20
            case 3: wire.insert(contentsOf: latin1(self.pick(Self.splinters)), at: index)
            case 4: wire.insert(UInt8.random(in: 0...255, using: &self.random), at: index)
            default:
                let end = min(wire.count, index + Int.random(in: 1...20, using: &self.random))
                wire.insert(contentsOf: wire[index..<end], at: index)
            }
        }
        return wire
    }

    private static let methods = [
        "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PURGE",
        "QUERY",
    ]
    private static let targets = [
        "/", "/v1/chat/completions", "/a?b=c&d", "/a//../b%2F?x=%20", "*", "http://h/p?q", "http://h:80",
        "https://[::1]/", "/~user/;p=1", "/a?b?c|{}", "/\"<>\\^`", "HTTP://H?x", "http://u@h/", "/#f",
    ]
    private static let hosts = ["a", "127.0.0.1:40114", "[::1]:80", "", "A.example", "a b", "a,b", " a "]
    private static let requestFields = [
        "Accept: */*", "User-Agent: x/1 (y; z)", "X-Empty:", "X-Spaces: \t a \t b \t ", "Connection: close",
        "Connection: keep-alive, X-Empty", "Expect: 100-continue", "Cookie: a=b; c=d", "X-Latin: \u{E9}\u{80}",
        "Content-Type: application/json", "X-Olla-Session-ID: s", "!#$%&'*+-.^_`|~1: token", "Connection:",
        "Content-Length: 5", "Transfer-Encoding: chunked", "Upgrade: h2c", "TE: trailers",
    ]
    private static let statuses = [
        "200 OK", "200", "200 ", "404 Not Found", "204 No Content", "304 Not Modified", "100 Continue",
        "500 Internal Server Error", "999 \u{E9}", "201 a b\tc", "103 Early Hints", "20 x", "0200 OK",
    ]
    private static let responseFields = [
        "Server: x", "Set-Cookie: a=b", "Set-Cookie: c=d", "Connection: close", "Connection: keep-alive",
        "Content-Type: text/event-stream", "X-Empty:", "X-Spaces:   ", "Content-Length: 5",
        "Transfer-Encoding: chunked", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Server : spaced",
    ]
    private static let extensions = ["", "", "", ";a", ";a=b", ";a=\"b\"", ";a=\"b;\\\"c\"", ";a;b=c", "; a", ";"]
    private static let splinters = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "\r\n ", "\r\n\r\n", "Host: b\r\n", "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n", "Content-Length: 0\r\n", "0", "chunked", ", chunked", "-", "+", "\"",
        "\u{FF}",
    ]
}
