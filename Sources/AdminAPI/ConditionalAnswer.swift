import Exposition
import Pipeline

/// Entity tags and compression of the three status routes (http-surface 1.7).
enum ConditionalAnswer {
    /// Shorter bodies are not compressed.
    private static let gzipBytesMin = 256

    /// The page, or a bare 304 when the client has it already.
    static func make(_ document: JSONValue, for request: LocalRequest) -> LocalResponse {
        let tag = "W/\"" + String(document.stableHash, radix: 36) + "\""
        var fields: [LocalResponse.Field] = [
            ("ETag", tag), ("Cache-Control", "private, no-cache"), ("Vary", "Accept-Encoding"),
        ]
        if EntityTag.matches(request.value(of: "If-None-Match"), tag) {
            return LocalResponse(status: 304, fields: fields)
        }
        fields.append(("Content-Type", "application/json"))
        let body = document.bytes
        let accepted = request.value(of: "Accept-Encoding") ?? ""
        if body.count >= Self.gzipBytesMin, accepted.utf8.count <= EntityTag.headerBytesMax,
            ContentCoding.negotiate(acceptEncoding: accepted) == .gzip,
            let compressed = try? Gzip.compress(body)
        {
            fields.append(("Content-Encoding", "gzip"))
            return LocalResponse(status: 200, fields: fields, body: compressed)
        }
        return LocalResponse(status: 200, fields: fields, body: body)
    }
}

/// Comparison of entity tags.
enum EntityTag {
    /// Longer header values are not looked at.
    static let headerBytesMax = 1_024

    /// Weak comparison with each tag of a list (RFC 9110 sections 8.8.3.2 and 13.1.2).
    static func matches(_ header: String?, _ tag: String) -> Bool {
        guard let header, header.utf8.count <= Self.headerBytesMax else { return false }
        let opaque = Self.opaque(tag[...])
        return header.split(separator: ",").contains { candidate in
            let candidate = candidate.drop { $0 == " " || $0 == "\t" }
            let trimmed = candidate.prefix { $0 != " " && $0 != "\t" }
            return trimmed == "*" || Self.opaque(trimmed) == opaque
        }
    }

    private static func opaque(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }
}
