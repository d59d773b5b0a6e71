// The tables of routing-and-config 1.9.

extension ModelRules {
    /// What holds without a file.
    public static let builtIn = ModelRules(
        familyPatterns: ModelRules.builtInFamilies, architectures: ModelRules.builtInArchitectures,
        familyAliases: ModelRules.builtInFamilyAliases, publishers: ModelRules.builtInPublishers,
        quantizations: ModelRules.builtInQuantizations,
        typeCapabilities: [
            "llm": ["text-generation", "chat", "completion"],
            "vlm": ["text-generation", "vision", "multimodal", "image-understanding"],
            "embeddings": ["embeddings", "similarity", "vector-search"],
            "embedding": ["embeddings", "similarity", "vector-search"],
        ],
        nameCapabilities: ModelRules.builtInNameCapabilities, contextThresholds: ContextThresholds(),
        preservedFamilies: ["nomic-bert", "deepseek-coder-v2", "kimi"],
        genericNames: ["model", "unknown", "test", "temp", "default"])

    /// The sources of the built-in patterns: family capture 1, variant capture 2.
    ///
    /// A family begins a word and ends one; a number that is a size, as in `llama-7b`, is no variant.
    static let builtInFamilySources: [String] = {
        let number = #"(\d+(?:\.\d+)?)(?![\d.]*[bm](?![a-z]))"#
        func rest(_ names: String) -> String { "(?:^|[^a-z])(\(names))(?![a-z])(?:[-_.:](.*))?$" }
        func numbered(_ names: String) -> String { "(?:^|[^a-z])(\(names))[-_]?\(number)" }
        let published =
            "phi|llama|gemma|qwen|mistral|glm|granite|nemotron|exaone|kimi|minimax|hunyuan|olmo|internlm|smollm"
        return [
            "(?:^|[^a-z])(mistral|mixtral)(?![a-z])[-_]?(.*)$",
            numbered("llama|gemma|phi|qwen"),
            "/(\(published))(?![a-z])(?:[-_]?\(number))?",
            #"(?:^|[^a-z])(codellama|starcoder|vicuna|falcon|yi)[-_:]?(\d+(?:\.\d+)?[bm])(?![a-z])"#,
            rest("gpt-oss"),
            "(?:^|[^a-z])(gpt)[-_]?(2|j|neox)(?![a-z])",
            rest("deepseek"),
            rest("devstral|magistral|codestral|ministral"),
            numbered("glm"),
            rest("kimi"),
            numbered("granite"),
            rest("nemotron"),
            numbered("exaone"),
            rest("hunyuan"),
            rest("minimax"),
            rest("seed-oss"),
            numbered("olmo"),
            numbered("internlm"),
            numbered("smollm"),
            rest("command-r"),
            "^(?:[^/]*/)?(forge)(?![a-z])(?:[-_.:](.*))?$",
        ]
    }()

    private static let builtInFamilies: [FamilyPattern] = ModelRules.builtInFamilySources.compactMap { source in
        (try? NamePattern(source)).map { FamilyPattern($0, familyGroup: 1, variantGroup: 2) }
    }

    /// The sources of the built-in name capabilities.
    static let builtInNameSources: [(pattern: String, capabilities: [String])] = [
        ("code|coder|codegen|starcoder", ["code-generation", "programming", "code-completion"]),
        ("instruct|chat|assistant", ["instruction-following", "chat"]),
        ("reasoning|think", ["reasoning", "logic"]),
        ("math|mathstral", ["mathematics", "problem-solving"]),
        ("vision|vlm|llava|bakllava", ["vision", "multimodal", "image-understanding"]),
    ]

    private static let builtInNameCapabilities: [NameCapabilities] = ModelRules.builtInNameSources.compactMap { row in
        (try? NamePattern(row.pattern)).map { NameCapabilities($0, row.capabilities) }
    }

    /// `names` to one value each.
    private static func table(_ rows: [(value: String, names: String)]) -> [String: String] {
        var table: [String: String] = [:]
        for row in rows { for name in row.names.split(separator: " ") { table[String(name)] = row.value } }
        return table
    }

    private static let builtInArchitectures: [String: String] = {
        let identical =
            "mistral mixtral deepseek yi starcoder codellama vicuna falcon gpt2 gptj gptneox bloom opt mpt kimi nemotron"
            + " hunyuan minimax command-r"
        let own = identical.split(separator: " ").map { (value: String($0), names: String($0)) }
        return ModelRules.table(
            own + [
                ("phi", "phi3 phi3.5 phi4"), ("llama", "llama llama2 llama3 llama3.1 llama3.2 llama3.3 llama4"),
                ("gemma", "gemma gemma2 gemma3 gemma4"), ("qwen", "qwen qwen2 qwen2.5 qwen3 qwen3.5 qwen3.6"),
                ("glm", "glm glm4 glm5 glm4moe"), ("granite", "granite granitemoe granitehybrid"),
                ("exaone", "exaone exaone4"), ("olmo", "olmo olmo2"), ("internlm", "internlm internlm2 internlm3"),
                ("smollm", "smollm smollm2 smollm3"), ("seed-oss", "seed-oss seed_oss"),
            ])
    }()

    private static let builtInFamilyAliases = ModelRules.table([
        ("llama", "llama3 llama3.2 llama3.3 llama4"), ("gemma", "gemma2 gemma3 gemma4"), ("phi", "phi3 phi3.5 phi4"),
        ("qwen", "qwen2 qwen2.5 qwen3 qwen3.5"), ("deepseek", "deepseek2 deepseek3 deepseek4"),
        ("mistral", "devstral magistral codestral ministral"), ("glm", "glm4 glm4moe"),
        ("granite", "granitemoe granitehybrid"), ("exaone", "exaone4"), ("seed-oss", "seed_oss"), ("olmo", "olmo2"),
        ("internlm", "internlm2 internlm3"), ("smollm", "smollm2 smollm3"),
    ])

    private static let builtInPublishers = ModelRules.table([
        ("meta", "llama codellama opt"), ("google", "gemma"), ("microsoft", "phi"),
        ("mistral", "mistral mixtral devstral magistral codestral ministral"), ("alibaba", "qwen"), ("01-ai", "yi"),
        ("deepseek", "deepseek"), ("bigcode", "starcoder"), ("tii", "falcon"), ("lmsys", "vicuna"),
        ("bigscience", "bloom"), ("openai", "gpt2 gpt-oss"), ("eleutherai", "gptj gptneox"), ("zai-org", "glm"),
        ("moonshotai", "kimi"), ("ibm", "granite"), ("nvidia", "nemotron"), ("lg-ai", "exaone"),
        ("tencent", "hunyuan"), ("minimax", "minimax"), ("bytedance", "seed-oss"), ("allenai", "olmo"),
        ("internlm", "internlm"), ("huggingfacetb", "smollm"), ("cohere", "command-r"), ("tensorfoundry", "forge"),
    ])

    private static let builtInQuantizations = ModelRules.table([
        ("q4km", "Q4_K_M"), ("q4ks", "Q4_K_S"), ("q4kxl", "Q4_K_XL"), ("q3kl", "Q3_K_L"), ("q3km", "Q3_K_M"),
        ("q3ks", "Q3_K_S"), ("q5km", "Q5_K_M"), ("q5ks", "Q5_K_S"), ("q6k", "Q6_K"), ("q2k", "Q2_K"), ("q4", "Q4_0"),
        ("q4_1", "Q4_1"), ("q5", "Q5_0"), ("q5_1", "Q5_1"), ("q8", "Q8_0"), ("f16", "F16 FP16"), ("f32", "F32 FP32"),
        ("bf16", "BF16"), ("gptq4", "GPTQ_4BIT GPTQ-4BIT"), ("awq4", "AWQ_4BIT AWQ-4BIT"), ("int8", "INT8"),
        ("int4", "INT4"), ("mxfp4", "MXFP4"), ("nvfp4", "NVFP4"),
    ])
}
