import Foundation
import Testing

@testable import SherpaEngine

@Suite("A target as part of a URL")
struct TargetTests {
    /// What Foundation, by which AsyncHTTPClient reads URLs, makes of path and query.
    private static func target(_ bytes: [UInt8]) throws -> String {
        let url = try #require(URL(string: "http://127.0.0.1:1" + URLTarget.text(bytes)))
        let components = try #require(URLComponents(url: url, resolvingAgainstBaseURL: true))
        return components.percentEncodedPath + (components.percentEncodedQuery.map { "?\($0)" } ?? "")
    }

    @Test("stays what it is where a URL may hold it")
    func plain() throws {
        for text in ["/", "/v1/x?q=%20a&q=b", "/a%2Fb;c=d/@:!$&'()*+,-._~", "/a?b?/c", "//a", "/?"] {
            #expect(URLTarget.text(Array(text.utf8)) == text)
            #expect(try Self.target(Array(text.utf8)) == text)
        }
    }

    @Test("is always a URL, whatever a target holds")
    func everything() throws {
        for byte in UInt8(0x21)...0xFF {
            for tail in [[], [byte], Array("%".utf8), Array("%2".utf8), Array("41".utf8)] {
                for prefix in ["/", "/a?", "/%"] {
                    let bytes = Array(prefix.utf8) + [byte] + tail
                    let encoded = URLTarget.text(bytes)
                    #expect(try Self.target(bytes) == encoded, "\(bytes)")
                }
            }
        }
    }
}
