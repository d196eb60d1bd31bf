"""The law at the gate: the only mint of permits."""
