import AsyncHTTPClient
import Domain
public import NIOCore
import NIOHTTP1
public import NIOSSL

/// Carries probes with AsyncHTTPClient: HTTP/1.1, no environment proxies, no redirects, no retries of its own.
public struct HTTPProbeTransport: ProbeTransport {
    private let client: HTTPClient
    private let tls: @Sendable (_ url: String) -> TLSConfiguration?

    /// A transport on a group of event loops; call ``shutdown()`` when it is no longer needed.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: where the connections live.
    ///   - tls: the TLS settings for a URL; nil for the system's own authorities.
    public init(
        eventLoopGroup: any EventLoopGroup, tls: @escaping @Sendable (_ url: String) -> TLSConfiguration? = { _ in nil }
    ) {
        self.tls = tls
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.decompression = .disabled
        configuration.connectionPool.retryConnectionEstablishment = false
        // Many servers close a connection they have not heard from for five seconds.
        configuration.connectionPool.idleTimeout = .seconds(4)
        self.client = HTTPClient(eventLoopGroup: eventLoopGroup, configuration: configuration)
    }

    /// Closes the pooled connections.
    public func shutdown() async throws { try await self.client.shutdown() }

    /// Sends a GET and reads the whole answer, within the request's time limit.
    public func exchange(_ request: ProbeRequest) async throws(ProbeFailure) -> ProbeAnswer {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = .GET
        outgoing.tlsConfiguration = self.tls(request.url)
        for field in request.fields { outgoing.headers.add(name: field.name, value: field.value) }
        let deadline = NIODeadline.now() + .nanoseconds(request.timeout.rawValue)
        do {
            let incoming = try await self.client.execute(outgoing, deadline: deadline)
            return ProbeAnswer(
                status: Int(incoming.status.code),
                fields: incoming.headers.map { (name: $0.name, value: $0.value) },
                body: try await Self.read(incoming.body, request.body))
        } catch {
            throw Self.failure(for: error)
        }
    }

    private static func read(
        _ body: HTTPClientResponse.Body, _ use: ProbeRequest.BodyUse
    ) async throws -> [UInt8] {
        switch use {
        case .keep(let bytesMax):
            return Array(try await body.collect(upTo: bytesMax).readableBytesView)
        case .drain(let bytesMax):
            var left = bytesMax
            for try await piece in body {
                left -= piece.readableBytes
                if left < 0 { break }
            }
            return []
        }
    }

    private static func failure(for error: any Error) -> ProbeFailure {
        if Task.isCancelled || error is CancellationError { return .cancelled }
        if error is NIOTooManyBytesError { return .bodyTooLong }
        if let error = error as? HTTPClientError {
            switch error {
            case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout,
                .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout:
                return .timedOut
            case .cancelled: return .cancelled
            default: return .network(error.description)
            }
        }
        return .network(String(describing: error))
    }
}
