"""Which box of a frame is which object of the frames before. Needs NumPy only."""
