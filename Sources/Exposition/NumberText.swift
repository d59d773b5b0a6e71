/// Writes stored whole numbers as decimal text.
enum NumberText {
    /// Appends a whole number.
    static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        var rest = value
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        for place in start..<20 { bytes.append(digits[place]) }
    }

    /// Appends `value` divided by 10 to the power of `decimals`, in as few digits as read back the
    /// same.
    ///
    /// Below 10^15 the decimal digits of the quotient are at most 15, and any decimal of up to 15
    /// digits is the shortest that names its double (IEEE 754, binary64); above, the double
    /// nearest to the quotient is written by the standard library.
    static func append(_ value: UInt64, decimals: Int, to bytes: inout [UInt8]) {
        guard decimals > 0 else { return Self.append(value, to: &bytes) }
        guard value < 1_000_000_000_000_000 else {
            bytes.append(contentsOf: Self.scaled(value, decimals: decimals).description.utf8)
            return
        }
        var scale: UInt64 = 1
        for _ in 0..<decimals { scale *= 10 }
        Self.append(value / scale, to: &bytes)
        var rest = value % scale
        guard rest > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        while rest > 0 {
            scale /= 10
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / scale))
            rest %= scale
        }
    }

    /// Appends a signed value divided by 10 to the power of `decimals`.
    static func append(_ value: Int64, decimals: Int, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        Self.append(value.magnitude, decimals: decimals, to: &bytes)
    }

    /// Appends a moment, given in nanoseconds since the Unix epoch, in seconds with three decimals.
    static func appendTimestamp(_ wallTime: Int64, to bytes: inout [UInt8]) {
        let milliseconds = UInt64(max(wallTime, 0)) / 1_000_000
        Self.append(milliseconds / 1_000, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        let fraction = milliseconds % 1_000
        for digit in [fraction / 100, fraction / 10 % 10, fraction % 10] {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
        }
    }

    /// The double that stands for a stored value in every format.
    static func scaled(_ value: UInt64, decimals: Int) -> Double {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        return Double(value) / scale
    }

    /// The double that stands for a stored value that may be negative.
    static func scaled(_ value: Int64, decimals: Int) -> Double {
        let magnitude = Self.scaled(value.magnitude, decimals: decimals)
        return value < 0 ? -magnitude : magnitude
    }

    /// The one text form of a bucket bound: shortest round-trip, `.0` on whole numbers, an exponent
    /// of at least two digits below 1e-4 and from 1e6 (OpenMetrics 1.0, "Considerations: Canonical
    /// Numbers").
    ///
    /// A changed text form would be a changed series.
    ///
    /// - Precondition: `bound` has at most 15 significant digits, as every catalogue bound has.
    static func canonicalBound(_ bound: Int64, decimals: Int) -> [UInt8] {
        var text: [UInt8] = bound < 0 ? [UInt8(ascii: "-")] : []
        var digits: [UInt8] = []
        Self.append(bound.magnitude, to: &digits)
        // The power of ten of the first digit.
        let exponent = digits.count - 1 - decimals
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        if bound == 0 {
            text.append(contentsOf: "0.0".utf8)
        } else if exponent < -4 || exponent >= 6 {
            Self.appendExponential(digits, exponent, to: &text)
        } else if exponent < 0 {
            text.append(contentsOf: "0.".utf8)
            for _ in 1..<(-exponent) { text.append(UInt8(ascii: "0")) }
            text.append(contentsOf: digits)
        } else {
            for place in 0...exponent {
                text.append(place < digits.count ? digits[place] : UInt8(ascii: "0"))
            }
            text.append(UInt8(ascii: "."))
            let fraction = digits.dropFirst(exponent + 1)
            text.append(contentsOf: fraction.isEmpty ? [UInt8(ascii: "0")] : fraction)
        }
        return text
    }

    private static func appendExponential(
        _ digits: [UInt8], _ exponent: Int, to text: inout [UInt8]
    ) {
        text.append(digits[0])
        if digits.count > 1 {
            text.append(UInt8(ascii: "."))
            text.append(contentsOf: digits.dropFirst())
        }
        text.append(UInt8(ascii: "e"))
        text.append(UInt8(ascii: exponent < 0 ? "-" : "+"))
        if exponent.magnitude < 10 { text.append(UInt8(ascii: "0")) }
        Self.append(UInt64(exponent.magnitude), to: &text)
    }
}
