"""Classifiers: a caption and evidence to tags of a vocabulary."""
