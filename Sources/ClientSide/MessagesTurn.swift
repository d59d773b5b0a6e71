import Catalog
import Domain
import NIOCore
import Pipeline
import Telemetry
import Translation

/// A request of Anthropic's Messages API on its way through the gateway: as it came, as it goes on, and its answer.
///
/// One object per connection that ever served such a request, started afresh for each.
///
/// - Isolation: the connection's event loop.
/// - Bounds: the request by `max_message_size`, a held answer by ``answerBytesMax``; large memory is given back when a
///   request ends.
final class MessagesTurn {
    /// What becomes of the answer's bytes.
    enum Relay {
        /// They go on as they come. Of no interest here.
        case untouched
        /// They are rewritten event by event.
        case stream
        /// They are kept until the answer is whole, and rewritten then.
        case document
        /// They are kept, and their message is put into an error of the client's API.
        case error
    }

    /// The longest answer that is rewritten whole: 32 MiB.
    static let answerBytesMax = 32 << 20
    /// How much of an error's body is read (http-surface 4.6).
    static let errorBytesMax = 1 << 20
    /// Memory beyond this is given back.
    private static let keptBytesMax = 1 << 18

    var call = MessagesCall.send
    var request = MessagesRequest()
    /// How the request is served; nil until that is decided.
    private(set) var mode: TranslatorMode?
    /// Why it is translated although passthrough was wanted.
    private(set) var fallback: TranslatorFallback?
    /// The endpoints that take it as it is; nil when it is translated.
    private(set) var within: EndpointSet?
    /// The path on the endpoint.
    private(set) var path: [UInt8] = []
    /// The request as the endpoint gets it, when it is translated.
    private(set) var body = ByteBuffer()
    /// What becomes of the answer.
    var relay = Relay.untouched
    /// The body of an answer that is kept.
    var held = ByteBuffer()
    /// Why the answer cannot be used; nil while it can.
    var fault: String?
    /// The value of the answer's `Retry-After`.
    var retryAfter: [UInt8] = []
    var answer = ChatAnswer()
    var stream = MessageStream()
    /// What has been rewritten and not yet written.
    var output: [UInt8] = []
    /// What the client has been told, kept for the inspector; nil when nobody inspects.
    var inspection: Inspection?
    /// When the request fails if nothing comes; a ping may be due before.
    var deadline = MonotonicTime.distantFuture

    /// Starts with a request.
    func begin(_ call: MessagesCall) {
        self.call = call
        self.mode = nil
        self.fallback = nil
        self.within = nil
        self.path.removeAll(keepingCapacity: true)
        self.body.clear()
        self.relay = .untouched
        self.held.clear()
        self.fault = nil
        self.retryAfter.removeAll(keepingCapacity: true)
        self.output.removeAll(keepingCapacity: true)
        self.deadline = .distantFuture
        self.inspection = nil
    }

    /// Forgets what a request has left behind.
    func end() {
        self.request.forget()
        self.answer.forget()
        self.stream.forget()
        self.inspection = nil
        if self.body.capacity > Self.keptBytesMax { self.body = ByteBuffer() }
        if self.held.capacity > Self.keptBytesMax { self.held = ByteBuffer() }
        if self.output.capacity > Self.keptBytesMax { self.output = [] }
    }

    /// The request goes on as it is.
    func passThrough(to endpoints: EndpointSet, path: String) {
        self.mode = .passthrough
        self.fallback = nil
        self.within = endpoints
        self.path.removeAll(keepingCapacity: true)
        self.path.append(contentsOf: path.utf8)
    }

    private static let chatPath = Array("/v1/chat/completions".utf8)

    /// The request goes on as a chat completion.
    func translate(because fallback: TranslatorFallback?) throws(RequestFault) {
        if self.mode != .translate { try self.rewrite(model: nil) }
        self.mode = .translate
        self.fallback = fallback
        self.within = nil
        self.path = Self.chatPath
    }

    /// Writes the request as a chat completion, under another name of the model if there is one.
    func rewrite(model: String?) throws(RequestFault) {
        self.output.removeAll(keepingCapacity: true)
        try self.request.appendChatRequest(model: model, to: &self.output)
        self.body.clear()
        self.body.writeBytes(self.output)
        self.output.removeAll(keepingCapacity: true)
    }

    /// Whether request and answer are rewritten.
    var isTranslated: Bool { self.mode == .translate }

    /// Keeps a piece of an answer, as far as there is room.
    func hold(_ piece: ByteBuffer) {
        switch self.relay {
        case .error:
            let room = Self.errorBytesMax - self.held.readableBytes
            if let part = piece.getSlice(at: piece.readerIndex, length: min(room, piece.readableBytes)) {
                self.held.writeImmutableBuffer(part)
            }
        case .document:
            if self.held.readableBytes + piece.readableBytes <= Self.answerBytesMax {
                self.held.writeImmutableBuffer(piece)
            } else if self.fault == nil {
                self.fault = "proxy error: the endpoint's answer is longer than \(Self.answerBytesMax) bytes"
            }
        case .untouched, .stream: return
        }
    }
}
