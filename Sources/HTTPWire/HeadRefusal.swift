/// Why a message head is refused; after each of them the connection must be closed.
public enum HeadRefusal: UInt8, CaseIterable, Equatable, Sendable, Error {
    // Size.
    case headTooLarge
    case tooManyFields
    case fieldNameTooLong
    case targetTooLong
    case methodTooLong
    case tooManyEmptyLines
    case tooManyConnectionOptions
    // Lines.
    case bareLineFeed
    case bareCarriageReturn
    // Request line.
    case invalidMethod
    case invalidRequestLine
    case invalidTarget
    case targetFormMismatch
    case invalidVersion
    case unsupportedVersion
    // Status line.
    case invalidStatus
    case unexpectedSwitch
    // Field lines.
    case foldedLine
    case whitespaceBeforeColon
    case emptyFieldName
    case invalidFieldName
    case missingColon
    case controlCharacterInValue
    // Host.
    case missingHost
    case repeatedHost
    case invalidHost
    // Framing.
    case invalidContentLength
    case repeatedContentLength
    case contentLengthWithTransferEncoding
    case transferEncodingBeforeHTTP11
    case invalidTransferEncoding
    case unknownTransferCoding
    case repeatedChunked
    case chunkedNotLast
    // Expectation.
    case unknownExpectation

    /// The status to answer a request with; meaningless for a response, which the gateway turns
    /// into 502.
    ///
    /// 414 and 417 by RFC 9110 sections 15.5.15 and 15.5.18, 431 by RFC 6585 section 5, 501 for
    /// codings by RFC 9112 section 6.1 and for methods by its section 3, 505 by RFC 9110 section
    /// 15.6.6, else 400.
    public var status: UInt16 {
        switch self {
        case .headTooLarge, .tooManyFields, .fieldNameTooLong: 431
        case .targetTooLong: 414
        case .methodTooLong, .unknownTransferCoding: 501
        case .unsupportedVersion: 505
        case .unknownExpectation: 417
        default: 400
        }
    }

    /// One clause for the log; it holds no byte of the message.
    public var reason: StaticString {
        switch self {
        case .headTooLarge: "head larger than the limit"
        case .tooManyFields: "more header fields than the limit"
        case .fieldNameTooLong: "field name longer than 65535 bytes"
        case .targetTooLong: "request target longer than the limit"
        case .methodTooLong: "method longer than any known one"
        case .tooManyEmptyLines: "too many empty lines before the request line"
        case .tooManyConnectionOptions: "Connection lists too many options"
        case .bareLineFeed: "line ends in LF without CR"
        case .bareCarriageReturn: "CR without LF"
        case .invalidMethod: "method is not a token"
        case .invalidRequestLine: "request line does not have three parts"
        case .invalidTarget: "request target holds a character that no URI holds"
        case .targetFormMismatch: "form of the request target does not fit the method"
        case .invalidVersion: "malformed HTTP version"
        case .unsupportedVersion: "HTTP version is neither 1.0 nor 1.1"
        case .invalidStatus: "malformed status code"
        case .unexpectedSwitch: "101 without an upgrade having been asked for"
        case .foldedLine: "field line begins with white space"
        case .whitespaceBeforeColon: "white space between field name and colon"
        case .emptyFieldName: "empty field name"
        case .invalidFieldName: "field name is not a token"
        case .missingColon: "field line without a colon"
        case .controlCharacterInValue: "control character in a field value"
        case .missingHost: "HTTP/1.1 request without Host"
        case .repeatedHost: "more than one Host"
        case .invalidHost: "malformed Host or authority"
        case .invalidContentLength: "malformed Content-Length"
        case .repeatedContentLength: "more than one Content-Length"
        case .contentLengthWithTransferEncoding: "Content-Length beside Transfer-Encoding"
        case .transferEncodingBeforeHTTP11: "Transfer-Encoding in an HTTP/1.0 message"
        case .invalidTransferEncoding: "malformed Transfer-Encoding"
        case .unknownTransferCoding: "unsupported transfer coding"
        case .repeatedChunked: "chunked applied twice"
        case .chunkedNotLast: "chunked is not the last transfer coding"
        case .unknownExpectation: "expectation other than 100-continue"
        }
    }
}
