import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Gives back the code that only the start needed.
///
/// Parsing YAML and arguments and the runtime's search for conformances touch some 15 MB of the program's text once.
/// The kernel would count them as resident for ever, though they can be read again from the file at any time. Dropping
/// the mapping's pages makes what stays resident what the data path uses.
public enum StartupPages {
    /// Drops the resident pages of the program's own text; they come back as they are needed.
    ///
    /// Nothing is lost: the mapping is private, never written and backed by the file. Does nothing where the system
    /// does not tell its mappings.
    public static func release() {
        #if os(Linux)
        guard let maps = try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8),
            let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { return }
        for line in maps.split(separator: "\n") where line.hasSuffix(program) {
            let fields = line.split(separator: " ", maxSplits: 2)
            guard fields.count == 3, fields[1] == "r-xp" else { continue }
            let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard bounds.count == 2, bounds[0] < bounds[1],
                let start = UnsafeMutableRawPointer(bitPattern: bounds[0])
            else { continue }
            madvise(start, Int(bounds[1] - bounds[0]), MADV_DONTNEED)
        }
        #endif
    }
}
