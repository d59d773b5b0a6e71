import SeededRandomness
import Translation

/// What holds for any input of the translation: nothing traps, what comes out is JSON again, and a stream does not depend
/// on where its bytes are cut.
enum TranslationProperties {
    /// The property that an input breaks; nil when all hold.
    ///
    /// The first byte chooses what the rest is read as: a request, an answer, or a stream of chunks.
    static func broken(by input: [UInt8]) -> String? {
        guard let choice = input.first else { return nil }
        let rest = Array(input.dropFirst())
        switch choice % 3 {
        case 0: return self.request(rest)
        case 1: return self.answer(rest)
        default: return self.stream(rest)
        }
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        var tree = JSONTree()
        return (try? tree.read(bytes.span.bytes, acceptsHalfPairs: true)) != nil
    }

    private static func request(_ bytes: [UInt8]) -> String? {
        var request = MessagesRequest()
        guard (try? request.read(bytes.span.bytes)) != nil else {
            _ = try? request.readForCounting(bytes.span.bytes)
            return nil
        }
        if request.inputTokens < 1 { return "an estimate below one token" }
        if request.modelRange.upperBound > bytes.count { return "the model stands outside of the body" }
        for model in [nil, "another \"name\""] {
            var output: [UInt8] = []
            guard (try? request.appendChatRequest(model: model, to: &output)) != nil else { continue }
            if !self.isJSON(output) { return "the chat request is not JSON" }
        }
        return nil
    }

    private static func answer(_ bytes: [UInt8]) -> String? {
        var answer = ChatAnswer()
        var output: [UInt8] = []
        let isMessage =
            (try? answer.appendMessage(bytes.span.bytes, id: MessageID(high: 1, low: 2), to: &output)) != nil
        if isMessage, !self.isJSON(output) { return "the message is not JSON" }
        if AnthropicError.message(inBackendError: bytes.span.bytes).isEmpty { return "an error without a message" }
        var stream = MessageStream()
        var events: [UInt8] = []
        stream.begin(id: MessageID(high: 1, low: 2), model: [], inputTokens: 1, into: &events)
        let isStream = (try? stream.take(whole: bytes.span.bytes, into: &events)) != nil
        if isStream, stream.phase == .open { return "a whole answer leaves its stream open" }
        return self.badEvent(in: events)
    }

    private static func events(_ pieces: [[UInt8]]) -> [UInt8] {
        var stream = MessageStream()
        var output: [UInt8] = []
        stream.begin(id: MessageID(high: 1, low: 2), model: Array("m".utf8), inputTokens: 1, into: &output)
        for piece in pieces { stream.feed(piece.span.bytes, into: &output) }
        if !stream.finish(isWhole: true, into: &output) { stream.fail("cut", into: &output) }
        return output
    }

    private static func stream(_ bytes: [UInt8]) -> String? {
        var random = SeededGenerator(seed: UInt64(bytes.count))
        let whole = self.events(Cuts.whole(bytes))
        if self.events(Cuts.single(bytes)) != whole { return "cut into bytes it reads differently" }
        if self.events(Cuts.random(bytes, &random)) != whole { return "cut into pieces it reads differently" }
        return self.badEvent(in: whole)
    }

    private static func badEvent(in events: [UInt8]) -> String? {
        for line in events.split(separator: 0x0A) where line.starts(with: "data: ".utf8) {
            if !self.isJSON(Array(line.dropFirst(6))) { return "an event is not JSON" }
        }
        return nil
    }
}
