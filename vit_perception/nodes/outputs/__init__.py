"""One module for each task, which makes its results into messages, and the table of topics."""
