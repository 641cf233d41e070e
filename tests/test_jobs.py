"""Jobs: done once, found again, cancelled at once, and honest about what went wrong."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import mmlib
from mmlib import jobs
from mmlib.edition import code_hash
from mmlib.errors import InputError


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("MMLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MMLIB_SCHEDULER", raising=False)


def stack_file(folder: Path, count: int = 4, size: int = 64) -> str:
    noise = np.random.default_rng(3).integers(0, 255, (count, size, size, 3), dtype=np.uint8)
    path = folder / f"stack{count}.npy"
    np.save(path, noise)
    return str(path)


def test_a_job_writes_its_results_and_is_found_again(tmp_path):
    source = stack_file(tmp_path)
    job = jobs.submit("fuse", source, method="pyramid", align="off").wait(60)
    assert (job.state, job.message) == ("done", "")
    assert {"fused.png", "fused.tif", "depth.tif", "index.tif", "result.json"} <= set(os.listdir(job.folder))
    assert job.summary["method"] == "pyramid"
    written = (job.folder / "fused.png").stat().st_mtime_ns
    again = jobs.submit("fuse", source, method="pyramid", align="off")
    assert (again.state, again.id, again.summary) == ("done", job.id, job.summary)
    assert (again.folder / "fused.png").stat().st_mtime_ns == written
    other = jobs.submit("fuse", source, method="mean", align="off").wait(60)
    assert other.id != job.id
    assert not list(jobs.results_root().glob("*.run"))


def test_the_cells_of_a_focus_job_are_those_of_the_library(tmp_path):
    source = stack_file(tmp_path)
    job = jobs.submit("focus", source, method="tenengrad", cell=16, stride=16).wait(60)
    report = mmlib.focus(mmlib.open_stack(source), method="tenengrad", cell=16, stride=16)
    with np.load(job.folder / "cells.npz") as kept:
        assert kept["cells"].dtype == report.cells.dtype
        assert kept["cells"].tobytes() == report.cells.tobytes()
    report.write_csv(tmp_path / "cells.csv")
    assert (job.folder / "cells.csv").read_bytes() == (tmp_path / "cells.csv").read_bytes()
    assert job.summary["keep"] == report.to_dict()["keep"]
    assert "cells" not in job.summary


def test_chosen_frames_are_written_as_they_are(tmp_path):
    source = stack_file(tmp_path)
    job = jobs.submit("select", source, frames="3,1").wait(60)
    assert job.summary["frames"] == [3, 1]
    for name in ("frames.ome.tif", "frames.zip"):
        kept = mmlib.open_stack(job.folder / name)
        np.testing.assert_array_equal(np.stack(list(kept)), np.load(source)[[3, 1]])
        assert job.summary["bytes"][name] == (job.folder / name).stat().st_size


def test_new_weights_or_new_code_make_a_result_anew(tmp_path, monkeypatch):
    source = stack_file(tmp_path)
    job = jobs.submit("fuse", source, method="mean", align="off").wait(60)
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "registry.toml").write_text("")
    with monkeypatch.context() as other:
        other.setenv("MMLIB_WEIGHTS", str(weights))
        retrained = jobs.submit("fuse", source, method="mean", align="off").wait(60)
    room = tmp_path / "package"
    (room / "fusing").mkdir(parents=True)
    (room / "fusing" / "mean.py").write_text("")
    with monkeypatch.context() as other:
        other.setattr("mmlib.edition.PACKAGE", room)
        code_hash.cache_clear()
        rewritten = jobs.submit("fuse", source, method="mean", align="off").wait(60)
    code_hash.cache_clear()
    assert len({job.id, retrained.id, rewritten.id}) == 3
    assert {one.state for one in (job, retrained, rewritten)} == {"done"}
    assert jobs.submit("fuse", source, method="mean", align="off").id == job.id


def test_equal_content_elsewhere_is_the_same_job(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = jobs.submit("fuse", stack_file(tmp_path / "a"), method="mean").wait(60)
    second = jobs.submit("fuse", stack_file(tmp_path / "b"), method="mean")
    assert second.state == "done"
    assert second.id == first.id


def test_cancel_answers_at_once_and_leaves_nothing(tmp_path):
    job = jobs.submit("fuse", stack_file(tmp_path, count=400, size=256), method="wavelet", align="on")
    while job.state == "waiting":
        time.sleep(0.01)
    job.cancel()
    assert job.wait(10).state == "cancelled"
    deadline = time.monotonic() + 20
    while list(jobs.results_root().glob("*.run")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(jobs.results_root().glob("*.run"))
    assert not job.folder.exists()


def test_a_mistake_becomes_one_sentence(tmp_path):
    job = jobs.submit("fuse", stack_file(tmp_path), method="wavlet").wait(60)
    assert job.state == "failed"
    assert job.message.startswith("unknown method 'wavlet'")
    assert "wavelet" in job.message
    with pytest.raises(InputError, match="unknown verb 'melt'; known: deblur, focus, fuse"):
        jobs.submit("melt", stack_file(tmp_path))


def test_callbacks_see_progress_grow_to_the_end(tmp_path):
    seen: list[tuple[str, float]] = []
    job = jobs.submit("focus", stack_file(tmp_path, count=100, size=256))
    job.on_change(lambda j: seen.append((j.state, j.progress)))
    job.wait(60)
    time.sleep(0.05)
    assert seen[-1] == ("done", 1.0)
    shares = [share for _, share in seen]
    assert shares == sorted(shares)


def test_eviction_takes_what_was_not_looked_at_for_longest(tmp_path):
    root = tmp_path / "results"
    for age, name in enumerate(("new", "middle", "old")):
        (root / name).mkdir(parents=True)
        (root / name / "fused.png").write_bytes(bytes(1000))
        (root / name / "result.json").write_text("{}")
        os.utime(root / name / "result.json", (1e9 - age, 1e9 - age))
    jobs.evict(root, 2100)
    assert sorted(os.listdir(root)) == ["middle", "new"]
    jobs.evict(root, 0, keep=root / "middle")
    assert os.listdir(root) == ["middle"]


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    only_once = {"allowed_failures": 0}
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0", scheduler_kwargs=only_once
    ) as running:
        yield running


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes_as_a_thread(tmp_path, monkeypatch, cluster):
    source = stack_file(tmp_path)
    here = jobs.submit("fuse", source, method="pyramid").wait(60)
    monkeypatch.setenv("MMLIB_RESULTS", str(tmp_path / "elsewhere"))
    there = jobs.submit("fuse", source, method="pyramid", scheduler=cluster.scheduler_address).wait(60)
    assert there.state == "done"
    assert there.folder != here.folder
    for name in ("fused.png", "fused.tif", "depth.tif"):
        assert (there.folder / name).read_bytes() == (here.folder / name).read_bytes()


@pytest.mark.slow
def test_a_killed_worker_is_said_and_the_next_job_runs(tmp_path, cluster):
    job = jobs.submit(
        "fuse",
        stack_file(tmp_path, count=600, size=256),
        method="wavelet",
        align="on",
        scheduler=cluster.scheduler_address,
    )
    while job.state == "waiting":
        time.sleep(0.01)
    (worker,) = cluster.workers.values()
    os.kill(worker.pid, signal.SIGKILL)
    assert job.wait(60).state == "failed"
    assert "lost with its worker" in job.message
    after = jobs.submit("fuse", stack_file(tmp_path), method="mean", scheduler=cluster.scheduler_address)
    assert after.wait(60).state == "done"


def test_no_scheduler_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "SCHEDULER_S", 1.0)
    with pytest.raises(InputError, match="no scheduler answers at tcp://127.0.0.1:9"):
        jobs.submit("fuse", stack_file(tmp_path), scheduler="tcp://127.0.0.1:9")


def test_the_side_car_tells_how_it_was_made(tmp_path):
    job = jobs.submit("focus", stack_file(tmp_path), method="tenengrad", cell=32, stride=32).wait(60)
    told = json.loads((job.folder / "result.json").read_text())
    assert told["choices"] == {"method": "tenengrad", "cell": 32, "stride": 32}
    assert told["version"] == jobs.__version__


def test_results_that_vanish_before_they_are_read_fail_in_one_sentence(tmp_path, monkeypatch):
    written = jobs._work

    def work(*arguments):
        written(*arguments)
        (arguments[4] / "result.json").unlink()

    monkeypatch.setattr(jobs, "_work", work)
    job = jobs.submit("fuse", stack_file(tmp_path), method="mean", align="off").wait(60)
    assert job.state == "failed"
    assert "removed before they could be read; run it again" in job.message
