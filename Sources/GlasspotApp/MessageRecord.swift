import ClientSide
import Domain
import Foundation
import NIOCore

/// A call of the Messages API as two lines of JSON, of the request and of the answer.
struct MessageRecord {
    /// The name of a file of calls without a usable session.
    static let defaultSession = "default"
    /// The longest body that is written as it is: 4 MiB.
    static let bodyBytesMax = 4 << 20

    /// The day of the call in UTC, as `YYYY-MM-DD`.
    let day: String
    /// What the file is called: letters, digits, `-` and `_`, 64 at most.
    let session: String
    /// Both lines with their ends.
    let lines: [UInt8]

    /// Renders a call.
    init(_ call: InspectedCall) {
        let start = Self.time(call.start)
        self.day = String(start.prefix(10))
        self.session = Self.session(call.session)
        var lines = Array(#"{"type":"request","ts":"\#(start)","model":"#.utf8)
        lines += Self.quoted(String(decoding: call.model, as: UTF8.self))
        let request = Array(call.request.readableBytesView)
        if request.count > Self.bodyBytesMax {
            Self.append(nil, note: "\(request.count) bytes are too many to be written", to: &lines)
        } else {
            Self.append(Self.json(request) ?? Self.text(request), note: nil, to: &lines)
        }
        lines += Array(#"{"type":"response","ts":"\#(Self.time(call.end))""#.utf8)
        Self.appendAnswer(of: call, to: &lines)
        self.lines = lines
    }

    private static func appendAnswer(of call: InspectedCall, to lines: inout [UInt8]) {
        let answer = Array(call.answer.readableBytesView)
        guard answer.count == call.answerBytes else {
            return self.append(nil, note: "\(call.answerBytes) bytes are too many to be written", to: &lines)
        }
        if let json = self.json(answer) { return self.append(json, note: nil, to: &lines) }
        if let message = StreamedMessage(events: answer) {
            let isWhole = message.isWhole && call.isWhole
            return self.append(message.body, note: isWhole ? nil : "the stream broke off", to: &lines)
        }
        if answer.isEmpty { return self.append(nil, note: "the client got no answer", to: &lines) }
        guard let text = self.text(answer) else {
            return self.append(nil, note: "\(answer.count) bytes of another coding", to: &lines)
        }
        self.append(text, note: call.isWhole ? nil : "the answer broke off", to: &lines)
    }

    private static func append(_ body: [UInt8]?, note: String?, to lines: inout [UInt8]) {
        lines += Array(#","body":"#.utf8) + (body ?? Array("null".utf8))
        if let note { lines += Array(#","note":"\#(note)""#.utf8) }
        lines += Array("}\n".utf8)
    }

    /// A name from outside as a file's name: nothing in it can lead to another folder.
    static func session(_ value: [UInt8]) -> String {
        let isUsable = value.allSatisfy { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        guard isUsable, (1...64).contains(value.count) else { return self.defaultSession }
        return String(decoding: value, as: UTF8.self)
    }

    /// RFC 3339 in UTC with milliseconds.
    private static func time(_ moment: Nanoseconds) -> String {
        Date(timeIntervalSince1970: Double(moment.rawValue / 1_000_000) / 1_000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// The document on one line, with every number and name as it came; nil for what is no JSON document.
    static func json(_ bytes: [UInt8]) -> [UInt8]? {
        guard let first = bytes.first(where: { !ASCII.isWhitespace($0) }), first == 0x7B || first == 0x5B,
            (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil
        else { return nil }
        var line: [UInt8] = []
        line.reserveCapacity(bytes.count)
        var isText = false
        var isEscaped = false
        for byte in bytes {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                }
            } else if ASCII.isWhitespace(byte) {
                continue
            } else if byte == UInt8(ascii: "\"") {
                isText = true
            }
            line.append(byte)
        }
        return line
    }

    /// A text that is no JSON as a JSON string; nil for what is no text.
    private static func text(_ bytes: [UInt8]) -> [UInt8]? {
        String(validating: bytes, as: UTF8.self).map { Self.quoted($0) }
    }

    private static func quoted(_ text: String) -> [UInt8] {
        let options: JSONSerialization.WritingOptions = [.fragmentsAllowed, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: text, options: options) else {
            return Array("\"\"".utf8)
        }
        return Array(data)
    }
}
