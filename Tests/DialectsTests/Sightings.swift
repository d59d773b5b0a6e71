import Dialects
import Domain

/// What an observer has seen, as comparable values.
struct Sighting: Equatable {
    var deltas: Int
    var usage: TokenUsage
    var finish: FinishReason?
    var ends: Bool
    var fails: Bool
    var malformed: Int
    var overlong = 0
    var isBetween = false

    init(_ framing: ResponseFraming, _ pieces: [[UInt8]]) {
        var observer = ResponseObserver(framing: framing)
        self.init(&observer, pieces)
    }

    init(_ observer: inout ResponseObserver, _ pieces: [[UInt8]]) {
        self.deltas = 0
        for piece in pieces { self.deltas += observer.observe(piece.span.bytes) }
        self.usage = observer.usage
        self.finish = observer.finishReason
        self.ends = observer.hasEndMarker
        self.fails = observer.hasError
        self.malformed = observer.malformedDocuments
        self.overlong = observer.overlongLines
        self.isBetween = observer.isBetweenEvents
    }
}

/// What a scan has found, as comparable values.
struct RequestSighting: Equatable {
    var model: String?
    var range: Range<Int>?
    var encoding: ModelField.Encoding?
    var stream: Bool?
    var needs: RequestNeeds = []
    var messages: BodyStretch?
    var prompt: BodyStretch?
    var isModelTooLong = false

    init(_ body: [[UInt8]], type: String = "application/json") {
        var scan = RequestScan(contentType: Array(type.utf8).span.bytes)
        self.init(&scan, body)
    }

    init(_ scan: inout RequestScan, _ body: [[UInt8]]) {
        for piece in body { scan.feed(piece.span.bytes) }
        scan.finish()
        let name = scan.modelName
        let bytes = (0..<name.byteCount).map { name.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        self.model = scan.model == nil ? nil : String(decoding: bytes, as: UTF8.self)
        self.range = scan.model?.range
        self.encoding = scan.model?.encoding
        self.stream = scan.stream
        self.needs = scan.needs
        self.messages = scan.messages
        self.prompt = scan.prompt
        self.isModelTooLong = scan.isModelTooLong
    }
}
