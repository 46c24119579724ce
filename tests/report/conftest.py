"""Reports on imported runs take their rows from the tests of imports."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "imports"))
