"""The stage `transcribe`: words that are spoken or sung."""
