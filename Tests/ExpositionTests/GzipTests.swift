import CZlib
import Exposition
import Testing

@Suite struct GzipTests {
    /// What zlib reads back, with the length known.
    private func inflated(_ bytes: [UInt8], count: Int) -> [UInt8]? {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
                == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: count + 1)
        let result = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = uInt(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = uInt(target.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        guard result == Z_STREAM_END, stream.avail_in == 0 else { return nil }
        return Array(output.prefix(Int(stream.total_out)))
    }

    @Test(arguments: [0, 1, 2, 100, 65_535, 65_536, 300_001])
    func whatIsCompressedReadsBack(count: Int) throws {
        var state: UInt64 = UInt64(count) + 1
        let noise: [UInt8] = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let lines = Array(
            String(repeating: "glasspot_requests_total 1\n", count: count / 26 + 1).utf8)
        for input in [noise, Array(lines.prefix(count))] {
            for level in [1, 6, 9] {
                let packed = try Gzip.compress(input, level: level)
                #expect(packed.prefix(2) == [0x1F, 0x8B])
                #expect(self.inflated(packed, count: count) == input)
            }
        }
    }

    @Test func theResultDependsOnTheInputOnly() throws {
        let input = Array("one page".utf8)
        let first = try Gzip.compress(input)
        let second = try Gzip.compress(input)
        #expect(first == second)
        // RFC 1952, 2.3.1: no time stamp.
        #expect(first[4..<8].allSatisfy { $0 == 0 })
    }

    @Test func repetitionIsCompressedWell() throws {
        let input = Array(String(repeating: "glasspot_requests_total 1\n", count: 1_000).utf8)
        #expect(try Gzip.compress(input).count < input.count / 50)
    }

    @Test(arguments: [-1, 0, 10])
    func levelsOutsideTheRangeAreRefused(level: Int) {
        #expect(throws: Gzip.Failure.badLevel(level)) { try Gzip.compress([1], level: level) }
    }
}
