"""Requests to OpenAI-compatible model servers, and what their answers mean."""
