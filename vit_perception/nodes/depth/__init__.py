"""Depth beside the images of a camera, and what is published in metres from it."""
