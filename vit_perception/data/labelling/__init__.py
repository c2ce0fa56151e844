"""Pictures without labels → a dataset, labelled by teachers."""
