import CMallocProbe
import Foundation

/// Tells where allocations come from, on demand: `ALLOCATION_SITES=1 swift test -c release …`.
///
/// With `-Xswiftc -g` the lines name files and lines, otherwise functions.
enum CallSites {
    /// Whether the environment asks for call sites.
    static let areWanted = ProcessInfo.processInfo.environment["ALLOCATION_SITES"] != nil

    /// The most frames shown of a call site.
    private static let framesMax = 16

    /// Prints the call sites of the last traced rounds, the most frequent first.
    static func report(_ name: String, rounds: Int) {
        var count = 0
        let traces = UnsafeBufferPointer(start: malloc_probe_traces(&count), count: count)
        var sites: [[UInt]: (count: Int, bytes: Int)] = [:]
        for var trace in traces {
            let depth = min(trace.depth, Int(MALLOC_PROBE_DEPTH_MAX))
            let frames = withUnsafeBytes(of: &trace.frames) {
                // Without the replaced function and what the unwinder says behind a thread's first one.
                Array($0.bindMemory(to: UInt.self).prefix(depth).dropFirst().prefix { $0 != 0 })
            }
            sites[frames, default: (0, 0)].count += 1
            sites[frames, default: (0, 0)].bytes = trace.bytes
        }
        var lines = ["== \(name): \(count) allocations in \(rounds) rounds"]
        // What happens once in many rounds is a timer, or the measuring itself.
        for (frames, site) in sites.sorted(by: { $0.value.count > $1.value.count }) where site.count * 20 >= rounds {
            lines.append("  \(site.count) × \(site.bytes) bytes")
            lines += self.symbols(of: Array(frames.prefix(self.framesMax))).map { "      \($0)" }
        }
        let text = lines.joined(separator: "\n")
        let demangled = lines.count > 1 ? self.run(["swift", "demangle", "--simplified"], input: text) : nil
        print(demangled ?? text)
    }

    /// The functions at return addresses, by the toolchain's symbolizer; one line each, and one per inlined call.
    private static func symbols(of frames: [UInt]) -> [String] {
        frames.flatMap { frame -> [String] in
            // The call lies before the address it returns to.
            var offset: UInt = 0
            guard let name = malloc_probe_locate(UnsafeRawPointer(bitPattern: frame - 1), &offset) else {
                return ["0x\(String(frame, radix: 16))"]
            }
            let (file, place) = (String(cString: name), "0x\(String(offset, radix: 16))")
            let text = self.run(["llvm-symbolizer", "--pretty-print", "--obj=\(file)", place], input: "")
            return text?.split(separator: "\n").map { String($0) } ?? ["\(file)+\(place)"]
        }
    }

    /// What a command writes; nil when it fails.
    private static func run(_ arguments: [String], input: String) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let (source, output) = (Pipe(), Pipe())
        process.standardInput = source
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        // A demangler that is waiting to write would wait for ever, were all of the input written first.
        let writer = Thread {
            try? source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try? source.fileHandleForWriting.close()
        }
        writer.start()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }
}
