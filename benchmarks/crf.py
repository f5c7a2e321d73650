"""Is our CRF equal to pytorch-crf, and how long do a training step and decoding take beside it?

python benchmarks/crf.py [--torch-python PYTHON] [--batch 64] [--length 100] [--tags 30]

pytorch-crf (`pip install torch pytorch-crf`) runs in a process of its own, under PYTHON if it is
not installed here. Both get the same random scores, labels and lengths (half to full), and run in
turn, `--repeats` calls a round; the median and the best of all calls are printed, in seconds.

A processor that others use too slows pytorch-crf's threads more than ours: --torch-threads 1 then.

- agreement: the largest differences of log likelihood, of its gradients, and of best paths, from
  pytorch-crf in float64; and its own in float32.
- step: loss and gradients with respect to emissions, transitions, start and end; ours under XLA.
- decoding: the best path of each row.
- ours alone: MEMMs, marginals, five best paths, scores so unequal that sums are taken in
  logarithms, a graph without XLA; seconds to compile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from measure import machine

TABLES = {"transitions": "transitions", "start": "start_transitions", "end": "end_transitions"}


def random_case(batch: int, length: int, tags: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    lengths = rng.integers(length // 2, length + 1, batch)
    lengths[0] = length  # pytorch-crf takes the longest row for the length
    shapes = {"transitions": (tags, tags), "start": (tags,), "end": (tags,)}
    return {
        "emissions": rng.normal(size=(batch, length, tags)).astype(np.float32),
        "labels": rng.integers(0, tags, (batch, length)),
        "mask": np.arange(length) < lengths[:, None],
        **{name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()},
    }


def timed(call: Callable, repeats: int) -> list[float]:
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return seconds


def torch_worker(folder: str, threads: str) -> None:
    """Answer each line "step 5" or "decode 5" with the seconds of five calls, as JSON."""
    import torch
    import torchcrf

    torch.set_num_threads(int(threads))
    case = {k: torch.tensor(v) for k, v in np.load(Path(folder) / "case.npz").items()}
    crf = torchcrf.CRF(len(case["start"]), batch_first=True)
    emissions = case["emissions"]

    def set_dtype(dtype: torch.dtype) -> None:
        nonlocal emissions
        for ours, theirs in TABLES.items():
            getattr(crf, theirs).data = case[ours].to(dtype)
        emissions = case["emissions"].to(dtype).requires_grad_()

    def step() -> torch.Tensor:
        emissions.grad = None
        crf.zero_grad()
        likelihood = crf(emissions, case["labels"], mask=case["mask"], reduction="none")
        (-likelihood.sum()).backward()
        return likelihood

    def decode() -> list[list[int]]:
        with torch.no_grad():
            return crf.decode(emissions, mask=case["mask"])

    set_dtype(torch.float64)  # the truth; float32 to be timed
    likelihood = step().detach().numpy()
    paths = np.zeros(case["mask"].shape, np.int32)
    for row, path in enumerate(decode()):
        paths[row, : len(path)] = path
    gradients = {name: getattr(crf, theirs).grad.numpy() for name, theirs in TABLES.items()}
    gradients["emissions"] = emissions.grad.numpy()
    np.savez(Path(folder) / "torch.npz", likelihood=likelihood, paths=paths, **gradients)
    set_dtype(torch.float32)
    float32 = step().detach().numpy()
    difference = float(np.abs(emissions.grad.numpy() - gradients["emissions"]).max())
    theirs_alone = {
        "log_likelihood_relative": float(np.abs(float32 / likelihood - 1).max()),
        "gradient of emissions": float(f"{difference:.2g}"),
    }
    print(json.dumps({"torch": torch.__version__, "float32": theirs_alone}), flush=True)
    for line in sys.stdin:
        name, repeats = line.split()
        call = {"step": step, "decode": decode}[name]
        print(json.dumps(timed(call, int(repeats))), flush=True)


class TorchCRF:
    """pytorch-crf in its own process."""

    def __init__(self, python: str, folder: str, threads: int) -> None:
        command = [python, __file__, "--worker", folder, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        answer = self._answer()
        self.version, self.float32 = answer["torch"], answer["float32"]

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            sys.exit("pytorch-crf did not start: give --torch-python a Python that has it")
        return json.loads(line)

    def seconds(self, name: str, repeats: int) -> list[float]:
        """Ask for `repeats` calls of "step" or "decode"."""
        self.process.stdin.write(f"{name} {repeats}\n")
        self.process.stdin.flush()
        return self._answer()


class Ours:
    """Our layers on the same case."""

    def __init__(self, case: dict[str, np.ndarray]) -> None:
        import tensorflow as tf

        from textzero.models.layers import CRF, MEMM

        self.tf = tf
        self.case = {name: tf.constant(value) for name, value in case.items()}
        tags = len(case["start"])
        layers = {"CRF": CRF(tags), "MEMM": MEMM(tags), "bi-MEMM": MEMM(tags, bidirectional=True)}
        for layer in layers.values():
            layer.build((None, None, tags))
            for weight in layer.weights:
                weight.assign(case[weight.name])
        emissions, labels, mask = (self.case[k] for k in ("emissions", "labels", "mask"))
        crf = layers["CRF"]
        self.compiling: dict[str, float] = {}
        self.calls = {
            "step": self._compiled("step", self._step(crf), emissions, labels),
            "decode": self._compiled("decode", lambda x: crf(x, mask=mask), emissions),
            "step, sums in logarithms": self._compiled(
                "step, sums in logarithms", self._step(crf), emissions * 60, labels
            ),
            "marginals": self._compiled("marginals", lambda x: crf.marginals(x, mask), emissions),
            "5 best": self._compiled("5 best", lambda x: crf.n_best(x, 5, mask), emissions),
            "step without XLA": self._compiled(
                "step without XLA", self._step(crf), emissions, labels, jit=False
            ),
        }
        for name in ("MEMM", "bi-MEMM"):
            layer = layers[name]
            self.calls[f"{name} step"] = self._compiled(
                f"{name} step", self._step(layer), emissions, labels
            )
            self.calls[f"{name} decode"] = self._compiled(
                f"{name} decode", lambda x, layer=layer: layer(x, mask=mask), emissions
            )

    def _step(self, layer: object) -> Callable:
        weights = layer.trainable_variables
        mask = self.case["mask"]

        def step(emissions: object, labels: object) -> tuple:
            with self.tf.GradientTape() as tape:
                tape.watch(emissions)
                likelihood = layer.log_likelihood(emissions, labels, mask)
                loss = -self.tf.reduce_sum(likelihood)
            return likelihood, tape.gradient(loss, [emissions, *(w.value for w in weights)])

        return step

    def _compiled(
        self, name: str, function: Callable, *inputs: object, jit: bool = True
    ) -> Callable:
        compiled = self.tf.function(function, jit_compile=jit)

        def call() -> object:
            return self.tf.nest.map_structure(lambda x: x.numpy(), compiled(*inputs))

        self.compiling[name] = timed(call, 1)[0]
        return call


def agreement(ours: Ours, theirs: dict[str, np.ndarray]) -> None:
    likelihood, gradients = ours.calls["step"]()
    paths = ours.calls["decode"]()
    differences = {
        f"gradient of {name}": float(np.abs(got - theirs[name]).max())
        for name, got in zip(("emissions", *TABLES), gradients, strict=True)
    }
    relative = np.abs(likelihood / theirs["likelihood"] - 1).max()
    report(
        "CRF: agreement with pytorch-crf in float64",
        "textzero",
        log_likelihood_relative=float(relative),
        **{name: float(f"{value:.2g}") for name, value in differences.items()},
        paths_that_differ=int((paths != theirs["paths"]).any(axis=1).sum()),
        rows=len(paths),
    )


def report(question: str, program: str, **facts: object) -> None:
    line = {"question": question, "program": program, **facts, **machine()}
    print(json.dumps(line), flush=True)


def spread(seconds: list[float]) -> dict[str, float]:
    return {
        "seconds": round(statistics.median(seconds), 6),
        "best_seconds": round(min(seconds), 6),
        "calls": len(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--tags", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--torch-threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        torch_worker(*options.worker)
        return
    case = random_case(options.batch, options.length, options.tags)
    shape = {"batch": options.batch, "length": options.length, "tags": options.tags}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "case.npz", **case)
        torch = TorchCRF(options.torch_python, folder, options.torch_threads)
        ours = Ours(case)
        report(
            "CRF: agreement with pytorch-crf in float64", "pytorch-crf, float32", **torch.float32
        )
        agreement(ours, dict(np.load(Path(folder) / "torch.npz")))
        for name in ("step", "decode"):
            measured: dict[str, list[float]] = {"textzero": [], "pytorch-crf": []}
            for _ in range(options.rounds):
                measured["textzero"] += timed(ours.calls[name], options.repeats)
                measured["pytorch-crf"] += torch.seconds(name, options.repeats)
            question = f"CRF: {name}"
            theirs = spread(measured["pytorch-crf"])
            threads = {"threads": options.torch_threads, "torch": torch.version}
            report(question, "pytorch-crf", **shape, **theirs, **threads)
            mine = spread(measured["textzero"])
            ratio = {
                "share": round(mine["seconds"] / theirs["seconds"], 3),
                "best_share": round(mine["best_seconds"] / theirs["best_seconds"], 3),
            }
            compiling = round(ours.compiling[name], 2)
            report(question, "textzero", **shape, **mine, **ratio, compile_seconds=compiling)
        torch.process.stdin.close()
        torch.process.wait()
    for name in list(ours.calls)[2:]:
        seconds = timed(ours.calls[name], options.rounds)
        compiling = round(ours.compiling[name], 2)
        report(f"ours: {name}", "textzero", **shape, **spread(seconds), compile_seconds=compiling)


if __name__ == "__main__":
    main()
