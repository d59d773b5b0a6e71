import CProcess
import Domain
import Foundation
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the operating system says about this process, for a scrape.
enum ProcessFacts {
    /// Reads the figures; nil where the system offers no `/proc`.
    static func read() -> ScrapeFacts.Process? {
        #if os(Linux)
        guard let status = self.fields("/proc/self/stat"), status.count > 22 else { return nil }
        let ticks = Int64(sysconf(Int32(_SC_CLK_TCK)))
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard ticks > 0, let user = Int64(status[11]), let system = Int64(status[12]),
            let virtual = Int(status[20]), let resident = Int(status[21])
        else { return nil }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var facts = ScrapeFacts.Process(
            cpuTime: Nanoseconds(rawValue: (user + system) * (1_000_000_000 / ticks)),
            residentBytes: resident * page, virtualBytes: virtual,
            openDescriptors: self.openDescriptors(), maxDescriptors: Int(clamping: limit.rlim_cur),
            startTime: self.startTime)
        if let table = try? String(contentsOfFile: "/proc/self/net/netstat", encoding: .utf8) {
            facts.networkReceivedBytes = self.netstat("InOctets", of: "IpExt:", in: table)
            facts.networkSentBytes = self.netstat("OutOctets", of: "IpExt:", in: table)
        }
        facts.threads = Int(status[17])
        facts.processors = ProcessInfo.processInfo.activeProcessorCount
        facts.memoryLimitBytes = self.memoryLimit
        let allocated = glasspot_heap_bytes_in_use()
        if allocated >= 0 { facts.allocatedBytes = Int(allocated) }
        return facts
        #else
        return nil
        #endif
    }

    /// What the control group allows (cgroup v2, `memory.max`), at most what the machine has; read once.
    private static let memoryLimit: Int = {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        guard let text = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8),
            let limit = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return machine }
        return min(limit, machine)
    }()

    /// When this process began, read once.
    static let startTime: Nanoseconds = {
        let now = Int64(Date().timeIntervalSince1970 * 1e9)
        #if os(Linux)
        let ticks = Int64(sysconf(Int32(_SC_CLK_TCK)))
        guard ticks > 0, let status = Self.fields("/proc/self/stat"), status.count > 22,
            let begun = Int64(status[19]), let text = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
            let uptime = text.split(separator: " ").first.flatMap({ Double($0) })
        else { return Nanoseconds(rawValue: now) }
        let age = uptime - Double(begun) / Double(ticks)
        return Nanoseconds(rawValue: now - Int64(age * 1e9))
        #else
        return Nanoseconds(rawValue: now)
        #endif
    }()

    /// A figure of `/proc/<pid>/net/netstat`: of all traffic in the network namespace of the process, which is what the
    /// official Prometheus clients report under these names.
    ///
    /// The file is pairs of lines of the same length: names, then figures.
    static func netstat(_ name: String, of group: String, in table: String) -> Int? {
        let lines = table.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.first == group[...] }
        guard lines.count == 2, let place = lines[0].firstIndex(of: name[...]), place < lines[1].count else {
            return nil
        }
        return Int(lines[1][place])
    }

    #if os(Linux)
    /// The fields behind the command's name, which may itself hold blanks; the first one is the state.
    private static func fields(_ path: String) -> [Substring]? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].split(whereSeparator: { $0 == " " || $0 == "\n" })
    }

    private static func openDescriptors() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Neither the two dots nor the descriptor of the folder itself.
        return max(0, count - 3)
    }
    #endif
}
