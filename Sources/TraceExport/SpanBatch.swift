import Domain

/// Spans rendered as one OTLP export request in JSON (OTLP 1.x, "JSON Protobuf Encoding").
///
/// Ids are hexadecimal, enumerations numbers, 64-bit numbers text: what that encoding deviates from plain ProtoJSON in.
struct SpanBatch {
    /// Who exports.
    struct Resource: Sendable {
        /// `service.version`.
        var version: String
        /// `service.instance.id`: another one for each process.
        var instance: String
    }

    /// The number of spans.
    private(set) var count = 0
    private var spans = JSONBytes()

    /// No spans yet.
    init() {}

    /// Adds a span.
    mutating func append(_ span: borrowing SpanRecord) {
        self.count += 1
        let trace = Self.hex(span.traceID)
        let id = Self.hex(span.spanID.rawValue)
        let parent = span.parentID.isValid ? Self.hex(span.parentID.rawValue) : nil
        let flags = Self.flags(span)
        let name = SpanAttributes.name(span)
        let kind = span.subject == .request ? 2 : 3
        let (start, end) = (span.start, max(span.start, span.end))
        let attributes = SpanAttributes(span)
        let events = Self.events(span)
        self.spans.object { json in
            json.field("traceId", trace)
            json.field("spanId", id)
            if let parent { json.field("parentSpanId", parent) }
            json.field("flags", number: flags)
            json.field("name", name)
            json.field("kind", number: kind)
            json.field("startTimeUnixNano", String(start))
            json.field("endTimeUnixNano", String(end))
            attributes.write(to: &json)
            if !events.isEmpty {
                json.list("events") { json in for event in events { event.write(to: &json) } }
            }
            if attributes.isError { json.object("status") { $0.field("code", number: 2) } }
        }
    }

    /// The body of the request.
    func body(_ resource: Resource) -> [UInt8] {
        var json = JSONBytes()
        json.object { json in
            json.list("resourceSpans") { json in
                json.object { json in
                    json.object("resource") { json in
                        var attributes = AttributeList()
                        attributes.add("service.name", "glasspot")
                        attributes.add("service.version", resource.version)
                        attributes.add("service.instance.id", resource.instance)
                        attributes.add("telemetry.sdk.name", "glasspot")
                        attributes.add("telemetry.sdk.language", "swift")
                        attributes.add("telemetry.sdk.version", resource.version)
                        attributes.write(to: &json)
                    }
                    json.list("scopeSpans") { json in
                        json.object { json in
                            json.object("scope") { json in
                                json.field("name", "glasspot")
                                json.field("version", resource.version)
                            }
                            json.list("spans") { $0.elements(self.spans.bytes) }
                        }
                    }
                }
            }
        }
        return json.bytes
    }

    /// The trace's flags, and that it is known (bit 8) whether the parent lives in another process (bit 9): the span's
    /// `flags` of OTLP's `trace.proto`.
    private static func flags(_ span: borrowing SpanRecord) -> Int {
        let (subject, parent) = (span.subject, span.parentID)
        let isRemote = subject == .request && parent.isValid
        return Int(span.flags.rawValue) | 0x100 | (isRemote ? 0x200 : 0)
    }

    /// Each stage once, when it was first entered, and the first token; in order of time.
    private static func events(_ span: borrowing SpanRecord) -> [Event] {
        var events: [Event] = []
        for stage in Stage.allCases {
            let time = span.stages[Int(stage.rawValue)]
            if time.start > 0 { events.append(Event(time: time.start, stage: stage, duration: time.duration)) }
        }
        if span.firstToken > 0 { events.append(Event(time: span.firstToken, stage: nil, duration: .zero)) }
        return events.sorted { $0.time < $1.time }
    }

    private struct Event {
        let time: Int64
        /// The stage that begins; nil for the first token.
        let stage: Stage?
        let duration: Nanoseconds

        func write(to json: inout JSONBytes) {
            json.object { json in
                json.field("timeUnixNano", String(self.time))
                guard let stage = self.stage else { return json.field("name", "first_token") }
                json.field("name", "\(stage.label)")
                var attributes = AttributeList()
                attributes.add("glasspot.stage.duration", self.duration.seconds)
                attributes.add("glasspot.stage.party", "\(stage.party.label)")
                attributes.write(to: &json)
            }
        }
    }

    private static func hex(_ id: TraceID) -> String { Self.hex(id.high) + Self.hex(id.low) }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
