import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "suite"))  # fake_plugins is shared
