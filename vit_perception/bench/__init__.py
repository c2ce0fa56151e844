"""`vit-perception bench`: what the nodes do on this machine, live over DDS, against the targets."""

# In the order of their running: what is quick first. Each is a function in `sections.py`.
PARTS = (
    "engine",
    "int8_vs_fp32",
    "startup",
    "composed",
    "separate",
    "task_overhead",
    "textbook",
    "cameras",
    "overload",
)
