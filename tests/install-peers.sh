#!/bin/sh
# The tests run against a real mosquitto and a real minisign. Installs the distribution's when one is
# missing.
PATH="$PATH:/usr/sbin:/usr/local/sbin"
missing=
for one in mosquitto minisign; do
    command -v "$one" >/dev/null || missing="$missing $one"
done
[ -z "$missing" ] && exit 0
cure="install$missing by hand (Debian, Ubuntu: sudo apt-get install$missing) and run make test again"
if ! command -v apt-get >/dev/null; then
    echo "missing:$missing, and this is no Debian or Ubuntu: $cure" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "missing:$missing, you are not root and there is no sudo: $cure" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "installing$missing from the distribution"
apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get"  # sudo passes no variables on
$apt update -qq && $apt install -y -qq --no-install-recommends $missing >/dev/null ||
    { echo "could not be installed:$missing: $cure" >&2; exit 1; }
# the tests start brokers of their own; the distribution's service is not needed
