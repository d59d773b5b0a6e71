import ClientSide
import Domain
import Foundation
import Journal
import NIOCore
import Settings
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Writes calls of Anthropic's Messages API to files, one JSON line a message, for developers (http-surface 4.10).
///
/// A file is `<output_dir>/<YYYY-MM-DD>/<session>.jsonl`, of the day and the session. Bodies are written as they are and
/// no header field is: a body holds no credential of the gateway, but all that a user has asked.
///
/// - Isolation: thread-safe; ``take(_:)`` never waits. One task does the writing.
/// - Bounds: ``callsMax`` calls and ``pendingBytesMax`` bytes wait, ``fileBytesMax`` a file, ``sessionsMax`` files a day;
///   what goes beyond is dropped and counted.
final class MessageFiles: MessagesInspector {
    /// The most calls that wait to be written.
    static let callsMax = 256
    /// The most bytes of bodies that wait to be written: 64 MiB.
    static let pendingBytesMax = 64 << 20
    /// The largest file: 256 MiB.
    static let fileBytesMax = 256 << 20
    /// The most sessions of a day that have files of their own; the others share that of `default`.
    static let sessionsMax = 1_000

    /// What became of the calls so far.
    struct Counts: Equatable {
        var written = 0
        /// More waited than may.
        var dropped = 0
        /// The file was full, or the system refused.
        var failed = 0
        fileprivate var pendingBytes = 0
    }

    let sessionHeader: [UInt8]
    private let folder: String
    private let logbook: Logbook
    private let queue: AsyncStream<InspectedCall>.Continuation
    private let counts = Mutex(Counts())
    private let writer = Mutex<Task<Void, Never>?>(nil)

    /// Makes the folder and begins to wait for calls; nil when the inspector is off.
    ///
    /// - Throws: ``StartFailure`` when nothing can be written to the folder.
    static func open(_ settings: Configuration.Inspector, logbook: Logbook) throws -> MessageFiles? {
        guard settings.enabled else { return nil }
        do {
            try MessageFolder.make(settings.outputDirectory)
            try MessageFolder.probe(settings.outputDirectory)
        } catch {
            throw StartFailure("\(self.key): \(settings.outputDirectory): \(error.reason)")
        }
        logbook.log(
            .warn, "The inspector writes every prompt and answer of /olla/anthropic/ to files: not for production",
            [("folder", .string(settings.outputDirectory))])
        return MessageFiles(settings, logbook: logbook)
    }

    private static let key = "translators.anthropic.inspector.output_dir"

    /// What would keep the inspector from writing; makes and changes nothing.
    static func objection(to settings: Configuration.Inspector) -> Objection? {
        guard settings.enabled else { return nil }
        let folder = settings.outputDirectory.isEmpty ? "./inspector-logs" : settings.outputDirectory
        return MessageFolder.obstacle(to: folder).map { Objection(self.key, "\(folder): \($0)") }
    }

    private init(_ settings: Configuration.Inspector, logbook: Logbook) {
        self.sessionHeader = Array(settings.sessionHeader.lowercased().utf8)
        self.folder = settings.outputDirectory
        self.logbook = logbook
        let (calls, queue) = AsyncStream.makeStream(
            of: InspectedCall.self, bufferingPolicy: .bufferingOldest(Self.callsMax))
        self.queue = queue
        let task = Task.detached { [weak self] in
            var files = Files()
            for await call in calls { self?.write(call, &files) }
        }
        self.writer.withLock { $0 = task }
    }

    func take(_ call: InspectedCall) {
        let bytes = call.request.readableBytes + call.answer.readableBytes
        let fits = self.counts.withLock { counts in
            guard counts.pendingBytes + bytes <= Self.pendingBytesMax else { return false }
            counts.pendingBytes += bytes
            return true
        }
        if fits {
            guard case .enqueued = self.queue.yield(call) else { return self.drop(bytes) }
        } else {
            self.drop(0)
        }
    }

    private func drop(_ bytes: Int) {
        let isFirst = self.counts.withLock { counts in
            counts.pendingBytes -= bytes
            counts.dropped += 1
            return counts.dropped == 1
        }
        if isFirst { self.logbook.log(.warn, "The inspector cannot keep up: calls are dropped") }
    }

    /// Writes what waits and says what became of all calls; what comes later is dropped.
    func close() async {
        self.queue.finish()
        let task = self.writer.withLock { $0 }
        await task?.value
        let counts = self.counts.withLock { $0 }
        self.logbook.log(
            .info, "Inspector closed",
            [
                ("written", .integer(Int64(counts.written))), ("dropped", .integer(Int64(counts.dropped))),
                ("failed", .integer(Int64(counts.failed))),
            ])
    }

    // MARK: - Writing

    /// The sessions of the present day that have files.
    private struct Files {
        var day = ""
        var sessions: Set<String> = []

        /// The file's name of a call.
        mutating func session(_ name: String, on day: String) -> String {
            if self.day != day { (self.day, self.sessions) = (day, []) }
            if self.sessions.contains(name) { return name }
            guard self.sessions.count < MessageFiles.sessionsMax else { return MessageRecord.defaultSession }
            self.sessions.insert(name)
            return name
        }
    }

    private func write(_ call: InspectedCall, _ files: inout Files) {
        let record = MessageRecord(call)
        let folder = "\(self.folder)/\(record.day)"
        let file = "\(folder)/\(files.session(record.session, on: record.day)).jsonl"
        var reason: String?
        do {
            try MessageFolder.make(folder)
            try MessageFolder.append(record.lines, to: file, bytesMax: Self.fileBytesMax)
        } catch {
            reason = error.reason
        }
        let counts = self.counts.withLock { counts in
            counts.pendingBytes -= call.request.readableBytes + call.answer.readableBytes
            if reason == nil { counts.written += 1 } else { counts.failed += 1 }
            return counts
        }
        if let reason, counts.failed == 1 {
            self.logbook.log(
                .error, "The inspector cannot write", [("file", .string(file)), ("error", .string(reason))])
        } else if reason == nil, counts.written == 1 {
            self.logbook.log(.warn, "The inspector has begun to write messages", [("file", .string(file))])
        }
    }
}
