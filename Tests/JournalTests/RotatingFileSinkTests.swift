import Domain
import Foundation
import Testing

@testable import Journal

@Suite("The rotating log file")
struct RotatingFileSinkTests {
    private let folder: ScratchFolder
    private let settings: LogFile

    init() throws {
        self.folder = try ScratchFolder()
        var settings = LogFile()
        settings.directory = self.folder.path
        settings.bytesMax = 100
        self.settings = settings
    }

    /// Writes lines in one batch; a clock that moves a second with every reading.
    private func write(_ lines: [String], to sink: RotatingFileSink) -> SinkReport {
        var batch = lines.joined()
        return batch.withUTF8 { sink.write(UnsafeRawBufferPointer($0), lines: lines.count) }
    }

    private func line(_ number: Int) -> String { String(repeating: "\(number)", count: 39) + "\n" }

    @Test("is put aside before it outgrows its size, between lines")
    func rotation() throws {
        var second: Int64 = 1_000_000_000
        let sink = try RotatingFileSink(
            self.settings,
            now: {
                second += 1
                return .seconds(second)
            })
        #expect(self.write((1...5).map(self.line), to: sink) == SinkReport(bytes: 200, linesLost: 0))
        let names = try self.folder.names()
        #expect(names.count == 3)
        #expect(names.last == "olla.log")
        #expect(names.dropLast().allSatisfy { $0.hasPrefix("olla-2001-09-09T01-46-4") && $0.hasSuffix(".log.gz") })
        let texts = try names.dropLast().map { try self.folder.unzipped($0) } + [try self.folder.text("olla.log")]
        #expect(texts == [self.line(1) + self.line(2), self.line(3) + self.line(4), self.line(5)])
    }

    @Test("goes on where an earlier run stopped")
    func appending() throws {
        for number in 1...3 {
            let sink = try RotatingFileSink(self.settings)
            #expect(self.write([self.line(number)], to: sink).bytes == 40)
        }
        #expect(try self.folder.text("olla.log") == self.line(3))
        #expect(try self.folder.names().count == 2)
    }

    @Test("takes a line longer than its size whole")
    func longLine() throws {
        let sink = try RotatingFileSink(self.settings)
        let long = String(repeating: "L", count: 500) + "\n"
        #expect(self.write([self.line(1), long, self.line(2)], to: sink) == SinkReport(bytes: 581, linesLost: 0))
        #expect(try self.folder.text("olla.log") == self.line(2))
        #expect(try self.folder.names().count == 3)
    }

    @Test("keeps the newest files by number, and none that are too old")
    func pruning() throws {
        var settings = self.settings
        settings.bytesMax = 40
        settings.backupsMax = 3
        settings.ageDaysMax = 2
        var quarter: Int64 = 0
        let sink = try RotatingFileSink(
            settings,
            now: {
                quarter += 1
                return .seconds(1_000_000_000 + quarter * 86_400 / 4)
            })
        for number in 1...9 { _ = self.write([self.line(number)], to: sink) }
        let aside = try self.folder.names().filter { $0.hasSuffix(".gz") }
        #expect(try aside.map { try self.folder.unzipped($0) } == [6, 7, 8].map(self.line))

        quarter += 100
        _ = self.write([self.line(0)], to: sink)
        #expect(try self.folder.names().filter { $0.hasSuffix(".gz") }.count == 1)
    }

    @Test("never gives two files one name, and leaves foreign files alone")
    func names() throws {
        try "x".write(toFile: self.folder.path + "/notes.log", atomically: true, encoding: .utf8)
        var settings = self.settings
        settings.bytesMax = 40
        let sink = try RotatingFileSink(settings, now: { .seconds(1_000_000_000) })
        for number in 1...4 { _ = self.write([self.line(number)], to: sink) }
        #expect(try self.folder.names().count == 5)
        #expect(try self.folder.text("notes.log") == "x")
    }
}
