"""Experiments: the benchmark set, how real the simulator is, the tables; each a command that anyone can run."""
