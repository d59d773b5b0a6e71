import Catalog

/// The files that belong to a configuration beside its own: model rules and custom profiles.
///
/// None of them ever stops a start: what cannot be used is passed over, with a warning for each.
struct Companions: Sendable {
    /// The most profile files that are read.
    static let profilesMax = 1_000
    /// The folder of custom profiles.
    static let profilesFolder = "config/profiles"
    /// The profile that is never counted: it stands for every server that is no other.
    static let uncountedProfile = "openai-compatible"

    /// The file the rules came from; nil for the embedded ones.
    private(set) var rulesPath: String?
    /// The rules in force.
    private(set) var rules = ModelRules.builtIn
    /// What is wrong with files of model rules.
    private(set) var rulesProblems: [Problem] = []
    /// The built-in profiles and those of the folder, later ones in place of earlier ones of the same name.
    private(set) var profiles = ProfileSet.builtIn.profiles
    /// What is wrong with profile files.
    private(set) var profileProblems: [Problem] = []

    /// The profiles that are counted in a report.
    var profileCount: Int { self.profiles.count { $0.name != Self.uncountedProfile } }

    /// What to say about the files.
    var remarks: [Problem] { self.rulesProblems + self.profileProblems }

    /// Where model rules may stand; the first usable file wins.
    static func modelsCandidates(environment: [String: String]) -> [String] {
        var candidates = [
            "models.yaml", "config/models.yaml", "config-base/models.yaml", "../config/models.yaml",
            "../../config/models.yaml",
        ]
        if let folder = environment["OLLA_CONFIG_DIR"], !folder.isEmpty {
            candidates.append("\(folder)/models.yaml")
        }
        return candidates
    }

    /// Reads the files.
    static func load(with files: FileAccess, environment: [String: String]) -> Companions {
        var companions = Companions()
        companions.loadRules(Self.modelsCandidates(environment: environment), with: files)
        companions.loadProfiles(with: files)
        return companions
    }

    private mutating func loadRules(_ candidates: [String], with files: FileAccess) {
        for candidate in candidates {
            var findings = Findings()
            switch files.read(candidate, bytesMax: ModelRulesFile.bytesMax) {
            case .failure(.missing): continue
            case .failure(let failure): findings.error("", failure.message, at: .file(candidate))
            case .success(let text):
                if let rules = ModelRulesFile.read(text, file: candidate, findings: &findings) {
                    self.rulesPath = candidate
                    self.rules = rules
                    self.rulesProblems += Self.warnings(findings, "")
                    return
                }
            }
            self.rulesProblems += Self.warnings(findings, "; the file is not used")
        }
    }

    private mutating func loadProfiles(with files: FileAccess) {
        let names = files.files(under: Self.profilesFolder, suffix: ".yaml", countMax: Self.profilesMax)
        for name in names {
            let path = "\(Self.profilesFolder)/\(name)"
            var findings = Findings()
            switch files.read(path, bytesMax: ProfileFile.bytesMax) {
            case .failure(let failure): findings.error("", failure.message, at: .file(path))
            case .success(let text):
                if let profile = ProfileFile.read(text, file: path, findings: &findings) {
                    if let position = self.profiles.firstIndex(where: { $0.name == profile.name }) {
                        self.profiles[position] = profile
                    } else {
                        self.profiles.append(profile)
                    }
                }
            }
            self.profileProblems += Self.warnings(findings, "; the profile is not used")
        }
        let set = ProfileSet(self.profiles)
        for contest in set.contested {
            self.profileProblems.append(
                Problem(
                    severity: .warning, place: .file(Self.profilesFolder), path: "",
                    message: "two profiles claim the prefix \"\(contest.prefix)\"; \(contest.winner) has it"))
        }
        for name in set.ignored {
            self.profileProblems.append(
                Problem(
                    severity: .warning, place: .file(Self.profilesFolder), path: "",
                    message: "there is no room for \"\(name)\": at most \(ProfileSet.capacity) are possible"))
        }
    }

    /// The problems of a file, none of which stops a start.
    private static func warnings(_ findings: Findings, _ consequence: String) -> [Problem] {
        findings.sorted.map { problem in
            Problem(
                severity: min(problem.severity, .warning), place: problem.place, path: problem.path,
                message: problem.message + (problem.severity == .error ? consequence : ""))
        }
    }

    /// The profiles that a filter lets in.
    ///
    /// One that is kept out has no route and is no type; `openai-compatible` goes on serving as what is assumed of a server
    /// nothing is known about. A filter with an unusable pattern lets all in; validation reports it.
    func profiles(_ filter: Configuration.NameFilter) -> ProfileSet {
        guard let filter = try? ModelFilter(include: filter.include, exclude: filter.exclude) else {
            return ProfileSet(self.profiles)
        }
        let hidden = self.profiles.filter { !filter.admits($0.name) }.map(\.name)
        return ProfileSet(
            self.profiles.filter { $0.name == Self.uncountedProfile || !hidden.contains($0.name) },
            hidden: Set(hidden))
    }
}
