import Foundation

/// Where the input stands as a file: in memory where the system offers that.
private let folder: String = {
    let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    let path = "\(parent)/glasspot-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: folder) }
    return path
}()

/// libFuzzer's entry: any bytes of a configuration file must leave `LoadingProperties` standing.
@_cdecl("LLVMFuzzerTestOneInput")
public func loadConfiguration(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    do {
        if let broken = try LoadingProperties.broken(by: bytes, in: folder) { preconditionFailure(broken) }
    } catch {
        preconditionFailure("\(error)")
    }
    return 0
}
