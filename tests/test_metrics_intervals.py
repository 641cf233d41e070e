"""Intervals, comparisons, preferences and the registry: agreement with scipy, coverage, symmetry, words of errors."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mmlib.errors import InputError
from mmlib.metrics import (
    MEASURES,
    Measure,
    accuracy_interval,
    bootstrap,
    bradley_terry,
    compare,
    count_votes,
    measure,
)


def chance(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("method", "peer"), [("percentile", "percentile"), ("bca", "BCa")])
@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std])
def test_bootstrap_agrees_with_scipy(method, peer, statistic):
    values = chance(1).gamma(2, 3, 40)
    ours = bootstrap(values, generator=chance(), statistic=statistic, method=method)
    theirs = stats.bootstrap((values,), statistic, method=peer, n_resamples=9999, rng=chance(5)).confidence_interval
    width = theirs.high - theirs.low
    assert ours.estimate == pytest.approx(statistic(values))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.08 * width)


def test_bootstrap_is_repeated_by_its_generator_and_widens_with_the_level():
    values = chance(2).normal(5, 1, 30)
    first = bootstrap(values, generator=chance())
    assert bootstrap(values, generator=chance()) == first
    wider = bootstrap(values, generator=chance(), level=0.99)
    assert wider.low < first.low < first.estimate < first.high < wider.high
    shifted = bootstrap(values + 7, generator=chance())
    assert shifted.low == pytest.approx(first.low + 7)


def test_bootstrap_holds_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(200):
        interval = bootstrap(chance(seed).normal(0, 1, 40), generator=chance(seed), resamples=999)
        held += interval.low <= 0 <= interval.high
    assert 0.89 <= held / 200 <= 0.985


def test_bootstrap_of_equal_values_has_no_width():
    interval = bootstrap([3.0, 3.0, 3.0], generator=chance())
    assert (interval.low, interval.estimate, interval.high) == (3, 3, 3)
    assert bootstrap([4.0], generator=chance()).high == 4
    two = bootstrap([1.0, 2.0], generator=chance())
    assert (two.low, two.high) == (1, 2)


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ([], {}, "one or more finite numbers"),
        ([1.0, math.nan], {}, "one or more finite numbers"),
        ([1.0, 2.0], {"level": 95}, "such as 0.95; it is 95"),
        ([1.0, 2.0], {"method": "bcs"}, "did you mean bca"),
    ],
)
def test_bootstrap_says_what_is_wrong(values, more, words):
    with pytest.raises(InputError, match=words):
        bootstrap(values, generator=chance(), **more)


def test_a_paired_comparison_agrees_with_scipy_and_turns_with_its_sides():
    first = chance(3).normal(30, 3, 25)
    second = first - 0.5 + chance(4).normal(0, 1, 25)
    forth, back = (compare(a, b, generator=chance()) for a, b in ((first, second), (second, first)))
    test = stats.wilcoxon(first, second)
    assert forth.p_value == pytest.approx(test.pvalue)
    ranks = stats.rankdata(np.abs(first - second))
    assert forth.rank_biserial == pytest.approx(
        ((first > second) * ranks - (first < second) * ranks).sum() / ranks.sum()
    )
    z = stats.wilcoxon(first, second, method="asymptotic").zstatistic
    assert forth.effect_r == pytest.approx(abs(z) / 5)
    assert forth.difference.low < np.mean(first - second) < forth.difference.high
    assert back.rank_biserial == pytest.approx(-forth.rank_biserial)
    assert (back.p_value, back.effect_r) == pytest.approx((forth.p_value, forth.effect_r))


def test_ties_and_equal_pairs_are_counted_as_such():
    same = compare([1.0, 2.0], [1.0, 2.0], generator=chance())
    assert (same.p_value, same.rank_biserial, same.effect_r, same.unequal) == (1, 0, 0, 0)
    some = compare([2.0, 3.0, 4.0, 5.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0], generator=chance())
    assert (some.pairs, some.unequal, some.rank_biserial) == (5, 4, 1)
    assert some.p_value == pytest.approx(0.125, abs=0.08)
    with pytest.raises(InputError, match="the first has 2 and the second 1"):
        compare([1.0, 2.0], [1.0], generator=chance())


@pytest.mark.parametrize(("right", "total"), [(0, 10), (3, 10), (10, 10), (483, 1000), (1, 1)])
def test_an_accuracy_agrees_with_scipy(right, total):
    ours = accuracy_interval(right, total)
    theirs = stats.binomtest(right, total).proportion_ci(0.95, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.estimate == right / total


def test_an_accuracy_needs_counts():
    for right, total in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(InputError, match="right answers must be between 0 and the total"):
            accuracy_interval(right, total)


def test_two_methods_by_hand():
    wins = [[0, 30], [10, 0]]
    first, second = bradley_terry(["ours", "theirs"], wins, prior=0)
    assert first.score.estimate - second.score.estimate == pytest.approx(math.log(3), abs=1e-9)
    error = math.sqrt(1 / (40 * 0.75 * 0.25)) * 1.959964  # of the difference; each score holds half of it
    assert first.score.high - first.score.estimate == pytest.approx(error / 2, rel=1e-6)
    assert (first.wins, first.votes) == (30, 40)


def test_scores_are_found_again_from_votes_drawn_by_them():
    names, truth = ["a", "b", "c", "d"], np.array([1.0, 0.3, -0.2, -1.1])
    generator, votes = chance(6), []
    for _ in range(6000):
        i, j = generator.choice(4, 2, replace=False)
        first = generator.random() < 1 / (1 + math.exp(truth[j] - truth[i]))
        votes.append((names[i], names[j], names[i if first else j]))
    found = bradley_terry(names, count_votes(names, votes))
    assert [p.score.estimate for p in found] == pytest.approx(truth, abs=0.12)
    assert sum(p.score.estimate for p in found) == pytest.approx(0, abs=1e-9)
    assert sum(p.score.low <= t <= p.score.high for p, t in zip(found, truth, strict=True)) >= 3


def test_ties_draw_scores_together_and_sides_do_not_matter():
    names = ["a", "b"]
    clear = count_votes(names, [("a", "b", "a")] * 6 + [("b", "a", "b")] * 2)
    tied = count_votes(names, [("a", "b", "a")] * 6 + [("b", "a", "b")] * 2 + [("a", "b", None)] * 8)
    assert tied.sum() == 16
    gaps = [bradley_terry(names, wins)[0].score.estimate for wins in (clear, tied)]
    assert gaps[0] > gaps[1] > 0
    only_ties = bradley_terry(names, count_votes(names, [("a", "b", None)] * 5))
    assert only_ties[0].score.estimate == pytest.approx(0, abs=1e-9)
    assert count_votes(names, [("a", "b", "a")]).tolist() == count_votes(names, [("b", "a", "a")]).tolist()


def test_a_method_that_never_lost_has_a_bounded_score_or_a_reason():
    wins = [[0, 5, 4], [0, 0, 3], [0, 2, 0]]
    best = bradley_terry(["a", "b", "c"], wins)[0]
    assert 0 < best.score.estimate < 5
    assert best.score.low < best.score.estimate
    with pytest.raises(InputError, match="never lost"):
        bradley_terry(["a", "b", "c"], wins, prior=0)
    nobody = bradley_terry(["a", "b", "c"], np.zeros((3, 3)))
    assert [p.score.estimate for p in nobody] == pytest.approx([0, 0, 0])


def test_votes_and_tables_that_do_not_fit_are_told_so():
    with pytest.raises(InputError, match="did you mean nafnet"):
        count_votes(["nafnet", "unet"], [("nafnt", "unet", None)])
    with pytest.raises(InputError, match="two methods and one of them"):
        count_votes(["a", "b"], [("a", "a", None)])
    with pytest.raises(InputError, match="two methods and one of them"):
        count_votes(["a", "b"], [("a", "b", "c")])
    with pytest.raises(InputError, match="table of counts for 3 methods"):
        bradley_terry(["a", "b", "c"], np.zeros((2, 2)))


def texture():
    return (chance(7).random((64, 64, 3)) * 255).astype(np.uint8)


def test_the_registry_is_complete_and_says_what_it_must():
    for name, card in MEASURES.items():
        assert name == card.name
        assert card.title
        assert card.source
        assert card.low < card.high
    assert "does not rank microscope pictures" in MEASURES["brisque"].note
    assert "never used to choose" in MEASURES["brisque"].note


def test_measure_gives_what_applies_and_a_reason_for_the_rest():
    frame = texture()
    alone = {m.name for m in measure(frame)}
    assert alone == {"brisque", "cnniqa", "cnniqa_plus"}
    answers = {m.name: m for m in measure(frame, reference=frame, sources=[frame, frame])}
    assert answers["psnr"].value == math.inf
    assert answers["ms_ssim"].value is None
    assert "at least 161 x 161" in answers["ms_ssim"].reason
    assert "weights of CNNIQA are missing" in answers["cnniqa"].reason
    for answer in answers.values():
        assert (answer.value is None) == bool(answer.reason)
        json.dumps(answer.to_dict(), allow_nan=False)
    row = answers["psnr"].to_dict()
    assert (row["title"], row["value"], row["unit"], row["direction"], row["range"]) == (
        "PSNR",
        None,
        "dB",
        "higher",
        [0, None],
    )
    assert row["reason"] == "infinite: the pictures are equal"
    assert repr(answers["psnr"]) == "PSNR inf dB (higher is better)"
    assert repr(answers["q_mi"]) == "Q_MI 2 (higher is better)"
    assert repr(answers["cnniqa"]).startswith("CNNIQA: the weights of CNNIQA are missing")
    asked = measure(frame, only=["psnr", "q_mi", "depth_error"])
    assert [m.name for m in asked] == ["psnr", "q_mi", "depth_error"]
    assert [m.reason for m in asked] == [
        "PSNR needs a reference picture",
        "Q_MI needs the source frames",
        "depth error needs a depth map and the true one",
    ]
    depth = np.zeros((64, 64))
    assert measure(frame, depth=depth, true_depth=depth + 2, only=["depth_error"])[0].value == 2


def test_measure_takes_measures_of_a_floor_above():
    card = Measure("mean", "mean", "nothing", "none", 0, 255, "instant", lambda g: float(g.picture.mean()), "mean grey")
    answers = measure(texture(), measures={**MEASURES, "mean": card}, only=iter(["mean"]))
    assert answers[0].value == pytest.approx(texture().mean())


def test_measure_refuses_what_no_measure_could_do():
    frame = texture()
    with pytest.raises(InputError, match="did you mean brisque"):
        measure(frame, only=["brisk"])
    with pytest.raises(InputError, match="one size"):
        measure(frame, reference=frame[:-1])
    with pytest.raises(InputError, match="not finite"):
        measure(np.full((64, 64), np.nan))
    with pytest.raises(InputError, match="field"):
        measure(frame, field=np.ones((3, 3), np.bool_))


def test_importing_the_room_and_measuring_without_nets_loads_no_torch():
    code = (
        "import sys, numpy, mmlib.metrics as m; f = numpy.random.default_rng(0).random((64, 64));"
        "m.measure(f, reference=f, only=['psnr', 'detail_snr', 'brisque']);"
        "print(sorted({'torch', 'piq', 'matplotlib', 'ipywidgets'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=25), seed=st.integers(0, 99))
def test_an_interval_stays_within_its_values(values, seed):
    for method in ("bca", "percentile"):
        interval = bootstrap(values, generator=chance(seed), method=method, resamples=199)
        slack = 1e-9 * (1 + max(map(abs, values)))
        assert min(values) - slack <= interval.low <= interval.high <= max(values) + slack


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_an_accuracy_lies_in_its_interval(counts):
    interval = accuracy_interval(*counts)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=16, max_size=16), st.permutations(range(4)))
def test_scores_do_not_depend_on_the_order_of_the_methods(counts, order):
    names, wins = list("abcd"), np.array(counts, float).reshape(4, 4)
    plain = {p.name: p.score for p in bradley_terry(names, wins)}
    shuffled = bradley_terry([names[i] for i in order], wins[np.ix_(order, order)])
    for preference in shuffled:
        assert preference.score.estimate == pytest.approx(plain[preference.name].estimate, abs=1e-6)
        assert preference.score.high == pytest.approx(plain[preference.name].high, abs=1e-6)
