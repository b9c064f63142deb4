"""R1: what is written against xp runs on the double as on CuPy: layers, optimizers, kernels."""

import test_layers_backends

# The same tests, here with the double for the fixture ``cupy``.
for name, test in vars(test_layers_backends).items():
    if name.startswith("test_"):
        globals()[name] = test
