import Dialects
import SeededRandomness

// The first byte chooses how the rest is read: as a request body of some type, or as an answer.
// Nothing may trap, and what is found must not depend on where the bytes are cut.

private let requestTypes = ["application/json", "", "multipart/form-data; boundary=b"]

private func agree(_ bytes: [UInt8], _ isSame: ([[UInt8]], [[UInt8]]) -> Bool) {
    var random = SeededGenerator(seed: UInt64(bytes.count))
    let whole = Cuts.whole(bytes)
    precondition(isSame(whole, Cuts.single(bytes)), "cut into bytes it reads differently")
    precondition(isSame(whole, Cuts.random(bytes, &random)), "cut into pieces it reads differently")
}

/// libFuzzer's entry: a body, in any state of health.
@_cdecl("LLVMFuzzerTestOneInput")
public func scanBody(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    guard let choice = bytes.first else { return 0 }
    let kind = Int(choice % 6)
    agree(Array(bytes.dropFirst())) { one, other in
        if kind < 3 {
            let type = requestTypes[kind]
            return RequestSighting(one, type: type) == RequestSighting(other, type: type)
        }
        let framing = ResponseFraming.allCases[kind - 3]
        return Sighting(framing, one) == Sighting(framing, other)
    }
    return 0
}
