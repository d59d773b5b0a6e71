import AsyncHTTPClient
import Domain
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Pipeline
import Transport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension UpstreamFailure {
    /// The cause of a failed attempt in the words that both engines use.
    init(_ error: any Error) {
        switch error {
        case let error as HTTPClientError: self.init(Self.type(of: error))
        case let error as NIOConnectionError:
            let isUnresolved = error.connectionErrors.isEmpty
            let codes = error.connectionErrors.compactMap { ($0.error as? IOError)?.errnoCode }
            self.init(isUnresolved ? .dns : codes.contains(ECONNREFUSED) ? .connectRefused : .unreachable)
        case let error as ChannelError:
            if case .connectTimeout = error { self.init(.connectTimeout) } else { self.init(.closed) }
        case let error as IOError:
            switch error.errnoCode {
            case ECONNREFUSED: self.init(.connectRefused)
            case ECONNRESET, EPIPE: self.init(.reset)
            default: self.init(.unreachable)
            }
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self.init(.tls, isCertificate: error is NIOSSLExtraError || "\(error)".contains("CERTIFICATE"))
        // A body that is cut leaves the parser without an end.
        case let error as HTTPParserError: self.init(error == .invalidEOFState ? .closed : .protocol)
        case is GzipReader.Failure: self.init(.protocol)
        default: self.init(.closed)
        }
    }

    private static func type(of error: HTTPClientError) -> UpstreamErrorType {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout: .connectTimeout
        case .tlsHandshakeTimeout: .tls
        case .remoteConnectionClosed: .closed
        case .readTimeout: .idleTimeout
        case .deadlineExceeded: .firstByteTimeout
        default: .protocol
        }
    }
}
