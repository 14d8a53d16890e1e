"""The parts of the local set that can be wrong without a server noticing."""
