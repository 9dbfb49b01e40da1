"""Calculon's search for a layout, beside Kitchen's, in turns, each on one core.

    git clone https://github.com/calculon-ai/calculon && pip install numpy psutil pandas
    cargo build --release
    python benches/calculon/search.py --calculon calculon --kitchen target/release/kitchen-native

Each looks at layouts of the same model on the same GPUs: Calculon at as many as it gets to in the
given time (its whole search takes hours), Kitchen at all there are. One line of JSON for each turn:
the layouts looked at, the seconds that took, and the rate. What is looked at differs: Calculon also
chooses between ways to overlap and to recompute what Kitchen's model knows one way of, and Kitchen
also divides sequences.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path


def calculon(folder, gpus, batch, limit_s):
    """Calculon's own search, piece by piece, in this process, until the time is over."""
    sys.path.insert(0, str(folder))
    from calculon.io import read_json_file
    from calculon.llm import Llm, System
    from calculon.llm.optimal_execution import OptimalExecution

    app = Llm.Application(read_json_file(str(folder / "models/gpt3-175B.json")))
    system = System(read_json_file(str(folder / "systems/a100_80g.json")))
    began, looked_at = time.perf_counter(), 0
    for piece in pieces(Llm, app, gpus):
        tp, pp, dp, chunks, recompute, sharded, communication = piece
        size = OptimalExecution.get_batch_size(dp, batch)
        if size is None:
            continue
        # The arguments of its own command, with neither debugging nor early endings.
        found = OptimalExecution.search(
            False, 1, False, gpus, batch, "float16", app, system, tp, pp, dp, chunks, size,
            recompute, sharded, communication, [True], False, True, True,
        )
        looked_at += found[1]
        if time.perf_counter() - began > limit_s:
            break
    return looked_at, time.perf_counter() - began


def pieces(llm, app, gpus):
    """What its command hands to its processes."""
    for tp in llm.get_all_tensor_parallelisms(gpus, app.hidden, app.attn_heads):
        for pp in llm.get_all_pipeline_parallelisms(gpus, tp, app.num_blocks):
            dp = llm.get_data_parallelism(gpus, tp, pp)
            for chunks in llm.get_valid_pipeline_interleavings(app.num_blocks, pp):
                for recompute in ["full", "attn_only", "none"]:
                    for sharded in [True, False] if dp > 1 else [False]:
                        for communication in ["ar", "p2p_rs_ag", "rs_ag"]:
                            yield tp, pp, dp, chunks, recompute, sharded, communication


def kitchen(program, gpus):
    command = [program, "sim", "search", "--model", "gpt3-175b", "--json"]
    command += ["--accelerator", "A100 SXM 80GB", "--gpus", str(gpus)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return report["examined"], report["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calculon", type=Path, required=True, help="a clone of its repository")
    parser.add_argument("--kitchen", required=True, help="the program kitchen-native")
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1536)
    parser.add_argument("--seconds", type=float, default=20, help="for each turn of Calculon")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    turns = {
        "calculon": lambda: calculon(args.calculon, args.gpus, args.batch, args.seconds),
        "kitchen": lambda: kitchen(args.kitchen, args.gpus),
    }
    rates = {name: [] for name in turns}
    for _ in range(args.turns):
        for name, turn in turns.items():
            looked_at, seconds = turn()
            rates[name].append(looked_at / seconds)
            print(json.dumps({
                "name": name,
                "layouts": looked_at,
                "seconds": round(seconds, 6),
                "layouts_per_s": round(looked_at / seconds, 1),
            }), flush=True)
    ratio = statistics.median(rates["kitchen"]) / statistics.median(rates["calculon"])
    print(json.dumps({"kitchen_over_calculon": round(ratio, 1)}))


if __name__ == "__main__":
    main()
