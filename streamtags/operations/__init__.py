"""What streamtags can do for a client: one table of operations, and the functions that carry them out.

Transports (HTTP, WebSocket, and others) are derived from `OPERATIONS`; none of them keeps a list of its own.
"""
