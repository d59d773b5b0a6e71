import Glibc

/// A blocking TCP socket on the loopback interface; every call ends within a few seconds.
final class RawSocket {
    /// A call of the system failed, or the other side did not do what was expected.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ call: String) { self.description = "\(call): error \(errno)" }
    }

    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(self.descriptor) }

    /// Listens on a free port.
    static func listening() throws -> (socket: RawSocket, port: Int) {
        let socket = RawSocket(descriptor: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = self.loopback(port: 0)
        guard self.with(&address, { bind(socket.descriptor, $0, $1) }) == 0 else { throw Failure("bind") }
        guard listen(socket.descriptor, 16) == 0 else { throw Failure("listen") }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.descriptor, $0, &length) }
        }
        guard result == 0 else { throw Failure("getsockname") }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// Connects to a port.
    static func connected(to port: Int) throws -> RawSocket {
        let socket = RawSocket(descriptor: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = self.loopback(port: UInt16(port))
        guard self.with(&address, { connect(socket.descriptor, $0, $1) }) == 0 else { throw Failure("connect") }
        return socket
    }

    /// Takes the next connection.
    func accepted() throws -> RawSocket {
        let descriptor = accept(self.descriptor, nil, nil)
        guard descriptor >= 0 else { throw Failure("accept") }
        return RawSocket(descriptor: descriptor)
    }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) throws {
        let count = bytes.withUnsafeBytes {
            Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count == bytes.count else { throw Failure("send") }
    }

    /// Reads until what was read since the call ends with `suffix`; returns how many bytes that were.
    @discardableResult
    func read(until suffix: [UInt8]) throws -> Int {
        var filled = 0
        while true {
            let room = self.buffer.count - filled
            let count = self.buffer.withUnsafeMutableBytes { bytes in
                recv(self.descriptor, bytes.baseAddress.map { $0 + filled }, room, 0)
            }
            guard count > 0 else { throw Failure("recv") }
            filled += count
            if self.buffer[..<filled].suffix(suffix.count).elementsEqual(suffix) { return filled }
        }
    }

    /// Whether what was read last begins so.
    func lastRead(startsWith prefix: String) -> Bool { self.buffer.starts(with: prefix.utf8) }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return address
    }

    private static func with(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
