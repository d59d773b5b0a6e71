import AsyncHTTPClient
import Domain
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Pipeline
import Transport

// What AsyncHTTPClient throws, in the words that both engines use.

extension ConnectFailure {
    /// Why an attempt got no connection.
    init(opening error: any Error) {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout || error == .getConnectionFromPoolTimeout:
            self.init(type: .connectTimeout, isCertificate: false, message: "\(error)")
        case let error as HTTPClientError where error == .tlsHandshakeTimeout: self.init(handshaking: error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self.init(handshaking: error)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                self.init(connecting: first.error)
            } else {
                self.init(type: .dns, isCertificate: false, message: "\(error)")
            }
        case is IOError: self.init(connecting: error)
        default:
            // It had been given a connection that was just being closed.
            self.init(type: UpstreamFailure(serving: error).type, isCertificate: false, message: "\(error)")
        }
    }
}

extension UpstreamFailure {
    /// Why an attempt lost its connection, or could do nothing with what came over it.
    init(serving error: any Error) {
        switch error {
        case let error as IOError: self.init(error.isReset ? .reset : .closed)
        // A body that is cut leaves the parser without an end.
        case let error as HTTPParserError: self.init(error == .invalidEOFState ? .closed : .protocol)
        case is GzipReader.Failure: self.init(.protocol)
        case let error as HTTPClientError: self.init(error == .remoteConnectionClosed ? .closed : .protocol)
        default: self.init(.closed)
        }
    }
}
