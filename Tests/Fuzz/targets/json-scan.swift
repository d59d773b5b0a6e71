import ByteScan
import SeededRandomness

// A document must be read without a trap, and the same wherever it is cut.

private let pattern = JSONFieldPattern([
    .init("a", field: 1, capturesText: true), .init("b.a", field: 2, capturesText: true),
    .init("c[0].a", field: 3), .init("c[].b", field: 4, capturesText: true), .init("b", field: 5),
])
private let captured: Set<UInt8> = [1, 2, 4]

/// libFuzzer's entry: a document, in any state of health.
@_cdecl("LLVMFuzzerTestOneInput")
public func scanJSON(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    let whole = ScanLog(pattern, Cuts.whole(bytes), captured: captured)
    let singles = ScanLog(pattern, Cuts.single(bytes), captured: captured)
    precondition(singles == whole, "cut into bytes it reads differently")
    var random = SeededGenerator(seed: UInt64(count))
    let pieces = ScanLog(pattern, Cuts.random(bytes, &random), captured: captured)
    precondition(pieces == whole, "cut into pieces it reads differently")
    return 0
}
