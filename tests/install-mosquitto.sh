#!/bin/sh
# The tests run against a real mosquitto. Installs the distribution's when it is missing.
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v mosquitto >/dev/null && exit 0
cure="install mosquitto by hand (Debian, Ubuntu: sudo apt-get install mosquitto) and run make test again"
if ! command -v apt-get >/dev/null; then
    echo "mosquitto is missing and this is no Debian or Ubuntu: $cure" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "mosquitto is missing, you are not root and there is no sudo: $cure" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "installing mosquitto from the distribution"
apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get"  # sudo passes no variables on
$apt update -qq && $apt install -y -qq --no-install-recommends mosquitto >/dev/null ||
    { echo "mosquitto could not be installed: $cure" >&2; exit 1; }
# the tests start brokers of their own; the distribution's service is not needed
