"""How fast the gateway is, beside a bare proxy and the way without any: `make bench`.

Loopback only, bounded in time, every answer checked. What the figures mean: docs/performance.md.
"""
