import Domain
import Foundation
import Testing

@testable import TraceExport

/// A span as the collector reads it.
struct ReadSpan {
    let fields: [String: Any]

    init(_ fields: [String: Any]) { self.fields = fields }

    func text(_ name: String) -> String? { self.fields[name] as? String }
    func number(_ name: String) -> Int? { self.fields[name] as? Int }

    /// The attributes by key, each value as `type:value`.
    var attributes: [String: String] {
        Self.attributes(self.fields)
    }

    /// The events in their order.
    var events: [(name: String, time: String, attributes: [String: String])] {
        (self.fields["events"] as? [[String: Any]] ?? []).map {
            ($0["name"] as? String ?? "", $0["timeUnixNano"] as? String ?? "", Self.attributes($0))
        }
    }

    static func attributes(_ holder: [String: Any]) -> [String: String] {
        var found: [String: String] = [:]
        for entry in holder["attributes"] as? [[String: Any]] ?? [] {
            let value = entry["value"] as? [String: Any] ?? [:]
            let key = entry["key"] as? String ?? ""
            #expect(value.count == 1)
            #expect(found[key] == nil, "\(key) stands twice")
            for (type, content) in value { found[key] = "\(type):\(Self.show(content))" }
        }
        return found
    }

    private static func show(_ content: Any) -> String {
        guard let list = (content as? [String: Any])?["values"] as? [[String: Any]] else { return "\(content)" }
        return list.map { "\($0["stringValue"] ?? "?")" }.joined(separator: ",")
    }

    /// The spans of an export request, whose frame is checked.
    static func all(in body: [UInt8]) throws -> [ReadSpan] {
        let document = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        let resources = try #require(document["resourceSpans"] as? [[String: Any]])
        #expect(resources.count == 1)
        let scopes = try #require(resources.first?["scopeSpans"] as? [[String: Any]])
        #expect(scopes.count == 1)
        let spans = try #require(scopes.first?["spans"] as? [[String: Any]])
        return spans.map(ReadSpan.init)
    }
}

extension SpanRecord {
    /// A request's span with a number in its ids.
    static func request(_ number: UInt64) -> SpanRecord {
        var span = SpanRecord()
        span.traceID = TraceID(high: 1, low: number)
        span.spanID = SpanID(rawValue: number)
        span.start = 1_000
        span.end = 2_000
        span.text.set(.method, Array("GET".utf8).span)
        return span
    }
}

extension SpanQueue {
    /// Puts a finished span in.
    func put(_ span: SpanRecord) -> Bool { self.append { $0 = span } }
}
