import CProcess

/// Gives back what only the start needed of the program's file.
///
/// Relocating, parsing YAML and arguments and the runtime's search for conformances touch megabytes of code and tables
/// once. The kernel would count them as resident for ever, though they can be read again from the file at any time.
/// Dropping them makes what stays resident what the data path uses.
public enum StartupPages {
    /// Drops the resident pages of the program's read-only segments; they come back as they are needed.
    ///
    /// Returns how many bytes these segments span; 0 where the system does not tell.
    @discardableResult
    public static func release() -> Int {
        Int(glasspot_drop_read_only_pages())
    }
}
