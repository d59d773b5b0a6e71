import Testing

@testable import Exposition

@Suite struct NumberTextTests {
    private func text(_ value: UInt64, decimals: Int) -> String {
        var bytes: [UInt8] = []
        NumberText.append(value, decimals: decimals, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        arguments: [
            (0, 0, "0"), (7, 0, "7"), (.max, 0, "18446744073709551615"), (0, 9, "0"),
            (1, 9, "0.000000001"),
            (1_000_000_000, 9, "1"), (1_500_000_000, 9, "1.5"), (12_345_678_901, 9, "12.345678901"),
            (10, 9, "0.00000001"), (999_999_999_999_999, 9, "999999.999999999"), (1_500, 3, "1.5"),
            (1_000_000_000_000_000, 9, "1000000.0"), (42, 3, "0.042"),
        ] as [(UInt64, Int, String)])
    func numbersAreWrittenShort(value: UInt64, decimals: Int, expected: String) {
        #expect(self.text(value, decimals: decimals) == expected)
    }

    @Test func negativeNumbersHaveASign() {
        var bytes: [UInt8] = []
        NumberText.append(Int64(-1_500), decimals: 3, to: &bytes)
        NumberText.append(Int64.min, decimals: 0, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "-1.5-9223372036854775808")
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func everyNumberReadsBackAsTheOneDoubleOfAllFormats(seed: UInt64) {
        var state = seed
        for round in 0..<5_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // All magnitudes alike.
            let value = state >> UInt64(round % 64)
            for decimals in [3, 9] {
                let text = self.text(value, decimals: decimals)
                let expected = NumberText.scaled(value, decimals: decimals)
                #expect(
                    Double(text) == expected, "\(value) with \(decimals) decimals, seed \(seed)")
            }
        }
    }

    @Test(
        arguments: [
            (0, 0, "0.0"), (0, 9, "0.0"), (1, 0, "1.0"), (20, 0, "20.0"), (262_144, 0, "262144.0"),
            (1_048_576, 0, "1.048576e+06"), (67_108_864, 0, "6.7108864e+07"),
            (1_000_000, 0, "1e+06"),
            (999_999, 0, "999999.0"), (10_000, 9, "1e-05"), (25_000, 9, "2.5e-05"),
            (50_000, 9, "5e-05"),
            (100_000, 9, "0.0001"), (250_000, 9, "0.00025"), (1_000_000, 9, "0.001"),
            (2_500_000, 9, "0.0025"), (100_000_000, 9, "0.1"), (1_000_000_000, 9, "1.0"),
            (2_500_000_000, 9, "2.5"), (120_000_000_000, 9, "120.0"),
            (1_310_720_000_000, 9, "1310.72"),
            (-2_500, 3, "-2.5"), (12_345, 3, "12.345"), (1, 9, "1e-09"),
            (268_435_456, 0, "2.68435456e+08"),
            (10_000_000_000, 0, "1e+10"),
        ] as [(Int64, Int, String)])
    func boundsHaveOneCanonicalForm(bound: Int64, decimals: Int, expected: String) {
        let text = NumberText.canonicalBound(bound, decimals: decimals)
        #expect(String(decoding: text, as: UTF8.self) == expected)
    }
}
