#!/bin/sh
# Sees to the programs the tests start and pip cannot bring: a browser, strace, a C compiler,
# curl, openssl, what the window needs: Tk, and a display without a screen; and what a Cassandra
# needs: Java 17, and Maven to bring it.
# On Debian (and Ubuntu) as root they are installed; elsewhere their names are printed, and
# the tests that need them say so and skip. Never fails: the tests are the judges.
set -u

# Where the tests look for it, too; another release may be the machine's usual one.
has_java() {
    for java in "${JAVA_HOME:-}/bin/java" java /usr/lib/jvm/java-17-*/bin/java; do
        "$java" -version 2>&1 | grep -q 'version "17' && return
    done
    return 1
}

# Of the interpreter that the tests run with; one that was built elsewhere has Tk, or does not.
has_tk() {
    for python in "$(dirname "$0")/../../.venv/bin/python" python3; do
        [ -x "$(command -v "$python")" ] || continue
        "$python" -c 'import tkinter' 2>/dev/null
        return
    done
    return 1
}

missing() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
        command -v google-chrome >/dev/null || printf ' chromium'
    command -v strace >/dev/null || printf ' strace'
    command -v cc >/dev/null || command -v gcc >/dev/null || printf ' gcc libc6-dev'
    command -v curl >/dev/null || printf ' curl'
    command -v openssl >/dev/null || printf ' openssl'
    command -v Xvfb >/dev/null || printf ' xvfb'
    has_tk || printf ' python3-tk'
    has_java || printf ' openjdk-17-jre-headless'
    command -v mvn >/dev/null || printf ' maven'
}

packages=$(missing)
[ -n "$packages" ] || exit 0

if [ -e /etc/debian_version ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing with apt-get:$packages"
    export DEBIAN_FRONTEND=noninteractive
    # A name to a package: one that fails does not take the others with it.
    if apt-get update -qq; then
        for package in $packages; do
            apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
                echo "apt-get could not install $package" >&2
        done
    fi
    packages=$(missing)
fi
[ -z "$packages" ] || echo "Not on this machine, some tests will skip:$packages" >&2
