#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A port that takes no further connection: its queue is full, and nobody accepts.
///
/// The kernel drops what knocks there, as a host behind a firewall does.
struct DeafPort {
    /// A call of the system that failed.
    struct Failure: Error {
        let call: String
        let code: Int32
    }

    let port: Int
    private let descriptors: [Int32]

    init() throws {
        let listener = try Self.stream()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try Self.check("bind", Self.with(&address) { bind(listener, $0, $1) })
        try Self.check("listen", listen(listener, 0))
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
        }
        try Self.check("getsockname", status)
        self.port = Int(UInt16(bigEndian: address.sin_port))
        // More than the queue holds; whichever do not fit wait for ever.
        var descriptors = [listener]
        for _ in 0..<4 {
            let client = try Self.stream()
            _ = fcntl(client, F_SETFL, O_NONBLOCK)
            _ = Self.with(&address) { connect(client, $0, $1) }
            descriptors.append(client)
        }
        self.descriptors = descriptors
    }

    func close() {
        for descriptor in self.descriptors {
            #if canImport(Glibc)
            Glibc.close(descriptor)
            #elseif canImport(Musl)
            Musl.close(descriptor)
            #else
            Darwin.close(descriptor)
            #endif
        }
    }

    private static func stream() throws -> Int32 {
        #if canImport(Glibc)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        try self.check("socket", descriptor < 0 ? -1 : 0)
        return descriptor
    }

    private static func check(_ call: String, _ status: Int32) throws {
        if status != 0 { throw Failure(call: call, code: errno) }
    }

    private static func with(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
