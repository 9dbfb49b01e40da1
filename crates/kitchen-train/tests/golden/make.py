"""Writes pytorch.json: what PyTorch computes for the optimizers, losses and models of this crate.

    python -m venv venv && venv/bin/pip install torch && venv/bin/python make.py

Weights, gradients and inputs come from `formula`, which the Rust tests know too, so that only
results are stored. Optimizers are PyTorch's own (Lion, which it lacks, is written down from the
paper); models are built from PyTorch's own layers, under the names this crate exports.
"""

import inspect
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def formula(name, count, amplitude):
    """Numbers in [-amplitude, amplitude) from a name and an index: FNV-1a, then MurmurHash3's mixer."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    numbers = []
    for index in range(count):
        x = (seed + index * 0x9E3779B9) & 0xFFFFFFFF
        x = (x ^ x >> 16) * 0x85EBCA6B & 0xFFFFFFFF
        x = (x ^ x >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
        x ^= x >> 16
        numbers.append(amplitude * (x / 2**31 - 1))
    return numbers


def tensor(name, shape, amplitude):
    values = formula(name, math.prod(shape), amplitude)
    return torch.tensor(values, dtype=torch.float64).float().reshape(shape)


def numbers(tensor):
    """All numbers of a tensor, to the nine digits that tell `f32`s apart."""
    return [float(f"{x:.9g}") for x in tensor.detach().flatten().tolist()]


# ---------------------------------------------------------------------------------- optimizers

SHAPES = {"wide": (4, 6), "tall": (6, 3), "bias": (5,)}
STEPS = 10
STORED = (1, 2, 5, 10)
LR = 0.01


def full_precision_muon():
    """Lets PyTorch's Muon iterate in float32, where PyTorch itself rounds to bfloat16."""
    source = inspect.getsource(torch.optim._muon._zeropower_via_newtonschulz)
    assert source.count("torch.bfloat16") == 1
    scope = vars(torch.optim._muon)
    exec(source.replace("torch.bfloat16", "torch.float32"), scope)


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, program 1."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                update = torch.sign(m * beta1 + p.grad * (1 - beta1))
                p.sub_((update + p * group["weight_decay"]) * group["lr"])
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


def adam_constants(beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
    return dict(betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay)


def optimizers(algorithm, params):
    """The PyTorch optimizers that do what this crate's `algorithm` does."""
    (name, config), = algorithm.items()
    everything = list(params.values())
    if name == "sgd":
        return [torch.optim.SGD(everything, lr=LR, foreach=False, **config)]
    if name == "adam":
        return [torch.optim.Adam(everything, lr=LR, foreach=False, **adam_constants(**config))]
    if name == "adamw":
        constants = adam_constants(**{"weight_decay": 0.01, **config})
        return [torch.optim.AdamW(everything, lr=LR, foreach=False, **constants)]
    if name == "lion":
        betas = (config.get("beta1", 0.9), config.get("beta2", 0.99))
        return [Lion(everything, LR, betas, config.get("weight_decay", 0.0))]
    assert name == "muon"
    matrices = [p for p in everything if p.ndim == 2]
    rest = [p for p in everything if p.ndim != 2]
    muon = torch.optim.Muon(
        matrices,
        lr=LR,
        weight_decay=config.get("weight_decay", 0.1),
        momentum=config.get("momentum", 0.95),
        nesterov=config.get("nesterov", True),
        ns_steps=config.get("iterations", 5),
        adjust_lr_fn=config.get("adjust_lr", "match_rms_adamw"),
    )
    adamw_lr = LR * config.get("adamw_lr_ratio", 1.0)
    constants = adam_constants(**{"weight_decay": 0.01, **config.get("adamw", {})})
    return [muon, torch.optim.AdamW(rest, lr=adamw_lr, foreach=False, **constants)]


def trajectory(algorithm, clip_norm):
    params = {
        name: nn.Parameter(tensor(name, shape, 0.5)) for name, shape in SHAPES.items()
    }
    rules = optimizers(algorithm, params)
    norms, weights = [], {}
    for step in range(1, STEPS + 1):
        for name, p in params.items():
            # Growing gradients: clipping begins halfway.
            p.grad = tensor(f"{name}.grad.{step}", SHAPES[name], 0.1 * step)
        limit = clip_norm or math.inf
        norms.append(nn.utils.clip_grad_norm_(params.values(), limit, foreach=False).item())
        for rule in rules:
            rule.step()
        if step in STORED:
            weights[step] = {name: numbers(p) for name, p in params.items()}
    return dict(
        algorithm=algorithm, lr=LR, clip_norm=clip_norm, norms=norms, weights=weights
    )


ALGORITHMS = [
    {"sgd": {}},
    {"sgd": {"weight_decay": 0.1}},
    {"sgd": {"momentum": 0.9}},
    {"sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}},
    {"adam": {}},
    {"adam": {"beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.1}},
    {"adamw": {}},
    {"adamw": {"beta1": 0.8, "beta2": 0.95, "weight_decay": 0.5}},
    {"lion": {"weight_decay": 0.1}},
    {"muon": {}},
    {"muon": {"adjust_lr": "original", "nesterov": False, "adamw_lr_ratio": 0.15}},
]
CLIPPED = (0, 3, 5, 6, 8, 9)


def all_trajectories():
    full_precision_muon()
    cases = [trajectory(algorithm, 0.0) for algorithm in ALGORITHMS]
    return cases + [trajectory(ALGORITHMS[index], 1.0) for index in CLIPPED]


# -------------------------------------------------------------------------------------- models


class Mlp(nn.Module):
    def __init__(self, widths, activation):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.activation = activation

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class Cnn(nn.Module):
    def __init__(self, image, channels, hidden, outputs):
        super().__init__()
        self.image = image
        (before, height, width), convolutions = image, []
        for after in channels:
            convolutions.append(nn.Conv2d(before, after, 3, padding=1))
            before = after
            if min(height, width) >= 2:
                height, width = height // 2, width // 2
        self.convolutions = nn.ModuleList(convolutions)
        self.hidden = nn.Linear(before * height * width, hidden)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x):
        x = x.reshape(-1, *self.image)
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
            if min(x.shape[2:]) >= 2:
                x = F.max_pool2d(x, 2)
        return self.head(F.relu(self.hidden(x.flatten(1))))


def rotate(x):
    """Rotary positions of `[batch, heads, context, width]`, halves against each other (GPT-NeoX)."""
    *_, context, width = x.shape
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(context, dtype=torch.float64), frequencies)
    cos, sin = (torch.cat([f(angles)] * 2, -1).float() for f in (torch.cos, torch.sin))
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Attention(nn.Module):
    def __init__(self, width, heads, kv_heads, bias, rotary):
        super().__init__()
        self.heads, self.kv_heads, self.rotary = heads, kv_heads, rotary
        self.qkv = nn.Linear(width, (heads + 2 * kv_heads) * width // heads, bias=bias)
        self.projection = nn.Linear(width, width, bias=bias)

    def forward(self, x):
        batch, context, width = x.shape
        qkv = self.qkv(x).reshape(batch, context, -1, width // self.heads).transpose(1, 2)
        q, k, v = qkv.split([self.heads, self.kv_heads, self.kv_heads], 1)
        if self.rotary:
            q, k = rotate(q), rotate(k)
        x = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.projection(x.transpose(1, 2).reshape(batch, context, width))


class FeedForward(nn.Module):
    def __init__(self, width, gated, bias):
        super().__init__()
        hidden = math.ceil(math.ceil(8 * width / 3) / 8) * 8 if gated else 4 * width
        if gated:
            self.gate_up = nn.Linear(width, 2 * hidden, bias=bias)
        else:
            self.up = nn.Linear(width, hidden, bias=bias)
        self.gated = gated
        self.down = nn.Linear(hidden, width, bias=bias)

    def forward(self, x):
        if not self.gated:
            return self.down(F.gelu(self.up(x)))
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)


class Gpt(nn.Module):
    def __init__(self, c, vocabulary, context):
        super().__init__()
        width, bias = c["width"], c["bias"]
        rotary, gated = c["positions"] == "rotary", c["feed_forward"] == "swi_glu"
        kv_heads = c["kv_heads"] or c["heads"]

        def norm():
            if c["norm"] == "rms":
                return nn.RMSNorm(width, eps=1e-5)
            return nn.LayerNorm(width, bias=bias)

        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = None if rotary else nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                dict(
                    attention_norm=norm(),
                    attention=Attention(width, c["heads"], kv_heads, bias, rotary),
                    feed_forward_norm=norm(),
                    feed_forward=FeedForward(width, gated, bias),
                )
            )
            for _ in range(c["layers"])
        )
        self.norm = norm()
        self.head = None if c["tied"] else nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.token_embedding(tokens)
        if self.position_embedding is not None:
            x = x + self.position_embedding(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = x + block["attention"](block["attention_norm"](x))
            x = x + block["feed_forward"](block["feed_forward_norm"](x))
        x = self.norm(x)
        return x @ self.token_embedding.weight.T if self.head is None else self.head(x)


class Rnn(nn.Module):
    def __init__(self, cell, layers, width, vocabulary):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.rnn = kind(width, width, num_layers=layers, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        return self.head(self.rnn(self.token_embedding(tokens))[0])


def build(model, data):
    (kind, c), = model.items()
    (_, given), = data["input"].items()
    if kind == "mlp":
        inputs = math.prod(given["shape"])
        activation = {"relu": F.relu, "tanh": F.tanh, "gelu": F.gelu, "silu": F.silu}
        widths = [inputs, *c["hidden"], outputs(data)]
        return Mlp(widths, activation[c["activation"]])
    if kind == "cnn":
        return Cnn(given["shape"], c["channels"], c["hidden"], outputs(data))
    if kind == "gpt":
        return Gpt(c, given["vocabulary"], given["context"])
    return Rnn(c["cell"], c["layers"], c["width"], given["vocabulary"])


def outputs(data):
    target = data["target"]
    if target == "next_token":
        return data["input"]["tokens"]["vocabulary"]
    return len(target["classes"]["names"]) if "classes" in target else target["values"]["width"]


def measure(logits, batch, loss):
    """The mean loss, by PyTorch's own functions."""
    (kind, targets), = batch["targets"].items()
    if kind == "values":
        goal = torch.tensor(targets["values"]).reshape(logits.shape)
        if loss == "mean_squared_error":
            return F.mse_loss(logits, goal)
        return F.binary_cross_entropy_with_logits(logits, goal)
    smoothing = loss["cross_entropy"]["label_smoothing"]
    goal = torch.tensor(targets if kind == "classes" else targets["values"])
    if kind == "tokens" and targets["mask"]:
        goal = goal.masked_fill(torch.tensor(targets["mask"]) == 0, -100)
    return F.cross_entropy(
        logits.reshape(len(goal), -1), goal, label_smoothing=smoothing, ignore_index=-100
    )


def case(name, model, data, batch, loss):
    network = build(model, data)
    for parameter_name, parameter in network.named_parameters():
        parameter.data = tensor(parameter_name, parameter.shape, 0.5)
    (kind, given), = batch["inputs"].items()
    examples = len(batch["ids"])
    if kind == "features":
        x = torch.tensor(given["values"]).reshape(examples, -1)
    else:
        x = torch.tensor(given["values"]).reshape(examples, given["context"])
    logits = network(x)
    value = measure(logits, batch, loss)
    value.backward()
    return dict(
        name=name,
        model=model,
        data=data,
        batch=batch,
        loss=loss,
        outputs=numbers(logits),
        value=value.item(),
        gradients={n: numbers(p.grad) for n, p in network.named_parameters()},
    )


def features(shape, examples):
    values = [float(f"{x:.6f}") for x in formula("inputs", examples * math.prod(shape), 1.0)]
    return {"features": {"shape": list(shape), "values": values}}


def tokens(name, count, vocabulary):
    return [int((x + 1) / 2 * vocabulary) for x in formula(name, count, 1.0)]


def with_features(name, model, shape, examples, target, targets, loss):
    data = {"input": {"features": {"shape": list(shape)}}, "target": target}
    inputs = features(shape, examples)
    batch = {"ids": list(range(examples)), "inputs": inputs, "targets": targets}
    return case(name, model, data, batch, loss)


def with_tokens(name, model, mask, smoothing):
    vocabulary, context, examples = 11, 6, 3
    count = context * examples
    data = {
        "input": {"tokens": {"vocabulary": vocabulary, "context": context}},
        "target": "next_token",
    }
    batch = {
        "ids": list(range(examples)),
        "inputs": {"tokens": {"context": context, "values": tokens("in", count, vocabulary)}},
        "targets": {"tokens": {"values": tokens("out", count, vocabulary), "mask": mask}},
    }
    return case(name, model, data, batch, {"cross_entropy": {"label_smoothing": smoothing}})


def all_models():
    def mlp(hidden, activation):
        return {"mlp": {"hidden": hidden, "activation": activation, "dropout": 0.0}}

    def gpt(**changes):
        plain = dict(
            layers=2,
            heads=2,
            kv_heads=0,
            width=8,
            norm="layer",
            positions="learned",
            feed_forward="gelu",
            tied=True,
            bias=True,
            dropout=0.0,
        )
        return {"gpt": plain | changes}

    def rnn(cell, layers):
        return {"rnn": {"cell": cell, "layers": layers, "width": 5, "dropout": 0.0}}

    cnn = {"cnn": {"channels": [3, 4, 5], "hidden": 6, "activation": "relu", "dropout": 0.0}}
    classes = {"classes": {"names": ["a", "b", "c"]}}
    values = {"values": {"width": 2}}
    some = [float(f"{x:.6f}") for x in formula("targets", 10, 1.0)]
    bits = [float(x > 0) for x in some]
    mask = [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0] * 2
    plain, smoothed = ({"cross_entropy": {"label_smoothing": s}} for s in (0.0, 0.1))
    modern = dict(
        heads=4,
        kv_heads=2,
        width=16,
        layers=1,
        norm="rms",
        positions="rotary",
        feed_forward="swi_glu",
        tied=False,
        bias=False,
    )
    return [
        with_features(
            "MLP, cross-entropy", mlp([7, 4], "relu"), [6], 5,
            classes, {"classes": [0, 2, 1, 1, 2]}, plain,
        ),
        with_features(
            "MLP with tanh, label smoothing", mlp([7], "tanh"), [6], 5,
            classes, {"classes": [0, 2, 1, 1, 2]}, smoothed,
        ),
        with_features(
            "MLP with GELU, squared error", mlp([7], "gelu"), [6], 5,
            values, {"values": {"width": 2, "values": some}}, "mean_squared_error",
        ),
        with_features(
            "MLP with SiLU, binary cross-entropy", mlp([7], "silu"), [6], 5,
            values, {"values": {"width": 2, "values": bits}}, "binary_cross_entropy",
        ),
        # Two poolings bring 7x6 down to 1x1; the third convolution has none.
        with_features(
            "CNN", cnn, [2, 7, 6], 4, classes, {"classes": [0, 2, 1, 1]}, plain,
        ),
        with_tokens("GPT-2", gpt(), [], 0.0),
        with_tokens("GPT-2 without biases, masked and smoothed", gpt(bias=False), mask, 0.1),
        with_tokens("Llama: RMSNorm, rotary, grouped heads, SwiGLU", gpt(**modern), mask, 0.0),
        with_tokens("LSTM of two layers", rnn("lstm", 2), [], 0.0),
        with_tokens("GRU of two layers, masked", rnn("gru", 2), mask, 0.0),
    ]


def main():
    golden = dict(torch=torch.__version__, optimizers=all_trajectories(), models=all_models())
    text = json.dumps(golden, separators=(",", ":"))
    # A line for each case, so that a change shows where it is.
    text = text.replace('{"algorithm"', '\n{"algorithm"').replace('{"name":"', '\n{"name":"')
    pathlib.Path(__file__).with_name("pytorch.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
