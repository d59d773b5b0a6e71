import Foundation

/// Text for people, beside the log.
enum StandardError {
    static func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}

/// The answer of a command that is no server.
enum StandardOutput {
    /// Returns false when nobody reads any more: the pipe's other end is closed.
    @discardableResult
    static func write(_ text: String) -> Bool {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
            return true
        } catch {
            return false
        }
    }
}
