"""Parts of `benchmarks/run.py`. Each has `measure(settings)`, which returns figures ready for JSON."""
