"""The GPU path, checked without a GPU: an emulator, a double of CuPy, the compiler itself."""
