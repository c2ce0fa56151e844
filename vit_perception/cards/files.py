"""Names of the files in a model's folder."""

CARD_FILE = "model.yaml"
WEIGHTS_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"
# OpenVINO's format is a graph and a file of the constants that the weights do not hold.
INT8_FILE = "model_int8.xml"
INT8_DATA_FILE = "model_int8.bin"
