"""The command line: one verb a job, each a thin layer over the function of the same name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from mmlib.errors import InputError, unknown
from mmlib.progress import Progress, silent

app = typer.Typer(
    name="mmlib",
    help="Which parts of a z-stack are in focus, and one sharp picture of them all, for mobile microscopes.",
    pretty_exceptions_enable=False,
)

STOPPED = 130  # the toolkit's word for Ctrl-C

Source = Annotated[
    str,
    typer.Argument(help="a video, a multi-page TIFF, a folder or a zip of pictures, or the name of a specimen"),
]
Speed = Annotated[int | None, typer.Option(help="scan speed 1 (slow) to 4 (fast) of a built-in specimen")]
Frames = Annotated[str | None, typer.Option(help="which frames, such as 3:20:2 or 0,4,8")]
AsJson = Annotated[bool, typer.Option("--json", help="report as JSON")]
Data = Annotated[Path | None, typer.Option(help="folder of your own stacks")]


def say(answer: dict[str, Any] | list[dict[str, Any]], as_json: bool) -> None:
    """Print an answer: JSON for programs, aligned lines for people."""
    if as_json:
        typer.echo(json.dumps(answer, indent=1))
        return
    for entry in answer if isinstance(answer, list) else [answer]:
        width = max(map(len, entry), default=0)
        for name, value in entry.items():
            words = "; ".join(map(str, value)) if isinstance(value, list) else value
            typer.echo(f"{name.replace('_', ' '):<{width}}  {'-' if value in (None, [], '') else words}")
        if isinstance(answer, list):
            typer.echo("")


def shown_progress() -> Progress:
    """Give a progress callable that redraws one line of a terminal, or says nothing elsewhere."""
    if not sys.stderr.isatty():
        return silent

    def draw(share: float, stage: str) -> None:
        end = "\r" + " " * 48 + "\r" if share >= 1 else ""
        print(f"\r[{'#' * int(share * 24):<24}] {share:4.0%} {stage:<14}", end=end, file=sys.stderr, flush=True)

    return draw


@app.command()
def info(source: Source, speed: Speed = None, data: Data = None, as_json: AsJson = False) -> None:
    """Say what a stack is: frames, size, bit depth, z, field, warnings."""
    from mmlib.field import find_field
    from mmlib.pipeline import open_frames

    stack = open_frames(source, speed=speed, data=data, progress=shown_progress())
    field = find_field(stack)
    z_um = stack.z_um
    say(
        {
            "source": stack.source,
            "frames": len(stack),
            "width": stack.width,
            "height": stack.height,
            "colour": "RGB" if stack.colour else "grey",
            "bit_depth": stack.bit_depth,
            "z_um": z_um and ([round(z, 4) for z in z_um] if as_json else f"{z_um[0]:g} to {z_um[-1]:g}"),
            "pixel_um": stack.pixel_um,
            "seconds": None if stack.times_s is None else round(stack.times_s[-1], 3),
            "speed": stack.speed,
            "field": "whole frame" if field.all() else f"disc, {field.mean():.0%} of the frame",
            "content": stack.content_hash,
            "warnings": list(stack.warnings),
        },
        as_json,
    )


@app.command()
def specimens(data: Data = None, as_json: AsJson = False) -> None:
    """List the built-in specimens and the stacks in your data folder."""
    from mmlib.specimens import catalogue

    say([card.to_dict() for card in catalogue(data)], as_json)


@app.command()
def focus(
    source: Source,
    method: Annotated[str, typer.Option(help="a focus measure, svm_hog, yang, ..., or best")] = "best",
    cell: Annotated[int, typer.Option(help="edge of a cell, pixels")] = 84,
    stride: Annotated[int, typer.Option(help="step between cells, pixels")] = 84,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="where to write cells.csv")] = None,
    frames: Frames = None,
    speed: Speed = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge the focus of every cell of every frame."""
    from mmlib import pipeline
    from mmlib.focusing import focus as judge

    progress = shown_progress()
    stack = pipeline.open_frames(source, frames=frames, speed=speed, data=data, progress=progress)
    pipeline.check_targets(stack, table=output)
    report = judge(stack, method=method, cell=cell, stride=stride, progress=progress)
    if output is not None:
        report.write_csv(output)
    told = report.to_dict() if as_json else report.rows()
    say({**told, "written": None if output is None else str(output)}, as_json)


@app.command()
def deblur(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="a picture (png, tif) for one frame, else a stack")],
    method: Annotated[str, typer.Option(help="best; refocus: towards focus; wiener, unet, ..., none")] = "best",
    frame: Annotated[int | None, typer.Option(help="only this frame, seen with its neighbours")] = None,
    frames: Frames = None,
    speed: Speed = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Restore what a fast scan smeared: a picture, or every frame of a stack."""
    from mmlib import pipeline

    progress = shown_progress()
    stack = pipeline.open_frames(source, frames=frames, speed=speed, data=data, progress=progress)
    whole = frame is None and len(stack) > 1
    pipeline.check_targets(stack, **{"frames" if whole else "picture": output})
    if whole:
        found = pipeline.write_all_deblurred(stack, output, method=method, speed=speed, progress=progress)
    else:
        found = pipeline.deblur_frame(stack, frame or 0, method=method, speed=speed, progress=progress)
        pipeline.write_deblurred(found, stack, output)
    say(
        {
            "written": str(output),
            "method": found.method,
            "frames": len(stack) if whole else 1,
            "seconds": round(found.seconds, 3),
            "warnings": list(stack.warnings),
        },
        as_json,
    )


@app.command()
def fuse(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="fused.png (8 bit) or fused.tif (16 bit)")],
    method: Annotated[str, typer.Option(help="wavelet, pyramid, ifcnn, ..., or best")] = "best",
    align: Annotated[str, typer.Option(help="auto, on or off")] = "auto",
    prefer: Annotated[str, typer.Option(help="clearest, near or far, where surfaces overlap")] = "clearest",
    frames: Frames = None,
    depth: Annotated[Path | None, typer.Option(help="also write the depth map, a float32 TIFF")] = None,
    speed: Speed = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fuse a stack into one sharp picture and its depth map."""
    from mmlib import pipeline
    from mmlib.fusing import fuse as melt

    progress = shown_progress()
    stack = pipeline.open_frames(source, frames=frames, speed=speed, data=data, progress=progress)
    pipeline.check_targets(stack, picture=output, depth=depth)
    fused = melt(stack, method=method, align=align, prefer=prefer, progress=progress)
    pipeline.write_fused(fused, stack, output)
    if depth is not None:
        pipeline.write_depth(fused, stack, depth)
    say(
        {
            "written": str(output),
            "depth": None if depth is None else str(depth),
            "method": fused.method,
            "frames": len(stack),
            "alignment": fused.alignment.reason,
            "seconds": round(fused.seconds, 3),
            "warnings": [*stack.warnings, *fused.warnings],
        },
        as_json,
    )


@app.command()
def run(
    sources: Annotated[list[str], typer.Argument(help="stacks: files, folders or names of specimens")],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the results, one folder in it a stack")],
    field: Annotated[str, typer.Option(help="on looks for the bright disc, off takes the whole frame")] = "on",
    focus: Annotated[str, typer.Option(help="method of the focus judge, or off")] = "best",
    select: Annotated[str, typer.Option(help="on leaves out frames that add nothing, off keeps all")] = "on",
    deblur: Annotated[str, typer.Option(help="method, off, or auto: only scans of speed 2 to 4")] = "auto",
    align: Annotated[str, typer.Option(help="auto, on or off")] = "auto",
    fuse: Annotated[str, typer.Option(help="method of the fusion")] = "best",
    measure: Annotated[str, typer.Option(help="on or off")] = "on",
    frames: Frames = None,
    speed: Speed = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take stacks all the way: field, focus, selection, deblurring, fusion, measures and a report each."""
    from mmlib.pipeline import Plan
    from mmlib.pipeline import run as go

    plan = Plan(
        frames=frames, speed=speed, field=field, focus=focus, select=select, deblur=deblur, align=align, fuse=fuse,
        measure=measure, data=None if data is None else str(data),
    )  # fmt: skip
    outcomes = go(sources, output, plan=plan, progress=shown_progress())
    if as_json:
        say([outcome.to_dict() for outcome in outcomes], as_json)
    for outcome in [] if as_json else outcomes:
        said = outcome.message or "; ".join(outcome.summary.get("stages", {}).values())
        typer.echo(f"{outcome.source}  {outcome.state}  {outcome.folder if not outcome.message else ''}\n  {said}")
    if any(outcome.state == "failed" for outcome in outcomes):
        raise InputError(
            f"{sum(o.state == 'failed' for o in outcomes)} of {len(outcomes)} stacks failed, for the reasons above; "
            "run the same again when they are put right: what is done is kept"
        )


@app.command()
def measure(
    picture: Annotated[Path, typer.Argument(help="the picture to measure")],
    reference: Annotated[Path | None, typer.Option(help="what it should look like")] = None,
    only: Annotated[str | None, typer.Option(help="names of measures, such as ssim,brisque,tenengrad")] = None,
    as_json: AsJson = False,
) -> None:
    """Give every quality measure that applies to a picture."""
    from mmlib import io
    from mmlib.measuring import measure as gauge

    truth = None if reference is None else io.read_picture(reference)
    names = None if only is None else [name.strip() for name in only.split(",")]
    rows = [found.to_dict() for found in gauge(io.read_picture(picture), reference=truth, only=names)]
    if as_json:
        say(rows, as_json)
        return
    for row in rows:
        value = "-" if row["value"] is None else f"{row['value']:.4g}"
        better = "" if row["direction"] == "none" else f"{row['direction']} is better"
        words = "; ".join(word for word in (row["reason"], row["note"]) if word)
        typer.echo(f"{row['title']:<25} {value:>10} {row['unit']:<3} {better:<16}  {words}".rstrip())


@app.command()
def models(
    name: Annotated[str, typer.Argument(help="a model; all when left out")] = "", as_json: AsJson = False
) -> None:
    """Show the cards of the trained nets: what they are, trained on, scores, sha256."""
    from mmlib import zoo

    found = [zoo.card(name)] if name else list(zoo.cards().values())
    told = [known.to_dict() if as_json else known.rows() for known in found]
    say(told[0] if name and as_json else told, as_json)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="name of a recipe, such as deblur-best")],
    budget_s: Annotated[float, typer.Option(help="stop after this many seconds")] = 1500.0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="go on from the last checkpoint")] = False,
    score: Annotated[bool, typer.Option("--score", help="only score the weights that are there")] = False,
    real: Annotated[Path | None, typer.Option(help="with --score: also rank the planes of real stacks there")] = None,
    textures: Annotated[Path | None, typer.Option(help="folder of pictures that more scenes are made of")] = None,
    work: Annotated[Path | None, typer.Option(help="where training pictures and checkpoints are kept")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="folder for weights and card")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a net from nothing to weights and card, or score the one that is there."""
    from mmlib.train import recipes

    progress = shown_progress()
    if score or real is not None:
        say(recipes.score(recipe, work=work, real=real, progress=progress), as_json)
        return
    card = recipes.run(
        recipe, budget_s=budget_s, device=device, resume=resume, textures=textures, work=work, output=output,
        progress=progress,
    )  # fmt: skip
    say(card.to_dict() if as_json else card.rows(), as_json)


@app.command()
def simulate(
    specimen: Annotated[str, typer.Argument(help="a family, such as blood_smear, a picture, or a folder of them")],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the stack and its truth")],
    seed: Annotated[int, typer.Option(help="which individual")] = 0,
    speed: Annotated[int, typer.Option(help="scan speed 1 (slow) to 4 (fast)")] = 1,
    planes: Annotated[int | None, typer.Option(help="how many planes")] = None,
    video: Annotated[bool, typer.Option("--video", help="an MP4, as phones keep it, in place of a TIFF")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a stack of a specimen with its truth: stack, truth.png, depth.tif (um), parameters.json."""
    from mmlib.specimens import make_simulated as make

    files = make(specimen, output, seed=seed, speed=speed, planes=planes, video=video, progress=shown_progress())
    say({"written": [str(path) for path in files]}, as_json)


@app.command()
def table(
    number: Annotated[int, typer.Argument(help="1 focus, 2 deblurring, 3 fusion")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="folder for text, CSV and figure")] = None,
    folder: Annotated[Path | None, typer.Option("--set", help="the benchmark set; made where it is missing")] = None,
    limit: Annotated[int | None, typer.Option(help="how many test specimens; all when left out")] = None,
    real: Annotated[Path | None, typer.Option(help="folder with stacks_known_z and stacks_ref")] = None,
    cnniqa: Annotated[Path | None, typer.Option(help="trained weights of CNNIQA, for table 3")] = None,
    as_json: AsJson = False,
) -> None:
    """Make one of the paper's tables on the benchmark set, ours beside theirs; goes on where it stopped."""
    from mmlib.experiments.tables import make_table, write_table

    made = make_table(number, folder=folder, limit=limit, real=real, cnniqa=cnniqa, progress=shown_progress())
    written = [] if output is None else [str(path) for path in write_table(made, output)]
    if as_json:
        say({**made.to_dict(), "written": written}, as_json)
    else:
        typer.echo(made.to_text() + "".join(f"written: {path}\n" for path in written), nl=False)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="where to listen")] = 8866,
    host: Annotated[str, typer.Option(help="127.0.0.1: only this computer; 0.0.0.0: the whole network")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open a browser window")] = True,
    data: Data = None,
    scheduler: Annotated[str | None, typer.Option(help="a Dask scheduler, tcp://host:port")] = None,
) -> None:
    """Start the dashboard and print its address."""
    from mmlib.server import serve as run

    run(port=port, host=host, browser=browser, data=data, scheduler=scheduler)


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="app, deblur, focus, fuse, measure, ...; all when left out")] = "",
) -> None:
    """Time mmlib beside the peers that are installed (needs a checkout of the repository)."""
    import subprocess

    folder = Path(__file__).resolve().parents[1] / "benchmarks"
    scripts = {path.stem: path for path in sorted(folder.glob("*.py")) if "__main__" in path.read_text("utf-8")}
    if not scripts:
        raise InputError(f"benchmarks come with the repository and {folder} is not there; clone it and run this there")
    if what and what not in scripts:
        raise unknown("benchmark", what, scripts)
    for name, script in scripts.items():
        if what in ("", name):
            subprocess.run([sys.executable, str(script)], check=True)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; whatever a user can mend ends in one line on stderr and exit status 1.

    Args:
        arguments: the words of the command; None takes those of the process.
    """
    try:
        status = app((sys.argv[1:] if arguments is None else arguments) or ["--help"], standalone_mode=False)
        if status == STOPPED:
            raise KeyboardInterrupt
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        fail("stopped; nothing half done was left behind")
    except TyperException as error:
        words = error.format_message() if hasattr(error, "format_message") else str(error)
        fail(f"{words.rstrip('.')}; mmlib --help lists what there is")
    except InputError as error:
        fail(str(error))
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        fail(f"{error.strerror or error}{where}")


def fail(sentence: str) -> None:
    """Say one line on stderr and leave with status 1."""
    if sys.stderr.isatty():
        print("\r" + " " * 48 + "\r", end="", file=sys.stderr)
    print(f"mmlib: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
