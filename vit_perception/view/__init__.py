"""A page in any browser: live images with the results that belong to them."""
