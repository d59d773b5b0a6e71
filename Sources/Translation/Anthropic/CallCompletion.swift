/// Tells when the arguments of a call, which arrive in pieces, are a whole JSON value.
struct CallCompletion {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var hasBegun = false

    /// Whether an object or array has begun and ended.
    var isComplete: Bool { self.hasBegun && self.depth == 0 }

    /// Takes the next byte of the decoded arguments.
    mutating func take(_ byte: UInt8) {
        if self.isInString {
            if self.isEscaped {
                self.isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                self.isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                self.isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): self.isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            self.hasBegun = true
            self.depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): self.depth -= 1
        default: break
        }
    }
}
