"""The stage `hear`: speech, singing, music."""
