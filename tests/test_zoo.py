"""The zoo: cards and checksums, and the words for weights that are missing, cut short, damaged or of something else."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
from typer.testing import CliRunner

from mmlib import zoo
from mmlib.__main__ import app
from mmlib.errors import InputError
from mmlib.metrics.intervals import Interval
from mmlib.nets.cnniqa import Cnniqa, CnniqaConfig
from mmlib.train.orders import scores_of
from mmlib.train.writing import write_card, write_weights
from mmlib.zoo import Card, Limits, Score


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder with one small net and its card, where weights are looked for."""
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path))
    torch.manual_seed(0)
    net = Cnniqa(CnniqaConfig(kernels=4, hidden=(8, 8), white=100.0, detail=1.0))
    sha256, size = write_weights(net, asdict(net.config), tmp_path / "little.safetensors")
    write_card(
        Card(
            name="little", title='A "little" net', task="Judges.", net="cnniqa.Cnniqa", config=asdict(net.config),
            limits=Limits(channels=1, multiple=1), trained_on="nothing", device="CPU", seconds=1.5, date="2026-01-02",
            command="mmlib train little",
            scores=(
                Score("SROCC", 0.5, 0.4, 0.6, "mmlib train little --score", "higher"),
                Score("error, planes", 0.2, 0.1, 0.3, "mmlib train little --score", "lower"),
                Score("truths within the 90 % interval", 0.9, 0.8, 1.0, "mmlib train little --score"),
            ),
            licence="BSD-3-Clause", file="little.safetensors", sha256=sha256, bytes=size,
        ),
        tmp_path,
    )  # fmt: skip
    return tmp_path, net


LARGEST_BYTES = {"deblur-sdeblurgan": 13_000_000, "deblur-udeblurgan": 13_000_000, "deblur-unet": 16_000_000}
"""The paper's own nets are this large; every other file stays below 4 MB."""


@pytest.mark.parametrize(("family", "most"), [("focus-", 16_000_000), ("deblur-", 50_000_000), ("fuse-", 20_000_000)])
def test_the_weights_of_a_family_stay_small_together(family, most, monkeypatch):
    monkeypatch.delenv("MMLIB_WEIGHTS", raising=False)
    sizes = [card.bytes for name, card in zoo.cards().items() if name.startswith(family)]
    assert 0 < sum(sizes) < most


@pytest.mark.parametrize("name", sorted(zoo.cards(zoo.Path(zoo.__file__).resolve().parents[1] / "weights")))
def test_every_shipped_net_is_whole_small_and_loads(name, monkeypatch):
    monkeypatch.delenv("MMLIB_WEIGHTS", raising=False)
    card = zoo.card(name)
    file = zoo.weights_path(name)
    assert file.suffix == ".safetensors"
    assert file.stat().st_size == card.bytes < LARGEST_BYTES.get(name, 4_000_000)
    net = zoo.load(name)
    assert not any(parameter.requires_grad for parameter in net.parameters())
    state = net.state_dict()
    counted = [key for key in state if key.endswith("num_batches_tracked")]  # what batch normalisation counts is whole
    assert all(state[key].dtype == torch.int64 for key in counted)
    numbers = [tensor for key, tensor in state.items() if key not in counted]
    assert all(bool(tensor.isfinite().all()) and tensor.dtype == torch.float32 for tensor in numbers)
    assert all(-1 <= score.low <= score.value <= score.high <= 1 for score in card.scores if "SROCC" in score.name)


def test_every_shipped_score_says_which_direction_is_better(monkeypatch):
    monkeypatch.delenv("MMLIB_WEIGHTS", raising=False)
    found = {score.name: score.better for card in zoo.cards().values() for score in card.scores}
    unsaid = {name for name, better in found.items() if better == "none"}
    assert all(name.startswith("truths within the 90 % interval") for name in unsaid)  # best at 0.9
    assert all(better == "higher" for name, better in found.items() if name.startswith(("SROCC", "PSNR", "AUC")))
    assert all(better == "lower" for name, better in found.items() if "error" in name)


def test_a_score_is_put_on_a_card_with_its_direction():
    table = {name: Interval(1.0, 0.5, 1.5) for name in ("gain", "error", "covered")}
    scores = scores_of(table, "mmlib train x --score", lower=("error",), neither=("covered",))
    assert [(score.name, score.better) for score in scores] == [
        ("gain", "higher"), ("error", "lower"), ("covered", "none"),
    ]  # fmt: skip


def test_a_card_and_its_weights_come_back_as_they_were_written(shelf):
    _, net = shelf
    card = zoo.card("little")
    assert card.title == 'A "little" net'
    assert card.limits == Limits(1, 1, 0.0, 1.0)
    assert card.scores[0].high == 0.6
    assert [score.better for score in card.scores] == ["higher", "lower", "none"]
    rows = card.rows()
    assert rows["SROCC"] == "0.500 (0.400 to 0.600), higher is better"
    assert rows["error, planes"] == "0.200 (0.100 to 0.300), lower is better"
    assert rows["truths within the 90 % interval"] == "0.900 (0.800 to 1.000)"
    loaded = zoo.load("little")
    patches = torch.rand(3, 1, 32, 32)
    torch.testing.assert_close(loaded(patches), net.eval()(patches), atol=2e-3, rtol=2e-2)  # half precision


def test_a_second_card_leaves_the_first_as_it_is(shelf):
    folder, _ = shelf
    first = zoo.card("little")
    write_card(Card(**{**asdict(first), "name": "other", "limits": first.limits, "scores": first.scores}), folder)
    assert list(zoo.cards()) == ["little", "other"]
    assert zoo.card("little") == first


def test_damaged_weights_are_not_loaded(shelf):
    folder, _ = shelf
    file = folder / "little.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged or not the file that its card describes"):
        zoo.load("little")


def test_weights_cut_short_are_not_loaded(shelf):
    folder, _ = shelf
    file = folder / "little.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="so it is not whole"):
        zoo.weights_path("little")


def test_missing_weights_say_how_to_get_them(shelf):
    folder, _ = shelf
    (folder / "little.safetensors").unlink()
    with pytest.raises(
        InputError, match="missing: there is no file .*; take it from the repository, or train it: mmlib"
    ):
        zoo.load("little")


def test_weights_of_another_net_are_said_not_to_fit(shelf):
    folder, _ = shelf
    first = zoo.card("little")
    other = {**asdict(first), "limits": first.limits, "scores": first.scores, "net": "cnniqa.CnniqaPlus", "config": {}}
    write_card(Card(**other), folder)
    with pytest.raises(InputError, match="do not fit the net cnniqa.CnniqaPlus"):
        zoo.load("little")


def test_an_unknown_net_names_the_known(shelf):
    with pytest.raises(InputError, match="unknown model 'litle'; known: little; did you mean little"):
        zoo.card("litle")


def test_no_registry_is_no_nets(tmp_path, monkeypatch):
    monkeypatch.setenv("MMLIB_WEIGHTS", str(tmp_path / "nowhere"))
    assert zoo.cards() == {}
    with pytest.raises(InputError, match="there are no trained nets in"):
        zoo.card("cnniqa")


def test_a_damaged_registry_is_said_to_be(shelf):
    folder, _ = shelf
    (folder / "registry.toml").write_text("[little]\nfile = 3 4")
    with pytest.raises(InputError, match=r"registry.toml is damaged"):
        zoo.cards()
    (folder / "registry.toml").write_text("[little]\nfile = 'x'")
    with pytest.raises(InputError, match=r"registry.toml is damaged"):
        zoo.cards()


def test_reading_cards_loads_no_torch():
    code = "import mmlib.zoo as z, sys; z.cards(); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


def test_the_command_shows_cards(shelf):
    shown = CliRunner().invoke(app, ["models", "little"]).output
    assert "0.500 (0.400 to 0.600)" in shown
    assert zoo.card("little").sha256 in shown
    told = json.loads(CliRunner().invoke(app, ["models", "--json"]).output)
    assert [card["name"] for card in told] == ["little"]
    assert told[0]["scores"][0]["command"] == "mmlib train little --score"
