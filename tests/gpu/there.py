"""Prints a .pth file by which a virtual environment sees all that is installed for this Python.

``venv --system-site-packages`` shows what is the system's alone, not what is an environment's in
which it is called. The prefixes are for ``site.getsitepackages()``, where CuPy looks for CUDA.
"""

import importlib.util
import site
import sys

if importlib.util.find_spec("pip") is None:
    sys.exit("pip is not installed, and the environment has none of its own")
for prefix in (sys.prefix, *([site.getuserbase()] if site.ENABLE_USER_SITE else [])):
    print(f"import site; site.PREFIXES.append({prefix!r})")
for path in sys.path:
    if path.endswith("-packages"):
        print(f"import site; site.addsitedir({path!r})")
