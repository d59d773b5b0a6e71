import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Folders and files that only the gateway's own user may read.
enum MessageFolder {
    /// What the system did not let happen.
    struct Refusal: Error {
        /// Why, for an operator.
        let reason: String

        init(_ reason: String) { self.reason = reason }

        init(code: Int32) { self.reason = String(cString: strerror(code)) }
    }

    /// Makes a folder and those around it, as far as they are missing.
    static func make(_ path: String) throws(Refusal) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") where part != "." {
            made += "/\(part)"
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else { throw Refusal(code: errno) }
        }
        var facts = stat()
        guard stat(made, &facts) == 0 else { throw Refusal(code: errno) }
        guard facts.st_mode & S_IFMT == S_IFDIR else { throw Refusal("not a folder") }
    }

    /// Makes a file in a folder and removes it again.
    static func probe(_ folder: String) throws(Refusal) {
        let path = "\(folder)/.glasspot-\(getpid())"
        try self.append([], to: path, bytesMax: 0)
        unlink(path)
    }

    /// Appends to a file, which is made when it is missing, all bytes or none; a link is not followed.
    static func append(_ bytes: [UInt8], to path: String, bytesMax: Int) throws(Refusal) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Refusal(code: errno) }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { throw Refusal(code: errno) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw Refusal("not a file") }
        guard Int(facts.st_size) + bytes.count <= bytesMax else { throw Refusal("the file is full") }
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                write(file, bytes.baseAddress?.advanced(by: position), bytes.count - position)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let code = errno
                // Half a line would spoil the next one.
                ftruncate(file, facts.st_size)
                throw Refusal(code: code)
            }
            position += count
        }
    }

    /// Why a folder could not be made or written to; nil when it seems that it can.
    static func obstacle(to path: String) -> String? {
        var current = path
        while true {
            var facts = stat()
            if stat(current, &facts) == 0 {
                guard facts.st_mode & S_IFMT == S_IFDIR else { return "\(current) is not a folder" }
                return access(current, W_OK | X_OK) == 0 ? nil : "\(current) cannot be written to"
            }
            guard errno == ENOENT else { return String(cString: strerror(errno)) }
            let parent = (current as NSString).deletingLastPathComponent
            if parent == current { return nil }
            current = parent.isEmpty ? "." : parent
        }
    }
}
