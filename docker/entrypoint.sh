#!/bin/bash
# Runs a command in the workspace that this file lies in, with the transport that carries large images here.
set -e
source "$(dirname "$0")/install/setup.bash" --
exec python3 -c '
import os, sys
from vit_perception.nodes.transport import large_image_environment
os.environ.update(large_image_environment())
os.execvp(sys.argv[1], sys.argv[1:])
' "$@"
