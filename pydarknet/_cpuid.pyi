def best() -> str:
    """The best instruction set this machine runs: 'baseline', 'avx2' or 'avx512'."""
