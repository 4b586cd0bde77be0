"""Judge models: folders of data that say how a model judges answers, and everything that makes their verdicts worth printing.

See docs/judges.md.
"""
