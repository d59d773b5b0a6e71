import Foundation
import NIOSSL
import Settings
import Synchronization

/// The TLS settings that new client connections get.
///
/// - Isolation: thread-safe.
final class ListenerCertificates: Sendable {
    /// The largest file of certificates or keys; a chain has a few KiB.
    private static let fileBytesMax = 1_048_576

    private let context: Mutex<NIOSSLContext>

    /// Settings of a start.
    init(_ context: NIOSSLContext) { self.context = Mutex(context) }

    /// What the next connection shakes hands by.
    var current: NIOSSLContext { self.context.withLock { $0 } }

    /// Takes other settings over for the connections to come; those that are open keep theirs.
    func replace(_ context: NIOSSLContext) { self.context.withLock { $0 = context } }

    /// Reads the files of `server.tls`.
    ///
    /// TLS 1.2 at least, HTTP/1.1 by ALPN (RFC 7301). With a file of authorities every client must present a certificate
    /// that one of them has signed.
    ///
    /// - Parameter settings: the section of a validated configuration.
    /// - Returns: nil when the listener speaks plain HTTP.
    /// - Throws: ``StartFailure`` that names key, file and problem.
    static func context(_ settings: Configuration.ListenerTLS) throws -> NIOSSLContext? {
        guard let certificateFile = settings.certificateFile, let keyFile = settings.keyFile else { return nil }
        let chain = try self.certificates("server.tls.cert_file", certificateFile)
        let key = try self.key("server.tls.key_file", keyFile)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let file = settings.clientAuthoritiesFile {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(try self.certificates("server.tls.client_ca_file", file))
            configuration.sendCANameList = true
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw StartFailure(
                "server.tls: \(certificateFile) and \(keyFile) cannot be used together: is the key that of the first "
                    + "certificate? (\(error))")
        }
    }

    private static func certificates(_ key: String, _ file: String) throws -> [NIOSSLCertificate] {
        let bytes = try self.bytes(key, file)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw StartFailure("\(key): \(file): holds no certificate in PEM form")
        }
        return certificates
    }

    private static func key(_ key: String, _ file: String) throws -> NIOSSLPrivateKey {
        let bytes = try self.bytes(key, file)
        guard let privateKey = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw StartFailure("\(key): \(file): holds no private key in PEM form that needs no passphrase")
        }
        return privateKey
    }

    private static func bytes(_ key: String, _ file: String) throws -> [UInt8] {
        switch FileAccess(folder: FileManager.default.currentDirectoryPath).read(file, bytesMax: self.fileBytesMax) {
        case .success(let text): Array(text.utf8)
        case .failure(let failure): throw StartFailure("\(key): \(file): \(failure.message)")
        }
    }
}
