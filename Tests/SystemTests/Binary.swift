import Foundation
import Synchronization
import TestKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The real program, as it was built beside the tests.
enum Binary {
    /// Where it is; nil when it was not built.
    static let path: String? = {
        #if os(Linux)
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        #else
        let own = CommandLine.arguments[0]
        #endif
        var folder = URL(fileURLWithPath: own).deletingLastPathComponent()
        // A test bundle may lie a few folders below the products.
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent("glasspot").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        return nil
    }()

    static let isBuilt = Self.path != nil

    /// A port nobody listens on at the moment.
    ///
    /// It is none of those that the kernel gives out by itself (Linux: 32768 to 60999), so that no other test is given it
    /// before it is used.
    static func freePort() throws -> Int {
        for _ in 0..<100 {
            guard let (descriptor, port) = try? self.listen(on: .random(in: 20_000..<32_000)) else { continue }
            closeDescriptor(descriptor)
            return port
        }
        throw POSIXError(.EADDRNOTAVAIL)
    }

    /// Listens on this loopback port, or on a free one; the caller closes the descriptor.
    static func listen(on port: UInt16 = 0) throws -> (descriptor: Int32, port: Int) {
        #if canImport(Glibc)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && SystemCalls.listen(descriptor) == 0
                    ? getsockname(descriptor, pointer, &size) : -1
            }
        }
        guard status == 0 else {
            closeDescriptor(descriptor)
            throw POSIXError(.EADDRNOTAVAIL)
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    static func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }
}

/// Calls whose names are taken where they are used.
private enum SystemCalls {
    static func listen(_ descriptor: Int32) -> Int32 {
        #if canImport(Glibc)
        Glibc.listen(descriptor, 1)
        #elseif canImport(Musl)
        Musl.listen(descriptor, 1)
        #else
        Darwin.listen(descriptor, 1)
        #endif
    }
}

/// A run of the program in a folder of its own, with an environment that says nothing.
final class Run: Sendable {
    /// How it ended.
    struct End: Sendable {
        let code: Int32
        /// Whether a signal ended it.
        let wasKilled: Bool
        let output: String
        let errors: String
    }

    /// How long the program may take to serve; a debug build under a sanitizer on a busy machine takes long.
    static let limit = Duration.seconds(60)

    let folder: URL
    private let process: Mutex<Process>
    private let ended: AsyncStream<Int32>

    /// Starts the program.
    ///
    /// - Parameters:
    ///   - arguments: its command line.
    ///   - files: texts to write into its folder before.
    ///   - environment: its variables.
    /// - Throws: an error of the system when it cannot be started.
    init(_ arguments: [String], files: [String: String] = [:], environment: [String: String] = [:]) throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("glasspot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        for (name, text) in files {
            try Data(text.utf8).write(to: self.folder.appendingPathComponent(name))
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Binary.path ?? "")
        process.arguments = arguments
        process.currentDirectoryURL = self.folder
        // A sanitizer is told the same in the program as in the test.
        let given = ProcessInfo.processInfo.environment.filter { $0.key.hasSuffix("SAN_OPTIONS") }
        process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own }
            .merging(given) { own, _ in own }
        for name in ["out", "err"] { try Data().write(to: self.folder.appendingPathComponent(name)) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: self.folder.appendingPathComponent("out"))
        process.standardError = try FileHandle(forWritingTo: self.folder.appendingPathComponent("err"))
        let (ended, end) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            end.yield(process.terminationStatus)
            end.finish()
        }
        self.ended = ended
        try process.run()
        self.process = Mutex(process)
    }

    /// No run outlives its test, however that ends.
    deinit { if self.isRunning { self.signal(SIGKILL) } }

    private var isRunning: Bool { self.process.withLock { $0.isRunning } }

    /// Sends it a signal.
    func signal(_ number: Int32) { self.process.withLock { _ = kill($0.processIdentifier, number) } }

    /// Waits for its end, and removes its folder.
    ///
    /// - Throws: ``ByteClient/Unmet`` when the time limit of the test passes before.
    func end() async throws -> End {
        for await _ in self.ended {}
        // A cancelled task stops waiting.
        guard !self.isRunning else {
            throw ByteClient.Unmet(description: "the program did not end: \(try self.text("err"))")
        }
        let (code, reason) = self.process.withLock { ($0.terminationStatus, $0.terminationReason) }
        let end = End(
            code: code, wasKilled: reason == .uncaughtSignal, output: try self.text("out"),
            errors: try self.text("err"))
        try? FileManager.default.removeItem(at: self.folder)
        return end
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: self.folder.appendingPathComponent(name)), as: UTF8.self)
    }

    /// Waits until it serves on a port.
    func serves(on port: Int) async throws {
        let deadline = ContinuousClock.now + Self.limit
        while self.isRunning, ContinuousClock.now < deadline {
            if let client = try? await ByteClient.connect(to: port) {
                try await client.send("GET /internal/health HTTP/1.1\r\nHost: gateway\r\n\r\n")
                if try await client.answer().status == 200 { return try await client.close() }
            }
            await Task.yield()
        }
        throw ByteClient.Unmet(description: "the program does not serve on \(port): \(try self.text("err"))")
    }
}
