/// libFuzzer's entry: any input must leave `TranslationProperties` standing.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let broken = TranslationProperties.broken(by: bytes) { preconditionFailure(broken) }
    return 0
}
