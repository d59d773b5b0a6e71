import ByteScan
import Foundation
import SeededRandomness
import Testing

/// Random documents against Foundation's parser, and damaged ones against the scanner itself cut
/// elsewhere.
@Suite struct JSONReferenceTests {
    static let pattern = JSONFieldPattern([
        .init("a", field: 1, capturesText: true),
        .init("b.a", field: 2, capturesText: true),
        .init("c[0].a", field: 3, capturesText: true),
        .init("c[].b", field: 4, capturesText: true),
        .init("b.c.model", field: 5, capturesText: true),
    ])
    static let captured: Set<UInt8> = [1, 2, 3, 4, 5]

    @Test(arguments: 0..<40)
    func `finds what a reference parser finds`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<25 {
            var source = RandomDocument()
            let bytes = Array(source.object(depth: 0, &random).utf8)
            let reference = try #require(
                try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
            let log = ScanLog(Self.pattern, [bytes], captured: Self.captured)
            #expect(log.ending == .complete)
            #expect(
                Self.rendered(log, bytes) == Self.expected(reference),
                "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            let pieces = Cuts.random(bytes, &random)
            #expect(ScanLog(Self.pattern, pieces, captured: Self.captured) == log)
            #expect(ScanLog(Self.pattern, Cuts.single(bytes), captured: Self.captured) == log)
        }
    }

    @Test(arguments: 0..<12)
    func `reports the same of a damaged document wherever it is cut`(seed: UInt64) {
        var random = SeededGenerator(seed: seed &+ 1000)
        for _ in 0..<40 {
            var source = RandomDocument()
            var bytes = Array(source.object(depth: 0, &random).utf8)
            for _ in 0..<(1 + random.below(3)) where !bytes.isEmpty {
                let index = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[index] = UInt8(random.below(256))
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(Array(#"{}[],:"\0tn"#.utf8)[random.below(11)], at: index)
                default: bytes.removeSubrange(index...)
                }
            }
            let whole = ScanLog(Self.pattern, [bytes], captured: Self.captured)
            #expect(
                ScanLog(Self.pattern, Cuts.single(bytes), captured: Self.captured) == whole,
                "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            let pieces = Cuts.random(bytes, &random)
            #expect(ScanLog(Self.pattern, pieces, captured: Self.captured) == whole)
            // What the reference accepts, the scanner must accept.
            if (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil {
                #expect(whole.ending == .complete, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    /// The values of a log as text, in the order of fields.
    private static func rendered(_ log: ScanLog, _ bytes: [UInt8]) -> [UInt8: [String]] {
        var result: [UInt8: [String]] = [:]
        for entry in log.entries where !entry.isOpening {
            let value = Data(bytes[entry.range])
            let parsed = try? JSONSerialization.jsonObject(with: value, options: .fragmentsAllowed)
            result[entry.field, default: []].append(Self.text(parsed))
        }
        return result
    }

    private static func expected(_ root: [String: Any]) -> [UInt8: [String]] {
        var result: [UInt8: [String]] = [:]
        func note(_ field: UInt8, _ value: Any?) {
            if let value { result[field, default: []].append(Self.text(value)) }
        }
        note(1, root["a"])
        let inner = root["b"] as? [String: Any]
        note(2, inner?["a"])
        note(5, (inner?["c"] as? [String: Any])?["model"])
        let list = root["c"] as? [Any] ?? []
        note(3, (list.first as? [String: Any])?["a"])
        for element in list { note(4, (element as? [String: Any])?["b"]) }
        return result
    }

    private static func text(_ value: Any?) -> String {
        guard let value else { return "broken" }
        let data = try? JSONSerialization.data(
            withJSONObject: [value], options: [.sortedKeys, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "broken"
    }
}

/// Writes random JSON: few names, so that paths are hit; odd blanks and escapes; no name twice in
/// an object.
struct RandomDocument {
    mutating func object(depth: Int, _ random: inout SeededGenerator) -> String {
        var names = [
            "a", "b", "c", "model", "x\\\"y", "long member name with many bytes in it, no path",
        ]
        names.shuffle(using: &random)
        let members = names.prefix(random.below(depth == 0 ? 6 : 4) + (depth == 0 ? 1 : 0)).map {
            let name = random.below(6) == 0 ? Self.escaped($0) : $0
            let value = self.value(depth: depth + 1, &random)
            return Self.blank(&random) + "\"\(name)\"" + Self.blank(&random) + ":"
                + Self.blank(&random)
                + value + Self.blank(&random)
        }
        return "{" + (members.isEmpty ? Self.blank(&random) : members.joined(separator: ",")) + "}"
    }

    private mutating func value(depth: Int, _ random: inout SeededGenerator) -> String {
        switch random.below(depth > 4 ? 6 : 10) {
        case 0: return "null"
        case 1: return random.below(2) == 0 ? "true" : "false"
        case 2: return String(random.below(1_000_000) - 500_000)
        case 3: return ["1.5", "-0.25", "1e3", "2E-2", "0"][random.below(5)]
        case 4, 5: return Self.string(&random)
        case 6, 7:
            let elements = (0..<random.below(4)).map { _ in
                Self.blank(&random) + self.value(depth: depth + 1, &random) + Self.blank(&random)
            }
            return "[" + elements.joined(separator: ",") + "]"
        default: return self.object(depth: depth + 1, &random)
        }
    }

    private static func string(_ random: inout SeededGenerator) -> String {
        let parts = [
            "a", "\\\"", "\\\\", "\\n", "\\u00e9", "\\ud83d\\ude00", "é", "😀", "{", "]", ",", ":",
            "/",
        ]
        let count = random.below(random.below(8) == 0 ? 120 : 8)
        return "\"" + (0..<count).map { _ in parts[random.below(parts.count)] }.joined() + "\""
    }

    /// Spells the first letter as an escape.
    private static func escaped(_ name: String) -> String {
        guard let first = name.utf8.first else { return name }
        return "\\u00" + String(first, radix: 16) + name.dropFirst()
    }

    private static func blank(_ random: inout SeededGenerator) -> String {
        ["", "", "", " ", "\n", "\t\r "][random.below(6)]
    }
}
