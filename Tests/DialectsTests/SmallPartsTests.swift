import Dialects
import Domain
import Foundation
import SeededRandomness
import Testing

@Suite struct OperationPathTests {
    @Test(
        arguments: [
            ("/v1/chat/completions", LLMOperation.chat),
            ("/olla/openai/v1/chat/completions", .chat),
            ("/chat/completions", .chat), ("chat/completions", .chat),
            ("/api/v0/chat/completions", .chat),
            ("/v1/completions", .textCompletion), ("/completion", .textCompletion),
            ("/v1/embeddings", .embeddings),
            ("/api/embeddings", .embeddings), ("/api/embed", .embeddings), ("/api/chat", .chat),
            ("/api/v1/chat", .chat), ("/api/generate", .textCompletion), ("/v1/messages", .chat),
            ("/v1/responses", .chat), ("/v1/models", nil), ("/v1/messages/count_tokens", nil),
            ("/", nil), ("", nil),
            ("/api/tags", nil), ("/xchat/completionsx", nil), ("/mycompletions", nil),
            ("/chat", nil),
        ] as [(String, LLMOperation?)])
    func `names the operation by the end of the path`(path: String, expected: LLMOperation?) {
        let bytes = Array(path.utf8)
        let operation = LLMOperation(path: bytes.span.bytes)
        #expect(operation == expected)
    }
}

@Suite struct StreamDialectTests {
    @Test(
        arguments: [
            (ResponseFraming.sse, "/v1/messages", StreamDialect.anthropic),
            (.sse, "/v1/chat/completions", .openAI),
            (.sse, "/v1/responses", .openAI), (.ndjson, "/api/chat", .ollama),
            (.document, "/v1/messages", nil),
        ] as [(ResponseFraming, String, StreamDialect?)])
    func `follows from framing and path`(
        framing: ResponseFraming, path: String, expected: StreamDialect?
    ) {
        let bytes = Array(path.utf8)
        let dialect = StreamDialect(framing: framing, path: bytes.span.bytes)
        #expect(dialect == expected)
    }
}

@Suite struct ErrorEventTests {
    private let event = ErrorEvent(message: "lost \"it\"\n\u{1}é", code: "upstream_reset")

    private func bytes(_ dialect: StreamDialect) -> [UInt8] {
        var buffer = Array("before".utf8)
        self.event.append(as: dialect, to: &buffer)
        #expect(buffer.starts(with: "before".utf8))
        return Array(buffer.dropFirst(6))
    }

    @Test func `has the shape of each dialect`() {
        let message = #""lost \"it\"\n\u0001é""#
        #expect(
            String(decoding: self.bytes(.openAI), as: UTF8.self)
                == "data: {\"error\":{\"message\":\(message),\"type\":\"upstream_error\",\"code\":\"upstream_reset\"}}\n\n"
        )
        #expect(
            String(decoding: self.bytes(.anthropic), as: UTF8.self)
                == "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\(message)}}\n\n"
        )
        #expect(String(decoding: self.bytes(.ollama), as: UTF8.self) == "{\"error\":\(message)}\n")
    }

    @Test(arguments: StreamDialect.allCases)
    func `is seen as an error and as no content by the observer`(dialect: StreamDialect) {
        let framing: ResponseFraming = dialect == .ollama ? .ndjson : .sse
        let sighting = Sighting(framing, [self.bytes(dialect)])
        #expect(sighting.fails)
        #expect(sighting.deltas == 0)
        #expect(sighting.malformed == 0)
        #expect(!sighting.ends)
    }
}

@Suite struct AliasSpliceTests {
    /// Sends the pieces of a body through a splice.
    private func changed(_ pieces: [[UInt8]], _ splice: AliasSplice) -> [UInt8] {
        var result: [UInt8] = []
        var offset = 0
        for piece in pieces {
            let parts = splice.parts(of: offset..<(offset + piece.count))
            result += piece[(parts.prefix.lowerBound - offset)..<(parts.prefix.upperBound - offset)]
            if parts.hasReplacement { result += splice.replacement }
            result += piece[(parts.suffix.lowerBound - offset)..<(parts.suffix.upperBound - offset)]
            offset += piece.count
        }
        return result
    }

    @Test(arguments: [
        #"{"model":"alias","messages":[{"model":"alias"}], "n" : 1.0 }"#,
        #"{"a":1, "model" : "al\u0069as"}"#,
    ])
    func `replaces the name and nothing else, wherever the body is cut`(body: String) throws {
        let bytes = Array(body.utf8)
        let model = try #require(RequestSighting([bytes]).range)
        let splice = AliasSplice(
            model: ModelField(range: model, encoding: .json), name: "real/\"name\"")
        let expected =
            Array(bytes[..<model.lowerBound]) + Array(#""real/\"name\"""#.utf8)
            + Array(bytes[model.upperBound...])
        for pieces in Cuts.all(bytes) { #expect(self.changed(pieces, splice) == expected) }
        #expect(splice.lengthAfter(bodyLength: bytes.count) == expected.count)
        #expect(RequestSighting([expected]).model == "real/\"name\"")
        #expect(try JSONSerialization.jsonObject(with: Data(expected)) is [String: Any])
    }

    @Test func `writes a form value without quotes`() throws {
        let body = Array(
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nold\r\n--b--".utf8)
        let type = "multipart/form-data; boundary=b"
        let range = try #require(RequestSighting([body], type: type).range)
        let splice = AliasSplice(
            model: ModelField(range: range, encoding: .multipart), name: "new\r\n\"x\"")
        let changed = self.changed([body], splice)
        #expect(RequestSighting([changed], type: type).model == "new\"x\"")
    }
}
