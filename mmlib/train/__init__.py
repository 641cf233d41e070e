"""How the nets are trained: one straight page a family of nets, seeded, resumable and bounded in time."""
