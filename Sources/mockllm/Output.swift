#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Lines for whoever started this process.
enum Output {
    /// Prints a line and hands it to the system at once, so that a pipe's reader sees it.
    static func line(_ text: String) {
        print(text)
        fflush(nil)
    }
}
