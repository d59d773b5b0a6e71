import Foundation
import Testing

/// A case of `Tests/Smuggling/corpus.txt`, whose head explains every line.
struct RawCase: Sendable, CustomStringConvertible {
    /// What becomes of the connection.
    enum Ending: String, Sendable {
        case keep
        case close
        case wait
    }

    /// A request that the backend gets.
    struct Forwarded: Sendable {
        /// Method and target.
        var line: [UInt8]
        var body: [UInt8]
        /// Field lines that it has.
        var lines: [[UInt8]] = []
        /// Names of fields that it has not.
        var absent: [String] = []
    }

    let group: String
    let name: String
    var bytes: [UInt8] = []
    var statuses: [Int] = []
    var ending: Ending?
    var forwarded: [Forwarded] = []
    /// Whether a request may begin at the backend that is never completed.
    var mayBegin = false

    var description: String { "\(self.group): \(self.name)" }

    /// The request behind every case that is closed.
    static let follower = Self.bytes(of: "{next}")

    /// A line that is no part of the format.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }
}

extension RawCase {
    /// All cases in the order of the file.
    static func all() throws -> [RawCase] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Smuggling/corpus.txt")
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        var cases: [RawCase] = []
        var group = ""
        for line in text.components("\n") where !line.isEmpty && !line.hasPrefix("#") {
            if line.hasPrefix("== ") {
                group = String(line.dropFirst(3))
            } else if line.hasPrefix("["), let end = line.firstRange(of: "] ") {
                cases.append(RawCase(group: group, name: String(line[end.upperBound...])))
            } else if var last = cases.popLast() {
                try last.take(line)
                cases.append(last)
            } else {
                throw Malformed(description: line)
            }
        }
        return cases
    }

    /// Takes a line below a case's heading.
    private mutating func take(_ line: String) throws {
        let mark = line.prefix { $0 != " " }
        let rest = String(line.dropFirst(mark.count + 1))
        switch mark {
        case ">": self.bytes += Self.bytes(of: rest)
        case "<":
            let words = rest.components(" ")
            self.statuses = words.dropLast().compactMap { Int($0) }
            self.ending = words.last.flatMap { Ending(rawValue: $0) }
            guard self.ending != nil, self.statuses.count == words.count - 1 else {
                throw Malformed(description: line)
            }
        case "|":
            let quote = rest.firstRange(of: " \"")
            let body = quote.map { rest[$0.upperBound...].dropLast() } ?? ""
            let request = quote.map { rest[..<$0.lowerBound] } ?? rest[...]
            self.forwarded.append(
                Forwarded(line: Self.bytes(of: String(request)), body: Self.bytes(of: String(body))))
        case "|~": self.mayBegin = true
        case "|+" where !self.forwarded.isEmpty:
            self.forwarded[self.forwarded.count - 1].lines.append(Self.bytes(of: rest))
        case "|-" where !self.forwarded.isEmpty: self.forwarded[self.forwarded.count - 1].absent.append(rest)
        case "!": break
        default: throw Malformed(description: line)
        }
    }

    private static let shorthands = [
        ("{POST}", "POST /olla/proxy/a HTTP/1.1\\r\\nHost: g\\r\\n"),
        ("{GET}", "GET /olla/proxy/a HTTP/1.1\\r\\nHost: g\\r\\n"),
        ("{chunked}", "Transfer-Encoding: chunked\\r\\n"),
        ("{next}", "GET /olla/proxy/next HTTP/1.1\\r\\nHost: g\\r\\n\\r\\n"),
    ]

    /// The bytes that a text stands for.
    private static func bytes(of text: String) -> [UInt8] {
        var text = text
        for (name, meaning) in Self.shorthands { text = text.replacing(name, with: meaning) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")),
                let star = rest[..<end].lastIndex(of: UInt8(ascii: "*")),
                let count = Int(String(decoding: rest[(star + 1)..<end], as: UTF8.self))
            {
                let part = Self.bytes(of: String(decoding: rest[..<star], as: UTF8.self))
                for _ in 0..<count { bytes += part }
                rest = rest[(end + 1)...]
            } else if byte == UInt8(ascii: "\\"), let escape = rest.popFirst() {
                switch escape {
                case UInt8(ascii: "r"): bytes.append(13)
                case UInt8(ascii: "n"): bytes.append(10)
                case UInt8(ascii: "t"): bytes.append(9)
                case UInt8(ascii: "x"):
                    bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                    rest = rest.dropFirst(2)
                default: bytes.append(escape)
                }
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
