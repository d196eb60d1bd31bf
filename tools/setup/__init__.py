"""Everything that `make` needs before it can run the project: the virtual environment and the PBX.

Rules:
- Standard library only, and runnable by a bare Python 3.11: nothing of the project is installed yet.
- Nothing is done twice: each product carries a stamp of what it was made from, and is made anew only when that changed.
- Downloads live outside the tree (`$XDG_CACHE_HOME/dialer-engine`), so that a second clone needs no network.
- What takes longer than two seconds shows a progress bar; what fails says what to do next.
"""
