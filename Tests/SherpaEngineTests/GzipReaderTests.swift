import Exposition
import NIOCore
import Testing

@testable import SherpaEngine

@Suite("A gzip reader")
struct GzipReaderTests {
    private static let text = Array("What came as gzip is told as it was: \(String(repeating: "ab", count: 40))".utf8)

    /// Feeds these pieces and gathers what they stand for, piece by piece.
    private static func read(_ pieces: [[UInt8]], atMost limit: Int = 7) throws -> [UInt8] {
        let reader = try #require(GzipReader())
        var result: [UInt8] = []
        for piece in pieces {
            var bytes = ByteBuffer(bytes: piece)
            while let output = try reader.read(from: &bytes, atMost: limit) {
                #expect((1...limit).contains(output.readableBytes))
                result += output.readableBytesView
            }
            #expect(bytes.readableBytes == 0)
        }
        try reader.finish()
        return result
    }

    @Test("gives the same at every split, and byte by byte")
    func splits() throws {
        let coded = try Gzip.compress(Self.text)
        for cut in 0...coded.count {
            #expect(try Self.read([Array(coded[..<cut]), Array(coded[cut...])]) == Self.text)
        }
        #expect(try Self.read(coded.map { [$0] }, atMost: 1) == Self.text)
    }

    @Test("reads one member after another, however they are cut")
    func members() throws {
        let coded = try Gzip.compress(Self.text) + Gzip.compress([]) + Gzip.compress(Array("end".utf8))
        for cut in 0...coded.count {
            let pieces = [Array(coded[..<cut]), Array(coded[cut...])]
            #expect(try Self.read(pieces, atMost: 4_096) == Self.text + Array("end".utf8))
        }
    }

    @Test("gives what much stands for in pieces")
    func bomb() throws {
        let coded = try Gzip.compress([UInt8](repeating: 0, count: 10_000_000))
        #expect(coded.count < 100_000)
        let reader = try #require(GzipReader())
        var bytes = ByteBuffer(bytes: coded)
        var total = 0
        while let output = try reader.read(from: &bytes, atMost: 8_192) {
            #expect(output.capacity <= 8_192)
            total += output.readableBytes
        }
        #expect(total == 10_000_000)
    }

    @Test("refuses what is cut at any place, changed at any place, or no gzip")
    func refusals() throws {
        let coded = try Gzip.compress(Self.text)
        for count in 0..<coded.count {
            #expect(throws: GzipReader.Failure.self) { _ = try Self.read([Array(coded[..<count])]) }
        }
        // The check sum and the length stand in the last 8 bytes (RFC 1952 section 2.3.1).
        for index in coded.count - 8..<coded.count {
            var changed = coded
            changed[index] ^= 1
            #expect(throws: GzipReader.Failure.self) { _ = try Self.read([changed]) }
        }
        #expect(throws: GzipReader.Failure.self) { _ = try Self.read([Array("plain text".utf8)]) }
        #expect(throws: GzipReader.Failure.self) { _ = try Self.read([coded, Array("surplus".utf8)]) }
    }
}
