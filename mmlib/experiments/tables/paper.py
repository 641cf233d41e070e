"""What the paper printed in its Tables 1 to 3, and which of our methods stands for each of its systems."""

from __future__ import annotations

from dataclasses import dataclass

PAPER = "Tables 1 to 3 of the paper on a mobile microscopy framework"


@dataclass(frozen=True)
class Printed:
    """One row of a table of the paper.

    Attributes:
        name: of our method that stands for the system; it is missing until a method has that name.
        title: what the paper calls it.
        values: what is printed, by the column's key.
    """

    name: str
    title: str
    values: dict[str, str]


TABLE_1 = (
    Printed("laplacian", "Laplacian", {"accuracy": "< 55 %"}),
    Printed("tenengrad", "Tenengrad", {"accuracy": "< 55 %"}),
    Printed("vollath4", "Vollath F4", {"accuracy": "< 55 %"}),
    Printed("svm_hog", "SVM on HOG", {"accuracy": "40 %"}),
    Printed("svm_blur", "SVM on blur features", {}),
    Printed("yang", "Yang et al., the original model", {"accuracy": "79 ± 2 %"}),
    Printed("paper_rps", "the paper's net, RPS loss", {"accuracy": "95.6 ± 2.8 %"}),
    Printed("paper_ce", "the paper's net, cross-entropy", {}),
)
"""In focus or not; 200 crops; 95 % intervals. The three measures share one printed number."""

TABLE_2 = (
    Printed("none", "doing nothing", {"psnr": "29.20 ± 9.27", "ssim": "86.88 ± 14.32"}),
    Printed("wiener", "Wiener filter", {}),
    Printed("richardson_lucy", "Richardson-Lucy", {}),
    Printed("unet", "U-Net", {"psnr": "26.11 ± 4.19", "ssim": "83.81 ± 10.21"}),
    Printed("srcnn", "SRCNN", {"psnr": "28.80 ± 7.83", "ssim": "86.33 ± 11.73"}),
    Printed("udeblurgan", "uDeblurGAN", {"psnr": "28.33 ± 8.09", "ssim": "84.58 ± 13.76"}),
    Printed("sdeblurgan", "sDeblurGAN", {"psnr": "24.49 ± 5.23", "ssim": "62.54 ± 18.26"}),
)
"""Deblurring; 8 samples; SSIM in hundredths. In the paper, too, no net beats doing nothing."""

TABLE_3 = (
    Printed("ufusegan", "uFuseGAN", {"brisque": "37.21 ± 3.48", "cnniqa": "25.71 ± 4.36"}),
    Printed("ufusegan_truth", "uFuseGAN, trained on true pictures", {}),
    Printed("sfusegan", "sFuseGAN", {"brisque": "40.59 ± 4.66", "cnniqa": "32.44 ± 5.44"}),
    Printed("sfuse", "sFuse", {}),
    Printed("wavelet", "wavelet transform", {"brisque": "31.83 ± 3.12", "cnniqa": "23.47 ± 3.01"}),
    Printed("ifcnn", "IFCNN", {"brisque": "36.19 ± 3.23", "cnniqa": "25.97 ± 4.48"}),
    Printed("cnn", "CNN (Liu 2017)", {}),
)
"""Fusion; measures without a reference; lower is better for both."""
