#!/usr/bin/env python3
"""An estimate of one's own, for `phi study --estimator-program "density=python3 own_estimator.py"`.

A line of JSON comes in for each network; a line with a number goes out.
"""

import json
import sys

for line in sys.stdin:
    network = json.loads(line)
    n, cm = network["n"], network["cm"]
    connections = sum(cm[i][j] for i in range(n) for j in range(n) if i != j)
    print(connections / (n * (n - 1)), flush=True)
