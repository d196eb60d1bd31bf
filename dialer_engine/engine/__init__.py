"""The one mutable centre: inbox, registry, campaign, effects, recovery."""
