"""The demo film of `make demo`: its shots, its sound and the program that writes it. Not part of the installed package."""

from tools.demo_film.cut import DEMO_SUBTITLES, demo_shots, make_demo_film

__all__ = ["DEMO_SUBTITLES", "demo_shots", "make_demo_film"]
