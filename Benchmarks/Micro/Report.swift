#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Shows results.
enum Report {
    /// A Markdown page with one table.
    static func page(_ results: [Timing]) -> String {
        """
        # What the parts of the data path cost

        Nanoseconds a round on one core of \(self.processor()), written by `make bench-micro`: the least, the median and
        the 90th percentile of \(Stopwatch.samples) samples of at least \(Stopwatch.sampleMilliseconds) ms, once warm. The limits are promises: the
        run fails when the least is above.

        \(self.table(results))
        """
    }

    private static func table(_ results: [Timing]) -> String {
        var lines = ["| work | min ns | median ns | p90 ns | limit ns |", "| --- | ---: | ---: | ---: | ---: |"]
        for result in results {
            let name = result.note.isEmpty ? result.name : "\(result.name) (\(result.note))"
            let limit = result.limit.map { self.number($0) } ?? ""
            let columns = [result.minimum, result.median, result.ninetieth].map { self.number($0) }
            lines.append("| \(name) | \(columns.joined(separator: " | ")) | \(limit) |")
        }
        return lines.joined(separator: "\n")
    }

    /// One JSON object, nanoseconds by name; the names hold no character that needs escaping.
    static func json(_ results: [Timing]) -> String {
        let members = results.map { result in
            "  \"\(result.name)\": {\"min\": \(self.number(result.minimum)), "
                + "\"median\": \(self.number(result.median)), \"p90\": \(self.number(result.ninetieth))}"
        }
        return "{\n\(members.joined(separator: ",\n"))\n}"
    }

    /// The processor's name, as far as Linux tells it.
    private static func processor() -> String {
        let descriptor = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "this machine" }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        let lines = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self).split(separator: "\n")
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last?.drop { $0 == " " }
        return name.map { String($0) } ?? "this machine"
    }

    /// Two digits behind the point below 100, none above.
    static func number(_ value: Double) -> String {
        guard value < 100 else { return "\(Int(value.rounded()))" }
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    /// Tells on the standard error.
    static func complain(_ text: String) {
        let line = Array("microbench: \(text)\n".utf8)
        line.withUnsafeBytes { _ = write(2, $0.baseAddress, $0.count) }
    }

    /// Ends the process.
    static func exitWithFailure() -> Never { exit(1) }
}
