import Domain
import Journal
import Telemetry
import Transport

extension Gateway {
    /// Writes what the process has used since its start; key `engineering.show_nerdstats`.
    func logProcessStatistics() {
        guard let facts = ProcessFacts.read() else { return }
        let age = Clock.wallNanoseconds() - facts.startTime.rawValue
        var fields: [(key: String, value: LogValue)] = [
            ("uptime_seconds", .double(Double(max(0, age)) / 1e9)), ("cpu_seconds", .double(facts.cpuTime.seconds)),
            ("resident_bytes", .integer(Int64(facts.residentBytes))),
            ("virtual_bytes", .integer(Int64(facts.virtualBytes))), ("threads", .integer(Int64(facts.threads ?? 0))),
            ("open_descriptors", .integer(Int64(facts.openDescriptors))),
            ("processors", .integer(Int64(facts.processors ?? 0))),
        ]
        if let bytes = facts.allocatedBytes { fields.append(("allocated_bytes", .integer(Int64(bytes)))) }
        self.logbook.log(.info, "Process statistics", fields)
    }
}
