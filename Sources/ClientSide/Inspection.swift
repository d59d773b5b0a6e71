public import Domain
import HTTPWire
public import NIOCore
import Pipeline

/// Takes calls of Anthropic's Messages API down for developers (http-surface 4.10).
///
/// - Isolation: called on event loops; must not block.
public protocol MessagesInspector: Sendable {
    /// The request header that groups calls, in lower case.
    var sessionHeader: [UInt8] { get }

    /// A call is over; takes what was said over, or drops and counts it.
    func take(_ call: InspectedCall)
}

/// A call of Anthropic's Messages API, as its client saw it: bodies only, no header field but the one that groups.
public struct InspectedCall: Sendable {
    /// What the header says that groups calls, else `X-Request-ID`; empty when the client sent neither.
    public var session: [UInt8]
    /// The model asked for; empty for a body that names none.
    public var model: [UInt8]
    /// When the request began, by the wall clock.
    public var start: Nanoseconds
    /// When it was over.
    public var end: Nanoseconds
    /// The request's body.
    public var request: ByteBuffer
    /// The answer's body after transfer coding, as far as it was sent.
    public var answer: ByteBuffer
    /// How many bytes the answer's body had; more than ``answer`` holds when that was too long to keep.
    public var answerBytes: Int
    /// Whether the client got the answer to its end.
    public var isWhole: Bool

    /// A call, given all it consists of.
    public init(
        session: [UInt8], model: [UInt8], start: Nanoseconds, end: Nanoseconds, request: ByteBuffer,
        answer: ByteBuffer, answerBytes: Int, isWhole: Bool
    ) {
        self.session = session
        self.model = model
        self.start = start
        self.end = end
        self.request = request
        self.answer = answer
        self.answerBytes = answerBytes
        self.isWhole = isWhole
    }
}

/// What the client of a call that is being inspected has been told so far.
///
/// - Isolation: one event loop.
/// - Bounds: ``answerBytesMax`` bytes.
final class Inspection {
    /// The longest answer that is kept: 4 MiB.
    static let answerBytesMax = 4 << 20

    private(set) var answer = ByteBuffer()
    private(set) var answerBytes = 0

    /// Keeps a piece of the answer's body; one that grows too long is forgotten and counted only.
    func append(_ piece: RawSpan) {
        self.answerBytes += piece.byteCount
        guard self.answerBytes <= Self.answerBytesMax else {
            self.answer = ByteBuffer()
            return
        }
        piece.withUnsafeBytes { _ = self.answer.writeBytes($0) }
    }

    /// Keeps a piece of the answer's body.
    func append(_ piece: [UInt8]) { self.append(piece.span.bytes) }
}

extension ClientConnection {
    /// Hands a call that is over to the inspector.
    func inspect(_ inspection: Inspection) {
        let exchange = self.exchange
        guard let inspector = self.loop.shared.inspector, exchange.machine.hasReadRequest else { return }
        inspector.take(
            InspectedCall(
                session: self.value(of: inspector.sessionHeader) ?? self.value(of: Array("x-request-id".utf8)) ?? [],
                model: exchange.modelName, start: Nanoseconds(rawValue: exchange.wallStart),
                end: Nanoseconds(rawValue: self.loop.wallClock(at: exchange.machine.timeline.end)),
                request: self.body, answer: inspection.answer, answerBytes: inspection.answerBytes,
                isWhole: self.isAnswerComplete))
    }

    /// The value of the first field of a name, given in lower case.
    private func value(of name: [UInt8]) -> [UInt8]? {
        let bytes = self.headBytes
        for index in 0..<self.head.fields.count {
            let field = self.head.fields[index]
            guard bytes.readableBytesSpan.extracting(field.name).isName(name) else { continue }
            return bytes.getBytes(at: bytes.readerIndex + field.value.lowerBound, length: field.value.count)
        }
        return nil
    }
}
