"""The REST door: HTTP in, services asked, HTTP out, as ``spec/openapi.yaml`` says.

Connexion and Starlette are known here and nowhere else.
"""
