"""A live suite among faults that a seed draws, which it must survive without a dead node or a lie."""
