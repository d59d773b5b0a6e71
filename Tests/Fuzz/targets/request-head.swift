/// libFuzzer's entry: any input must leave the properties of `WireProperties.request` standing.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    if let broken = WireProperties.request(bytes) { preconditionFailure(broken) }
    return 0
}
