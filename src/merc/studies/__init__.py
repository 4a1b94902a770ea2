"""Studies: CMATH against rivals and ablations, over seeds, with honest statistics."""
