internal import ByteScan

/// Finds what routing needs in a request body while the body arrives.
///
/// Looks for a top-level `model` (the first non-empty string), else the `model` of the first
/// message; for `stream`; and for the needs and the conversation that other stages ask about. Names
/// match in any ASCII case. JSON types are scanned, as are bodies without a type or typed as a form
/// that begin with `{`, and the fields of multipart forms. Bytes may be cut anywhere; what is not
/// understood is left alone and yields no model.
///
/// - Isolation: owned by one request.
/// - Bounds: constant size, no allocation. Up to ``fullBytesMax`` everything is looked at; from
///   there on only until the model is known; ``modelBytesMax`` ends the search. A name longer than
///   ``nameBytesMax`` is none.
public struct RequestScan: ~Copyable {
    /// Up to here a body is looked at in full: 1 MiB.
    public static let fullBytesMax = 1 << 20
    /// Up to here a model is looked for: 8 MiB.
    public static let modelBytesMax = 8 << 20
    /// The longest model name, in bytes as it stands in the body.
    public static let nameBytesMax = JSONFieldScanner.textBytesMax

    /// How the body is read.
    private enum Form {
        /// As one JSON document.
        case json
        /// As JSON when its first byte that is not blank is a brace.
        case sniffed
        /// As multipart form.
        case multipart
        /// Not at all.
        case opaque
    }

    private var form: Form = .opaque
    private var json = JSONFieldScanner(RequestPaths.pattern)
    private var multipart = MultipartScan()
    private var nameBytes: InlineArray<512, UInt8> = .init(repeating: 0)
    private var nameRange = 0..<0
    private var isNameOfFirstMessage = false
    private var field: ModelField?
    /// Whether nothing more can be learnt; bytes fed from now on are not looked at.
    public private(set) var isFinished = true
    /// The value of `stream`; nil when it has not been seen.
    public private(set) var stream: Bool?
    /// What the request asks of a model, as far as seen.
    public private(set) var needs: RequestNeeds = []
    /// The `messages` array, brackets included.
    public private(set) var messages: BodyStretch?
    /// The `prompt`, quotes or brackets included.
    public private(set) var prompt: BodyStretch?
    /// Whether a model was named at a length beyond ``nameBytesMax``.
    public private(set) var isModelTooLong = false

    /// Prepares for a body.
    ///
    /// - Parameter contentType: the value of `Content-Type`; empty when there is none.
    public init(contentType: RawSpan) {
        self.init()
        self.restart(contentType: contentType)
    }

    /// Prepares without a body, for an owner that keeps one scan and calls
    /// ``restart(contentType:)`` per request.
    public init() {}

    /// Forgets everything and prepares for another body; cheaper than a new scan.
    ///
    /// - Parameter contentType: the value of `Content-Type`; empty when there is none.
    public mutating func restart(contentType: RawSpan) {
        self.json.reset()
        self.nameRange = 0..<0
        self.isNameOfFirstMessage = false
        self.field = nil
        self.stream = nil
        self.needs = []
        self.messages = nil
        self.prompt = nil
        self.isModelTooLong = false
        self.form = self.form(of: contentType)
        self.isFinished = self.form == .opaque
    }

    /// Whether the body is worth feeding at all.
    public var isApplicable: Bool { self.form != .opaque }

    /// Whether routing may start: the model is known, or it is known that there is none.
    public var isDecided: Bool {
        self.isFinished || (self.field != nil && !self.isNameOfFirstMessage)
    }

    /// Where the model is named; nil before ``isDecided`` and when there is none.
    public var model: ModelField? { self.isDecided ? self.field : nil }

    /// The name of the model, decoded and trimmed, spelled as the client spells it; empty when
    /// there is none.
    public var modelName: RawSpan {
        @_lifetime(borrow self)
        get {
            let range = self.isDecided ? self.nameRange : 0..<0
            return unsafe self.nameBytes.span.bytes.extracting(range)
        }
    }

    /// Looks at the next bytes of the body.
    public mutating func feed(_ piece: RawSpan) {
        guard !self.isFinished else { return }
        if self.form == .sniffed { self.sniff(piece) }
        switch self.form {
        case .json, .sniffed: self.feedJSON(piece)
        case .multipart: self.feedMultipart(piece)
        case .opaque: self.isFinished = true
        }
    }

    /// Tells that the body is complete.
    public mutating func finish() {
        guard !self.isFinished else { return }
        let isWhole =
            switch self.form {
            case .json: self.json.finish() == .end
            case .multipart: true
            case .sniffed, .opaque: false
            }
        self.conclude(isWhole: isWhole)
    }
}

extension RequestScan {
    /// Decides how to read a body; for a multipart form the boundary is taken at once.
    private mutating func form(of contentType: RawSpan) -> Form {
        if contentType.containsIgnoringCase("application/json") { return .json }
        let essence = MediaType.essence(of: contentType)
        if essence.byteCount == 0
            || essence.equals("application/x-www-form-urlencoded", ignoringCase: true)
        {
            return .sniffed
        }
        guard essence.equals("multipart/form-data", ignoringCase: true) else { return .opaque }
        return self.multipart.restart(contentType) ? .multipart : .opaque
    }

    /// Ends the search; the first message's model counts only in a document that was read to its
    /// end.
    private mutating func conclude(isWhole: Bool) {
        self.isFinished = true
        guard self.isNameOfFirstMessage, !isWhole else { return }
        self.field = nil
        self.nameRange = 0..<0
    }

    /// Decides by the first byte that is not blank; blanks before it go to the scanner, so that
    /// offsets hold.
    private mutating func sniff(_ piece: RawSpan) {
        var index = 0
        while index < piece.byteCount, piece[index].isBlank { index += 1 }
        guard index < piece.byteCount else { return }
        self.form = piece[index] == UInt8(ascii: "{") ? .json : .opaque
    }

    private mutating func feedJSON(_ piece: RawSpan) {
        var position = 0
        while true {
            let limit = self.isDecided ? Self.fullBytesMax : Self.modelBytesMax
            let room = limit - self.json.offset
            guard room > 0 else { return self.conclude(isWhole: false) }
            let reach = min(piece.byteCount, position + room)
            switch self.json.next(piece.extracting(first: reach), from: &position) {
            case .opened(let found): self.note(found, isComplete: false)
            case .value(let found): self.note(found, isComplete: true)
            case .end: return self.conclude(isWhole: true)
            case .malformed: return self.conclude(isWhole: false)
            case .needMore:
                // With the piece used up there may still be no room for another byte.
                if reach == piece.byteCount {
                    if self.json.offset >= limit { self.conclude(isWhole: false) }
                    return
                }
            }
        }
    }

    private mutating func note(_ found: JSONField, isComplete: Bool) {
        switch RequestPaths.Field(rawValue: found.field) {
        case .model:
            if self.field == nil || self.isNameOfFirstMessage {
                self.takeModel(found, ofFirstMessage: false)
            }
        case .firstMessageModel:
            if self.field == nil { self.takeModel(found, ofFirstMessage: true) }
        case .stream:
            if found.kind == .true { self.stream = true }
            if found.kind == .false { self.stream = false }
        case .messages:
            Self.mark(&self.messages, found, isComplete)
        case .prompt:
            Self.mark(&self.prompt, found, isComplete)
        case .tools:
            if found.kind != .null { self.needs.insert(.functionCalling) }
        case .input:
            if found.kind != .null { self.needs.insert(.embeddings) }
        case .partType:
            if JSONText.equals(self.json.text, "image_url")
                || JSONText.equals(self.json.text, "image")
                || JSONText.equals(self.json.text, "input_image")
            {
                self.needs.insert(.vision)
            }
        case .image:
            self.needs.insert(.vision)
        case nil:
            break
        }
    }

    private static func mark(_ stretch: inout BodyStretch?, _ found: JSONField, _ isComplete: Bool) {
        guard found.kind != .null else { return }
        if stretch == nil { stretch = BodyStretch(start: found.start, end: nil) }
        if isComplete, stretch?.start == found.start { stretch?.end = found.end }
    }

    private mutating func takeModel(_ found: JSONField, ofFirstMessage: Bool) {
        guard found.kind == .string, self.json.text.trimmed.byteCount > 0 else { return }
        guard !self.json.isTextTruncated else {
            self.isModelTooLong = true
            return
        }
        var buffer = self.nameBytes.mutableSpan
        guard let count = JSONText.unescape(self.json.text, into: &buffer) else { return }
        self.setName(count, ModelField(range: found.range, encoding: .json))
        self.isNameOfFirstMessage = ofFirstMessage
    }

    /// Takes the first `count` bytes of the buffer, without blanks at either end, as the name.
    private mutating func setName(_ count: Int, _ field: ModelField) {
        var start = 0
        var end = count
        while start < end, self.nameBytes[start].isBlank { start += 1 }
        while start < end, self.nameBytes[end - 1].isBlank { end -= 1 }
        self.nameRange = start..<end
        self.field = end > start ? field : nil
    }

    private mutating func feedMultipart(_ piece: RawSpan) {
        let room = Self.modelBytesMax - self.multipart.offset
        let reach = piece.extracting(first: min(room, piece.byteCount))
        var position = 0
        while let found = self.multipart.next(reach, from: &position) {
            switch found.field {
            case .model: self.takeModel(found)
            case .stream: self.stream = self.multipart.value.equals("true", ignoringCase: true)
            case .end: return self.conclude(isWhole: true)
            }
        }
        if self.multipart.offset >= Self.modelBytesMax { self.conclude(isWhole: false) }
    }

    private mutating func takeModel(_ found: MultipartScan.Found) {
        guard self.field == nil else { return }
        guard !self.multipart.isValueTruncated else {
            self.isModelTooLong = true
            return
        }
        let count = self.multipart.value.byteCount
        for index in 0..<count { self.nameBytes[index] = self.multipart.value[index] }
        self.setName(count, ModelField(range: found.range, encoding: .multipart))
    }
}
