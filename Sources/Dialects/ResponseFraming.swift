/// How the documents of a model's answer follow each other.
public enum ResponseFraming: UInt8, CaseIterable, Sendable {
    /// One JSON document: not a stream.
    case document
    /// Server-Sent Events.
    case sse
    /// One JSON document a line.
    case ndjson

    /// Tells the framing from a content type.
    ///
    /// Nil when there is nothing to observe. A body with a `Content-Encoding` cannot be observed
    /// either; that is the caller's to know.
    ///
    /// - Parameter contentType: the value of `Content-Type`.
    public init?(contentType: RawSpan) {
        let essence = MediaType.essence(of: contentType)
        if essence.equals("text/event-stream", ignoringCase: true) {
            self = .sse
        } else if essence.equals("application/json", ignoringCase: true) {
            self = .document
        } else if essence.equals("application/x-ndjson", ignoringCase: true)
            || essence.equals("application/ndjson", ignoringCase: true)
            || essence.equals("application/jsonl", ignoringCase: true)
            || essence.equals("application/x-jsonlines", ignoringCase: true)
            || essence.equals("application/stream+json", ignoringCase: true)
        {
            self = .ndjson
        } else {
            return nil
        }
    }
}
