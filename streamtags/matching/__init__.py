"""The trained matcher: scenes and words matched with music in one space, learned from pairs of the user's own films and tracks.

After D. McKee, J. Salamon, J. Sivic, B. Russell, "Language-Guided Music Recommendation for Video via Prompt Analogies", CVPR 2023
(arXiv 2306.09327).
"""
