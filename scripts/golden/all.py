"""Runs every golden script, each in a process of its own, so that automatic names start anew."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for script in sorted(HERE.glob("*.py")):
    if script.name not in ("all.py", "common.py", "layer_case.py", "saving_objects.py"):
        subprocess.run([sys.executable, script], check=True)
