import Domain
import Foundation
import Synchronization
import Telemetry
import Testing

@testable import Journal

@Suite("The logbook")
struct LogbookTests {
    private let folder: ScratchFolder
    private let descriptor: Int32

    init() throws {
        self.folder = try ScratchFolder()
        self.descriptor = open("\(self.folder.path)/out", O_RDWR | O_CREAT, 0o600)
        try #require(self.descriptor >= 0)
    }

    private func logbook(
        loops: Int = 1, _ configuration: Logbook.Configuration = .init()
    ) throws -> Logbook {
        try Logbook(
            loops: loops, configuration: configuration, descriptor: self.descriptor,
            now: { Nanoseconds(rawValue: 1_000_000_000) })
    }

    private func lines() throws -> [String] {
        let lines = try self.folder.text("out").split(separator: "\n", omittingEmptySubsequences: false)
        return lines.dropLast().map { $0 + "\n" }
    }

    @Test("writes the lines of all loops and of the control plane, each one whole, before it shuts down")
    func everything() async throws {
        let logbook = try self.logbook(loops: 3)
        await withTaskGroup(of: Void.self) { group in
            for loop in 0..<3 {
                group.addTask {
                    for number in 0..<500 {
                        var line = logbook.writer(forLoop: loop).begin(.info, "loop", at: .zero)
                        line.integer(LogKey("loop"), Int64(loop))
                        line.integer(LogKey("number"), Int64(number))
                        line.commit()
                    }
                }
            }
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<100 {
                        logbook.log(.warn, "control \(task)", [("number", .integer(Int64(number))), ("ok", true)])
                    }
                }
            }
        }
        #expect(logbook.shutdown(within: .seconds(10)))
        let records = try self.lines().map { try parse($0) }
        #expect(records.count == 1_900)
        for loop in 0..<3 {
            let numbers = records.filter { $0["loop"] as? Int == loop }.compactMap { $0["number"] as? Int }
            #expect(numbers == Array(0..<500))
        }
        for task in 0..<4 {
            let mine = records.filter { $0["msg"] as? String == "control \(task)" }
            let numbers = mine.compactMap { $0["number"] as? Int }
            #expect(numbers == Array(0..<100))
        }
        var expected = LogCounters()
        expected[LogLevel.info] = 1_500
        expected[LogLevel.warn] = 400
        expected.bytesWritten = UInt64(try self.folder.text("out").utf8.count)
        #expect(logbook.counters == expected)
        #expect(logbook.facts.records == [.debug: 0, .info: 1_500, .warn: 400, .error: 0])
        #expect(logbook.facts.writtenBytes == Int(expected.bytesWritten))
    }

    @Test("writes each key once and every value so that it reads back")
    func controlRecord() throws {
        let logbook = try self.logbook()
        logbook.log(
            .error, "no \"way\"\n",
            [
                ("address", "127.0.0.1:\(40_000)"), ("msg", "forged"), ("n", 1), ("n", 2), ("k\"ey", .double(1.5)),
                ("time_ms", .milliseconds(.microseconds(1_500))),
            ])
        #expect(logbook.shutdown(within: .seconds(10)))
        #expect(
            try self.lines() == [
                #"{"timestamp":"1970-01-01T00:00:01.000Z","level":"ERROR","msg":"no \"way\"\n","#
                    + #""address":"127.0.0.1:40000","n":1,"k\"ey":1.5,"time_ms":1.500}"# + "\n"
            ])
    }

    @Test("obeys a level that changes")
    func level() throws {
        let logbook = try self.logbook()
        #expect(logbook.log(.debug, "one") == .disabled)
        logbook.setLevel(.debug)
        #expect(logbook.writer(forLoop: 0).isEnabled(.debug))
        #expect(logbook.log(.debug, "two") == .queued)
        logbook.setLevel(.error)
        #expect(!logbook.isEnabled(.warn))
        #expect(logbook.log(.warn, "three") == .disabled)
        #expect(logbook.shutdown(within: .seconds(10)))
        #expect(try self.lines().map { try parse($0)["msg"] as? String } == ["two"])
    }

    @Test("refuses and counts records after it was shut down")
    func afterShutdown() throws {
        let logbook = try self.logbook()
        #expect(logbook.shutdown(within: .seconds(10)))
        #expect(logbook.log(.error, "late") == .dropped(.sinkError))
        #expect(logbook.counters[LogDropReason.sinkError] == 1)
        #expect(logbook.shutdown(within: .seconds(10)))
        #expect(try self.lines().isEmpty)
    }

    @Test("drops info before errors when nobody reads, counts each, and does not hang at its end")
    func nobodyReads() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        // A full pipe, so that the writer is stuck in its first batch.
        let flags = fcntl(ends[1], F_GETFL)
        try #require(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK) == 0)
        while write(ends[1], [UInt8](repeating: 0, count: 4_096), 4_096) > 0 {}
        try #require(fcntl(ends[1], F_SETFL, flags) == 0)
        var configuration = Logbook.Configuration()
        configuration.queueBytes = 1 << 16
        let logbook = try Logbook(loops: 1, configuration: configuration, descriptor: ends[1])
        let writer = logbook.writer(forLoop: 0)
        let text = String(repeating: "x", count: 1_000)
        var outcomes: [LineOutcome: Int] = [:]
        var lastInfo = LineOutcome.queued
        // More queued than the queue holds: the writer has its batch. Then the queue fills for good.
        let start = ContinuousClock.now
        while outcomes[.queued, default: 0] <= configuration.queueBytes / text.utf8.count || lastInfo == .queued,
            start.duration(to: .now) < .seconds(30)
        {
            var line = writer.begin(.info, "m", at: .zero)
            line.string(.path, text)
            lastInfo = line.commit()
            outcomes[lastInfo, default: 0] += 1
        }
        #expect(lastInfo == .dropped(.queueFull))
        #expect(logbook.writer(forLoop: 0).begin(.error, "error", at: .zero).commit() == .queued)
        #expect(logbook.counters[LogDropReason.queueFull] == UInt64(outcomes[.dropped(.queueFull)] ?? 0))
        #expect(logbook.counters.queueLength > 0)
        #expect(!logbook.shutdown(within: .milliseconds(50)))
        close(ends[0])
        #expect(logbook.shutdown(within: .seconds(10)))
        close(ends[1])
        #expect(logbook.counters[LogDropReason.sinkError] > 0)
    }

    @Test("counts lines that the output refuses and survives a reader that went away")
    func brokenPipe() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        let logbook = try Logbook(loops: 0, descriptor: ends[1])
        for _ in 0..<10 { logbook.log(.info, "lost") }
        #expect(logbook.shutdown(within: .seconds(10)))
        close(ends[1])
        #expect(logbook.counters[LogDropReason.sinkError] == 10)
        #expect(logbook.counters.bytesWritten == 0)
        #expect(logbook.counters.queueLength == 0)
    }

    @Test("sends lines to the outputs that hold when they are written")
    func reconfigured() throws {
        let logbook = try self.logbook()
        var configuration = Logbook.Configuration()
        configuration.format = .text
        configuration.level = .debug
        var file = LogFile()
        file.directory = self.folder.path + "/deep/logs"
        configuration.file = file
        try logbook.reconfigure(configuration)
        logbook.log(.debug, "both", [("a", "b c")])
        #expect(logbook.shutdown(within: .seconds(10)))
        #expect(try self.lines().last == "time=1970-01-01T00:00:01.000Z level=DEBUG msg=both a=\"b c\"\n")
        let record = try parse(try self.folder.text("deep/logs/olla.log"))
        #expect(record["a"] as? String == "b c")
    }

    @Test("sends each line to the outputs in force when it was queued, however fast they change")
    func reconfiguredOften() throws {
        let logbook = try self.logbook()
        var withFile = Logbook.Configuration()
        var file = LogFile()
        file.directory = self.folder.path + "/often"
        withFile.file = file
        for round in 0..<200 {
            try logbook.reconfigure(round % 2 == 1 ? withFile : Logbook.Configuration())
            logbook.log(.info, "round", [("number", .integer(Int64(round)))])
        }
        #expect(logbook.shutdown(within: .seconds(10)))
        let lines = try self.folder.text("often/olla.log").split(separator: "\n")
        let numbers = try lines.map { try parse($0 + "\n")["number"] as? Int }
        #expect(numbers == (0..<100).map { 2 * $0 + 1 })
    }

    @Test("names a folder that can't be used and stays as it was")
    func badFolder() throws {
        let logbook = try self.logbook()
        var configuration = Logbook.Configuration()
        var file = LogFile()
        file.directory = self.folder.path + "/out/below-a-file"
        configuration.file = file
        configuration.level = .debug
        #expect(throws: LogbookError.file(file.directory, code: ENOTDIR)) { try logbook.reconfigure(configuration) }
        #expect(!logbook.isEnabled(.debug))
        #expect("\(LogbookError.file("/x", code: ENOTDIR))" == "log file /x: Not a directory")
        logbook.shutdown(within: .seconds(10))
    }
}
