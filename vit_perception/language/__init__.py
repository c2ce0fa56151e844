"""Text: an encoder of sentences, and grounding, which finds in an image what a sentence names.

`text_encoder` is the network, `bert` the checkpoint format, `text_model` the network with its tokenizer, and
`grounding` the head on image and text features.
"""
