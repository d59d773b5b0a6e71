import AsyncHTTPClient
import Domain
import HTTPWire
import NIOCore
import NIOHTTP1

// Between the bytes that both engines share and the values that AsyncHTTPClient takes and gives.

extension HTTPClientRequest {
    /// A request from a head that the gateway has written, without the fields that frame its body.
    ///
    /// - Parameters:
    ///   - head: the parsed head.
    ///   - bytes: the bytes it was parsed from.
    ///   - origin: scheme and authority of the endpoint.
    init(_ head: borrowing RequestHead, bytes: ByteBuffer, origin: String) {
        let start = bytes.readerIndex
        func text(_ range: Range<Int>) -> String {
            bytes.getString(at: start + range.lowerBound, length: range.count) ?? ""
        }
        let target = bytes.getBytes(at: start + head.target.lowerBound, length: head.target.count) ?? []
        self.init(url: origin + URLTarget.text(target))
        self.method = HTTPMethod(rawValue: text(head.methodRange))
        let fields = head.fields
        for index in fields.indices {
            let field = fields[index]
            if field.known == .contentLength || field.known == .transferEncoding { continue }
            let name = text(field.name)
            if name.lowercased() == AttemptUsher.field { continue }
            self.headers.add(name: name, value: text(field.value))
        }
    }
}

/// A request's target as part of a URL.
enum URLTarget {
    /// What path and query may hold (RFC 3986 sections 3.3 and 3.4), beside letters and digits.
    private static let plain = Set("-._~!$&'()*+,;=:@/?".utf8)

    /// The target, with every byte that no URL may hold in its percent-encoded form, so that it is always one.
    ///
    /// - Parameter bytes: any target in origin form.
    /// - Returns: path and query.
    static func text(_ bytes: [UInt8]) -> String {
        var result = ""
        for (index, byte) in bytes.enumerated() {
            let isEscape =
                byte == UInt8(ascii: "%") && index + 2 < bytes.count && self.isHexDigit(bytes[index + 1])
                && self.isHexDigit(bytes[index + 2])
            if isEscape || ASCII.isLetter(byte) || ASCII.isDigit(byte) || self.plain.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += byte < 0x10 ? "%0" : "%"
                result += String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool { ASCII.isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }
}

extension RequestHead {
    /// Whether the engine may ask for gzip: where the client said nothing of codings, and could not tell the difference
    /// (routing-and-config 5.4); not for a head alone.
    var mayOfferGzip: Bool { !self.contains(.acceptEncoding) && self.method != .head }
}

extension ByteBuffer {
    /// Puts a line at the end of a head, before the empty line.
    mutating func insertBeforeEnd(_ line: String) {
        self.moveWriterIndex(to: self.writerIndex - 2)
        self.writeString(line)
        self.writeStaticString("\r\n")
    }
}

extension HTTPClientResponse {
    /// Whether the body is in the gzip coding, and in no other (RFC 9110 section 8.4.1.3).
    var isGzip: Bool {
        let codings = self.headers[canonicalForm: "content-encoding"]
        guard codings.count == 1, let coding = codings.first?.lowercased() else { return false }
        return coding == "gzip" || coding == "x-gzip"
    }

    /// Gives an early answer its own status back (see ``AttemptUsher``).
    mutating func unmask() {
        guard let code = self.headers.first(name: AttemptUsher.statusField).flatMap({ Int($0) }) else { return }
        self.headers.remove(name: AttemptUsher.statusField)
        self.status = HTTPResponseStatus(statusCode: code)
    }

    /// The head as HTTP/1.1, for the parser that both engines share: it alone decides where the body ends.
    ///
    /// An HTTP/2 answer without a length has an end of its own, which HTTP/1.1 says as chunks (RFC 9113 section 8.1). So
    /// has one whose coding is undone here.
    ///
    /// Returns false when a field holds what would end its line: HTTP/2 can carry that (RFC 9113 section 8.2.1).
    func writeHead(into buffer: inout ByteBuffer, isInflated: Bool) -> Bool {
        let minor = self.version == .http1_0 ? 0 : 1
        buffer.writeString("HTTP/1.\(minor) \(self.status.code) \(self.status.reasonPhrase)\r\n")
        var isFramed = self.version.major < 2 && !isInflated
        for field in self.headers {
            let name = field.name.lowercased()
            guard !name.breaksLines, !field.value.breaksLines else { return false }
            if isInflated, name == "content-encoding" || name == "content-length" || name == "transfer-encoding" {
                continue
            }
            // AsyncHTTPClient does not give trailers, so none are announced.
            if name == "trailer" { continue }
            if name == "content-length" || name == "transfer-encoding" { isFramed = true }
            buffer.writeString("\(field.name): \(field.value)\r\n")
        }
        if !isFramed { buffer.writeString("transfer-encoding: chunked\r\n") }
        buffer.writeString("\r\n")
        return true
    }
}

extension String {
    /// Whether it holds a carriage return, a line feed or a zero byte.
    fileprivate var breaksLines: Bool { self.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 } }
}
