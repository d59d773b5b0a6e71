/// The id of a message: `msg_01` and sixteen random bytes in the Bitcoin alphabet of base58 (http-surface 4.5).
public struct MessageID: Equatable, Sendable {
    /// The id without its prefix.
    let digits: [UInt8]

    /// Spells 128 random bits.
    public init(high: UInt64, low: UInt64) { self.digits = Self.base58(UInt128(high) << 64 | UInt128(low)) }

    private static let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

    /// The digits of a number; each leading zero byte of the sixteen counts as one digit zero, as base58 has it.
    private static func base58(_ value: UInt128) -> [UInt8] {
        var rest = value
        var digits: [UInt8] = []
        while rest > 0 {
            digits.append(self.alphabet[Int(rest % 58)])
            rest /= 58
        }
        digits.append(contentsOf: repeatElement(self.alphabet[0], count: value.leadingZeroBitCount / 8))
        digits.reverse()
        return digits
    }

    /// Appends the id of the message.
    func append(to output: inout [UInt8]) {
        output.append("msg_01" as StaticString)
        output.append(contentsOf: self.digits)
    }

    /// Appends an id for a call that came without one: that of the message, and the call's place.
    func append(call position: Int, to output: inout [UInt8]) {
        output.append("toolu_01" as StaticString)
        output.append(contentsOf: self.digits)
        output.append(decimal: position)
    }
}
