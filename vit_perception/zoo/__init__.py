"""Public models of Hugging Face, torchvision and timm as modules that give our raw outputs.

Knows torch; nothing of how a frame comes in or an answer goes out.
"""
