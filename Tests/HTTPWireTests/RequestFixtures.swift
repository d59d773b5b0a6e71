import HTTPWire
import Testing

/// A request head that must be refused, and why.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
    let wire: String
    let refusal: HeadRefusal
    let status: UInt16

    init(_ wire: String, _ refusal: HeadRefusal, _ status: UInt16 = 400) {
        self.wire = wire
        self.refusal = refusal
        self.status = status
    }

    var testDescription: String { "\(self.refusal): \(self.wire.debugDescription)" }
}

private let host = "Host: a\r\n"

private func post(_ fields: String, version: String = "1.1") -> String {
    "POST / HTTP/\(version)\r\n" + host + fields + "\r\n"
}

private func get(_ fields: String) -> String { "GET / HTTP/1.1\r\n" + fields + "\r\n" }

let refusedLines: [RefusedRequest] = [
    // Line ends.
    RefusedRequest("GET / HTTP/1.1\nHost: a\n\n", .bareLineFeed),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", .bareLineFeed),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
    RefusedRequest("\nGET / HTTP/1.1\r\n\r\n", .bareLineFeed),
    RefusedRequest("GET\n", .bareLineFeed),
    RefusedRequest("GET /\n", .bareLineFeed),
    RefusedRequest("GET / HTTP\n", .bareLineFeed),
    RefusedRequest("GET / HTTP/1.1\r\nHost\n", .bareLineFeed),
    RefusedRequest("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .bareCarriageReturn),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .bareCarriageReturn),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\n\rX", .bareCarriageReturn),
    RefusedRequest("\rGET / HTTP/1.1\r\n\r\n", .bareCarriageReturn),
    RefusedRequest(String(repeating: "\r\n", count: 5) + get(host), .tooManyEmptyLines),
    // Request line.
    RefusedRequest("G@T / HTTP/1.1\r\n" + host + "\r\n", .invalidMethod),
    RefusedRequest(" GET / HTTP/1.1\r\n" + host + "\r\n", .invalidMethod),
    RefusedRequest("GET\t/ HTTP/1.1\r\n" + host + "\r\n", .invalidMethod),
    RefusedRequest("\u{0}\r\n", .invalidMethod),
    RefusedRequest("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", .invalidMethod),
    RefusedRequest("GET:/ HTTP/1.1\r\n" + host + "\r\n", .invalidMethod),
    RefusedRequest("GET\r\n" + host + "\r\n", .invalidRequestLine),
    RefusedRequest("GET /\r\n" + host + "\r\n", .invalidRequestLine),
    RefusedRequest("GET  / HTTP/1.1\r\n" + host + "\r\n", .invalidRequestLine),
    RefusedRequest("GET / HTTP/1.1 \r\n" + host + "\r\n", .invalidRequestLine),
    RefusedRequest("GET / HTTP/1.1\t\r\n" + host + "\r\n", .invalidRequestLine),
    RefusedRequest("GET / x HTTP/1.1\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET /\tx HTTP/1.1\r\n" + host + "\r\n", .invalidTarget),
    RefusedRequest("GET /\u{0} HTTP/1.1\r\n" + host + "\r\n", .invalidTarget),
    RefusedRequest("GET /\u{7F} HTTP/1.1\r\n" + host + "\r\n", .invalidTarget),
    RefusedRequest("GET /\u{E9} HTTP/1.1\r\n" + host + "\r\n", .invalidTarget),
    RefusedRequest("GET /#top HTTP/1.1\r\n" + host + "\r\n", .invalidTarget),
    RefusedRequest("GET /123456789\u{1} HTTP/1.1\r\n" + host + "\r\n", .invalidTarget),
    RefusedRequest("GET * HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("OPTIONS ** HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET a:80 HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET path HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET ftp://a/ HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET http:/a HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET http: HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET http HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET ?q HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("CONNECT / HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("CONNECT a HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("CONNECT a: HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("CONNECT :80 HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("CONNECT http://a:80/ HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("CONNECT a:80/x HTTP/1.1\r\n" + host + "\r\n", .targetFormMismatch),
    RefusedRequest("GET http:// HTTP/1.1\r\n" + host + "\r\n", .invalidHost),
    RefusedRequest("GET http:///x HTTP/1.1\r\n" + host + "\r\n", .invalidHost),
    RefusedRequest("GET http://u:p@a/ HTTP/1.1\r\n" + host + "\r\n", .invalidHost),
    RefusedRequest("GET http://a:x/ HTTP/1.1\r\n" + host + "\r\n", .invalidHost),
    RefusedRequest("GET / http/1.1\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / HTTP/11\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / HTTP/1.1x\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / HTTP/1.10\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / HTTP/x.1\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / HTTP/1,1\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / ICE/1.0\r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / \r\n" + host + "\r\n", .invalidVersion),
    RefusedRequest("GET / HTTP/2.0\r\n" + host + "\r\n", .unsupportedVersion, 505),
    RefusedRequest("GET / HTTP/0.9\r\n" + host + "\r\n", .unsupportedVersion, 505),
    RefusedRequest("GET / HTTP/1.2\r\n" + host + "\r\n", .unsupportedVersion, 505),
    RefusedRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion, 505),
    RefusedRequest(String(repeating: "M", count: 33) + " / HTTP/1.1\r\n\r\n", .methodTooLong, 501),
]

let refusedFields: [RefusedRequest] = [
    RefusedRequest(get(host + " folded\r\n"), .foldedLine),
    RefusedRequest(get(host + "\tfolded\r\n"), .foldedLine),
    RefusedRequest("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedLine),
    RefusedRequest(get("Host : a\r\n"), .whitespaceBeforeColon),
    RefusedRequest(get(host + "Content-Length\t: 5\r\n"), .whitespaceBeforeColon),
    RefusedRequest(get(host + ": v\r\n"), .emptyFieldName),
    RefusedRequest(get(host + "B(d: v\r\n"), .invalidFieldName),
    RefusedRequest(get(host + "\"B\": v\r\n"), .invalidFieldName),
    RefusedRequest(get(host + "B\u{E9}: v\r\n"), .invalidFieldName),
    RefusedRequest(get(host + "B\u{0}: v\r\n"), .invalidFieldName),
    RefusedRequest(get(host + "\u{1}: v\r\n"), .invalidFieldName),
    RefusedRequest(get(host + "Longer-Name/x: v\r\n"), .invalidFieldName),
    RefusedRequest(get(host + "NoColon\r\n"), .missingColon),
    RefusedRequest(get(host + "B: \u{0}\r\n"), .controlCharacterInValue),
    RefusedRequest(get(host + "B: v\u{0}w\r\n"), .controlCharacterInValue),
    RefusedRequest(get(host + "B: v\u{7F}\r\n"), .controlCharacterInValue),
    RefusedRequest(get(host + "B: v\u{1B}[0m\r\n"), .controlCharacterInValue),
    RefusedRequest(get(host + "B: v\u{B}\r\n"), .controlCharacterInValue),
    RefusedRequest(get(host + "B: 0123456789012345\u{1}\r\n"), .controlCharacterInValue),
    // Host.
    RefusedRequest(get(""), .missingHost),
    RefusedRequest(get("Accept: a\r\n"), .missingHost),
    RefusedRequest(get("Host: a\r\nhost: a\r\n"), .repeatedHost),
    RefusedRequest("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
    RefusedRequest(get("Host: a b\r\n"), .invalidHost),
    RefusedRequest(get("Host: a/b\r\n"), .invalidHost),
    RefusedRequest(get("Host: u@a\r\n"), .invalidHost),
    RefusedRequest(get("Host: a:b\r\n"), .invalidHost),
    RefusedRequest(get("Host: a:1:2\r\n"), .invalidHost),
    RefusedRequest(get("Host: :80\r\n"), .invalidHost),
    RefusedRequest(get("Host: a:65536\r\n"), .invalidHost),
    RefusedRequest(get("Host: a%2\r\n"), .invalidHost),
    RefusedRequest(get("Host: a%zz\r\n"), .invalidHost),
    RefusedRequest(get("Host: [::1\r\n"), .invalidHost),
    RefusedRequest(get("Host: []\r\n"), .invalidHost),
    RefusedRequest(get("Host: [::1]x\r\n"), .invalidHost),
    RefusedRequest(get("Host: [::\"]\r\n"), .invalidHost),
    RefusedRequest(get("Host: ::1\r\n"), .invalidHost),
    RefusedRequest(get("Host: \u{E9}\r\n"), .invalidHost),
    RefusedRequest("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", .invalidHost),
    RefusedRequest("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n", .invalidHost),
    RefusedRequest("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
    // Expectation and options.
    RefusedRequest(post("Expect: 200-ok\r\n"), .unknownExpectation, 417),
    RefusedRequest(post("Expect: 100-continue, x\r\n"), .unknownExpectation, 417),
    RefusedRequest(post("Expect: 100-continue;x=y\r\n"), .unknownExpectation, 417),
    RefusedRequest(
        post("Connection: " + (0..<33).map { "o\($0)" }.joined(separator: ",") + "\r\n"),
        .tooManyConnectionOptions),
]

let refusedFraming: [RefusedRequest] = [
    RefusedRequest(post("Content-Length: \r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: +5\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: -5\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 5 5\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 0x5\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 5.0\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: \"5\"\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: ,5\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 9223372036854775808\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 18446744073709551616\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 99999999999999999999\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 5\t\r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 5 \t \r\n"), .invalidContentLength),
    RefusedRequest(post("Content-Length: 5, 5\r\n"), .repeatedContentLength),
    RefusedRequest(post("Content-Length: 5,6\r\n"), .repeatedContentLength),
    RefusedRequest(post("Content-Length: 5\r\nContent-Length: 5\r\n"), .repeatedContentLength),
    RefusedRequest(post("Content-Length: 5\r\ncontent-length: 6\r\n"), .repeatedContentLength),
    RefusedRequest(
        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        .contentLengthWithTransferEncoding),
    RefusedRequest(
        post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
        .contentLengthWithTransferEncoding),
    RefusedRequest(
        post("Transfer-Encoding: chunked\r\n", version: "1.0"), .transferEncodingBeforeHTTP11),
    RefusedRequest(post("Transfer-Encoding: \r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: ,chunked\r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: chunked,\r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: chunked;q=1\r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: chunked x\r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: \"chunked\"\r\n"), .invalidTransferEncoding),
    RefusedRequest(
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: chunked \t\r\n"), .invalidTransferEncoding),
    RefusedRequest(post("Transfer-Encoding: gzip\r\n"), .unknownTransferCoding, 501),
    RefusedRequest(post("Transfer-Encoding: identity\r\n"), .unknownTransferCoding, 501),
    RefusedRequest(post("Transfer-Encoding: xchunked\r\n"), .unknownTransferCoding, 501),
    RefusedRequest(post("Transfer-Encoding: chunke\r\n"), .unknownTransferCoding, 501),
    RefusedRequest(post("Transfer-Encoding: gzip, chunked\r\n"), .unknownTransferCoding, 501),
    RefusedRequest(post("Transfer-Encoding: chunked, chunked\r\n"), .repeatedChunked),
    RefusedRequest(
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), .repeatedChunked),
    RefusedRequest(post("Transfer-Encoding: chunked, gzip\r\n"), .chunkedNotLast),
    RefusedRequest(
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), .chunkedNotLast),
]

let refusedRequests = refusedLines + refusedFields + refusedFraming

/// Requests that are accepted; the tests feed them in every way.
let acceptedRequests: [String] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nnext",
    "GET / HTTP/1.0\r\n\r\n",
    "GET /a/b?x=1&y={\"z\"}|? HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://Example.org:8080/p?q HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET HTTPS://[::1]?q HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
    "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:40114\r\nUser-Agent: python\r\n"
        + "Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked \r\n\r\n0\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 00012\r\n\r\n",
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a, CLOSE ,, x-b\r\nX-A: 1\r\nx-B: 2\r\nX-C: 3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\t [v1.a:b]:1 \t\r\nEmpty:\r\nSpaces:   \t \r\nTab: a\tb\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nLatin: \u{E9}\u{FF}\r\n!#$%&'*+-.^_`|~09azAZ: token\r\n\r\n",
    "DELETE /x HTTP/1.1\r\nHost: a%20b\r\nX-Olla-Session-ID: s\r\nx-olla-any: y\r\n\r\n",
]
