"""The REST door: HTTP in, services asked, HTTP out, as ``spec/openapi.yaml`` says.

Connexion and Starlette are known here and nowhere else.
"""

import warnings

# Connexion imports Starlette's test client, which warns on stderr that it wants another HTTP
# library: nothing that is used here, and nothing an operator can do about. Here, since this
# runs before any module of the package imports Connexion; only this warning, and only now.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"Using `httpx` with `starlette\.testclient` is deprecated")
    import connexion as _connexion  # noqa: F401
