"""A mobile microscope in software: specimens, light, scan and camera, with the truth beside every picture."""
