import CZlib
import Domain
import Foundation
import Testing

@testable import Journal

/// One writer with its queue, and no thread behind it: what was committed is read back at once.
struct LineHarness {
    let queue: LineQueue
    let writer: LineWriter

    init(level: LogLevel = .debug, capacity: Int = 1 << 18) throws {
        self.queue = LineQueue(capacity: capacity)
        self.writer = LineWriter(queue: self.queue, shared: SharedState(level: level, waker: try Waker()))
    }

    /// Everything queued so far.
    func drain() -> String {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LogPump.batchBytes, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let taken = self.queue.take(into: buffer, upTo: self.queue.end)
            guard taken.bytes > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: buffer[0..<taken.bytes])
        }
    }

    /// The single record queued so far, as parsed JSON.
    func record() throws -> [String: Any] { try parse(self.drain()) }
}

/// Parses one line strictly: valid JSON, one object, one line feed at its very end, each key once.
func parse(_ line: String) throws -> [String: Any] {
    #expect(line.hasSuffix("}\n"))
    #expect(line.utf8.filter { $0 == 0x0A }.count == 1)
    let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
    return try #require(value as? [String: Any])
}

func withSpan<Result>(_ bytes: [UInt8], _ body: (RawSpan) -> Result) -> Result { body(bytes.span.bytes) }

/// A folder that is gone when the test is over.
final class ScratchFolder {
    let path: String

    init() throws {
        self.path = NSTemporaryDirectory() + "journal-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: self.path).sorted() }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(self.path)/\(name)", encoding: .utf8)
    }

    /// The content of a gzip file, by zlib.
    func unzipped(_ name: String) throws -> String {
        let file = try #require(gzopen("\(self.path)/\(name)", "rb"))
        defer { gzclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Int(gzread(file, &buffer, UInt32(buffer.count)))
            try #require(count >= 0)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: buffer[0..<count])
        }
    }
}
