import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// One blocking GET whose only interest is the status code; for commands, never on a loop.
public enum StatusProbe {
    /// What came of it.
    public enum Answer: Equatable, Sendable {
        /// The server answered with a status code.
        case status(Int)
        /// There was no answer; why, in words.
        case failed(String)
    }

    /// Asks, and gives up after `seconds` at each step.
    public static func ask(host: String, port: Int, path: String, seconds: Int) -> Answer {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return .failed("unknown host \(host)") }
        defer { freeaddrinfo(list) }
        var node = list
        var reason = "no address"
        while let entry = node?.pointee {
            let descriptor = socket(entry.ai_family, entry.ai_socktype, entry.ai_protocol)
            defer { close(descriptor) }
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
            if connect(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 {
                return self.exchange(descriptor, host: host, path: path)
            }
            reason = String(cString: strerror(errno))
            node = entry.ai_next
        }
        return .failed(reason)
    }

    private static func exchange(_ descriptor: Int32, host: String, path: String) -> Answer {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, 0) == request.count else { return .failed("cannot send") }
        var answer = [UInt8](repeating: 0, count: 64)
        var count = 0
        while count < 12 {
            let read = recv(descriptor, &answer[count], answer.count - count, 0)
            guard read > 0 else { return .failed("no answer in time") }
            count += read
        }
        let line = String(decoding: answer[..<count], as: UTF8.self)
        let parts = line.split(separator: " ")
        guard parts.count > 1, parts[0].hasPrefix("HTTP/1."), let code = Int(parts[1].prefix(3)) else {
            return .failed("not an HTTP server")
        }
        return .status(code)
    }
}
