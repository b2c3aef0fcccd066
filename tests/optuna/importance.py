"""Records two studies with Optuna, and how important it finds their decisions, for `tests/it/importance.rs`. It needs
optuna 5 and scikit-learn, and NAS-Bench-201 as a table with the columns that `NasBench201::read` lists.

    python tests/optuna/importance.py nasbench201.csv.gz

In `tests/fixtures`, `importance-nasbench201.csv` holds 300 trials of Optuna's TPE in that table: six decisions of five
options each. In `importance-conditional.csv` the second decision exists only where the first took option 2, and the
third where the second took option 0; the score is made up. Rows are `trial` with its score and its decisions, empty
where one does not exist, or an evaluator with the importance of each decision.

Optuna's fANOVA takes means over all rows of zeros and ones of a one-hot encoding, also those in which a decision takes
several options. `fanova over architectures` is of the same forests of scikit-learn, with means over the 15,625
architectures.
"""
import csv
import gzip
import itertools
import math
import sys
from pathlib import Path

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from sklearn.ensemble import RandomForestRegressor

FOLDER = Path(__file__).parent.parent / "fixtures"
PED_ANOVA = PedAnovaImportanceEvaluator


def record(name, objective, width, evaluators):
    sampler = optuna.samplers.TPESampler(seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=300)
    names = [f"d{i}" for i in range(width)]
    with open(FOLDER / f"importance-{name}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["row", "score", *names])
        for evaluator, importances in evaluators:
            found = importances(study)
            rows.writerow([evaluator, "", *(repr(found[n]) for n in names)])
        for trial in study.trials:
            rows.writerow(["trial", repr(trial.value), *(trial.params.get(n, "") for n in names)])


def by(evaluator):
    return lambda study: get_param_importances(study, evaluator=evaluator)


def mean_fanova(study):
    """Forests differ by their seeds, so this is the mean of sixteen."""
    all = [by(FanovaImportanceEvaluator(seed=seed))(study) for seed in range(16)]
    return {n: math.fsum(found[n] for found in all) / len(all) for n in all[0]}


def fanova_over_architectures(study):
    """The mean of sixteen again."""
    encode = lambda picks: np.eye(5)[np.array(picks)].reshape(len(picks), -1)
    picks = [[t.params[f"d{i}"] for i in range(6)] for t in study.trials]
    cells = np.array(list(itertools.product(range(5), repeat=6)))
    found = np.zeros(6)
    for seed in range(16):
        forest = RandomForestRegressor(64, max_depth=64, random_state=seed)
        forest.fit(encode(picks), [t.value for t in study.trials])
        for tree in forest.estimators_:
            said = tree.predict(encode(cells))
            means = [[said[cells[:, d] == option].mean() for option in range(5)] for d in range(6)]
            found += np.var(means, axis=1) / said.var()
    return {f"d{i}": float(share) for i, share in enumerate(found / found.sum())}


def main():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with gzip.open(sys.argv[1], "rt") as file:
        table = {row["code"]: float(row["c10_val200_s0"]) for row in csv.DictReader(file)}

    def cell(trial):
        picks = [trial.suggest_categorical(f"d{i}", list(range(5))) for i in range(6)]
        return table["".join(map(str, picks))]

    record("nasbench201", cell, 6, [
        ("ped-anova", by(PED_ANOVA())),
        ("ped-anova, top 25 %", by(PED_ANOVA(target_quantile=0.25))),
        ("fanova", mean_fanova),
        ("fanova over architectures", fanova_over_architectures),
    ])

    def tree(trial):
        score = 0.0
        first = trial.suggest_categorical("d0", list(range(4)))
        score += [0.3, 0.5, 0.9, 0.1][first]
        if first == 2:
            second = trial.suggest_categorical("d1", list(range(3)))
            score += [0.2, 0.1, 0.4][second]
            if second == 0:
                score += 0.3 * trial.suggest_categorical("d2", list(range(5)))
        return score + 0.2 * trial.suggest_categorical("d3", list(range(2)))

    record("conditional", tree, 4, [("ped-anova", by(PED_ANOVA()))])


main()
