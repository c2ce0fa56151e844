"""The dataset formats that can be read, one file each. `data/open.py` chooses among them."""
