#!/usr/bin/env bash
# Starts Ilo with TLS, as the original was started: the API on port 7999, and the relay with
# it on port 4000, with localhost.crt and localhost.key of the current folder. Arguments are
# handed on to `ilo serve`. The Python is PYTHON, or that of the active environment, or that of
# `make run`; it has to have what requirements.txt names.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
if [[ -z ${PYTHON:-} && -z ${VIRTUAL_ENV:-} && -x $root/.venv/bin/python ]]; then
    python=$root/.venv/bin/python
fi
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}

if ! "$python" -c 'import argon2, httptools, yaml' 2>/dev/null; then
    echo "run.sh: $python lacks what Ilo needs: pip install -r $root/requirements.txt" >&2
    exit 1
fi
for file in localhost.crt localhost.key; do
    if [[ ! -f $file ]]; then
        echo "run.sh: there is no $file in $PWD; to make both:" \
            "PYTHONPATH=$root $python -m ilo cert" >&2
        exit 1
    fi
done

exec "$python" -m ilo serve --tls-certificate localhost.crt --tls-key localhost.key "$@"
