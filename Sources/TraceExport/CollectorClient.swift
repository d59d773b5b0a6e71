import AsyncHTTPClient
public import Domain
import Foundation
public import NIOCore
import NIOHTTP1

/// Speaks OTLP/HTTP with a collector: one `POST` an export, JSON both ways (OTLP 1.x, "OTLP/HTTP").
public struct CollectorClient: SpanSender {
    /// The most bytes of an answer that are read.
    private static let answerBytesMax = 65_536

    private let client: HTTPClient
    private let url: String
    private let version: String

    /// A client on a group of event loops; it has to be shut down.
    ///
    /// - Parameters:
    ///   - endpoint: the collector; `/v1/traces` is added when it has no path, as the exporter rules of OpenTelemetry
    ///     want.
    ///   - eventLoopGroup: where the connection lives.
    ///   - version: shown in `User-Agent`.
    public init(endpoint: EndpointURL, eventLoopGroup: any EventLoopGroup, version: String) {
        self.url = Self.tracesURL(endpoint)
        self.version = version
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.decompression = .disabled
        configuration.connectionPool.retryConnectionEstablishment = false
        self.client = HTTPClient(eventLoopGroup: eventLoopGroup, configuration: configuration)
    }

    /// The URL that spans are sent to.
    static func tracesURL(_ endpoint: EndpointURL) -> String {
        endpoint.basePath.isEmpty ? "\(endpoint.scheme.text)://\(endpoint.hostHeader)/v1/traces" : endpoint.text
    }

    /// Sends one export request.
    public func send(_ body: [UInt8], timeout: Nanoseconds) async -> SendVerdict {
        var request = HTTPClientRequest(url: self.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "glasspot/\(self.version)")
        request.body = .bytes(body)
        do {
            let deadline = NIODeadline.now() + .nanoseconds(timeout.rawValue)
            let answer = try await self.client.execute(request, deadline: deadline)
            let status = Int(answer.status.code)
            let seconds = answer.headers.first(name: "Retry-After").flatMap { Int64($0) }
            // An answer that is too long says nothing that is needed: its status counts.
            let text = (try? await answer.body.collect(upTo: Self.answerBytesMax)).map { Array($0.readableBytesView) }
            return Self.verdict(status: status, retryAfter: seconds, body: text ?? [])
        } catch {
            return .unavailable(message: "\(error)", retryAfter: nil)
        }
    }

    /// Closes the connections.
    public func shutdown() async { try? await self.client.shutdown() }

    /// What an answer means, by "OTLP/HTTP Response" of OTLP 1.x.
    ///
    /// 2xx is taken, in part perhaps; 429, 502, 503 and 504 are worth another try. A `Retry-After` that names a
    /// moment instead of seconds is not waited for.
    static func verdict(status: Int, retryAfter: Int64?, body: [UInt8]) -> SendVerdict {
        switch status {
        case 200..<300:
            let answer = try? JSONDecoder().decode(ExportAnswer.self, from: Data(body))
            let partial = answer?.partialSuccess
            return .taken(rejected: max(0, partial?.rejected ?? 0), message: partial?.errorMessage ?? "")
        case 429, 502, 503, 504:
            let wait = retryAfter.map { Nanoseconds.seconds(min(max($0, 0), 86_400)) }
            return .unavailable(message: "the collector answered \(status)", retryAfter: wait)
        default: return .refused(message: "the collector answered \(status)")
        }
    }
}

/// `ExportTraceServiceResponse` in JSON; a 64-bit number is text there, and some send a number.
private struct ExportAnswer: Decodable {
    struct PartialSuccess: Decodable {
        let rejectedSpans: Count?
        let errorMessage: String?

        var rejected: Int? { self.rejectedSpans?.value }
    }

    struct Count: Decodable {
        let value: Int

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self), let number = Int(text) {
                self.value = number
            } else {
                self.value = try container.decode(Int.self)
            }
        }
    }

    let partialSuccess: PartialSuccess?
}
