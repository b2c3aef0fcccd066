"""The workloads of `kernels.rs` and `examples/throughput.rs` in eager PyTorch, for `compare`.

    pytorch.py ops                           a line a workload: name, median seconds; one thread
    pytorch.py train ARCHS EPOCHS PROCESSES  the NAS-Bench-201 networks on the 8x8 digits
    pytorch.py fashion DIR CODE              one epoch of one network on Fashion-MNIST, one thread
"""
import gzip
import resource
import sys
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

DIGITS = Path(__file__).resolve().parent.parent / "src" / "data" / "digits.bin"
CONVOLUTIONS = [(16, 16, 32, 3, 1), (32, 32, 16, 3, 1), (64, 64, 8, 3, 1),
                (16, 16, 32, 1, 1), (16, 16, 32, 3, 16), (16, 16, 8, 3, 1)]


def median(work, samples):
    for _ in range(3):
        work()
    times = []
    for _ in range(samples):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return sorted(times)[samples // 2]


def convolution(c, o, size, k, groups):
    x = torch.randn(64, c, size, size, requires_grad=True)
    w = torch.randn(o, c // groups, k, k, requires_grad=True)

    def forward():
        with torch.no_grad():
            F.conv2d(x, w, padding=k // 2, groups=groups)

    def backward():
        x.grad = w.grad = None
        F.conv2d(x, w, padding=k // 2, groups=groups).sum().backward()

    return forward, backward


class Recurrent(nn.Module):
    """A recurrent layer, its last state, and a linear head."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer(1, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


def step(model, x):
    y = torch.arange(len(x)) % 10
    model(x)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def work():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return work


def ops():
    torch.set_num_threads(1)
    rows = []
    for i, sizes in enumerate(CONVOLUTIONS):
        forward, backward = convolution(*sizes)
        rows += [(f"conv_forward {i}", forward), (f"conv_forward_backward {i}", backward)]
    cnn = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
                        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10))
    mlp = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    conv = nn.Sequential(nn.Conv1d(1, 25, 5, 2, 2), nn.ReLU(), nn.Conv1d(25, 25, 3, 2, 1), nn.ReLU(),
                         nn.Conv1d(25, 25, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    rows += [("step_cnn", step(cnn, torch.randn(64, 1, 8, 8))), ("step_mlp", step(mlp, torch.randn(64, 64))),
             ("step_lstm", step(Recurrent(nn.LSTM), torch.randn(64, 40, 1))),
             ("step_gru", step(Recurrent(nn.GRU), torch.randn(64, 40, 1))),
             ("step_conv1d", step(conv, torch.randn(64, 1, 40)))]
    rows += [(f"search {name}", searching(name)) for name in ("darts", "darts2", "path")]
    for name, work in rows:
        print(f"{name}\t{median(work, 15)}", flush=True)


class Mixed(nn.Module):
    """A cell of NAS-Bench-201 with all operations on each edge, C channels."""

    def __init__(self, c):
        super().__init__()

        def unit(k):
            return nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, k, padding=k // 2, bias=False), nn.BatchNorm2d(c, affine=False))

        def pool():
            return nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.BatchNorm2d(c, affine=False))

        self.edges = nn.ModuleList(nn.ModuleList([nn.Identity(), unit(1), unit(3), pool()]) for _ in range(6))

    def forward(self, x, weights):
        """`weights` is [6, 5], the first for none; or a list of six operations, 0 for none."""
        states, edge = [x], 0
        for node in (1, 2, 3):
            total = 0
            for i in range(node):
                ops, w = self.edges[edge], weights[edge]
                if isinstance(w, int):
                    total = total + (ops[w - 1](states[i]) if w else torch.zeros_like(x))
                else:
                    total = total + sum(w[o + 1] * op(states[i]) for o, op in enumerate(ops))
                edge += 1
            states.append(total)
        return states[-1]


class Supernet(nn.Module):
    def __init__(self, c=16):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        self.cells = nn.ModuleList([Mixed(c), Mixed(2 * c), Mixed(4 * c)])
        self.reductions = nn.ModuleList([Reduction(c, 2 * c), Reduction(2 * c, 4 * c)])
        self.head = nn.Sequential(nn.BatchNorm2d(4 * c), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * c, 10))

    def forward(self, x, weights):
        x = self.cells[0](self.stem(x), weights)
        x = self.cells[1](self.reductions[0](x), weights)
        return self.head(self.cells[2](self.reductions[1](x), weights))


def searching(kind):
    """Eight steps of DARTS to first or second order, or on single paths drawn uniformly (SPOS)."""
    model, alpha = Supernet(), (1e-3 * torch.randn(6, 5)).requires_grad_()
    weights = list(model.parameters())
    sgd = torch.optim.SGD(weights, 0.025, 0.9, weight_decay=3e-4)
    adam = torch.optim.Adam([alpha], 3e-4, (0.5, 0.999), weight_decay=1e-3)
    train, held_out = [(torch.randn(64, 1, 8, 8), torch.arange(64) % 10) for _ in range(2)]

    def loss(batch, w=None):
        return F.cross_entropy(model(batch[0], F.softmax(alpha, -1) if w is None else w), batch[1])

    def ahead():
        before = [p.detach().clone() for p in weights]
        grads = torch.autograd.grad(loss(train), weights)
        with torch.no_grad():
            for p, g in zip(weights, grads):
                buffer = sgd.state[p].get("momentum_buffer")
                p -= 0.025 * ((0.9 * buffer if buffer is not None else 0) + g + 3e-4 * p)
        *of_weights, of_alpha = torch.autograd.grad(loss(held_out), weights + [alpha])
        eps = 0.01 / torch.sqrt(sum((g * g).sum() for g in of_weights))
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                for p, b, g in zip(weights, before, of_weights):
                    p.copy_(b + sign * eps * g)
            sides.append(torch.autograd.grad(loss(train), [alpha])[0])
        with torch.no_grad():
            for p, b in zip(weights, before):
                p.copy_(b)
        alpha.grad = of_alpha - 0.025 * (sides[0] - sides[1]) / (2 * eps)

    def steps():
        for _ in range(8):
            path = torch.randint(5, (6,)).tolist() if kind == "path" else None
            if kind == "darts":
                adam.zero_grad()
                loss(held_out).backward()
                adam.step()
            elif kind == "darts2":
                ahead()
                adam.step()
            sgd.zero_grad()
            loss(train, path).backward()
            nn.utils.clip_grad_norm_([p for p in weights if p.grad is not None], 5)
            sgd.step()

    return steps


def operation(name, c):
    def unit(k):
        return nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, k, padding=k // 2, bias=False), nn.BatchNorm2d(c))

    return {"none": lambda: None, "skip_connect": nn.Identity, "nor_conv_1x1": lambda: unit(1),
            "nor_conv_3x3": lambda: unit(3),
            "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False)}[name]()


class Cell(nn.Module):
    def __init__(self, code, c):
        super().__init__()
        edges = [[edge.split("~") for edge in node.strip("|").split("|")] for node in code.split("+")]
        made = [[(operation(name, c), int(i)) for name, i in node] for node in edges]
        self.nodes = [[(m, i) for m, i in node if m is not None] for node in made]
        self.all = nn.ModuleList(m for node in self.nodes for m, _ in node)

    def forward(self, x):
        states = [x]
        for node in self.nodes:
            states.append(sum(m(states[i]) for m, i in node) if node else torch.zeros_like(x))
        return states[-1]


class Reduction(nn.Module):
    def __init__(self, c, o):
        super().__init__()
        self.main = nn.Sequential(
            nn.ReLU(), nn.Conv2d(c, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o),
            nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.short = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c, o, 1, bias=False))

    def forward(self, x):
        return self.main(x) + self.short(x)


def network(code):
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), Cell(code, 16),
        Reduction(16, 32), Cell(code, 32), Reduction(32, 64), Cell(code, 64),
        nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def fit(model, train, valid, epochs, seed):
    torch.manual_seed(seed)
    (x, y), steps = train, len(train[1]) // 64
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(y))[: steps * 64].split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            right = sum((model(a).argmax(1) == b).sum().item()
                        for a, b in zip(valid[0].split(256), valid[1].split(256)))
    return right / len(valid[1])


def digits():
    bytes_ = torch.frombuffer(bytearray(DIGITS.read_bytes()), dtype=torch.uint8).reshape(-1, 65)
    x, y = bytes_[:, :64].float().div(16).reshape(-1, 1, 8, 8), bytes_[:, 64].long()
    valid = torch.arange(len(y)) % 5 == 4
    return (x[~valid], y[~valid]), (x[valid], y[valid])


def job(args):
    code, epochs, seed, threads = args
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    return fit(network(code), *digits(), epochs, seed)


def train(archs, epochs, processes):
    codes = Path(archs).read_text().split()
    jobs = [(code, epochs, i, max(1, 2 // processes)) for i, code in enumerate(codes)]
    torch.multiprocessing.set_start_method("spawn")
    with torch.multiprocessing.Pool(processes) as pool:
        pool.map(job, jobs[:processes])
        begun = time.perf_counter()
        scores = pool.map(job, jobs, chunksize=1)
        wall = time.perf_counter() - begun
    print(f"{len(codes)} architectures, {epochs} epochs, {processes} jobs: {wall:.2f} s, "
          f"{wall / len(codes):.3f} s each, mean acc {sum(scores) / len(scores):.4f}")


def idx(path):
    data = gzip.open(path).read() if str(path).endswith(".gz") else Path(path).read_bytes()
    dims = [int.from_bytes(data[4 + 4 * i: 8 + 4 * i], "big") for i in range(data[3])]
    return torch.frombuffer(bytearray(data[4 + 4 * data[3]:]), dtype=torch.uint8).reshape(dims)


def fashion(folder, code):
    torch.set_num_threads(1)
    torch.manual_seed(1)

    def pair(name):
        find = lambda kind: next(Path(folder).glob(f"{name}-{kind}*"))
        return idx(find("images")).float().div(255).unsqueeze(1), idx(find("labels")).long()

    model, data = network(code), (pair("train"), pair("t10k"))
    begun = time.perf_counter()
    score = fit(model, *data, 1, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"fashion: {time.perf_counter() - begun:.2f} s, accuracy {score:.4f}, peak {peak:.0f} MB, "
          f"{sum(p.numel() for p in model.parameters())} parameters")


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    if mode == "ops":
        ops()
    elif mode == "train":
        train(rest[0], int(rest[1]), int(rest[2]))
    else:
        fashion(*rest)
