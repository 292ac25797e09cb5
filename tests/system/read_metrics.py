#!/usr/bin/env python3
"""Reads metrics as Prometheus does and holds them against its conventions of names and units."""
import sys

from prometheus_client.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
assert len(families) > 5, families
for family in families:
    assert family.documentation, f"{family.name} has no help"
    assert family.type in ("counter", "gauge"), f"{family.name} is {family.type}"
    assert family.samples, f"{family.name} has no value"
    for sample in family.samples:
        assert family.type != "counter" or sample.name.endswith("_total"), f"{sample.name} is a counter without _total"
        assert "tile_id" not in sample.labels, f"{sample.name} has a label for each tile"
        assert "milli" not in sample.name and "percent" not in sample.name, f"{sample.name} is in no base unit"
    labels = [tuple(sorted(s.labels.items())) for s in family.samples]
    assert len(set(labels)) == len(labels), f"{family.name} has a value twice"
print(len(families), "families")
