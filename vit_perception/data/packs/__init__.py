"""Packed datasets: one zip file of our format under a limit of megabytes, to carry to another machine."""
