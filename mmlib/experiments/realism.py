"""Is it real? Simulated beside real stacks: ``python -m mmlib.experiments.realism FOLDER -o REPORT``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.experiments.crops import FEATURES, Crops, crops_of, features, noise_level, spectrum
from mmlib.experiments.recipes import scene
from mmlib.progress import Progress, report, silent
from mmlib.simulation.families import FAMILIES
from mmlib.specimens import catalogue, open_source


def real_crops(folder: Path, *, skip: tuple[str, ...] = (), seed: int = 0, progress: Progress = silent) -> list[Crops]:
    """Cut crops of every stack in a folder, two folders deep.

    Args:
        folder: where stacks of at least three frames lie.
        skip: stacks whose names contain one of these are left out.
        seed: of where to cut.
        progress: told how far it is.

    Returns:
        The crops of each stack.

    Raises:
        InputError: if the folder holds no stack of three frames.
    """
    found = []
    cards = [card for card in catalogue(folder) if not card.built_in and not any(word in card.name for word in skip)]
    for number, card in enumerate(report(cards, len(cards), "real stacks", progress)):
        path = folder / card.name
        if path.is_dir():  # a reference made by software is no frame
            frames = [i for i, file in enumerate(sorted(path.iterdir())) if "ref" not in file.stem.lower()]
        try:
            stack = open_source(card.name, data=folder)
        except InputError:
            continue
        if path.is_dir() and len(frames) < len(stack):
            stack = stack.select(frames)
        if 3 <= len(stack) <= 400:
            found.append(crops_of(stack, np.random.default_rng([seed, number]), name=card.name))
    found = [crops for crops in found if len(crops.pixels)]
    if not found:
        raise InputError(f"{folder} holds no stack of at least three frames; name a folder of folders of pictures")
    return found


def simulated_crops(count: int, *, size: int = 192, seed: int = 0, progress: Progress = silent) -> list[Crops]:
    """Make simulated stacks as the benchmark set has them, and cut crops of them.

    Args:
        count: stacks; the families take turns.
        size: edge of a frame, pixels.
        seed: another seed, other scenes.
        progress: told how far it is.

    Returns:
        The crops of each stack.
    """
    names = sorted(FAMILIES)
    found = []
    for number in report(range(count), count, "simulated stacks", progress):
        family = names[number % len(names)]
        recipe = scene(f"{family}-realism-{seed}-{number}", family, "realism", height=size, width=size)
        made = recipe.make(1 + number % 3)
        found.append(crops_of(made.stack, np.random.default_rng([seed, number]), name=recipe.name))
    return [crops for crops in found if len(crops.pixels)]


def tell_apart(real: list[Crops], simulated: list[Crops], *, folds: int = 5, seed: int = 0) -> dict[str, Any]:
    """Teach a classifier to tell simulated from real crops, and see how well it does on stacks it has not seen.

    Args:
        real: crops of real stacks.
        simulated: crops of simulated ones.
        folds: of the cross-validation; no stack is in two of them.
        seed: of the classifier.

    Returns:
        ``auc`` of all held-out crops (0.5: cannot tell, 1: always can), ``auc_by_stack`` of the mean score of each
        stack, the number of stacks and crops, and the features that tell most.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    sets = [*real, *simulated]
    table = np.concatenate([features(crops.pixels) for crops in sets])
    truth = np.concatenate([np.full(len(crops.pixels), i < len(real)) for i, crops in enumerate(sets)])
    group = np.concatenate([np.full(len(crops.pixels), i) for i, crops in enumerate(sets)])
    score = np.zeros(len(table))
    weight = np.zeros(table.shape[1])
    cuts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for train, test in cuts.split(table, truth, group):
        forest = RandomForestClassifier(
            300, min_samples_leaf=5, class_weight="balanced_subsample", random_state=seed, n_jobs=1
        )
        forest.fit(table[train], truth[train])
        score[test] = forest.predict_proba(table[test])[:, 1]
        weight += forest.feature_importances_ / folds
    by_stack = np.array([score[group == i].mean() for i in range(len(sets))])
    is_real = np.arange(len(sets)) < len(real)
    telling = sorted(zip(FEATURES, weight.tolist(), strict=True), key=lambda pair: -pair[1])[:6]
    return {
        "auc": float(roc_auc_score(truth, score)),
        "auc_by_stack": float(roc_auc_score(is_real, by_stack)),
        "stacks": [len(real), len(simulated)],
        "crops": [int(truth.sum()), int((~truth).sum())],
        "telling": {name: round(value, 3) for name, value in telling},
        "score_by_stack": {crops.name: round(float(value), 3) for crops, value in zip(sets, by_stack, strict=True)},
    }


def real_from_real(real: list[Crops], *, seed: int = 0) -> dict[str, float]:
    """Say how well the same classifier tells one folder of real stacks from all the others: what an AUC is worth.

    Two real microscopes with other specimens differ too. A simulation that is told from the real stacks no better than
    these from one another differs as one laboratory from the next.

    Args:
        real: crops of real stacks; the word before the slash in a name is its folder.
        seed: of the classifier.

    Returns:
        Folder -> AUC, for folders of at least two stacks with at least two stacks elsewhere.
    """
    folders = [crops.name.split("/")[0] for crops in real]
    answer = {}
    for folder in sorted(set(folders)):
        within = [crops for crops, name in zip(real, folders, strict=True) if name == folder]
        others = [crops for crops, name in zip(real, folders, strict=True) if name != folder]
        folds = min(5, len(within), len(others))
        if folds >= 2:
            answer[folder] = round(float(tell_apart(within, others, folds=folds, seed=seed)["auc"]), 3)
    return answer


def summary(sets: list[Crops]) -> dict[str, Any]:
    """Say how stacks look in numbers: quantiles of contrast and noise, spectra against defocus, focus curves.

    Args:
        sets: crops of stacks of one kind.

    Returns:
        A dictionary ready for JSON; each list holds the 10, 50 and 90 % quantiles.
    """
    pixels = np.concatenate([crops.pixels for crops in sets])
    level = np.concatenate([crops.level for crops in sets])
    contrast = [float(crop.std() / max(float(crop.mean()), 1e-3)) for crop in pixels]
    noise = [noise_level(crop) for crop in pixels]
    spectra = np.stack([spectrum(crop) for crop in pixels])
    thirds = {"sharp": level < 0.2, "between": (level >= 0.2) & (level < 0.7), "blurred": level >= 0.7}
    return {
        "mean": _quantiles(pixels.mean((1, 2))),
        "contrast": _quantiles(contrast),
        "noise": _quantiles(noise),
        "spectrum": {
            word: np.median(spectra[mask], 0).round(2).tolist() for word, mask in thirds.items() if mask.any()
        },
        "curve_lowest": _quantiles([float(crops.curve.min()) for crops in sets]),
        "curve_width": _quantiles([float(np.mean(crops.curve > 0.5)) for crops in sets]),
        "curve_peaks": _quantiles([float(_peaks(crops.curve)) for crops in sets]),
    }


def _peaks(curve: NDArray[np.float64]) -> int:
    """Count the maxima of a focus curve that stand out by more than 5 %."""
    padded = np.concatenate([[0.0], curve, [0.0]])
    turns = [i for i in range(1, len(padded) - 1) if padded[i] >= padded[i - 1] and padded[i] > padded[i + 1]]
    count, last = 0, -1
    for i in turns:
        valley = padded[last : i + 1].min() if last >= 0 else 0.0
        if padded[i] - valley > 0.05:
            count, last = count + 1, i
    return count


def _quantiles(values: Any) -> list[float]:
    return [round(float(q), 4) for q in np.quantile(np.asarray(values, np.float64), (0.1, 0.5, 0.9))]


def draw(real: list[Crops], simulated: list[Crops], path: Path) -> None:
    """Draw the comparison: focus curves, spectra, contrast, noise, and crops beside one another.

    Args:
        real: crops of real stacks.
        simulated: crops of simulated ones.
        path: where the PNG goes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    axes = figure.subplots(2, 3)
    for sets, colour, name in ((real, "#b0452c", "real"), (simulated, "#2c6fb0", "simulated")):
        told = summary(sets)
        for crops in sets:
            place = np.arange(len(crops.curve)) - int(np.argmax(crops.curve))
            axes[0, 0].plot(place / len(crops.curve), crops.curve, color=colour, alpha=0.35, lw=1)
        for word, style in (("sharp", "-"), ("blurred", ":")):
            if word in told["spectrum"]:
                axes[0, 1].plot(told["spectrum"][word], style, color=colour, label=f"{name}, {word}")
        pixels = np.concatenate([crops.pixels for crops in sets])
        noise = [np.log10(noise_level(crop) + 1e-5) for crop in pixels]
        contrast = [np.log10(crop.std() / max(float(crop.mean()), 1e-3) + 1e-4) for crop in pixels]
        axes[0, 2].hist(contrast, 30, density=True, alpha=0.5, color=colour, label=name)
        axes[1, 0].hist(noise, 30, density=True, alpha=0.5, color=colour, label=name)
        side = axes[1, 1] if name == "real" else axes[1, 2]
        shown = pixels[np.random.default_rng(0).permutation(len(pixels))[:36]]
        shown = np.pad(shown, ((0, 36 - len(shown)), (1, 1), (1, 1)), constant_values=1)
        wide = shown.shape[1]
        side.imshow(
            shown.reshape(6, 6, wide, wide).transpose(0, 2, 1, 3).reshape(6 * wide, -1), cmap="gray", vmin=0, vmax=1
        )
        side.set_title(f"{name} crops")
        side.axis("off")
    titles = ("focus curves about their peak", "power in rings, coarse to fine (ln)", "contrast (log10)")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    axes[1, 0].set_title("noise (log10 of full scale)")
    axes[0, 1].legend()
    axes[0, 2].legend()
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=80)


def main(
    folder: Annotated[Path, typer.Argument(help="folder of real stacks")],
    output: Annotated[Path, typer.Option("--output", "-o", help="where report.json and report.png go")] = Path(
        "realism"
    ),
    stacks: Annotated[int, typer.Option(help="how many simulated stacks")] = 40,
    skip: Annotated[str, typer.Option(help="leave out real stacks whose names contain one of these words")] = "",
    seed: Annotated[int, typer.Option(help="of the scenes and the crops")] = 0,
) -> None:
    """Compare simulated with real stacks, and say how well a classifier tells them apart."""
    words = tuple(word.strip() for word in skip.split(",") if word.strip())
    try:
        real = real_crops(folder, skip=words, seed=seed)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    simulated = simulated_crops(stacks, seed=seed)
    told = {
        "real": summary(real),
        "simulated": summary(simulated),
        "classifier": tell_apart(real, simulated, seed=seed),
        "real_from_real": real_from_real(real, seed=seed),
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "report.json").write_text(json.dumps(told, indent=1) + "\n")
    draw(real, simulated, output / "report.png")
    typer.echo(json.dumps(told, indent=1))


if __name__ == "__main__":
    typer.run(main)
