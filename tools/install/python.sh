#!/bin/sh
# Prints the first Python that can run Ilo: 3.11 or later, able to make environments.
# PYTHON=/path/to/python chooses one. Says on stderr what is missing and exits 1 otherwise.
set -u

old=
for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    # Asked rather than looked up: a name on the path may be an empty shell (pyenv).
    version=$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null) ||
        continue
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        old="$old $python is $version;"
        continue
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "Ilo: $python ($version) cannot make environments: it lacks 'venv'." >&2
        echo "     On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
    "$python" -c 'import sys; print(sys.executable)'
    exit 0
done

echo "Ilo needs Python 3.11 or later;${old:- none found;} nothing was installed." >&2
echo "     Another one: make PYTHON=/path/to/python3.12 ..." >&2
exit 1
