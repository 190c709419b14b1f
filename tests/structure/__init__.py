"""Structural checks: what hassfest and HACS look at, and the rules of the house that a program can see."""
