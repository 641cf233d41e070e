"""What every quality measure costs on a 720 x 960 picture, and how far it is from the programs it must agree with.

Run: python benchmarks/measure.py. Torch is imported before the clock starts. The nets have random weights here, which
cost the same as trained ones. Agreement is the largest difference over pictures made at random, worst case last.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
import piq
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmlib.metrics import MEASURES, measure, pooled, reference
from mmlib.metrics.blind import brisque
from mmlib.nets.cnniqa import Cnniqa, CnniqaPlus


def scene(height, width, seed):
    noise = np.random.default_rng(seed).random((height, width, 3))
    picture = cv2.GaussianBlur(noise, (0, 0), 1.2) + 2 * cv2.GaussianBlur(noise, (0, 0), 5)
    return (0.1 + 0.8 * (picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def worse(picture, seed):
    generator = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(picture, (0, 0), generator.uniform(0.5, 3))
    return np.clip(blurred + generator.normal(0, generator.choice([0, 0.01, 0.05]), picture.shape), 0, 1).astype(
        np.float32
    )


def times(weights):
    truth = scene(720, 960, 0)
    seen = worse(truth, 1)
    depth = truth[..., 0]
    y, x = np.mgrid[:720, :960]
    disc = np.hypot(y - 359.5, x - 479.5) < 355
    given = {"reference": truth, "sources": [seen, truth], "depth": depth, "true_depth": depth, "weights": weights}
    measure(seen[:200, :200], reference=truth[:200, :200], sources=[seen[:200, :200]] * 2, weights=weights)  # warm up
    print(f"{'measure':<14}{'needs':<11}{'cpu-s':>7}{'with a disc':>13}   value")
    alone = 0.0
    for name, card in MEASURES.items():
        answers, spent = [], []
        for field in (None, disc):
            start = time.process_time()
            answers += measure(seen, field=field, only=[name], **given)
            spent.append(time.process_time() - start)
        alone += spent[0] if card.needs == "nothing" else 0
        value = answers[0].value
        shown = "(random weights)" if name in weights else answers[0].reason if value is None else f"{value:.4f}"
        print(f"{card.title:<14}{card.needs:<11}{spent[0]:>7.2f}{spent[1]:>13.2f}   {shown}")
    print(f"all measures that need nothing: {alone:.2f} cpu-s (limit 1.5)\n")


def agreement():
    pairs = [(worse(truth, seed), truth) for seed, truth in ((s, scene(192, 208, s)) for s in range(20))]
    everything = np.ones((192, 208), np.bool_)

    def report(name, differences):
        print(f"{name:<48} largest difference {max(differences):.1e} over {len(differences)} pictures")

    def batch(picture):
        return torch.from_numpy(picture.transpose(2, 0, 1).copy())[None]

    report(
        "PSNR and scikit-image (dB)",
        [abs(reference.psnr(p, t) - peak_signal_noise_ratio(t, p, data_range=1)) for p, t in pairs],
    )
    report("PSNR and piq (dB)", [abs(reference.psnr(p, t) - float(piq.psnr(batch(p), batch(t)))) for p, t in pairs])
    options = {
        "data_range": 1,
        "channel_axis": 2,
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
    }
    report(
        "SSIM and scikit-image", [abs(reference.ssim(p, t) - structural_similarity(t, p, **options)) for p, t in pairs]
    )
    for name in ("ssim", "ms_ssim", "vif", "gmsd", "haarpsi"):
        title = MEASURES[name].title
        report(
            f"{title}, maps pooled over everything, and piq",
            [abs(getattr(pooled, name)(p, t, everything) - getattr(reference, name)(p, t)) for p, t in pairs],
        )
    brisque_agreement(report)


def brisque_agreement(report):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from brisque import BRISQUE
        except ImportError:
            print("BRISQUE: the package brisque is not installed (pip install brisque), nothing to compare with")
            return
        published = BRISQUE(url=False)
        judge = published.calculate_image_quality_score  # its features come as arrays of one, which NumPy 2.4 refuses
        published.calculate_image_quality_score = lambda features: judge([np.asarray(f).item() for f in features])
        frames = [(worse(scene(120, 160, seed), seed) * 255).astype(np.uint8) for seed in range(50)]
        report("BRISQUE and the package brisque", [abs(brisque(f) - published.score(f)) for f in frames])
    sharp = scene(480, 640, 0)
    print("\nBRISQUE of a picture and of ever more blur (lower would be better):")
    for sigma in (0, 0.5, 1, 2, 4):
        seen = cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp
        print(f"  sigma {sigma:>3} px: {brisque(seen):6.1f}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        weights = {}
        for name, net in (("cnniqa", Cnniqa()), ("cnniqa_plus", CnniqaPlus())):
            weights[name] = Path(folder) / f"{name}.pt"
            torch.save(net.state_dict(), weights[name])
        times(weights)
    agreement()


if __name__ == "__main__":
    main()
