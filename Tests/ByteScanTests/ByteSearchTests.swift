import ByteScan
import SeededRandomness
import Testing

@Suite struct ByteSearchTests {
    private func first(of needle: UInt8, or other: UInt8, in bytes: [UInt8], from start: Int) -> Int {
        guard needle == other else {
            return ByteSearch.first(of: needle, or: other, in: bytes.span.bytes, from: start)
        }
        return ByteSearch.first(of: needle, in: bytes.span.bytes, from: start)
    }

    @Test func `finds either byte at every place of every length`() {
        for count in 0..<170 {
            var bytes = [UInt8](repeating: 0x61, count: count)
            #expect(self.first(of: 0x22, or: 0x5c, in: bytes, from: 0) == count)
            for index in bytes.indices {
                bytes[index] = index.isMultiple(of: 2) ? 0x22 : 0x5c
                for start in [0, index / 2, index] {
                    #expect(self.first(of: 0x22, or: 0x5c, in: bytes, from: start) == index)
                }
                #expect(
                    self.first(of: 0x22, or: 0x5c, in: bytes, from: index + 1) == count)
                bytes[index] = 0x61
            }
        }
    }

    @Test func `finds the first of many and is not misled by neighbours of the needle`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let near: [UInt8] = [0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0xa2, 0xdc, 0x00, 0xff, 0x80]
            let count = random.below(200)
            let bytes = (0..<count).map { _ in near[random.below(near.count)] }
            let start = random.below(count + 1)
            let either = bytes[start...].firstIndex { $0 == 0x22 || $0 == 0x5c } ?? count
            #expect(self.first(of: 0x22, or: 0x5c, in: bytes, from: start) == either)
            let one = bytes[start...].firstIndex(of: 0x23) ?? count
            #expect(self.first(of: 0x23, or: 0x23, in: bytes, from: start) == one)
        }
    }
}
