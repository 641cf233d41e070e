"""A mobile microscope in software: specimens, light, scan and camera, with the truth beside every picture."""

from mmlib.simulation.artefacts import Dirt, Eyepiece
from mmlib.simulation.camera import Camera
from mmlib.simulation.microscope import Microscope, all_in_focus, illuminate
from mmlib.simulation.simulate import repeat, simulate
from mmlib.simulation.simulated import Simulated
from mmlib.simulation.specimen import Specimen

__all__ = [
    "Camera",
    "Dirt",
    "Eyepiece",
    "Microscope",
    "Simulated",
    "Specimen",
    "all_in_focus",
    "illuminate",
    "repeat",
    "simulate",
]
