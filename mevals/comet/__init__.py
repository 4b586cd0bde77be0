"""COMET and MetricX, run in an environment of their own, because unbabel-comet's pins exclude current libraries.

mevals and that environment meet only in files: `client` writes segments and reads results, `worker` scores them.
"""
