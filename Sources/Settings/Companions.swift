/// The files that belong to a configuration beside its own: model rules and custom profiles.
///
/// They do not act in this version; a report says so.
struct Companions: Sendable {
    /// The most profile files that are looked at.
    static let profilesMax = 1_000

    /// The profiles that are built in, without `openai-compatible`, which is never counted.
    static let builtInProfileCount = 11

    /// The first model rules that were found.
    let modelsPath: String?
    /// The custom profiles that were found, relative to ``profilesFolder``.
    let profiles: [String]

    /// The folder of custom profiles.
    static let profilesFolder = "config/profiles"

    /// Looks for the files.
    static func find(with files: FileAccess, environment: [String: String]) -> Companions {
        var candidates = [
            "models.yaml", "config/models.yaml", "config-base/models.yaml", "../config/models.yaml",
            "../../config/models.yaml",
        ]
        if let folder = environment["OLLA_CONFIG_DIR"], !folder.isEmpty {
            candidates.append("\(folder)/models.yaml")
        }
        return Companions(
            modelsPath: candidates.first { path in files.exists(path) },
            profiles: files.files(
                under: Self.profilesFolder, suffix: ".yaml", countMax: Self.profilesMax))
    }

    /// What to say about the files that were found.
    var remarks: [Problem] {
        var remarks: [Problem] = []
        if let modelsPath {
            remarks.append(
                Problem(
                    severity: .information, place: .file(modelsPath), path: "",
                    message: "does not act in this version; the embedded rules are used"))
        }
        if !self.profiles.isEmpty {
            let count = self.profiles.count
            remarks.append(
                Problem(
                    severity: .information, place: .file(Self.profilesFolder), path: "",
                    message: "\(count) \(count == 1 ? "file does" : "files do") not act in this version;"
                        + " the built-in profiles are used"))
        }
        return remarks
    }
}
