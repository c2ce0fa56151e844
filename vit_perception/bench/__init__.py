"""`vit-perception bench`: figures of the nodes on this machine, live over DDS, against the targets."""

# In the order in which they run, the quick ones first. Each is a function of `sections.py`.
PARTS = (
    "engine",
    "int8_vs_fp32",
    "startup",
    "composed",
    "fast_camera",
    "separate",
    "task_overhead",
    "output_cost",
    "textbook",
    "cameras",
    "overload",
)
