"""The images of the demo beside fragile-app: programs of this machine."""

import sys
from collections.abc import Mapping
from pathlib import Path

_WEB = str(Path(__file__).with_name("web.py"))

OLD_WEB, NEW_WEB = "demo/web:1.4", "demo/web:1.5"

IMAGES: Mapping[str, list[str]] = {
    image: [sys.executable, _WEB, image.rpartition(":")[2]] for image in (OLD_WEB, NEW_WEB)
}
"""What the images run."""
