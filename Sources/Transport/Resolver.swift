import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Name resolution by the system's resolver; blocks, so it runs on a thread pool.
enum Resolver {
    /// The resolver's own error.
    struct Failure: Error, CustomStringConvertible {
        var code: Int32
        var description: String { String(cString: gai_strerror(self.code)) }
    }

    /// All TCP addresses of a host, in the order the system prefers (RFC 6724).
    static func resolve(host: String, port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw Failure(code: code) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var node = list
        while let entry = node?.pointee {
            if let address = self.address(entry, host: host) { addresses.append(address) }
            node = entry.ai_next
        }
        guard !addresses.isEmpty else { throw Failure(code: EAI_NONAME) }
        return addresses
    }

    private static func address(_ entry: addrinfo, host: String) -> SocketAddress? {
        guard let raw = entry.ai_addr else { return nil }
        switch entry.ai_family {
        case AF_INET:
            return raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { .init($0.pointee, host: host) }
        case AF_INET6:
            return raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { .init($0.pointee, host: host) }
        default:
            return nil
        }
    }
}

/// The `errno` values that connecting tells apart.
enum ErrorNumber {
    static let connectionRefused = ECONNREFUSED
    static let connectionReset = ECONNRESET
    static let timedOut = ETIMEDOUT
    static let brokenPipe = EPIPE
}
