"""Trains the networks of `tests/it/pytorch.rs` in PyTorch 2.15, in float64 and on one thread, and writes
what came out to `figures.json` beside this file. It needs torch alone.

    python tests/pytorch/record.py            writes figures.json anew, to the same bytes
    python tests/pytorch/record.py --float32  says how far PyTorch's own float32 is from it

Every network takes 50 steps on all of its samples. Inputs, labels and initial weights come from
integers that both sides compute alike, rounded to float32.
"""
import json
import math
import sys
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR

STEPS, SHOWN = 50, [1, 10, 25, 50]
FILE = Path(__file__).with_name("figures.json")


def integers(name, n):
    """A sequence of `n` numbers below 10007 that depends on the name."""
    k, i = sum(name.encode()), torch.arange(n)
    return ((k + 3) * i * i + 31 * i + 101 * k) * 7919 % 10007


def reals(name, *shape):
    """The same as numbers in -1..=1."""
    return (integers(name, math.prod(shape)) / torch.tensor(5003.0).double() - 1).reshape(shape)


def initial(name, shape):
    """Weights like 1/sqrt(fan_in), scales near 1, biases near 0."""
    r = reals(name, *shape)
    if name.endswith("gamma"):
        r = 1 + 0.1 * r
    elif len(shape) == 1:
        r = 0.1 * r
    else:
        r = r / math.sqrt(math.prod(shape) // shape[0])
    return r.float().double()


# Our names and layouts of a module's tensors: (name, parts, the dimension along which they are joined).

class SepConv(nn.Sequential):
    """A depthwise convolution, then one of 1x1 with a bias."""


def tensors(module):
    if isinstance(module, SepConv):
        yield "depthwise", [module[0].weight], 0
        yield "pointwise", [module[1].weight], 0
        yield "bias", [module[1].bias], 0
    elif isinstance(module, nn.Sequential):
        for part in module:
            yield from tensors(part)
    elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
        yield "gamma", [module.weight], 0
        yield "beta", [module.bias], 0
        if hasattr(module, "running_mean"):
            yield "running_mean", [module.running_mean], 0
            yield "running_var", [module.running_var], 0
    elif isinstance(module, nn.RNNBase):
        for end in ["", "_reverse"][:1 + module.bidirectional]:
            of = lambda name: getattr(module, f"{name}_l0{end}")
            yield f"weight{end}", [of("weight_ih"), of("weight_hh")], 1
            yield f"bias{end}", [of("bias_ih")[None], of("bias_hh")[None]], 0
    elif isinstance(module, nn.MultiheadAttention):
        yield "in_proj.weight", [module.in_proj_weight], 0
        yield "in_proj.bias", [module.in_proj_bias], 0
        yield "out_proj.weight", [module.out_proj.weight], 0
        yield "out_proj.bias", [module.out_proj.bias], 0
    elif isinstance(module, nn.Embedding):
        yield "table", [module.weight], 0
    elif isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
        yield "weight", [module.weight], 0
        if module.bias is not None:
            yield "bias", [module.bias], 0


# Data: inputs and targets of some samples to train on, and two more to look at afterwards.

def images(n, *shape, classes):
    return reals("x", n + 2, *shape).float().double(), integers("y", n + 2) % classes


def windows(n, length, vocabulary):
    text = integers("x", (n + 2) * length + 1) % vocabulary
    return text[:-1].reshape(-1, length), text[1:].reshape(-1, length)


def padded(n, length, vocabulary, classes):
    x = 1 + integers("x", (n + 2) * length).reshape(-1, length) % (vocabulary - 1)
    ends = 1 + integers("ends", n + 2) % length
    return torch.where(torch.arange(length) < ends[:, None], x, 0), integers("y", n + 2) % classes


# How to train: optimiser, schedule, smoothing of labels, largest norm of the gradient.

def sgd(lr, momentum, nesterov=False):
    return lambda weights: torch.optim.SGD(weights, lr, momentum, 0, 5e-4, nesterov)


def adamw(lr):
    return lambda weights: torch.optim.AdamW(weights, lr, weight_decay=0.01)


def constant(optimizer):
    return ConstantLR(optimizer, 1.0)


def cosine(optimizer):
    return CosineAnnealingLR(optimizer, STEPS)


def warm_up(optimizer):
    rise, fall = LinearLR(optimizer, 1 / 6, 1, 5), CosineAnnealingLR(optimizer, STEPS - 5)
    return SequentialLR(optimizer, [rise, fall], [5])


# The networks: parts by the names of our layers, and how they are put together.

def unit(i, o, kernel=3, stride=1, *act):
    convolution = nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(o), *act)


def residual():
    a, b = unit(2, 8, 3, 1, nn.ReLU()), unit(8, 12, 3, 2, nn.ReLU())
    c, d, short = unit(12, 16, 3, 2, nn.ReLU()), unit(16, 16), unit(12, 16, 1, 2)
    head = nn.Linear(16, 3)

    def forward(x):
        x = b(a(x))
        return head((d(c(x)) + short(x)).mean((2, 3)))

    parts = {"1.conv": a, "2.conv": b, "3.conv": c, "4.conv": d, "5.conv": short, "8.linear": head}
    return parts, forward, images(24, 2, 8, 8, classes=3), (sgd(0.01, 0.9, True), cosine, 0, None)


def nas_bench_201():
    stem, norm, head = unit(1, 8), nn.BatchNorm2d(8), nn.Linear(8, 4)
    a, b, c = [nn.Sequential(nn.ReLU(), *unit(8, 8, k)) for k in [3, 3, 1]]
    pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(x):
        x = stem(x)
        one = a(x)
        two = one  # nothing of x, and one as it is
        return head(F.relu(norm(pool(x) + b(one) + c(two))).mean((2, 3)))

    parts = {"1.conv": stem, "3.conv": a, "8.conv": b, "10.conv": c, "12.batch_norm": norm, "15.linear": head}
    return parts, forward, images(24, 1, 8, 8, classes=4), (sgd(0.03, 0.9), constant, 0, None)


def convolutions():
    a = nn.Conv2d(3, 8, 3, padding=1)
    depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    norm = nn.GroupNorm(2, 8)
    grouped = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4)
    separable = SepConv(nn.Conv2d(12, 12, 5, 2, 2, groups=12, bias=False), nn.Conv2d(12, 16, 1))
    squeeze, excite, head = nn.Linear(16, 4), nn.Linear(4, 16), nn.Linear(16, 3)

    def forward(x):
        x = F.max_pool2d(norm(F.gelu(depthwise(a(x)))), 3, 2, 1)
        x = F.gelu(separable(F.gelu(grouped(x))))
        gate = torch.sigmoid(excite(F.relu(squeeze(x.mean((2, 3))))))
        return head((x * gate[:, :, None, None]).amax((2, 3)))

    parts = {"1.conv": a, "2.depthwise": depthwise, "3.group_norm": norm, "5.conv": grouped,
             "6.sep_conv": separable, "7.squeeze_excite.squeeze": squeeze,
             "7.squeeze_excite.excite": excite, "9.linear": head}
    return parts, forward, images(24, 3, 9, 9, classes=3), (adamw(0.003), cosine, 0, None)


def transformer():
    table, places = nn.Embedding(7, 8), nn.Embedding(6, 8)
    block = lambda heads: nn.TransformerEncoderLayer(
        8, heads, 16, dropout=0, activation="gelu", batch_first=True, norm_first=True)
    a, b, norm, head = block(2), block(4), nn.LayerNorm(8), nn.Linear(8, 7)

    def forward(x):
        mask = nn.Transformer.generate_square_subsequent_mask(6, dtype=head.weight.dtype)
        x = table(x) + places(torch.arange(6))
        x = b(a(x, mask, is_causal=True), mask, is_causal=True)
        return head(norm(x)).transpose(1, 2)

    parts = {"1.embedding": table, "2.positions": places}
    for i, layer in [(3, a), (5, b)]:
        parts |= {f"{i}.attention.norm": layer.norm1, f"{i}.attention": layer.self_attn}
        parts |= {f"{i + 1}.feed_forward.{name}": getattr(layer, own) for name, own in
                  [("norm", "norm2"), ("linear1", "linear1"), ("linear2", "linear2")]}
    parts |= {"7.layer_norm": norm, "8.linear": head}
    return parts, forward, windows(16, 6, 7), (adamw(0.01), warm_up, 0, None)


def lstm():
    layer, head = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 4)
    parts = {"1.lstm": layer, "3.linear": head}
    forward = lambda x: head(layer(x)[0][:, -1])
    return parts, forward, images(24, 10, 3, classes=4), (adamw(0.02), cosine, 0, 0.15)


def gru():
    table, head = nn.Embedding(5, 6), nn.Linear(10, 3)
    layer = nn.GRU(6, 5, batch_first=True, bidirectional=True)

    def forward(x):
        # The ends of the sequences: behind the last symbol that is not 0.
        packed = nn.utils.rnn.pack_padded_sequence(
            table(x), (x != 0).sum(1), batch_first=True, enforce_sorted=False)
        return head(layer(packed)[1].transpose(0, 1).flatten(1))

    parts = {"1.embedding": table, "2.gru": layer, "4.linear": head}
    return parts, forward, padded(24, 7, 5, 3), (adamw(0.02), cosine, 0, None)


def conv1d():
    a, b, c = nn.Conv1d(2, 6, 5, 2, 2), nn.Conv1d(6, 8, 3, 2, 1), nn.Conv1d(8, 8, 3, 2, 1)
    head = nn.Linear(24, 4)

    def forward(x):
        x = F.relu(c(F.relu(b(F.relu(a(x.transpose(1, 2)))))))
        return head(x.transpose(1, 2).flatten(1))

    parts = {"1.conv1d": a, "2.conv1d": b, "3.conv1d": c, "5.linear": head}
    return parts, forward, images(24, 20, 2, classes=4), (adamw(0.01), cosine, 0.1, None)


def regression():
    a = nn.Sequential(nn.Linear(6, 12, bias=False), nn.BatchNorm1d(12), nn.SiLU())
    b, norm, c, d = nn.Linear(12, 12), nn.LayerNorm(12), nn.Linear(12, 24), nn.Linear(24, 12)
    head = nn.Linear(12, 2)

    def forward(x):
        x = F.elu(b(a(x)))
        return head(x + d(torch.tanh(c(norm(x)))))

    parts = {"1.linear": a, "2.linear": b, "3.feed_forward.norm": norm, "3.feed_forward.linear1": c,
             "3.feed_forward.linear2": d, "4.linear": head}
    data = reals("x", 26, 6).float().double(), reals("y", 26, 2).float().double()
    return parts, forward, data, (sgd(0.1, 0), cosine, 0, 0.5)


NETWORKS = [residual, nas_bench_201, convolutions, transformer, lstm, gru, conv1d, regression]


def shown(values, name):
    """What is recorded of a tensor: its mean, its root mean square, and some of its elements."""
    values = values.double().flatten().clone()
    if name.endswith("in_proj.bias"):
        # A bias of the keys moves all scores of a query alike, which the softmax takes away: its
        # gradient is nothing but rounding, and AdamW makes full steps of it.
        values.view(3, -1)[1] = 0
    at = [values[i * (len(values) - 1) // 3].item() for i in range(4)]
    return [values.mean().item(), values.square().mean().sqrt().item(), *at]


def run(network, dtype):
    """Losses, outputs and tensors of a network after its training."""
    parts, forward, (x, y), (optimizer, schedule, smoothing, most) = network()
    model = nn.ModuleList(parts.values()).to(dtype)
    x, y = [t.to(dtype) if t.is_floating_point() else t for t in (x, y)]
    with torch.no_grad():
        named = {f"{prefix}.{name}": (pieces, dim) for prefix, module in parts.items()
                 for name, pieces, dim in tensors(module)}
        joined = lambda: {name: torch.cat(pieces, dim) for name, (pieces, dim) in named.items()}
        for name, (pieces, dim) in named.items():
            if "running_" not in name:
                values = initial(name, torch.cat(pieces, dim).shape)
                for piece, value in zip(pieces, values.split([p.shape[dim] for p in pieces], dim)):
                    piece.copy_(value)
        begin = joined()

    cross_entropy = lambda out, y: F.cross_entropy(out, y, label_smoothing=smoothing)
    loss_of = F.mse_loss if y.is_floating_point() else cross_entropy
    optimizer = optimizer(model.parameters())
    schedule, losses, clipped = schedule(optimizer), [], 0
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(forward(x[:-2]), y[:-2])
        loss.backward()
        if most is not None:
            clipped += nn.utils.clip_grad_norm_(model.parameters(), most).item() > most
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    assert most is None or 0 < clipped < STEPS, "some gradients are to be clipped, and some not"

    model.eval()
    with torch.no_grad():
        out = forward(x[-2:])
        if out.dim() == 3:  # cross_entropy wants the symbols' scores before the positions
            out = out.transpose(1, 2)
        moved = {n: (v - begin[n]).square().mean().sqrt().item() for n, v in joined().items()}
        weights = {n: {"moved": moved[n], "shown": shown(v, n)} for n, v in joined().items()}
    return {"losses": [losses[i - 1] for i in SHOWN], "outputs": out.flatten().tolist(), "tensors": weights}


def rounded(value):
    """To eight digits: more than float32 has, and few enough to be the same on every machine."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else float(f"{value:.8g}")


def text(figures):
    """JSON with a line a tensor."""
    lines = []
    for name, f in figures.items():
        rows = [f"    {json.dumps(n)}: {json.dumps(t)}" for n, t in f["tensors"].items()]
        lines.append(f' {json.dumps(name)}: {{\n  "losses": {json.dumps(f["losses"])},\n  "outputs": '
                     f'{json.dumps(f["outputs"])},\n  "tensors": {{\n' + ",\n".join(rows) + "\n  }\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def distances(ours, theirs):
    """As the Rust test measures them: losses relative, outputs by their size, weights by their way."""
    far = lambda a, b: max(abs(x - y) for x, y in zip(a, b))
    size = math.sqrt(sum(v * v for v in theirs["outputs"]) / len(theirs["outputs"]))
    weights = {n: far(ours["tensors"][n]["shown"], t["shown"]) / t["moved"]
               for n, t in theirs["tensors"].items()}
    worst = max(weights, key=weights.get)
    return (max(abs(a / b - 1) for a, b in zip(ours["losses"], theirs["losses"])),
            far(ours["outputs"], theirs["outputs"]) / size, weights[worst], worst)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] == ["--float32"]:
        recorded = json.loads(FILE.read_text())
        for network in NETWORKS:
            name = network.__name__
            losses, outputs, weights, worst = distances(run(network, torch.float32), recorded[name])
            print(f"{name:14} losses {losses:.1e}, outputs {outputs:.1e}, weights {weights:.1e} ({worst})")
    elif not sys.argv[1:]:
        FILE.write_text(text({n.__name__: rounded(run(n, torch.float64)) for n in NETWORKS}))
    else:
        sys.exit(__doc__)
