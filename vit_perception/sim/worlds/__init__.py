"""Worlds by seed: rooms and corridors, offices, warehouses and yards."""
