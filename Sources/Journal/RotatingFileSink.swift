import CZlib
import Domain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// JSON lines to `olla.log`, which is put aside and compressed when it has grown to its size.
///
/// A file put aside is `olla-<UTC time>.log.gz`; its name sorts by age. Old ones are removed by number and
/// age. The file never ends in the middle of a line because of a rotation.
///
/// - Isolation: the writer thread, which does the compressing too; queues bridge that time.
/// - Bounds: ``LogFile/bytesMax`` a file (one line more when a line is longer than that).
final class RotatingFileSink: LogSink {
    private static let name = "olla.log"
    private let settings: LogFile
    private let path: String
    private let now: () -> Nanoseconds
    private var descriptor: Int32
    private var output: DescriptorSink
    private var size: Int

    /// Opens the file for appending and makes its folder when it is missing.
    init(_ settings: LogFile, now: @escaping () -> Nanoseconds = { WallClock.now() }) throws(LogbookError) {
        self.settings = settings
        self.path = settings.directory + "/" + Self.name
        self.now = now
        try Self.makeDirectory(settings.directory)
        (self.descriptor, self.size) = try Self.open(self.path)
        self.output = DescriptorSink(descriptor: self.descriptor)
    }

    deinit { close(self.descriptor) }

    func write(_ batch: UnsafeRawBufferPointer, lines: Int) -> SinkReport {
        var report = SinkReport()
        var rest = batch
        var restLines = lines
        while !rest.isEmpty {
            let room = max(self.settings.bytesMax - self.size, 0)
            var part = (bytes: rest.count, lines: restLines)
            if rest.count > room {
                part = Lines.wholeLines(in: UnsafeRawBufferPointer(rebasing: rest[0..<room]))
                if part.lines == 0 {
                    if self.size > 0, self.rotate() { continue }
                    let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.count
                    part = (end, 1)
                }
            }
            let done = self.output.write(
                UnsafeRawBufferPointer(rebasing: rest[0..<part.bytes]), lines: part.lines)
            self.size += done.bytes
            report.bytes += done.bytes
            report.linesLost += done.linesLost
            rest = UnsafeRawBufferPointer(rebasing: rest[part.bytes...])
            restLines -= part.lines
        }
        return report
    }

    /// Puts the file aside and begins a new one; false when that isn't possible, and the old one goes on.
    private func rotate() -> Bool {
        var timestamp = Timestamp()
        let stamp = String(decoding: timestamp.render(self.now()), as: UTF8.self)
            .split(separator: ":").joined(separator: "-")
        var aside = "\(self.settings.directory)/olla-\(stamp).log"
        var attempt = 1
        while access(aside, F_OK) == 0 || access(aside + ".gz", F_OK) == 0 {
            aside = "\(self.settings.directory)/olla-\(stamp)-\(attempt).log"
            attempt += 1
        }
        guard rename(self.path, aside) == 0 else { return false }
        guard let opened = try? Self.open(self.path) else {
            rename(aside, self.path)
            return false
        }
        close(self.descriptor)
        (self.descriptor, self.size) = opened
        self.output = DescriptorSink(descriptor: self.descriptor)
        if Self.compress(aside, to: aside + ".gz") { unlink(aside) }
        self.removeOldFiles()
        return true
    }

    /// Removes the files put aside that are too many or too old, judged by the time in their names.
    private func removeOldFiles() {
        var kept = Self.names(in: self.settings.directory)
            .filter { $0.hasPrefix("olla-") && ($0.hasSuffix(".log") || $0.hasSuffix(".log.gz")) }
            .sorted(by: >)
        if self.settings.backupsMax > 0, kept.count > self.settings.backupsMax {
            for name in kept[self.settings.backupsMax...] { unlink("\(self.settings.directory)/\(name)") }
            kept.removeSubrange(self.settings.backupsMax...)
        }
        guard self.settings.ageDaysMax > 0 else { return }
        let age = Nanoseconds.seconds(Int64(self.settings.ageDaysMax) * 86_400)
        var timestamp = Timestamp()
        let oldest = String(decoding: timestamp.render(self.now() - age), as: UTF8.self)
            .split(separator: ":").joined(separator: "-")
        for name in kept where name < "olla-\(oldest)" { unlink("\(self.settings.directory)/\(name)") }
    }

    private static func names(in directory: String) -> [String] {
        guard let folder = opendir(directory) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
                    names.append(String(cString: $0))
                }
            }
        }
        return names
    }

    private static func makeDirectory(_ path: String) throws(LogbookError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw .file(made, code: errno) }
        }
    }

    private static func open(_ path: String) throws(LogbookError) -> (Int32, size: Int) {
        #if canImport(Darwin)
        let descriptor = Darwin.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        #elseif canImport(Musl)
        let descriptor = Musl.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        #else
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        #endif
        guard descriptor >= 0 else { throw .file(path, code: errno) }
        let end = lseek(descriptor, 0, SEEK_END)
        return (descriptor, max(Int(end), 0))
    }

    /// Writes a gzip copy of a file; false (and no copy) when anything fails.
    private static func compress(_ source: String, to target: String) -> Bool {
        #if canImport(Darwin)
        let input = Darwin.open(source, O_RDONLY | O_CLOEXEC)
        #elseif canImport(Musl)
        let input = Musl.open(source, O_RDONLY | O_CLOEXEC)
        #else
        let input = Glibc.open(source, O_RDONLY | O_CLOEXEC)
        #endif
        guard input >= 0 else { return false }
        defer { close(input) }
        guard let output = gzopen(target, "wb6") else { return false }
        let isCopied = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            while true {
                let count = read(input, buffer.baseAddress, buffer.count)
                if count == 0 { return true }
                guard count > 0, gzwrite(output, buffer.baseAddress, UInt32(count)) == Int32(count) else {
                    return false
                }
            }
        }
        let isClosed = gzclose(output) == Z_OK
        if isCopied, isClosed { return true }
        unlink(target)
        return false
    }
}
