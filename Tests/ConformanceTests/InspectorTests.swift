import ClientSide
import Domain
import Foundation
import MockLLM
import NIOCore
import Settings
import TestKit
import Testing

@testable import GlasspotApp

/// What developers find in the files of `translators.anthropic.inspector`.
@Suite("The inspector")
struct InspectorTests {
    private static let path = "/olla/anthropic/v1/messages"

    private static func body(_ more: String = "") -> String {
        #"{"model":"mock-chat", "max_tokens":20,"messages":[{"role":"user","content":"hi  there"}]\#(more)}"#
    }

    /// A folder for files, which does not exist yet.
    private static func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("inspector-\(UUID().uuidString)/a/b").path
    }

    private static func remove(_ folder: String) {
        try? FileManager.default.removeItem(atPath: (folder as NSString).deletingLastPathComponent + "/..")
    }

    private static func tuning(_ folder: String) -> Tuning {
        Tuning {
            $0.translators.anthropic.inspector.enabled = true
            $0.translators.anthropic.inspector.outputDirectory = folder
        }
    }

    /// The lines of every file, by the file's name.
    private static func lines(in folder: String) throws -> [String: [JSONTree]] {
        var files: [String: [JSONTree]] = [:]
        for day in try FileManager.default.contentsOfDirectory(atPath: folder) {
            #expect(day.wholeMatch(of: /\d{4}-\d\d-\d\d/) != nil)
            #expect(try Self.mode("\(folder)/\(day)") == 0o700)
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(day)") {
                #expect(try Self.mode("\(folder)/\(day)/\(name)") == 0o600)
                let text = try String(contentsOfFile: "\(folder)/\(day)/\(name)", encoding: .utf8)
                #expect(text.hasSuffix("\n"))
                files[name] = try text.split(separator: "\n").map { try JSONTree(Array($0.utf8)) }
            }
        }
        return files
    }

    private static func mode(_ path: String) throws -> Int {
        let facts = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(facts[.posixPermissions] as? Int)
    }

    private static func member(_ name: String, _ tree: JSONTree) -> JSONTree? {
        guard case .object(let members) = tree else { return nil }
        return members[name]
    }

    @Test("writes what was asked and answered, by session, whichever way it went", arguments: Engine.allCases)
    func calls(engine: Engine) async throws {
        let folder = Self.folder()
        defer { Self.remove(folder) }
        for kind in [MockKind.vllm, .openAI] {
            let mock = try await MockBackend.start(kind: kind)
            try await World.with(engine, [Place(mock)], tuned: Self.tuning(folder)) { world in
                let secrets = "Authorization: Bearer planted\r\nx-api-key: planted\r\nCookie: planted\r\n"
                let whole = try await world.post(Self.path, Self.body(), "X-Session-ID: \(kind)\r\n\(secrets)")
                #expect(whole.status == 200)
                let stream = try await world.post(
                    Self.path, Self.body(#","stream":true"#), "X-Request-ID: \(kind)-stream\r\n\(secrets)")
                #expect(stream.status == 200)
                _ = try await world.post(Self.path, Self.body(#","top_p":7"#), "X-Session-ID: ../x\r\n")
                _ = try await world.post(Self.path + "/count_tokens", Self.body())
                try await world.stop()
                let files = try Self.lines(in: folder)
                let lines = try #require(files["\(kind).jsonl"])
                try #require(lines.count == 2)
                #expect(Self.member("type", lines[0]) == .string("request"))
                #expect(Self.member("model", lines[0]) == .string("mock-chat"))
                #expect(Self.member("body", lines[0]) == (try JSONTree(Array(Self.body().utf8))))
                #expect(Self.member("type", lines[1]) == .string("response"))
                #expect(Self.member("body", lines[1]) == (try JSONTree(whole.body)))
                #expect(Self.member("note", lines[1]) == nil)
                let streamed = try #require(files["\(kind)-stream.jsonl"])
                try #require(streamed.count == 2)
                let message = try #require(Self.member("body", streamed[1]))
                #expect(Self.member("type", message) == .string("message"))
                #expect(Self.member("stop_reason", message) == .string("max_tokens"))
                #expect(Self.member("note", streamed[1]) == nil)
            }
            try await mock.stop()
        }
        let files = try Self.lines(in: folder)
        #expect(
            Set(files.keys) == [
                "vllm.jsonl", "vllm-stream.jsonl", "openAI.jsonl", "openAI-stream.jsonl", "default.jsonl",
            ])
        let refused = try #require(files["default.jsonl"])
        #expect(refused.count == 4)
        #expect(Self.member("body", refused[1]).flatMap { Self.member("type", $0) } == .string("error"))
        #expect(!"\(files)".contains("planted"))
    }

    @Test("says so loudly in the log, and writes nothing while it is off", arguments: Engine.allCases)
    func log(engine: Engine) async throws {
        let folder = Self.folder()
        defer { Self.remove(folder) }
        let mock = try await MockBackend.start(kind: .vllm)
        try await World.with(engine, [Place(mock)], tuned: Self.tuning(folder)) { world in
            _ = try await world.post(Self.path, Self.body())
            let log = try await world.logAfterStop()
            #expect(
                log.count { $0["level"] as? String == "WARN" && ($0["msg"] as? String)?.contains("inspector") == true }
                    == 2)
            let last = try #require(log.first { $0["msg"] as? String == "Inspector closed" })
            #expect(last["written"] as? Int == 1 && last["dropped"] as? Int == 0 && last["failed"] as? Int == 0)
        }
        try FileManager.default.removeItem(atPath: folder)
        let off = Tuning { $0.translators.anthropic.inspector.outputDirectory = folder }
        try await World.with(engine, [Place(mock)], tuned: off) { world in
            _ = try await world.post(Self.path, Self.body())
            try await world.stop()
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
        try await mock.stop()
    }

    @Test("does not let a gateway start that cannot write, and a validation sees it too")
    func unwritable() async throws {
        let files = try ListenerFiles()
        defer { files.remove() }
        let folder = files.key + "/below/a/file"
        await #expect(throws: (any Error).self) {
            try await World.with(.olla, [], tuned: Self.tuning(folder)) { _ in }
        }
        let path = files.certificate + ".yaml"
        let text = "translators:\n  anthropic:\n    inspector:\n      enabled: true\n      output_dir: \"\(folder)\"\n"
        try files.write(text, to: path)
        let loaded = ConfigurationLoader(environment: [:], objections: StartCheck.objections).load(path: path)
        #expect(loaded.errors.count == 1)
        #expect(
            loaded.errors.first?.description.hasPrefix(
                "\(path):5: translators.anthropic.inspector.output_dir: \(folder): ") == true, "\(loaded.errors)")
    }

    @Test(
        "takes as a file's name only what cannot lead elsewhere",
        arguments: [
            ("abc-DEF_09", "abc-DEF_09"), ("", "default"), ("../x", "default"), ("a/b", "default"), (".", "default"),
            ("a b", "default"), ("é", "default"),
            (String(repeating: "a", count: 64), String(repeating: "a", count: 64)),
            (String(repeating: "a", count: 65), "default"),
        ])
    func session(value: String, name: String) {
        #expect(MessageRecord.session(Array(value.utf8)) == name)
    }

    @Test("writes one line a message, whatever the bodies are")
    func record() throws {
        var call = InspectedCall(
            session: [], model: Array("a\"b".utf8), start: .zero, end: .seconds(1),
            request: ByteBuffer(string: "{\"a\" : [1.0,\n 12345678901234567890, \"x \\\" \\n y\"]}"),
            answer: ByteBuffer(string: "no\njson"), answerBytes: 7, isWhole: true)
        #expect(
            String(decoding: MessageRecord(call).lines, as: UTF8.self)
                == #"{"type":"request","ts":"1970-01-01T00:00:00.000Z","model":"a\"b","#
                + #""body":{"a":[1.0,12345678901234567890,"x \" \n y"]}}"# + "\n"
                + #"{"type":"response","ts":"1970-01-01T00:00:01.000Z","body":"no\njson"}"# + "\n")
        call.answer = ByteBuffer(bytes: [0xFF, 0x0A])
        call.answerBytes = 2
        #expect(
            String(decoding: MessageRecord(call).lines, as: UTF8.self).hasSuffix(
                #""body":null,"note":"2 bytes of another coding"}"# + "\n"))
        call.answer = ByteBuffer()
        call.answerBytes = 5_000_000
        #expect(
            String(decoding: MessageRecord(call).lines, as: UTF8.self).hasSuffix(
                #""body":null,"note":"5000000 bytes are too many to be written"}"# + "\n"))
    }

    @Test("puts a stream together as the message it stands for")
    func stream() throws {
        let events = [
            #"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":3,"output_tokens":0}}}"#,
            #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}}"#,
            #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
            #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":":1}"}}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}"#,
            #"{"type":"message_stop"}"#,
        ].map { "event: x\ndata: \($0)\n\n" }
        let whole = try #require(StreamedMessage(events: Array(events.joined().utf8)))
        #expect(whole.isWhole)
        #expect(
            String(decoding: whole.body, as: UTF8.self)
                == #"{"content":[{"thinking":"hmm","type":"thinking"},{"id":"t","input":{"a":1},"name":"f","#
                + #""type":"tool_use"}],"id":"m","stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":7}}"#
        )
        let cut = try #require(StreamedMessage(events: Array(events.dropLast().joined().utf8)))
        #expect(!cut.isWhole)
        #expect(StreamedMessage(events: Array("data: x\n\n".utf8)) == nil)
    }
}
