"""The work of `kitchen-native bench`, in PyTorch.

The models, batches and optimizer of crates/kitchen-train/src/bench/work.rs. A step is forward,
backward, Adam, and the loss read by the host; the batch is copied to the device each step, as
Kitchen's is. One line of JSON for each piece of work, with the names that `bench --json` uses.

    python benches/torch/steps.py --device cuda --mode compile
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

WARM_UP = 3


class Mlp(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        )


class Cnn(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 10),
        )


class Block(nn.Module):
    def __init__(self, width, heads, bias):
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width, bias=bias)
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.projection = nn.Linear(width, width, bias=bias)
        self.before_mlp = nn.LayerNorm(width, bias=bias)
        self.up = nn.Linear(width, 4 * width, bias=bias)
        self.down = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x):
        batch, context, width = x.shape
        qkv = self.qkv(self.before_attention(x))
        qkv = qkv.view(batch, context, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(y.transpose(1, 2).reshape(batch, context, width))
        return x + self.down(F.gelu(self.up(self.before_mlp(x))))


class Gpt(nn.Module):
    """Pre-norm, learned positions, the output layer tied to the embedding."""

    def __init__(self, width, bias, layers=4, heads=4, context=64, vocabulary=65):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, bias) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, bias=bias)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight
        x = self.norm(self.blocks(x))
        return F.linear(x, self.tokens.weight).flatten(0, 1)


def images(*shape):
    return torch.rand(*shape), torch.randint(10, shape[:1])


def text(batch):
    return torch.randint(65, (batch, 64)), torch.randint(65, (batch * 64,))


WORK = {
    "mlp-784": (Mlp, lambda: images(128, 784)),
    "gpt-210k": (lambda: Gpt(64, True), lambda: text(16)),
    "cnn-28": (Cnn, lambda: images(32, 1, 28, 28)),
    "nanogpt-cpu": (lambda: Gpt(128, False), lambda: text(12)),
}


def run(name, device, mode, steps):
    make, draw = WORK[name]
    model = make().to(device)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    if mode == "compile":
        model = torch.compile(model)
    inputs, classes = draw()
    ms = []
    for _ in range(WARM_UP + steps):
        begun = time.perf_counter()
        loss = F.cross_entropy(model(inputs.to(device)), classes.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        ms.append((time.perf_counter() - begun) * 1e3)
    ms = ms[WARM_UP:]
    return {
        "name": f"{name} (PyTorch {torch.__version__}, {mode})",
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "steps": steps,
        "median_ms": statistics.median(ms),
        "min_ms": min(ms),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(WORK), metavar="WORK")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--mode", default="eager", choices=["eager", "compile"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    for name in args.names:
        print(json.dumps(run(name, args.device, args.mode, args.steps)), flush=True)


if __name__ == "__main__":
    main()
