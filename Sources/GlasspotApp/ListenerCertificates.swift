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
        var objections: [Objection] = []
        let context = self.context(settings, objections: &objections)
        if let first = objections.first { throw StartFailure("\(first.path): \(first.message)") }
        return context
    }

    /// Reads the files of `server.tls` and says everything that is wrong with them.
    ///
    /// Returns nil when there is an objection, and when the listener speaks plain HTTP.
    static func context(_ settings: Configuration.ListenerTLS, objections: inout [Objection]) -> NIOSSLContext? {
        guard let certificateFile = settings.certificateFile, let keyFile = settings.keyFile else { return nil }
        let chain = self.certificates("server.tls.cert_file", certificateFile, &objections)
        let key = self.key("server.tls.key_file", keyFile, &objections)
        let authorities = settings.clientAuthoritiesFile.flatMap { file in
            self.certificates("server.tls.client_ca_file", file, &objections)
        }
        guard let chain, let key else { return nil }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let authorities {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(authorities)
            configuration.sendCANameList = true
        }
        do {
            let context = try NIOSSLContext(configuration: configuration)
            // Without its authorities the listener would let everybody in.
            return objections.isEmpty ? context : nil
        } catch {
            objections.append(
                Objection(
                    "server.tls",
                    "\(certificateFile) and \(keyFile) cannot be used together: is the key that of the first "
                        + "certificate? (\(error))"))
            return nil
        }
    }

    private static func certificates(
        _ key: String, _ file: String, _ objections: inout [Objection]
    ) -> [NIOSSLCertificate]? {
        guard let bytes = self.bytes(key, file, &objections) else { return nil }
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            objections.append(Objection(key, "\(file): holds no certificate in PEM form"))
            return nil
        }
        return certificates
    }

    private static func key(_ key: String, _ file: String, _ objections: inout [Objection]) -> NIOSSLPrivateKey? {
        guard let bytes = self.bytes(key, file, &objections) else { return nil }
        guard let privateKey = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            objections.append(
                Objection(key, "\(file): holds no private key in PEM form that needs no passphrase"))
            return nil
        }
        return privateKey
    }

    private static func bytes(_ key: String, _ file: String, _ objections: inout [Objection]) -> [UInt8]? {
        switch self.read(file) {
        case .success(let text): return Array(text.utf8)
        case .failure(let failure):
            objections.append(Objection(key, "\(file): \(failure.message)"))
            return nil
        }
    }

    /// The text of a file of certificates or keys.
    static func read(_ file: String) -> Result<String, FileAccess.Failure> {
        FileAccess(folder: FileManager.default.currentDirectoryPath).read(file, bytesMax: self.fileBytesMax)
    }
}
