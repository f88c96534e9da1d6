"""Where arrays live and what computes on them: the CPU, CUDA, its emulator. Nothing else knows numpy from cupy."""
