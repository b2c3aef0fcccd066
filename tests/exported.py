"""What this crate exports, in the software that it is for: `notebooks/start --python tests/exported.py`.

`examples/exported.rs` writes networks with inputs and the outputs that they have in this crate: random architectures of all kinds
of data, and a model that scales its inputs. ONNX Runtime, installed in a folder of its own, has to find the same outputs within 1e-4, and onnx's own checker nothing to blame. Each layer of the table occurs.
Optuna has to read the journals of studies, with the same trials, states, best trial and front.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "exported.txt"
NEAR = 1e-4


def installed():
    """The Python of a folder with ONNX Runtime."""
    from install import HOME, digest
    folder = HOME / f"onnx-{digest(REQUIREMENTS.read_text(), sys.version_info[:2], sys.base_prefix)}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        for command in [sys.executable, "-m", "venv", "--clear", folder], pip:
            if subprocess.run(command).returncode:
                return None
        done.touch()
    return python


def tensor(path, kind):
    import numpy
    dims = [int(d) for d in path.with_suffix(".dims").read_text().split()]
    return numpy.fromfile(path, dtype=kind).reshape(dims)


def same(facts):
    """Whether Optuna finds in a journal what is known of its study."""
    import warnings

    import optuna
    from optuna.storages.journal import JournalFileBackend
    warnings.simplefilter("ignore")
    known = json.loads(facts.read_text())
    try:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(facts.with_suffix(".log"))))
        study = optuna.load_study(study_name=None, storage=storage)
        states = [t.state.name for t in study.trials]
        assert study.study_name == facts.stem, study.study_name
        assert (len(states), states.count("FAIL")) == (known["trials"], known["failed"]), states
        assert all(t.params for t in study.trials), "parameters"
        assert all(t.datetime_start <= t.datetime_complete for t in study.trials), "times"
        if len(study.directions) == 1:
            # Of equal trials each program has its own best.
            assert study.best_value == known["score"], (study.best_value, known)
            assert (study.direction.name == "MAXIMIZE") == known["maximise"]
            assert states.count("COMPLETE") == known["full"] - known["failed"] or known["failed"], states
            optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
        else:
            values = {tuple(t.values) for t in study.best_trials}
            assert len(values) == known["front"], (values, known)
        print(f"ok      {facts.stem}.log in Optuna {optuna.__version__}: {len(states)} trials", flush=True)
        return True
    except Exception as wrong:
        print(f"FAILED  {facts.stem}.log: {type(wrong).__name__} {str(wrong)[:400]}", flush=True)
        return False


def compare(folder):
    import numpy
    import onnx
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    failed, worst = 0, 0.0
    cases = sorted(p.parent for p in Path(folder).glob("*/model.onnx"))
    for case in cases:
        text = (case / "architecture.txt").read_text()
        try:
            onnx.checker.check_model(str(case / "model.onnx"), full_check=True)
            session = onnxruntime.InferenceSession(str(case / "model.onnx"), providers=["CPUExecutionProvider"])
            takes = session.get_inputs()[0]
            whole = "int64" in takes.type
            x = tensor(case / "input.bin", "<u4" if whole else "<f4").astype("int64" if whole else "float32")
            wanted = tensor(case / "output.bin", "<f4")
            [found] = session.run(None, {"input": x})
            # Another number of samples, too.
            [one] = session.run(None, {"input": x[:1]})
            assert found.shape == wanted.shape, f"{found.shape} for {wanted.shape}"
            away = numpy.abs(found - wanted) / numpy.maximum(1, numpy.abs(wanted))
            assert numpy.isfinite(found).all() and away.max() < NEAR, f"{away.max():.2e} away"
            assert numpy.abs(one - found[:1]).max() < NEAR * max(1, numpy.abs(wanted).max()), "one sample differs"
            worst = max(worst, float(away.max()))
        except Exception as wrong:
            failed += 1
            print(f"FAILED  {case.name} {text[:300]}: {str(wrong)[:400]}", flush=True)
    failed += sum(not same(facts) for facts in sorted(Path(folder).glob("*.json")))
    print(f"{len(cases) - failed} networks the same in ONNX Runtime {onnxruntime.__version__}, {failed} not; at most {worst:.1e} away")
    return 1 if failed or len(cases) < 200 else 0


def main():
    if sys.argv[1:2] == ["--compare"]:
        return compare(sys.argv[2])
    python = installed()
    if not python:
        print("SKIPPED: ONNX Runtime and Optuna could not be installed (see above)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cargo", "run", "--quiet", "--example", "exported", "--", folder], cwd=HERE.parent, check=True)
        return subprocess.run([python, __file__, "--compare", folder]).returncode


if __name__ == "__main__":
    sys.exit(main())
