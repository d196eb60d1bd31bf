"""The HTTP API and the console; reaches everything through engine.api."""
