import Foundation

/// Reads small text files, relative to one folder.
public struct FileAccess: Sendable {
    /// Why a file could not be read.
    public enum Failure: Error {
        /// Nothing is there.
        case missing
        /// It is a folder or something else that is no file.
        case notAFile
        /// It is larger than allowed.
        case tooLarge(bytesMax: Int)
        /// The system refused.
        case refused
        /// It is not UTF-8.
        case notText

        /// What to tell an operator.
        public var message: String {
            switch self {
            case .missing: "no such file"
            case .notAFile: "not a file"
            case .tooLarge(let bytesMax): "larger than \(bytesMax) bytes"
            case .refused: "cannot be read: permission denied or an input error"
            case .notText: "not UTF-8 text"
            }
        }
    }

    /// The folder that relative paths start from.
    let folder: String

    /// Files relative to a folder.
    public init(folder: String) { self.folder = folder }

    /// Reads a file as UTF-8 without its byte order mark.
    public func read(_ path: String, bytesMax: Int) -> Result<String, Failure> {
        let full = self.absolute(path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder) else {
            return .failure(.missing)
        }
        guard !isFolder.boolValue else { return .failure(.notAFile) }
        guard let handle = FileHandle(forReadingAtPath: full) else { return .failure(.refused) }
        defer { try? handle.close() }
        // One byte more than allowed tells a file at the limit from one beyond it.
        guard let data = try? handle.read(upToCount: bytesMax + 1) ?? Data() else {
            return .failure(.refused)
        }
        guard data.count <= bytesMax else { return .failure(.tooLarge(bytesMax: bytesMax)) }
        guard let text = String(validating: data, as: UTF8.self) else { return .failure(.notText) }
        return .success(text.hasPrefix("\u{feff}") ? String(text.unicodeScalars.dropFirst()) : text)
    }

    /// The names of the files of a folder and of the folders in it, sorted; empty when there is none.
    func files(under path: String, suffix: String, countMax: Int) -> [String] {
        guard let walker = FileManager.default.enumerator(atPath: self.absolute(path)) else { return [] }
        var names: [String] = []
        for case let name as String in walker where name.hasSuffix(suffix) {
            names.append(name)
            if names.count == countMax { break }
        }
        return names.sorted()
    }

    /// What a file looks like, or nil when there is none.
    func look(at path: String) -> ConfigurationFiles.Look? {
        // What a link leads to counts: deployment tools swap links.
        let target = URL(fileURLWithPath: self.absolute(path)).resolvingSymlinksInPath().path
        guard let facts = try? FileManager.default.attributesOfItem(atPath: target) else { return nil }
        return ConfigurationFiles.Look(
            inode: (facts[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0,
            size: (facts[.size] as? NSNumber)?.uint64Value ?? 0,
            modified: facts[.modificationDate] as? Date ?? .distantPast)
    }

    /// Whether a file or a folder is at a path.
    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: self.absolute(path))
    }

    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") || self.folder.isEmpty ? path : "\(self.folder)/\(path)"
    }
}
